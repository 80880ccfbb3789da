"""Orders sent ahead of their fills: numbers in the order of the journal, given once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from clearinghouse.book import order_table
from clearinghouse.book.entries import OrdersRecorded
from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import Fill, Reason, Side, SignedOrder
from clearinghouse.errors import Rejected, Unavailable
from clearinghouse.intake.ports import OrdersReceipt
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    OTHER_VENUE,
    START_SECONDS,
    VENUE,
    Account,
    Clearing,
    build_order,
    hash_of,
    sign_order,
)
from tests.ledger import filled, numbers_of, reasons_of, submit_columns
from tests.unit.intake.commands import assert_equals_replay, failure, hold, match


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.journal.open.set()
    clearing.close()


def order(clearing: Clearing, member: Account = ALICE, **fields: object) -> SignedOrder:
    side = Side.SELL if member is BOB else Side.BUY
    return sign_order(member, build_order(member, side, 10, 100, nonce=clearing.number(), **fields))


def register(
    clearing: Clearing, orders: Sequence[SignedOrder], venue: Account = VENUE
) -> OrdersReceipt:
    receipt: OrdersReceipt = clearing.get(clearing.sequencer.register_orders(venue.address, orders))
    return receipt


def numbers(receipt: OrdersReceipt) -> list[int]:
    return np.frombuffer(receipt.numbers, "<u4").tolist()


def test_numbers_follow_the_journal_when_orders_come_in_any_way(clearing: Clearing) -> None:
    first = register(clearing, [order(clearing) for _ in range(3)])
    assert numbers(first) == [0, 1, 2]
    assert first.sequence == len(clearing.journal.records)
    fill, orders = match(clearing)
    assert clearing.reasons([fill], orders) == [Reason.ADMITTED]
    assert numbers(register(clearing, [order(clearing)])) == [5]
    assert numbers(register(clearing, orders)) == [3, 4], "brought with a batch of rows"
    assert_equals_replay(clearing)


def test_order_keeps_its_number_and_fills_when_it_is_repeated(clearing: Clearing) -> None:
    pair = [order(clearing), order(clearing, BOB)]
    assert numbers(register(clearing, [*pair, pair[0]])) == [0, 1, 0]
    assert clearing.reasons([Fill(hash_of(pair[0]), hash_of(pair[1]), 4, 400)], pair) == [
        Reason.ADMITTED
    ]
    entries = len(clearing.journal.records)
    again = register(clearing, pair[::-1])
    assert numbers(again) == [1, 0]
    assert again.sequence == entries == len(clearing.journal.records), "nothing to record"
    clearing.restart()
    assert numbers(register(clearing, pair)) == [0, 1]
    assert clearing.read(filled) == {hash_of(each): 4 for each in pair}


def test_bad_orders_are_refused_by_themselves_when_others_are_good(clearing: Clearing) -> None:
    good = order(clearing)
    forged = SignedOrder(order(clearing).order, good.signature)
    orders = [
        order(clearing, CAROL),
        good,
        forged,
        order(clearing, instrument=InstrumentId(77)),
        order(clearing, venue=OTHER_VENUE.address),
        order(clearing, BOB),
    ]
    receipt = register(clearing, orders)
    assert reasons_of(receipt) == [
        Reason.MEMBER_UNKNOWN,
        Reason.ADMITTED,
        Reason.SIGNATURE_INVALID,
        Reason.INSTRUMENT_UNKNOWN,
        Reason.VENUE_MISMATCH,
        Reason.ADMITTED,
    ]
    assert numbers(receipt) == [NO_ORDER, 0, NO_ORDER, NO_ORDER, NO_ORDER, 1]
    entry = clearing.journal.entries()[-1]
    assert isinstance(entry, OrdersRecorded)
    assert [recorded.signed for recorded in entry.orders] == [good, orders[-1]]
    clearing.deposit(CAROL, 1_000)
    clearing.accept_limits(CAROL)
    assert numbers(register(clearing, orders[:1])) == [2], "it may come again"
    assert_equals_replay(clearing)


def test_nothing_is_recorded_when_no_order_is_good(clearing: Clearing) -> None:
    entries = len(clearing.journal.records)
    receipt = register(clearing, [order(clearing, CAROL)])
    assert (receipt.sequence, numbers(receipt)) == (entries, [NO_ORDER])
    assert len(clearing.journal.records) == entries


def test_order_gets_the_same_answer_when_its_copies_differ_in_the_signature(
    clearing: Clearing,
) -> None:
    good = order(clearing)
    forged = SignedOrder(good.order, order(clearing).signature)
    for copies in ([forged, good], [good, forged]):
        receipt = register(clearing, copies)
        assert numbers(receipt) == [0, 0]
        assert set(reasons_of(receipt)) == {Reason.ADMITTED}


def test_orders_are_rejected_when_their_sender_is_no_venue(clearing: Clearing) -> None:
    signed = order(clearing, venue=CAROL.address)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.register_orders(CAROL.address, [signed])
    assert caught.value.reason == "VENUE_UNKNOWN"


def test_order_is_refused_and_not_recorded_when_it_has_expired(clearing: Clearing) -> None:
    late, in_time = (
        order(clearing, expiry=START_SECONDS - 1),
        order(clearing, BOB, expiry=START_SECONDS),
    )
    receipt = register(clearing, [late, in_time])
    assert reasons_of(receipt) == [Reason.ORDER_EXPIRED, Reason.ADMITTED]
    assert numbers(receipt) == [NO_ORDER, 0]
    fill = Fill(hash_of(late), hash_of(in_time), 1, 100)
    assert clearing.reasons([fill], [late]) == [Reason.ORDER_EXPIRED]
    assert clearing.read(lambda state: state.orders.digests) == [hash_of(in_time)]


def test_new_orders_are_unavailable_and_known_ones_trade_when_all_numbers_are_given(
    clearing: Clearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [order(clearing), order(clearing, BOB)]
    assert numbers(register(clearing, pair)) == [0, 1]
    monkeypatch.setattr(order_table, "NO_ORDER", 3)
    for beyond in (1, 2):
        new = [order(clearing) for _ in range(beyond + 1)]
        future = clearing.sequencer.register_orders(VENUE.address, [*pair, *new])
        refused = failure(clearing, future)
        assert (type(refused), refused.reason) == (Unavailable, "orders_exhausted")
    fill = Fill(hash_of(pair[0]), hash_of(pair[1]), 1, 100)
    assert clearing.reasons([fill], pair) == [Reason.ADMITTED]
    assert numbers(register(clearing, [order(clearing)])) == [2], "the last number"
    assert_equals_replay(clearing)


@pytest.mark.parametrize(("count", "reason"), [(0, "BATCH_EMPTY"), (16_385, "BATCH_TOO_LARGE")])
def test_orders_are_rejected_at_once_when_there_are_none_or_too_many(
    clearing: Clearing, count: int, reason: str
) -> None:
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.register_orders(VENUE.address, [order(clearing)] * count)
    assert caught.value.reason == reason


def test_numbers_are_given_anew_when_the_journal_could_not_be_written(clearing: Clearing) -> None:
    """What nobody was told counts for nothing: the numbers are free for the next orders."""
    lost, kept = order(clearing), order(clearing)
    unwritable = Unavailable("journal_unwritable", "the disk is full")
    hold(clearing)
    future = clearing.sequencer.register_orders(VENUE.address, [lost])
    # The first of the two is the append that waits; the orders are in the group after it.
    clearing.journal.failures += [(unwritable, False), (unwritable, False)]
    clearing.journal.open.set()
    assert failure(clearing, future) is unwritable
    assert numbers(register(clearing, [kept])) == [0]
    assert numbers(register(clearing, [lost])) == [1]
    assert_equals_replay(clearing)


def test_columns_fill_orders_by_their_numbers_when_another_venue_does_not_own_them(
    clearing: Clearing,
) -> None:
    buy, sell = numbers_of(clearing, [order(clearing), order(clearing, BOB)])
    foreign = clearing.get(submit_columns(clearing, [(buy, sell, 1, 100)], venue=OTHER_VENUE))
    assert reasons_of(foreign) == [Reason.VENUE_MISMATCH]
    own = clearing.get(submit_columns(clearing, [(buy, sell, 1, 100), (buy, 99, 1, 1)]))
    assert reasons_of(own) == [Reason.ADMITTED, Reason.ORDER_UNKNOWN]
    assert clearing.holding(ALICE) == (1, 100)
