"""Admission against a slow judge that works everything out from the admitted fills alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.book.orders import Fill, Reason, Side, SignedOrder
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    ETH,
    INSTRUMENTS,
    NEVER,
    OTHER_VENUE,
    START_SECONDS,
    VENUE,
    Account,
    Clearing,
    build_order,
    hash_of,
    sign_order,
)

COLLATERAL = 200
RATES = {i.instrument_id: Fraction(i.initial_margin_ppm, 1_000_000) for i in INSTRUMENTS}


@dataclass(frozen=True)
class Case:
    """An order with the member that signed it."""

    member: Account
    signed: SignedOrder


def case(member: Account, side: Side, quantity: int, price: int, **fields: object) -> Case:
    return Case(member, sign_order(member, build_order(member, side, quantity, price, **fields)))


CASES = [
    *(case(member, Side.BUY, 40, 40, nonce=1) for member in (ALICE, BOB, CAROL)),
    *(case(member, Side.SELL, 40, 20, nonce=2) for member in (ALICE, BOB, CAROL)),
    *(case(member, Side.BUY, 1_000, 60, instrument=ETH) for member in (ALICE, BOB)),
    *(case(member, Side.SELL, 1_000, 0, instrument=ETH) for member in (ALICE, BOB)),
    case(ALICE, Side.BUY, 10, 50, expiry=START_SECONDS - 1),
    case(BOB, Side.SELL, 10, 10, venue=OTHER_VENUE.address),
]
BY_HASH = {hash_of(each.signed): each for each in CASES}

fills = st.builds(
    Fill,
    st.sampled_from(list(BY_HASH)),
    st.sampled_from(list(BY_HASH)),
    st.integers(0, 12),
    st.integers(0, 480),
)
MATCHED = [
    (hash_of(buy.signed), hash_of(sell.signed))
    for buys, sells in ((CASES[:3], CASES[3:6]), (CASES[6:8], CASES[8:10]))
    for buy in buys
    for sell in sells
    if buy.member is not sell.member
]
matched = st.builds(
    lambda orders, quantity, price: Fill(*orders, quantity, quantity * price),
    st.sampled_from(MATCHED),
    st.integers(1, 25),
    st.integers(18, 42),
)
programs = st.lists(st.one_of(*[matched] * 6, fills), min_size=12, max_size=25)


class Judge:
    """Knows the admitted fills and nothing else."""

    def __init__(self) -> None:
        self.admitted: list[Fill] = []

    def decide(self, fill: Fill) -> Reason:
        reason = self.refusal(fill) or Reason.ADMITTED
        if reason is Reason.ADMITTED:
            self.admitted.append(fill)
        return reason

    def refusal(self, fill: Fill) -> Reason | None:
        buy, sell = BY_HASH[fill.buy_order], BY_HASH[fill.sell_order]
        first, second = buy.signed.order, sell.signed.order
        if fill.quantity < 1:
            return Reason.QUANTITY_INVALID
        # Such an order is refused when it is brought, before any fill is looked at.
        for order in (first, second):
            if order.venue != VENUE.address:
                return Reason.VENUE_MISMATCH
            if order.expiry < START_SECONDS:
                return Reason.ORDER_EXPIRED
        if (first.side, second.side) != (Side.BUY, Side.SELL):
            return Reason.SIDE_MISMATCH
        if first.instrument != second.instrument:
            return Reason.INSTRUMENT_MISMATCH
        if buy.member is sell.member:
            return Reason.SELF_TRADE
        for order_hash, order in ((fill.buy_order, first), (fill.sell_order, second)):
            before = [f for f in self.admitted if order_hash in (f.buy_order, f.sell_order)]
            if sum(f.quantity for f in [*before, fill]) > order.quantity:
                return Reason.ORDER_OVERFILLED
        price = Fraction(fill.cash, fill.quantity)
        if not second.limit_price <= price <= first.limit_price:
            return Reason.PRICE_OUTSIDE_LIMIT
        if not all(self.can_bear(case.member, fill) for case in (buy, sell)):
            return Reason.MARGIN_INSUFFICIENT
        return None

    def can_bear(self, member: Account, fill: Fill) -> bool:
        instrument = BY_HASH[fill.buy_order].signed.order.instrument
        before, _ = self.account(member, self.admitted)
        after, equity = self.account(member, [*self.admitted, fill])
        lots_before, lots_after = before.get(instrument, (0, 0))[0], after[instrument][0]
        if abs(lots_after) < abs(lots_before) and lots_before * lots_after >= 0:
            worth = abs(fill.quantity * self.mark(instrument))
            is_worse = fill.cash > worth if lots_before < 0 else fill.cash < worth
            return equity >= 0 or not is_worse
        margins = (
            -(-abs(lots) * mark * RATES[number] // 1) for number, (lots, mark) in after.items()
        )
        return equity >= sum(margins)

    def mark(self, instrument: int) -> int:
        """Return the price of an instrument's last admitted fill."""
        last = [
            fill
            for fill in self.admitted
            if BY_HASH[fill.buy_order].signed.order.instrument == instrument
        ][-1]
        return round(Fraction(last.cash, last.quantity))

    def account(
        self, member: Account, admitted: list[Fill]
    ) -> tuple[dict[int, tuple[int, int]], int]:
        """Return ((lots, mark) per instrument, equity)."""
        lots, marks, cash = {}, {}, COLLATERAL
        for fill in admitted:
            instrument = BY_HASH[fill.buy_order].signed.order.instrument
            marks[instrument] = round(Fraction(fill.cash, fill.quantity))
            for order_hash, sign in ((fill.buy_order, 1), (fill.sell_order, -1)):
                if BY_HASH[order_hash].member is member:
                    lots[instrument] = lots.get(instrument, 0) + sign * fill.quantity
                    cash -= sign * fill.cash
        worth = sum(quantity * marks[number] for number, quantity in lots.items())
        return {number: (quantity, marks[number]) for number, quantity in lots.items()}, (
            cash + worth
        )


