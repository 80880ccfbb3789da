"""Decisions on mandates and on the orders under them, against a state that is only a view."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from clearinghouse.book.identifiers import Address, InstrumentId, Position
from clearinghouse.book.mandates import ANY_INSTRUMENT, Mandate, MandateTable, order_notional
from clearinghouse.book.orders import Order, Reason, Side
from clearinghouse.book.reference import Instrument
from clearinghouse.errors import Conflict, Rejected
from clearinghouse.intake.mandates import decide_mandates, mandate_refusal
from tests.builders import (
    ALICE,
    BTC,
    CAROL,
    ETH,
    EURO_STOXX,
    INSTRUMENTS,
    NEVER,
    START_SECONDS,
    VENUE,
    build_order,
)
from tests.unit.book.test_mandates import mandate

SIGNATURE = bytes(65)


@dataclass
class View:
    """What the decisions see."""

    mandates: MandateTable = field(default_factory=MandateTable)
    instruments: dict[InstrumentId, Instrument] = field(
        default_factory=lambda: {i.instrument_id: i for i in INSTRUMENTS}
    )
    venues: dict[Address, str] = field(default_factory=lambda: {VENUE.address: "a venue"})
    positions: dict[Address, Position] = field(default_factory=lambda: {ALICE.address: Position(0)})

    def enter(self, *mandates: Mandate) -> View:
        for accepted in decide_mandates(self, [(m, SIGNATURE) for m in mandates]):
            self.mandates.enter(accepted.mandate)
        return self

    def record(self, order: Order, delegate: Address = CAROL.address) -> Reason | None:
        """Decide an order and count it, as the ledger does."""
        reason = mandate_refusal(self, order, delegate, START_SECONDS)
        if reason is None:
            self.mandates.use(
                (order.member, delegate, order.venue, order.instrument),
                self.instruments[order.instrument].quote_asset,
                order_notional(order),
            )
        return reason


def buy(quantity: int, price: int = 1, **fields: Any) -> Order:
    return build_order(ALICE, Side.BUY, quantity, price, **({"expiry": START_SECONDS} | fields))


def sell(quantity: int, price: int, **fields: Any) -> Order:
    return build_order(ALICE, Side.SELL, quantity, price, **({"expiry": START_SECONDS} | fields))


def test_decision_accepts_mandates_when_they_are_new_or_newer() -> None:
    view = View()
    first = mandate(nonce=1)
    accepted = decide_mandates(view, [(first, b"a"), (mandate(nonce=4), b"b")])
    assert [(entry.mandate.nonce, entry.signature) for entry in accepted] == [(1, b"a"), (4, b"b")]
    assert view.mandates.find((ALICE.address, CAROL.address, VENUE.address, BTC)) is None, (
        "nothing is applied"
    )


def test_decision_is_silent_when_a_mandate_is_repeated() -> None:
    view = View().enter(mandate())
    assert decide_mandates(view, [(mandate(), SIGNATURE)] * 2) == []


@pytest.mark.parametrize("nonce", [2, 3])
def test_decision_conflicts_when_the_nonce_is_not_greater(nonce: int) -> None:
    changed = mandate(nonce=nonce, maximum_total_notional=9)
    for view, sent in (
        (View().enter(mandate(nonce=3)), [changed]),
        (View(), [mandate(nonce=3), changed]),
    ):
        with pytest.raises(Conflict) as refused:
            decide_mandates(view, [(m, SIGNATURE) for m in sent])
        assert refused.value.reason == "MANDATE_SUPERSEDED"
        assert refused.value.attributes == {"nonce": nonce, "known": 3}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"member": CAROL.address}, "MEMBER_UNKNOWN"),
        ({"venue": CAROL.address}, "VENUE_UNKNOWN"),
        ({"instrument": InstrumentId(99)}, "INSTRUMENT_UNKNOWN"),
    ],
)
def test_decision_rejects_a_mandate_when_it_names_what_is_not_there(
    fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Rejected) as refused:
        decide_mandates(View(), [(mandate(**fields), SIGNATURE)])
    assert refused.value.reason == reason


def test_order_is_covered_up_to_each_maximum_and_no_further() -> None:
    view = View().enter(mandate(maximum_order_notional=1_000, maximum_total_notional=2_500))
    assert view.record(buy(1_001)) is Reason.MANDATE_EXCEEDED
    assert [view.record(buy(10, 100)) for _ in range(3)] == [None, None, Reason.MANDATE_EXCEEDED]
    assert view.record(buy(501)) is Reason.MANDATE_EXCEEDED
    assert view.record(buy(500)) is None
    assert view.record(buy(1)) is Reason.MANDATE_EXCEEDED


def test_total_counts_each_quote_asset_by_itself_when_any_instrument_is_named() -> None:
    view = View().enter(mandate(instrument=ANY_INSTRUMENT, maximum_total_notional=1_000))
    assert view.record(buy(1_000, instrument=BTC)) is None
    assert view.record(buy(1, instrument=ETH)) is Reason.MANDATE_EXCEEDED, "also quoted in USD"
    assert view.record(buy(1_000, instrument=EURO_STOXX)) is None


def test_order_of_the_largest_numbers_is_exceeded_and_not_wrapped_around() -> None:
    view = View().enter(mandate(maximum_order_notional=2**64 - 1, maximum_total_notional=2**64 - 1))
    assert view.record(buy(2**63 - 1, 2**63 - 1)) is Reason.MANDATE_EXCEEDED
    assert view.record(buy(2**32, 2**32)) is Reason.MANDATE_EXCEEDED
    assert view.record(buy(2**63 - 1, 2)) is None


def test_order_is_refused_when_no_mandate_is_in_force() -> None:
    assert View().record(buy(1)) is Reason.MANDATE_UNKNOWN
    view = View().enter(mandate())
    assert view.record(buy(1), ALICE.address) is Reason.MANDATE_UNKNOWN
    assert view.record(buy(1, instrument=ETH)) is Reason.MANDATE_UNKNOWN


def test_order_is_refused_when_its_mandate_is_revoked_even_at_price_zero() -> None:
    view = View().enter(mandate(nonce=1))
    assert view.record(sell(1, 0)) is None
    view.enter(mandate(nonce=2, maximum_order_notional=0, maximum_total_notional=0))
    assert view.record(buy(1)) is Reason.MANDATE_EXCEEDED
    assert view.record(sell(1, 0)) is Reason.MANDATE_EXCEEDED


def test_sell_is_refused_when_its_limit_is_below_the_floor() -> None:
    view = View().enter(mandate(minimum_sell_price=100))
    assert view.record(sell(1, 99)) is Reason.MANDATE_EXCEEDED
    assert view.record(sell(1, 100)) is None
    assert view.record(buy(1, 1)) is None, "the floor is for sells"


def test_order_is_refused_when_its_mandate_has_expired_or_it_would_outlive_it() -> None:
    view = View().enter(mandate(expiry=START_SECONDS))
    assert view.record(buy(1, expiry=START_SECONDS)) is None
    assert view.record(buy(1, expiry=START_SECONDS + 1)) is Reason.MANDATE_EXPIRED
    late = mandate_refusal(view, buy(1), CAROL.address, START_SECONDS + 1)
    assert late is Reason.MANDATE_EXPIRED
    assert View().enter(mandate(expiry=NEVER)).record(buy(1, expiry=NEVER)) is None
