"""Batches of columns: decided as rows are, and harmless to repeat in either form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.entries import BatchForm, BatchRecorded, FinalityViolated
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import REASON_CODE, Fill, Reason, Side, SignedOrder
from clearinghouse.errors import Conflict, Rejected, Unavailable
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    OTHER_VENUE,
    SPOKE,
    START_SECONDS,
    VENUE,
    Clearing,
    build_order,
    hash_of,
    sign_order,
)
from tests.ledger import columns_of, numbers_of, reasons_of, sign_columns, submit_columns
from tests.unit.intake.commands import assert_equals_replay, failure, hold

BATCH_ID = Hash32(b"\x42" * 32)
UNWRITABLE = Unavailable("journal_unwritable", "the disk is full")
FILLS = [(0, 1, 4, 400), (0, 1, 7, 700), (1, 0, 1, 100), (0, 2**32 - 1, 1, 1), (0, 1, 2**63, 5)]
REASONS = [
    Reason.ADMITTED,
    Reason.ORDER_OVERFILLED,
    Reason.SIDE_MISMATCH,
    Reason.ORDER_UNKNOWN,
    Reason.QUANTITY_INVALID,
]


def pair() -> list[SignedOrder]:
    """Return a buy order of Alice and a sell order of Bob over 10 lots."""
    return [
        sign_order(member, build_order(member, side, 10, 100))
        for member, side in ((ALICE, Side.BUY), (BOB, Side.SELL))
    ]


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Orders 0 and 1 are known."""
    clearing = Clearing().start(ALICE, BOB)
    assert numbers_of(clearing, pair()) == [0, 1]
    yield clearing
    clearing.journal.open.set()
    clearing.close()


def test_every_fill_gets_its_reason_when_a_batch_is_decided(clearing: Clearing) -> None:
    receipt = clearing.get(submit_columns(clearing, FILLS, BATCH_ID))
    assert reasons_of(receipt) == REASONS
    assert receipt.sequence == len(clearing.journal.records)
    entry = clearing.journal.entries()[-1]
    assert isinstance(entry, BatchRecorded)
    assert (entry.form, entry.venue, entry.batch_id) == (
        BatchForm.COLUMNS,
        VENUE.address,
        BATCH_ID,
    )
    assert entry.admitted_at == START_SECONDS
    assert (entry.orders, entry.unknown) == ((), ())
    assert entry.reasons == receipt.reasons == bytes(REASON_CODE[r] for r in REASONS)
    assert [tuple(row) for row in zip(*(c.tolist() for c in entry.columns[:4]), strict=True)] == (
        FILLS
    )
    assert clearing.holding(ALICE) == (4, 400)
    assert_equals_replay(clearing)


def test_columns_are_decided_as_rows_when_the_orders_are_the_same(clearing: Clearing) -> None:
    rows = Clearing().start(ALICE, BOB)
    orders = pair()
    digests = {0: hash_of(orders[0]), 1: hash_of(orders[1])}
    fills = [
        Fill(digests.get(buy, Hash32(bytes(32))), digests.get(sell, Hash32(bytes(32))), lots, cash)
        for buy, sell, lots, cash in FILLS
    ]
    assert rows.reasons(fills, orders) == REASONS
    assert reasons_of(clearing.get(submit_columns(clearing, FILLS))) == REASONS
    for member in (ALICE, BOB):
        assert rows.holding(member) == clearing.holding(member)
    rows.close()


def test_batch_gets_the_first_answer_again_when_it_is_repeated(clearing: Clearing) -> None:
    first = clearing.get(submit_columns(clearing, FILLS, BATCH_ID))
    entries = len(clearing.journal.records)
    assert clearing.get(submit_columns(clearing, FILLS, BATCH_ID)) == first
    clearing.restart()
    assert clearing.get(submit_columns(clearing, FILLS, BATCH_ID)) == first
    assert len(clearing.journal.records) == entries == first.sequence
    assert clearing.holding(ALICE) == (4, 400)


def test_batch_gets_one_answer_when_it_is_repeated_within_a_group(clearing: Clearing) -> None:
    hold(clearing)
    futures = [submit_columns(clearing, FILLS, BATCH_ID) for _ in range(5)]
    clearing.journal.open.set()
    assert len({clearing.get(future) for future in futures}) == 1
    assert clearing.holding(ALICE) == (4, 400)


