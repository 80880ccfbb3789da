"""The single writer: groups, failures of the journal, limits, restarts and many callers at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from clearinghouse.book.entries import (
    BatchRecorded,
    FinalityViolated,
    VenueRegistered,
)
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Hash32,
)
from clearinghouse.book.orders import Fill, Reason
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Conflict, Corruption, Rejected, Unavailable
from clearinghouse.intake import sequencer as sequencer_module
from clearinghouse.intake.sequencer import GROUP_LIMIT, Sequencer
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    INSTRUMENTS,
    SPOKE,
    VENUE,
    WAIT_SECONDS,
    Clearing,
    ManualClock,
    MemoryJournal,
    account,
    sign_batch,
)
from tests.unit.intake.commands import assert_equals_replay, failure, hold, match

UNWRITABLE = Unavailable("journal_unwritable", "the disk is full")
BATCH_ID = Hash32(b"\x42" * 32)


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.journal.open.set()
    clearing.close()


# -- batches ------------------------------------------------------------------------------------


def test_batch_gets_the_first_answer_again_when_it_is_repeated(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    bad = msgspec.structs.replace(fill, quantity=5)
    first = clearing.get(clearing.submit([fill, bad], orders, BATCH_ID))
    entries = len(clearing.journal.records)
    assert clearing.get(clearing.submit([fill, bad], orders, BATCH_ID)) == first
    clearing.restart()
    assert clearing.get(clearing.submit([fill, bad], [], BATCH_ID)) == first
    assert first.reasons == (Reason.ADMITTED, Reason.ORDER_OVERFILLED)
    assert len(clearing.journal.records) == entries == first.sequence
    assert clearing.holding(ALICE) == (1, 100)


def test_batch_gets_one_answer_when_it_is_repeated_within_a_group(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    hold(clearing)
    futures = [clearing.submit([fill], orders, BATCH_ID) for _ in range(5)]
    clearing.journal.open.set()
    receipts = {clearing.get(future) for future in futures}
    assert len(receipts) == 1
    assert clearing.holding(ALICE) == (1, 100)


def test_repeated_batch_reads_its_own_entry_alone_when_it_is_answered(
    clearing: Clearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer holds the state meanwhile, and a page of entries may be tens of megabytes."""
    fill, orders = match(clearing)
    first = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    found: list[int] = []
    find = clearing.journal.find
    monkeypatch.setattr(clearing.journal, "read", None)
    monkeypatch.setattr(clearing.journal, "find", lambda n: (found.append(n), find(n))[1])
    assert clearing.get(clearing.submit([fill], orders, BATCH_ID)) == first
    assert found == [first.sequence]