def run(program: list[Fill], cuts: list[int]) -> tuple[list[Reason], list[tuple[int, int]]]:
    """Submit a program in batches that end at ``cuts``; return reasons and holdings."""
    clearing = Clearing().start(ALICE, BOB, CAROL, quanta=COLLATERAL)
    orders = [each.signed for each in CASES]
    bounds = sorted({0, len(program), *cuts})
    reasons = []
    for first, end in pairwise(bounds):
        reasons += clearing.reasons(program[first:end], orders)
    holdings = [
        clearing.holding(member, number) for member in (ALICE, BOB, CAROL) for number in (BTC, ETH)
    ]
    before = clearing.hash()
    clearing.restart()
    assert clearing.hash() == before
    clearing.close()
    return reasons, holdings


@given(programs)
def test_admission_decides_as_the_slow_judge_when_fills_are_random(program: list[Fill]) -> None:
    judge = Judge()
    expected = [judge.decide(fill) for fill in program]
    reasons, holdings = run(program, [])
    assert reasons == expected
    for index, instrument in enumerate((BTC, ETH)):
        for number, member in enumerate((ALICE, BOB, CAROL)):
            lots = judge.account(member, judge.admitted)[0].get(instrument, (0, 0))[0]
            assert holdings[2 * number + index][0] == lots
        assert sum(basis for _, basis in holdings[index::2]) == 0


@given(programs, st.lists(st.integers(0, 25), max_size=4))
def test_admission_does_not_depend_on_batches_when_fills_keep_their_order(
    program: list[Fill], cuts: list[int]
) -> None:
    assert run(program, [cut for cut in cuts if cut < len(program)]) == run(program, [])


def test_cases_cover_what_the_judge_knows_when_listed() -> None:
    assert len(BY_HASH) == len(CASES)
    assert all(each.signed.order.expiry in (NEVER, START_SECONDS - 1) for each in CASES)
