"""A journal that fails, entries that contradict, decisions that raise: nothing half done."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from clearinghouse.book.entries import (
    GenesisRecorded,
)
from clearinghouse.book.identifiers import (
    Hash32,
)
from clearinghouse.book.orders import Reason
from clearinghouse.errors import Corruption, Unavailable
from clearinghouse.intake.sequencer import Sequencer
from tests.builders import (
    ALICE,
    BOB,
    WAIT_SECONDS,
    Clearing,
    ManualClock,
    MemoryJournal,
    account,
    build_genesis,
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


def test_nothing_is_applied_when_the_journal_cannot_be_written(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    before, entries = clearing.hash(), len(clearing.journal.records)
    clearing.journal.failures.append((UNWRITABLE, False))
    assert failure(clearing, clearing.submit([fill], orders, BATCH_ID)) is UNWRITABLE
    assert clearing.hash() == before, "the state is the journal's again"
    assert len(clearing.journal.records) == entries
    receipt = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    assert receipt.reasons == (Reason.ADMITTED,)
    assert_equals_replay(clearing)


def test_listener_hears_each_change_once_when_the_journal_fails_and_recovers() -> None:
    journal, heard = MemoryJournal(), []
    sequencer = Sequencer(journal, ManualClock(), heard.append)
    journal.failures += [(UNWRITABLE, False), (UNWRITABLE, False)]
    for expected in ([False], [False], [False, True], [False, True]):
        future = sequencer.register_venue(account(f"v{len(journal.records)}").address, "v")
        assert future.exception(WAIT_SECONDS) is (None if expected[-1] else UNWRITABLE)
        assert heard == expected
    sequencer.close()


def test_whole_group_fails_when_its_unit_of_work_does(clearing: Clearing) -> None:
    matches = [match(clearing) for _ in range(3)]
    before = clearing.hash()
    hold(clearing)
    futures = [clearing.submit([fill], orders) for fill, orders in matches]
    clearing.journal.failures += [(UNWRITABLE, False), (UNWRITABLE, False)]
    clearing.journal.open.set()
    assert [failure(clearing, future) for future in futures] == [UNWRITABLE] * 3
    assert clearing.hash() == before


def test_batch_gets_its_answer_when_it_was_kept_although_the_journal_failed(
    clearing: Clearing,
) -> None:
    fill, orders = match(clearing)
    clearing.journal.failures.append((UNWRITABLE, True))
    assert failure(clearing, clearing.submit([fill], orders, BATCH_ID)) is UNWRITABLE
    kept = len(clearing.journal.records)
    receipt = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    assert (receipt.sequence, receipt.reasons) == (kept, (Reason.ADMITTED,))
    assert clearing.holding(ALICE) == (1, 100)
    assert_equals_replay(clearing)


def test_everything_is_refused_when_the_journal_was_altered(clearing: Clearing) -> None:
    clearing.journal.failures.append((UNWRITABLE, False))
    altered = msgspec.structs.replace(clearing.journal.records[3], payload=b"{}")
    clearing.journal.records[3] = altered
    fill, orders = match(clearing)
    batch, signature = sign_batch([fill], BATCH_ID)
    assert clearing.sequencer._get_verifier() is not None
    first = clearing.sequencer.submit_batch(batch, orders, signature)
    assert failure(clearing, first) is UNWRITABLE
    second = failure(clearing, clearing.sequencer.submit_batch(batch, orders, signature))
    assert isinstance(second, Corruption)
    assert second.reason == "journal_hash"
    with pytest.raises(Corruption), clearing.sequencer.reading():
        pytest.fail("a state that cannot be rebuilt was shown")


def test_group_fails_as_corruption_when_an_entry_contradicts_the_state(
    clearing: Clearing,
) -> None:
    before, entries = clearing.hash(), len(clearing.journal.records)
    twice = clearing.sequencer.record(lambda state: GenesisRecorded(build_genesis()))
    error = failure(clearing, twice)
    assert isinstance(error, Corruption)
    assert error.reason == "genesis_twice"
    assert (clearing.hash(), len(clearing.journal.records)) == (before, entries)


def test_group_fails_as_corruption_when_a_decision_raises_what_nobody_expected(
    clearing: Clearing,
) -> None:
    def decide(state: object) -> None:
        raise ZeroDivisionError("a bug")

    before = clearing.hash()
    error = failure(clearing, clearing.sequencer.record(decide))
    assert isinstance(error, Corruption)
    assert error.reason == "sequencer_failed"
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert clearing.trade(ALICE, BOB, 1, 100) is Reason.ADMITTED
    assert clearing.hash() != before