def test_batch_conflicts_when_its_id_was_used_with_other_content(clearing: Clearing) -> None:
    clearing.get(submit_columns(clearing, FILLS, BATCH_ID))
    for _ in range(2):
        for other in (FILLS[:-1], [(0, 1, 4, 399), *FILLS[1:]]):
            error = failure(clearing, submit_columns(clearing, other, BATCH_ID))
            assert (type(error), error.reason) == (Conflict, "BATCH_CONFLICT")
        clearing.restart()
    assert clearing.holding(ALICE) == (4, 400)


def test_batch_conflicts_when_its_id_was_used_in_the_other_form(clearing: Clearing) -> None:
    orders = pair()
    rows = [Fill(hash_of(orders[0]), hash_of(orders[1]), 4, 400)]
    other_id = Hash32(b"\x43" * 32)
    clearing.get(submit_columns(clearing, FILLS[:1], BATCH_ID))
    clearing.get(clearing.submit(rows, [], other_id))
    for _ in range(2):
        for future in (
            clearing.submit(rows, [], BATCH_ID),
            submit_columns(clearing, FILLS[:1], other_id),
        ):
            error = failure(clearing, future)
            assert (type(error), error.reason) == (Conflict, "BATCH_CONFLICT")
        clearing.restart()
    assert clearing.holding(ALICE) == (8, 800)


def test_batch_id_is_free_when_another_venue_used_it(clearing: Clearing) -> None:
    first = clearing.get(submit_columns(clearing, FILLS[:1], BATCH_ID, OTHER_VENUE))
    second = clearing.get(submit_columns(clearing, FILLS[:1], BATCH_ID))
    assert reasons_of(first) == [Reason.VENUE_MISMATCH]
    assert reasons_of(second) == [Reason.ADMITTED]


def test_batch_is_rejected_when_its_venue_is_unknown_or_did_not_sign(clearing: Clearing) -> None:
    with pytest.raises(Rejected) as caught:
        submit_columns(clearing, FILLS, BATCH_ID, CAROL)
    assert caught.value.reason == "VENUE_UNKNOWN"
    columns = columns_of(FILLS, BATCH_ID)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.submit_columns(columns, sign_columns(columns, CAROL))
    assert caught.value.reason == "SIGNATURE_INVALID"


@pytest.mark.parametrize(("fills", "reason"), [(0, "BATCH_EMPTY"), (65_537, "BATCH_TOO_LARGE")])
def test_batch_is_rejected_at_once_when_it_is_empty_or_too_large(
    clearing: Clearing, fills: int, reason: str
) -> None:
    with pytest.raises(Rejected) as caught:
        submit_columns(clearing, [(0, 1, 1, 1)] * fills)
    assert caught.value.reason == reason


def test_batch_of_the_largest_size_is_answered_fill_by_fill(clearing: Clearing) -> None:
    receipt = clearing.get(submit_columns(clearing, [(7, 8, 1, 1)] * 65_536))
    assert receipt.reasons == bytes([REASON_CODE[Reason.ORDER_UNKNOWN]]) * 65_536


def test_columns_are_refused_but_answers_stand_when_clearing_is_halted(clearing: Clearing) -> None:
    kept = clearing.get(submit_columns(clearing, FILLS, BATCH_ID))
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    for _ in range(2):
        assert failure(clearing, submit_columns(clearing, FILLS)).reason == "finality_violated"
        assert clearing.get(submit_columns(clearing, FILLS, BATCH_ID)) == kept
        clearing.restart()


def test_nothing_is_applied_when_the_journal_fails_in_the_middle_of_a_group(
    clearing: Clearing,
) -> None:
    """Fills, orders and batch ids of the whole group are as if they had never come."""
    before = clearing.hash()
    more = [
        sign_order(member, build_order(member, side, 10, 100, nonce=5))
        for member, side in ((ALICE, Side.BUY), (BOB, Side.SELL))
    ]
    hold(clearing)
    futures = [
        submit_columns(clearing, FILLS, BATCH_ID),
        clearing.sequencer.register_orders(VENUE.address, more),
        submit_columns(clearing, [(2, 3, 1, 100)]),
        clearing.submit([Fill(hash_of(more[0]), hash_of(more[1]), 1, 100)], []),
    ]
    clearing.journal.failures += [(UNWRITABLE, False), (UNWRITABLE, False)]
    clearing.journal.open.set()
    assert [failure(clearing, future) for future in futures] == [UNWRITABLE] * 4
    assert clearing.hash() == before
    again = clearing.get(submit_columns(clearing, [(2, 3, 1, 100), *FILLS], BATCH_ID))
    assert reasons_of(again) == [Reason.ORDER_UNKNOWN, *REASONS]
    assert_equals_replay(clearing)
