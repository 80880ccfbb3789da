"""Mandates from the member's signature to fills, through the journal and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from clearinghouse.book.entries import MandateAccepted, MandatedOrdersRecorded, OrdersRecorded
from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.mandates import ANY_INSTRUMENT
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import Fill, Order, Reason, Side
from clearinghouse.errors import Conflict, Rejected, Unavailable
from clearinghouse.intake.ports import OrdersReceipt
from clearinghouse.settlement.reports import cycle_reports
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    DAVE,
    ETH,
    OTHER_VENUE,
    START_SECONDS,
    USD,
    VENUE,
    Account,
    Clearing,
    build_order,
    hash_of,
    sign_order,
)
from tests.ledger import (
    delegated,
    filled,
    reasons_of,
    sign_mandate,
    sign_mandated,
    submit_columns,
)
from tests.unit.intake.commands import assert_equals_replay, failure

SESSION = DAVE
"""A key that orders for Alice and holds nothing itself."""


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Alice and Bob have given the venue mandates of 5,000 quanta, 2,000 for one order."""
    clearing = Clearing().start(ALICE, BOB)
    grant(clearing, *(sign(member, VENUE) for member in (ALICE, BOB)))
    yield clearing
    clearing.close()


def sign(member: Account, delegate: Account, **fields: Any) -> Any:
    limits = {"maximum_order_notional": 2_000, "maximum_total_notional": 5_000}
    return sign_mandate(member, delegate, **(limits | fields))


def grant(clearing: Clearing, *mandates: Any) -> int:
    sequence: int = clearing.get(clearing.sequencer.register_mandates(mandates))
    return sequence


def order(clearing: Clearing, member: Account = ALICE, lots: int = 10, **fields: Any) -> Order:
    side = Side.SELL if member is BOB else Side.BUY
    return build_order(member, side, lots, 100, nonce=clearing.number(), **fields)


def place(clearing: Clearing, *orders: Order, venue: Account = VENUE) -> OrdersReceipt:
    receipt: OrdersReceipt = clearing.get(
        clearing.sequencer.register_mandated_orders(*sign_mandated(orders, venue))
    )
    return receipt


def numbers(receipt: OrdersReceipt) -> list[int]:
    return np.frombuffer(receipt.numbers, "<u4").tolist()


def used(clearing: Clearing, member: Account = ALICE, delegate: Account = VENUE) -> int:
    key = (member.address, delegate.address, VENUE.address, ANY_INSTRUMENT)
    return clearing.read(lambda state: state.mandates.in_force[key].used_notional.get(USD, 0))


def test_mandated_orders_trade_as_others_do_when_only_the_venue_signed(clearing: Clearing) -> None:
    orders = [order(clearing), order(clearing, BOB)]
    receipt = place(clearing, *orders)
    assert numbers(receipt) == [0, 1]
    assert receipt.sequence == len(clearing.journal.records)
    filled_now = clearing.get(submit_columns(clearing, [(0, 1, 4, 400)]))
    assert reasons_of(filled_now) == [Reason.ADMITTED]
    digests = clearing.read(lambda state: list(state.orders.digests))
    assert clearing.reasons([Fill(*digests, 6, 600)], []) == [Reason.ADMITTED], "rows as well"
    assert clearing.holding(ALICE) == (10, 1_000)
    clearing.settle()
    assert [report.fills for report in cycle_reports(clearing.journal.records)] == [2]
    assert_equals_replay(clearing)