def test_batch_conflicts_when_its_id_was_used_with_other_content(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    clearing.get(clearing.submit([fill], orders, BATCH_ID))
    other = msgspec.structs.replace(fill, cash=101)
    for _ in range(2):
        error = failure(clearing, clearing.submit([other], orders, BATCH_ID))
        assert isinstance(error, Conflict)
        assert error.reason == "BATCH_CONFLICT"
        clearing.restart()
    assert clearing.holding(ALICE) == (1, 100)


def test_batch_id_is_free_when_another_venue_used_it(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    other = account("other venue")
    first = clearing.get(clearing.submit([fill], orders, BATCH_ID, other))
    second = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    assert first.reasons == (Reason.VENUE_MISMATCH,)
    assert second.reasons == (Reason.ADMITTED,)


def test_batch_is_rejected_when_venue_is_not_registered(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    entries = len(clearing.journal.records)
    with pytest.raises(Rejected) as caught:
        clearing.submit([fill], orders, BATCH_ID, venue=CAROL)
    assert caught.value.reason == "VENUE_UNKNOWN"
    assert len(clearing.journal.records) == entries


def test_batch_is_rejected_at_once_when_its_venue_did_not_sign(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    batch, _ = sign_batch([fill], BATCH_ID)
    _, signature = sign_batch([fill], BATCH_ID, CAROL)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.submit_batch(batch, orders, signature)
    assert caught.value.reason == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("fills", "reason"), [(0, "BATCH_EMPTY"), (8_193, "BATCH_TOO_LARGE")], ids=str
)
def test_batch_is_rejected_at_once_when_it_is_empty_or_too_large(
    clearing: Clearing, fills: int, reason: str
) -> None:
    with pytest.raises(Rejected) as caught:
        clearing.submit([Fill(ZERO_HASH, ZERO_HASH, 1, 1)] * fills)
    assert caught.value.reason == reason


def test_batch_of_the_largest_size_is_answered_fill_by_fill(clearing: Clearing) -> None:
    unknown = Fill(ZERO_HASH, ZERO_HASH, 1, 1)
    receipt = clearing.get(clearing.submit([unknown] * 8_192))
    assert receipt.reasons == (Reason.ORDER_UNKNOWN,) * 8_192


def test_submit_raises_conflict_when_there_is_no_genesis() -> None:
    clearing = Clearing()
    with pytest.raises(Conflict) as caught:
        clearing.submit([Fill(ZERO_HASH, ZERO_HASH, 1, 1)])
    assert caught.value.reason == "genesis_missing"
    clearing.close()


# -- groups -------------------------------------------------------------------------------------


def test_commands_share_a_unit_of_work_when_they_wait_together(clearing: Clearing) -> None:
    matches = [match(clearing) for _ in range(GROUP_LIMIT + 1)]
    hold(clearing)
    futures = [clearing.submit([fill], orders) for fill, orders in matches]
    before = len(clearing.journal.appends)
    clearing.journal.open.set()
    receipts = [clearing.get(future) for future in futures]
    assert clearing.journal.appends[before:] == [1, GROUP_LIMIT, 1]
    first = receipts[0].sequence
    assert [r.sequence for r in receipts] == list(range(first, first + len(matches)))
    assert clearing.holding(ALICE) == (GROUP_LIMIT + 1, 100 * (GROUP_LIMIT + 1))


def test_future_is_not_resolved_when_append_has_not_returned(clearing: Clearing) -> None:
    hold(clearing)
    fill, orders = match(clearing)
    future = clearing.submit([fill], orders)
    assert not future.done()
    clearing.journal.open.set()
    receipt = clearing.get(future)
    assert clearing.journal.records[-1].sequence == receipt.sequence


def test_group_goes_on_when_one_command_is_refused(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    clearing.get(clearing.submit([fill], orders, BATCH_ID))
    fill, orders = match(clearing)
    hold(clearing)
    bad = clearing.submit([fill], orders, BATCH_ID)
    conflict = clearing.sequencer.create_instrument(
        msgspec.structs.replace(INSTRUMENTS[0], symbol="other")
    )
    good = clearing.submit([fill], orders)
    clearing.journal.open.set()
    assert failure(clearing, bad).reason == "BATCH_CONFLICT"
    assert failure(clearing, conflict).reason == "INSTRUMENT_CONFLICT"
    assert clearing.get(good).reasons == (Reason.ADMITTED,)


def test_group_skips_command_when_its_caller_cancelled(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    hold(clearing)
    cancelled = clearing.submit([fill], orders, BATCH_ID)
    kept = clearing.submit([fill], orders)
    assert cancelled.cancel()
    clearing.journal.open.set()
    assert clearing.get(kept).reasons == (Reason.ADMITTED,)
    assert clearing.trade(ALICE, BOB, 1, 100) is Reason.ADMITTED, "the writer lives on"
    assert clearing.read(lambda state: (VENUE.address, BATCH_ID) not in state.batches)


def test_journal_is_not_touched_when_there_is_nothing_to_record(clearing: Clearing) -> None:
    appends = len(clearing.journal.appends)
    assert clearing.get(clearing.sequencer.record(lambda state: None)) == 0
    assert clearing.get(clearing.sequencer.create_instrument(INSTRUMENTS[0])) > 0
    assert len(clearing.journal.appends) == appends


# -- limits and the end -------------------------------------------------------------------------


def test_command_is_refused_when_the_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer_module, "LANE_LIMIT", 3)
    clearing = Clearing().start(ALICE, BOB)
    fill, orders = match(clearing)
    hold(clearing)
    futures = [clearing.submit([fill], orders) for _ in range(3)]
    with pytest.raises(Unavailable) as caught:
        clearing.submit([fill], orders)
    assert caught.value.reason == "queue_full"
    assert caught.value.retryable
    clearing.journal.open.set()
    assert [clearing.get(future).reasons[0] for future in futures] == [
        Reason.ADMITTED,
        Reason.ORDER_OVERFILLED,
        Reason.ORDER_OVERFILLED,
    ]
    clearing.close()


def test_close_finishes_what_waits_and_refuses_what_comes(clearing: Clearing) -> None:
    matches = [match(clearing) for _ in range(5)]
    hold(clearing)
    futures = [clearing.submit([fill], orders) for fill, orders in matches]
    closing = threading.Thread(target=clearing.sequencer.close)
    closing.start()
    clearing.journal.open.set()
    closing.join(WAIT_SECONDS)
    assert [clearing.get(future).reasons for future in futures] == [(Reason.ADMITTED,)] * 5
    with pytest.raises(Unavailable) as caught:
        clearing.sequencer.record(lambda state: None)
    assert caught.value.reason == "shutting_down"
    clearing.sequencer.close()


def test_every_command_is_answered_when_callers_race_with_close(clearing: Clearing) -> None:
    answered, refused = [], []
    barrier = threading.Barrier(5)

    def call(number: int) -> None:
        barrier.wait(WAIT_SECONDS)
        try:
            while True:
                answered.append(clearing.sequencer.record(lambda state: None).result(WAIT_SECONDS))
        except Unavailable as error:
            refused.append(error.reason)

    with ThreadPoolExecutor(4) as callers:
        futures = [callers.submit(call, number) for number in range(4)]
        barrier.wait(WAIT_SECONDS)
        clearing.sequencer.close()
        for future in futures:
            future.result(WAIT_SECONDS)
    assert refused == ["shutting_down"] * 4


# -- restarts, halts, concurrency ---------------------------------------------------------------


def test_restart_gives_the_same_state_when_everything_happened(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 5_000, SPOKE)
    clearing.accept_limits(BOB, 7, [SPOKE])
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.release(BOB, 100)
    clearing.settle()
    clearing.trade(BOB, ALICE, 4, 90)
    clearing.propose()
    assert_equals_replay(clearing)


def test_start_raises_when_the_journal_was_altered(clearing: Clearing) -> None:
    clearing.close()
    del clearing.journal.records[2]
    with pytest.raises(Corruption) as caught:
        Sequencer(clearing.journal, ManualClock())
    assert caught.value.reason == "journal_gap"


def test_intake_is_refused_when_clearing_is_halted(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    kept = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    before = clearing.holding(ALICE)
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    for _ in range(2):
        commands = [
            lambda: clearing.get(clearing.submit([fill], orders)),
            lambda: clearing.accept_limits(ALICE),
            lambda: clearing.release(ALICE, 5),
        ]
        for command in commands:
            with pytest.raises(Unavailable) as caught:
                command()
            assert caught.value.reason == "finality_violated"
        assert clearing.get(clearing.submit([fill], orders, BATCH_ID)) == kept, "answers stand"
        clearing.restart()
    assert clearing.holding(ALICE) == before
    assert clearing.deposit(ALICE, 5) > 0, "what chains did is still recorded"


def test_other_commands_of_the_group_go_on_when_one_meets_the_halt(clearing: Clearing) -> None:
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    fill, orders = match(clearing)
    hold(clearing)
    refused = clearing.submit([fill], orders)
    recorded = clearing.sequencer.record(lambda s: VenueRegistered(CAROL.address, "carol"))
    clearing.journal.open.set()
    assert failure(clearing, refused).reason == "finality_violated"
    assert clearing.get(recorded) == len(clearing.journal.records)


def test_every_fill_counts_once_when_many_threads_submit(clearing: Clearing) -> None:
    matches = [match(clearing, quantity=1 + n % 3) for n in range(120)]

    def submit(number: int) -> Reason:
        fill, orders = matches[number]
        batch, signature = sign_batch([fill], keccak256(bytes([number])))
        return clearing.get(clearing.sequencer.submit_batch(batch, orders, signature)).reasons[0]

    with ThreadPoolExecutor(8) as callers:
        # Every batch twice, so that repetitions race with the first time.
        reasons = list(callers.map(submit, [*range(120), *range(120)]))
    assert reasons == [Reason.ADMITTED] * 240
    assert clearing.holding(ALICE) == (240, 24_000)
    batches = [e for e in clearing.journal.entries() if isinstance(e, BatchRecorded)]
    assert len(batches) == 120
    assert_equals_replay(clearing)


def test_reading_sees_whole_groups_when_intake_runs(clearing: Clearing) -> None:
    stop = threading.Event()
    torn = []

    def look() -> None:
        while not stop.is_set():
            with clearing.sequencer.reading() as state:
                if state.holdings.used()["quantity"].sum() != 0 or state.sequence != len(
                    clearing.journal.records
                ):
                    torn.append(state.sequence)

    with ThreadPoolExecutor(1) as reader:
        watching = reader.submit(look)
        for _ in range(60):
            clearing.trade(ALICE, BOB, 1, 100)
        stop.set()
        watching.result(WAIT_SECONDS)
    assert torn == []


def test_follow_yields_old_and_new_records_when_they_come(clearing: Clearing) -> None:
    stop, seen, reached = threading.Event(), [], threading.Event()

    def follow() -> None:
        for record in clearing.sequencer.follow(2, stop):
            seen.append(record.sequence)
            if record.sequence == goal:
                reached.set()

    goal = len(clearing.journal.records) + 3
    with ThreadPoolExecutor(1) as follower:
        following = follower.submit(follow)
        for _ in range(3):
            clearing.trade(ALICE, BOB, 1, 100)
        assert reached.wait(WAIT_SECONDS)
        stop.set()
        following.result(WAIT_SECONDS)
    assert seen == list(range(2, goal + 1))


def test_journal_in_memory_refuses_what_does_not_follow(clearing: Clearing) -> None:
    with pytest.raises(AssertionError):
        MemoryJournal().append(clearing.journal.records[1:2])
