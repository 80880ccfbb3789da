"""Every reason to refuse a fill: told exactly, nothing changed, the batch not spoiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clearinghouse.book.entries import BatchForm, BatchRecorded, InstrumentListed, UnknownOrders
from clearinghouse.book.identifiers import AssetId, InstrumentId
from clearinghouse.book.novation import LARGEST
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import Fill, Reason, Side, SignedOrder
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.reference import Instrument
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    DAVE,
    ETH,
    EURO_STOXX,
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
from tests.ledger import filled, reasons_of
from tests.unit.intake.test_verification import second_form

UNFUNDED = DAVE
FREE = InstrumentId(9)
"""Needs no margin, so that only numbers stand in a fill's way."""


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Alice, Bob and Carol with 1,000 quanta on home each; Carol has signed no limit."""
    clearing = Clearing().start(ALICE, BOB, quanta=1_000)
    clearing.deposit(CAROL, 1_000)
    clearing.record(InstrumentListed(Instrument(FREE, "FREE", AssetId(1), 0, 0)))
    yield clearing
    clearing.close()


def signed(
    member: Account, side: Side, quantity: int = 10, price: int = 100, **fields: Any
) -> SignedOrder:
    return sign_order(member, build_order(member, side, quantity, price, **fields))


def crossing(quantity: int = 10, price: int = 100, **fields: Any) -> tuple[SignedOrder, ...]:
    """Return a buy order of Alice and a sell order of Bob that match."""
    buy = signed(ALICE, Side.BUY, quantity, price, **fields)
    return buy, signed(BOB, Side.SELL, quantity, price, **fields)


def fill_of(
    buy: SignedOrder, sell: SignedOrder, quantity: int = 10, cash: int | None = None
) -> Fill:
    cash = 100 * quantity if cash is None else cash
    return Fill(hash_of(buy), hash_of(sell), quantity, cash)


def refused(clearing: Clearing, fill: Fill, orders: tuple[SignedOrder, ...]) -> Reason:
    """Submit a fill between two good ones; return its reason after seeing that it changed nothing.

    The good fills are of one lot each, in orders of their own.
    """
    good = [crossing(1, nonce=clearing.number()) for _ in range(2)]
    fills = [fill_of(*good[0], 1), fill, fill_of(*good[1], 1)]
    before = {member: clearing.holding(member) for member in (ALICE, BOB)}
    filled_before = clearing.read(filled)
    count = clearing.read(lambda state: state.fill_count)

    reasons = clearing.reasons(fills, [*good[0], *orders, *good[1]])

    assert (reasons[0], reasons[2]) == (Reason.ADMITTED, Reason.ADMITTED)
    for member, sign in ((ALICE, 1), (BOB, -1)):
        quantity, basis = before[member]
        assert clearing.holding(member) == (quantity + 2 * sign, basis + 200 * sign)
    assert clearing.read(lambda state: state.fill_count) == count + 2
    after = clearing.read(filled)
    own = {hash_of(order) for pair in good for order in pair}
    assert {d: f for d, f in after.items() if d not in own and f} == {
        d: f for d, f in filled_before.items() if f
    }
    assert_replays(clearing)
    return reasons[1]


def assert_replays(clearing: Clearing) -> None:
    expected = clearing.hash()
    clearing.restart()
    assert clearing.hash() == expected


def test_fill_is_admitted_when_everything_holds(clearing: Clearing) -> None:
    orders = crossing()
    assert clearing.reasons([fill_of(*orders)], list(orders)) == [Reason.ADMITTED]
    assert clearing.holding(ALICE) == (10, 1_000)
    assert clearing.holding(BOB) == (-10, -1_000)
    assert clearing.read(lambda state: state.marks) == {BTC: 100}
    assert_replays(clearing)


@pytest.mark.parametrize("which", [0, 1], ids=["buyer", "seller"])
@pytest.mark.parametrize("reason", [Reason.SIGNATURE_INVALID, Reason.SIGNATURE_MALLEABLE])
def test_fill_is_refused_when_an_order_is_forged_or_malleable(
    clearing: Clearing, which: int, reason: Reason
) -> None:
    orders = list(crossing())
    order, signature = orders[which].order, orders[which].signature
    forged = sign_order(CAROL, order).signature
    bad = forged if reason is Reason.SIGNATURE_INVALID else second_form(signature)
    orders[which] = SignedOrder(order, bad)
    assert refused(clearing, fill_of(*orders), tuple(orders)) is reason


def test_fill_is_refused_when_an_order_never_came(clearing: Clearing) -> None:
    buy, sell = crossing()
    assert refused(clearing, fill_of(buy, sell), (buy,)) is Reason.ORDER_UNKNOWN
    assert refused(clearing, fill_of(buy, sell), ()) is Reason.ORDER_UNKNOWN


def test_fill_is_admitted_when_its_orders_came_in_an_earlier_batch(clearing: Clearing) -> None:
    orders = crossing()
    assert clearing.reasons([], list(orders)) == []
    clearing.restart()
    assert clearing.reasons([fill_of(*orders)], []) == [Reason.ADMITTED]


@pytest.mark.parametrize("which", [0, 1], ids=["buyer", "seller"])
def test_fill_is_refused_when_an_order_has_expired(clearing: Clearing, which: int) -> None:
    expiries = [NEVER, NEVER]
    expiries[which] = START_SECONDS
    buy = signed(ALICE, Side.BUY, expiry=expiries[0])
    sell = signed(BOB, Side.SELL, expiry=expiries[1])
    last = fill_of(buy, sell, 1)
    assert clearing.reasons([last], [buy, sell]) == [Reason.ADMITTED], "its last second counts"
    clearing.clock.advance(1)
    assert refused(clearing, last, (buy, sell)) is Reason.ORDER_EXPIRED


def test_fill_is_refused_when_it_overfills_within_a_batch(clearing: Clearing) -> None:
    buy = signed(ALICE, Side.BUY, 10)
    sell = signed(BOB, Side.SELL, 100)
    fills = [fill_of(buy, sell, quantity) for quantity in (6, 5, 4, 1)]
    assert clearing.reasons(fills, [buy, sell]) == [
        Reason.ADMITTED,
        Reason.ORDER_OVERFILLED,
        Reason.ADMITTED,
        Reason.ORDER_OVERFILLED,
    ]


@pytest.mark.parametrize("which", [0, 1], ids=["buyer", "seller"])
def test_fill_is_refused_when_it_overfills_across_batches(clearing: Clearing, which: int) -> None:
    quantities = [100, 100]
    quantities[which] = 10
    buy = signed(ALICE, Side.BUY, quantities[0])
    sell = signed(BOB, Side.SELL, quantities[1])
    assert clearing.reasons([fill_of(buy, sell, 10)], [buy, sell]) == [Reason.ADMITTED]
    assert refused(clearing, fill_of(buy, sell, 1), (buy, sell)) is Reason.ORDER_OVERFILLED


@pytest.mark.parametrize("fields", [{"quantity": 0}, {"quantity": 2**63}, {"price": 2**63}])
def test_fill_is_refused_when_an_order_is_malformed(
    clearing: Clearing, fields: dict[str, int]
) -> None:
    buy, sell = signed(ALICE, Side.BUY, **fields), signed(BOB, Side.SELL)
    assert refused(clearing, fill_of(buy, sell), (buy, sell)) is Reason.ORDER_MALFORMED


def test_fill_is_refused_when_instrument_is_not_listed(clearing: Clearing) -> None:
    orders = crossing(instrument=InstrumentId(77))
    assert refused(clearing, fill_of(*orders), orders) is Reason.INSTRUMENT_UNKNOWN


def test_fill_is_refused_when_orders_name_different_instruments(clearing: Clearing) -> None:
    orders = (signed(ALICE, Side.BUY), signed(BOB, Side.SELL, instrument=ETH))
    assert refused(clearing, fill_of(*orders), orders) is Reason.INSTRUMENT_MISMATCH


@pytest.mark.parametrize("sides", [(1, 0), (0, 0), (1, 1)], ids=["swapped", "buys", "sells"])
def test_fill_is_refused_when_sides_do_not_match(
    clearing: Clearing, sides: tuple[int, int]
) -> None:
    orders = (signed(ALICE, Side(sides[0])), signed(BOB, Side(sides[1])))
    assert refused(clearing, fill_of(*orders), orders) is Reason.SIDE_MISMATCH


def test_fill_is_refused_when_orders_are_for_another_venue(clearing: Clearing) -> None:
    orders = crossing(venue=OTHER_VENUE.address)
    assert refused(clearing, fill_of(*orders), orders) is Reason.VENUE_MISMATCH


def test_fill_is_refused_when_known_orders_were_brought_by_another_venue(
    clearing: Clearing,
) -> None:
    orders = crossing(venue=OTHER_VENUE.address)
    future = clearing.submit([fill_of(*orders, 1)], orders, venue=OTHER_VENUE)
    assert clearing.get(future).reasons == (Reason.ADMITTED,)
    assert refused(clearing, fill_of(*orders, 1), ()) is Reason.VENUE_MISMATCH


@pytest.mark.parametrize(
    ("buy_limit", "sell_limit", "cash"),
    [(100, 100, 1_001), (100, 90, 1_001), (100, 100, 999), (110, 100, 999)],
)
def test_fill_is_refused_when_price_is_outside_a_limit(
    clearing: Clearing, buy_limit: int, sell_limit: int, cash: int
) -> None:
    orders = (signed(ALICE, Side.BUY, 10, buy_limit), signed(BOB, Side.SELL, 10, sell_limit))
    assert refused(clearing, fill_of(*orders, cash=cash), orders) is Reason.PRICE_OUTSIDE_LIMIT


@pytest.mark.parametrize("cash", [900, 901, 1_099, 1_100])
def test_fill_is_admitted_when_price_is_within_both_limits(clearing: Clearing, cash: int) -> None:
    orders = (signed(ALICE, Side.BUY, 10, 110), signed(BOB, Side.SELL, 10, 90))
    fill = fill_of(*orders, cash=cash)
    assert clearing.reasons([fill], list(orders)) == [Reason.ADMITTED]


@pytest.mark.parametrize("quantity", [0, 2**63, 2**64 - 1])
def test_fill_is_refused_when_quantity_is_out_of_range(clearing: Clearing, quantity: int) -> None:
    orders = crossing()
    fill = fill_of(*orders, quantity=quantity, cash=100)
    assert refused(clearing, fill, orders) is Reason.QUANTITY_INVALID


@pytest.mark.parametrize("cash", [2**63, 2**64 - 1])
def test_fill_is_refused_when_cash_is_out_of_range(clearing: Clearing, cash: int) -> None:
    orders = crossing()
    assert refused(clearing, fill_of(*orders, cash=cash), orders) is Reason.CASH_INVALID


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        (LARGEST, 1, Reason.ADMITTED),
        (1, LARGEST, Reason.ADMITTED),
        (LARGEST + 1, 1, Reason.TOTAL_OVERFLOW),
        (1, LARGEST + 1, Reason.TOTAL_OVERFLOW),
        (2**30, 2**30, Reason.TOTAL_OVERFLOW),
        (INT64_MAX, 1, Reason.TOTAL_OVERFLOW),
        (1, INT64_MAX, Reason.TOTAL_OVERFLOW),
        (2**32, 2**31, Reason.CASH_INVALID),
    ],
)
def test_fill_is_admitted_when_numbers_are_the_largest(
    clearing: Clearing, quantity: int, price: int, expected: Reason
) -> None:
    orders = crossing(quantity, price, instrument=FREE)
    fill = fill_of(*orders, quantity, quantity * price)
    assert clearing.reasons([fill], list(orders)) == [expected]
    assert_replays(clearing)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((LARGEST, 0), (1, 0), id="open_interest"),
        pytest.param((1, LARGEST), (1, 1), id="basis"),
        pytest.param((2**59, 0), (1, 2), id="worth"),
    ],
)
def test_fill_is_refused_when_a_running_total_overflows(
    clearing: Clearing, first: tuple[int, int], second: tuple[int, int]
) -> None:
    buy = signed(ALICE, Side.BUY, INT64_MAX, INT64_MAX, instrument=FREE)
    sells = [signed(BOB, Side.SELL, INT64_MAX, 0, instrument=FREE, nonce=n) for n in range(2)]
    fill = fill_of(buy, sells[0], *first)
    assert clearing.reasons([fill], [buy, sells[0]]) == [Reason.ADMITTED]
    more = signed(ALICE, Side.BUY, INT64_MAX, INT64_MAX, instrument=FREE, nonce=1)
    fill = fill_of(more, sells[1], *second)
    assert refused(clearing, fill, (more, sells[1])) is Reason.TOTAL_OVERFLOW


def test_fill_is_refused_when_what_others_hold_would_be_worth_too_much(
    clearing: Clearing,
) -> None:
    """A price values every open position, also of those who are not part of the fill."""
    orders = crossing(2**59, 1, instrument=FREE)
    assert clearing.reasons([fill_of(*orders, 2**59, 0)], list(orders)) == [
        Reason.PRICE_OUTSIDE_LIMIT
    ]
    assert clearing.reasons([fill_of(*orders, 2**59, 2**59)], list(orders)) == [Reason.ADMITTED]
    clearing.accept_limits(CAROL)
    clearing.deposit(DAVE, 1_000)
    clearing.accept_limits(DAVE)
    for price, expected in ((2, Reason.TOTAL_OVERFLOW), (1, Reason.ADMITTED)):
        assert clearing.trade(CAROL, DAVE, 1, price, FREE) is expected
    assert clearing.trade(BOB, ALICE, 1, 2, FREE) is Reason.TOTAL_OVERFLOW, "reducing as well"
    assert clearing.trade(BOB, ALICE, 2**58 + 2, 2, FREE) is Reason.TOTAL_OVERFLOW, "by any lots"
    assert clearing.trade(BOB, ALICE, 2**58 + 2, 1, FREE) is Reason.ADMITTED
    clearing.deposit(BOB, 2**59)
    assert clearing.trade(BOB, ALICE, 1, 2, FREE) is Reason.ADMITTED
    assert_replays(clearing)


def test_overflow_is_told_before_margin_when_both_stand_in_the_way(clearing: Clearing) -> None:
    orders = crossing(LARGEST + 1, 1)
    fill = fill_of(*orders, LARGEST + 1, LARGEST + 1)
    assert refused(clearing, fill, orders) is Reason.TOTAL_OVERFLOW


def test_fill_is_refused_when_a_member_trades_with_itself(clearing: Clearing) -> None:
    orders = (signed(ALICE, Side.BUY), signed(ALICE, Side.SELL))
    assert refused(clearing, fill_of(*orders), orders) is Reason.SELF_TRADE


@pytest.mark.parametrize("which", [0, 1], ids=["buyer", "seller"])
def test_fill_is_refused_when_member_never_deposited(clearing: Clearing, which: int) -> None:
    members = [ALICE, BOB]
    members[which] = UNFUNDED
    orders = (signed(members[0], Side.BUY), signed(members[1], Side.SELL))
    assert refused(clearing, fill_of(*orders), orders) is Reason.MEMBER_UNKNOWN
    clearing.deposit(UNFUNDED, 1_000)
    clearing.accept_limits(UNFUNDED)
    assert clearing.reasons([fill_of(*orders, 1)], list(orders)) == [Reason.ADMITTED], (
        "an order that was refused may come again"
    )


def test_fill_is_refused_when_member_signed_no_placement_limit(clearing: Clearing) -> None:
    orders = (signed(CAROL, Side.BUY), signed(BOB, Side.SELL))
    assert refused(clearing, fill_of(*orders), orders) is Reason.PLACEMENT_LIMIT_MISSING


def test_fill_is_refused_when_the_limit_is_for_another_asset(clearing: Clearing) -> None:
    orders = crossing(instrument=EURO_STOXX)
    assert refused(clearing, fill_of(*orders), orders) is Reason.PLACEMENT_LIMIT_MISSING


@pytest.mark.parametrize("which", [0, 1], ids=["buyer", "seller"])
def test_fill_is_refused_when_margin_is_insufficient(clearing: Clearing, which: int) -> None:
    clearing.deposit((BOB, ALICE)[which], 100_000)
    orders = crossing(200)
    assert refused(clearing, fill_of(*orders, 100), orders) is Reason.MARGIN_INSUFFICIENT
    # 1,000 quanta cover 100 lots, and one was filled before it in its batch.


def test_fill_is_admitted_when_margin_is_exactly_sufficient(clearing: Clearing) -> None:
    orders = crossing(101)
    fills = [fill_of(*orders, quantity) for quantity in (100, 1)]
    assert clearing.reasons(fills, list(orders)) == [Reason.ADMITTED, Reason.MARGIN_INSUFFICIENT]


def test_fill_is_admitted_when_it_only_reduces_at_the_mark(clearing: Clearing) -> None:
    for member in (CAROL, DAVE):
        clearing.deposit(member, 10**9)
        clearing.accept_limits(member)
    assert clearing.trade(ALICE, BOB, 100, 100) is Reason.ADMITTED
    assert clearing.trade(CAROL, DAVE, 1, 150) is Reason.ADMITTED, "Bob is under water"
    assert clearing.trade(BOB, CAROL, 99, 151) is Reason.MARGIN_INSUFFICIENT, "above the mark"
    assert clearing.trade(CAROL, BOB, 1, 150) is Reason.MARGIN_INSUFFICIENT
    assert clearing.trade(BOB, CAROL, 99, 150) is Reason.ADMITTED
    assert clearing.trade(BOB, CAROL, 2, 150) is Reason.MARGIN_INSUFFICIENT, "turns Bob over"
    assert clearing.trade(BOB, CAROL, 1, 150) is Reason.ADMITTED
    assert clearing.holding(BOB) == (0, -10_000 + 15_000)


def test_entry_records_every_decision_and_only_new_orders_when_a_batch_is_decided(
    clearing: Clearing,
) -> None:
    known, unknown = crossing(nonce=1), crossing(nonce=2, instrument=InstrumentId(77))
    clearing.reasons([fill_of(*known, 1)], list(known))
    fills = [fill_of(*known, 1), fill_of(*unknown, 1)]
    new = crossing(nonce=3)
    receipt = clearing.get(clearing.submit(fills, [*known, *unknown, *new]))
    entry = clearing.journal.entries()[-1]
    assert isinstance(entry, BatchRecorded)
    assert receipt.sequence == len(clearing.journal.records)
    assert [recorded.digest for recorded in entry.orders] == [hash_of(order) for order in new]
    assert reasons_of(entry) == list(receipt.reasons)
    assert entry.columns.buys.tolist() == [0, NO_ORDER]
    assert entry.columns.sells.tolist() == [1, NO_ORDER]
    assert entry.unknown == (UnknownOrders(1, fills[1].buy_order, fills[1].sell_order),)
    assert entry.form is BatchForm.ROWS
    assert receipt.reasons == (Reason.ADMITTED, Reason.INSTRUMENT_UNKNOWN)
    assert entry.admitted_at == START_SECONDS
    assert entry.venue == VENUE.address


def test_fill_of_zero_cash_is_admitted_when_limits_allow_it(clearing: Clearing) -> None:
    buy, sell = signed(ALICE, Side.BUY), signed(BOB, Side.SELL, price=0)
    assert clearing.reasons([fill_of(buy, sell, cash=0)], [buy, sell]) == [Reason.ADMITTED]
    assert clearing.read(lambda state: state.marks[BTC]) == 0


def test_mark_is_rounded_half_even_when_price_is_between_two_quanta(clearing: Clearing) -> None:
    buy, sell = signed(ALICE, Side.BUY, price=200), signed(BOB, Side.SELL, price=0)
    for cash, mark in ((201, 100), (203, 102), (205, 102)):
        assert clearing.reasons([fill_of(buy, sell, 2, cash)], [buy, sell]) == [Reason.ADMITTED]
        assert clearing.read(lambda state: state.marks[BTC]) == mark