def test_entry_holds_what_a_challenge_needs_when_orders_were_mandated(clearing: Clearing) -> None:
    orders = [order(clearing), order(clearing, CAROL), order(clearing, BOB)]
    columns, signature = sign_mandated(orders)
    receipt = place(clearing, *orders)
    assert reasons_of(receipt) == [Reason.ADMITTED, Reason.MEMBER_UNKNOWN, Reason.ADMITTED]
    assert numbers(receipt) == [0, NO_ORDER, 1]
    entry = clearing.journal.entries()[-1]
    assert isinstance(entry, MandatedOrdersRecorded)
    assert (entry.orders, entry.signature) == (columns, signature)
    assert (entry.reasons, entry.recorded_at) == (receipt.reasons, START_SECONDS)
    assert entry.orders.orders() == orders
    assert [entry.digests[32 * n : 32 * n + 32] for n in (0, 2)] == clearing.read(
        lambda state: state.orders.digests
    )


def test_use_adds_up_to_the_limits_when_orders_follow_each_other(clearing: Clearing) -> None:
    lots = (20, 21, 20, 9, 2, 1)
    receipt = place(clearing, *(order(clearing, lots=each) for each in lots))
    assert reasons_of(receipt) == [
        Reason.ADMITTED,
        Reason.MANDATE_EXCEEDED,  # 2,100 of 2,000 for one order
        Reason.ADMITTED,
        Reason.ADMITTED,
        Reason.MANDATE_EXCEEDED,  # 5,100 of 5,000 in all
        Reason.ADMITTED,
    ]
    assert used(clearing) == 5_000
    assert used(clearing, BOB) == 0
    assert_equals_replay(clearing)
    assert reasons_of(place(clearing, order(clearing, lots=1))) == [Reason.MANDATE_EXCEEDED]


def test_order_counts_once_when_it_is_repeated(clearing: Clearing) -> None:
    same = order(clearing)
    assert numbers(place(clearing, same, same)) == [0, 0]
    entries = len(clearing.journal.records)
    for _ in range(2):
        again = place(clearing, same)
        assert (numbers(again), again.sequence) == ([0], entries)
        clearing.restart()
    assert (used(clearing), len(clearing.journal.records)) == (1_000, entries)
    assert numbers(place(clearing, order(clearing), same)) == [1, 0]
    assert used(clearing) == 2_000
    assert_equals_replay(clearing)


def test_mandated_order_is_the_one_its_member_signed_when_it_comes_both_ways(
    clearing: Clearing,
) -> None:
    same = order(clearing)
    assert numbers(place(clearing, same)) == [0]
    register = clearing.sequencer.register_orders
    assert numbers(clearing.get(register(VENUE.address, [sign_order(ALICE, same)]))) == [0]
    assert used(clearing) == 1_000


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"instrument": InstrumentId(77)}, Reason.INSTRUMENT_UNKNOWN),
        ({"expiry": START_SECONDS + 1_001}, Reason.MANDATE_EXPIRED),
        ({"expiry": START_SECONDS + 1_000}, Reason.ADMITTED),
        ({"quantity": 2**63}, Reason.ORDER_MALFORMED),
    ],
)
def test_order_is_refused_by_itself_when_its_mandate_does_not_cover_it(
    clearing: Clearing, fields: dict[str, Any], reason: Reason
) -> None:
    grant(clearing, sign(ALICE, VENUE, nonce=2, expiry=START_SECONDS + 1_000))
    values = {"quantity": 10, "expiry": START_SECONDS + 5} | fields
    odd = build_order(ALICE, Side.BUY, limit_price=100, nonce=clearing.number(), **values)
    receipt = place(clearing, odd, order(clearing, BOB))
    assert reasons_of(receipt) == [reason, Reason.ADMITTED]
    assert_equals_replay(clearing)


def test_new_orders_stop_and_old_ones_go_on_when_a_mandate_is_revoked(clearing: Clearing) -> None:
    assert numbers(place(clearing, order(clearing), order(clearing, BOB))) == [0, 1]
    revoked = sign(ALICE, VENUE, nonce=2, maximum_order_notional=0, maximum_total_notional=0)
    grant(clearing, revoked)
    receipt = place(clearing, order(clearing), order(clearing, BOB))
    assert reasons_of(receipt) == [Reason.MANDATE_EXCEEDED, Reason.ADMITTED]
    assert reasons_of(clearing.get(submit_columns(clearing, [(0, 1, 1, 100)]))) == [Reason.ADMITTED]
    assert_equals_replay(clearing)


def test_session_key_orders_for_its_member_when_it_has_a_mandate(clearing: Clearing) -> None:
    register = clearing.sequencer.register_orders
    first = delegated(order(clearing), SESSION)
    refused = clearing.get(register(VENUE.address, [first]))
    assert reasons_of(refused) == [Reason.MANDATE_UNKNOWN]
    grant(clearing, sign(ALICE, SESSION, instrument=BTC))
    forged = delegated(order(clearing), CAROL)
    foreign = delegated(order(clearing, instrument=ETH), SESSION)
    receipt = clearing.get(register(VENUE.address, [first, forged, foreign]))
    assert reasons_of(receipt) == [
        Reason.ADMITTED,
        Reason.MANDATE_UNKNOWN,
        Reason.MANDATE_UNKNOWN,
    ]
    entry = clearing.journal.entries()[-1]
    assert isinstance(entry, OrdersRecorded)
    assert [recorded.signed for recorded in entry.orders] == [first]
    sell = order(clearing, BOB)
    place(clearing, sell)
    with_rows = clearing.reasons(
        [Fill(hash_of(first), clearing.read(lambda s: s.orders.digests[1]), 5, 500)], [first]
    )
    assert with_rows == [Reason.ADMITTED]
    assert clearing.read(filled)[hash_of(first)] == 5
    assert_equals_replay(clearing)


def test_mandates_are_taken_all_or_none_when_a_call_brings_several(clearing: Clearing) -> None:
    entries = len(clearing.journal.records)
    newer, older = sign(ALICE, VENUE, nonce=5), sign(BOB, VENUE, nonce=1, expiry=START_SECONDS)
    error = failure(clearing, clearing.sequencer.register_mandates([newer, older]))
    assert (type(error), error.reason) == (Conflict, "MANDATE_SUPERSEDED")
    unknown = sign(ALICE, VENUE, nonce=6, instrument=InstrumentId(77))
    error = failure(clearing, clearing.sequencer.register_mandates([newer, unknown]))
    assert (type(error), error.reason) == (Rejected, "INSTRUMENT_UNKNOWN")
    assert len(clearing.journal.records) == entries
    sequence = grant(clearing, newer, newer)
    assert sequence == entries + 1
    assert clearing.journal.entries()[-1] == MandateAccepted(*newer)
    assert grant(clearing, newer) == sequence, "a repetition is harmless"
    assert_equals_replay(clearing)


def test_call_is_rejected_at_once_when_a_signature_is_anothers(clearing: Clearing) -> None:
    mandate, _ = sign(ALICE, VENUE, nonce=2)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.register_mandates([(mandate, sign(BOB, VENUE, nonce=2)[1])])
    assert caught.value.reason == "SIGNATURE_INVALID"
    columns, _ = sign_mandated([order(clearing)])
    _, signature = sign_mandated([order(clearing, venue=OTHER_VENUE.address)], OTHER_VENUE)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.register_mandated_orders(columns, signature)
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_orders_are_rejected_when_their_venue_is_not_registered(clearing: Clearing) -> None:
    columns = sign_mandated([order(clearing, venue=CAROL.address)], CAROL)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.register_mandated_orders(*columns)
    assert caught.value.reason == "VENUE_UNKNOWN"


def test_use_is_as_before_when_the_journal_could_not_be_written(clearing: Clearing) -> None:
    place(clearing, order(clearing))
    before = clearing.hash()
    unwritable = Unavailable("journal_unwritable", "the disk is full")
    clearing.journal.failures.append((unwritable, False))
    future = clearing.sequencer.register_mandated_orders(*sign_mandated([order(clearing)]))
    assert failure(clearing, future) is unwritable
    assert (clearing.hash(), used(clearing)) == (before, 1_000)
