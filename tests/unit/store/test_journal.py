"""Goal: what ``append`` returned from is there for ever; what it refused left no trace.

Method: real databases of both kinds, looked at and damaged behind the journal's back.
"""

from __future__ import annotations

import threading

import msgspec
import pytest

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.journal import record_hash, verify_record
from clearinghouse.errors import Conflict, Corruption, Unavailable
from clearinghouse.intake.replay import replay
from clearinghouse.store.journal import SqlJournal, open_journal
from tests.builders import ALICE, Clearing
from tests.unit.store.places import Place
from tests.unit.store.records import build_records

WAIT_SECONDS = 20


def enter(place: Place, record: JournalRecord) -> None:
    """Write a record as a foreign program would."""
    place.execute(
        "INSERT INTO journal VALUES (%s, %s, %s, %s, %s)",
        record.sequence, record.time_milliseconds, "foreign", record.payload, record.hash,
    )  # fmt: skip


# -- appending and reading ----------------------------------------------------------------------


def test_journal_returns_records_unchanged_when_reopened(place: Place) -> None:
    records = build_records(600)
    with open_journal(place.url) as journal:
        journal.append(records[:1])
        journal.append(records[1:])
    with open_journal(place.url) as journal:
        assert list(journal.read()) == records
        assert list(journal.read(600)) == records[599:]
        assert list(journal.read(601)) == []
        assert journal.head() == (600, records[-1].hash)


def test_journal_has_zero_head_when_empty(journal: SqlJournal) -> None:
    assert journal.head() == (0, ZERO_HASH)
    assert list(journal.read()) == []


def test_append_changes_nothing_when_given_no_records(journal: SqlJournal) -> None:
    journal.append([])
    assert journal.head() == (0, ZERO_HASH)


def test_append_writes_the_entry_kind_when_it_records(journal: SqlJournal, place: Place) -> None:
    journal.append(build_records(1))
    assert place.execute("SELECT sequence, kind FROM journal") == [(1, "venue_registered")]


def test_append_is_one_unit_of_work_when_several_records(journal: SqlJournal, place: Place) -> None:
    records = build_records(3)
    assert journal.head()[0] == 0
    enter(place, records[2])  # another program takes the sequence
    with pytest.raises(Corruption) as refused:
        journal.append(records)
    assert refused.value.reason == "journal_gap"
    assert list(journal.read()) == [records[2]]
    place.execute("DELETE FROM journal")
    journal.append(records)
    assert journal.head() == (3, records[2].hash)


def test_read_yields_every_record_when_they_are_larger_than_a_page(journal: SqlJournal) -> None:
    records = build_records(40, name="x" * 400_000)
    journal.append(records)
    assert [record.hash for record in journal.read()] == [record.hash for record in records]
    assert next(journal.read(40)) == records[39]


def test_find_returns_one_record_when_it_is_there(journal: SqlJournal) -> None:
    assert journal.find(1) is None
    records = build_records(3)
    journal.append(records)
    assert [journal.find(sequence) for sequence in range(5)] == [None, *records, None]


# -- gaps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken", ["gap", "repetition", "foreign predecessor", "said", "hash", "inner"]
)
def test_append_is_refused_when_records_do_not_follow(journal: SqlJournal, broken: str) -> None:
    first, *rest = build_records(5)
    journal.append([first])
    records = {
        "gap": rest[1:],
        "repetition": [first],
        "foreign predecessor": build_records(2, (1, Hash32(b"\x01" * 32))),
        "said": [msgspec.structs.replace(rest[0], before=Hash32(b"\x01" * 32))],
        "hash": [msgspec.structs.replace(rest[0], hash=Hash32(bytes(32)))],
        "inner": [rest[0], rest[2]],
    }[broken]
    with pytest.raises(Corruption) as refused:
        journal.append(records)
    assert refused.value.reason == "journal_gap"
    journal.append(rest)
    assert journal.head()[0] == 5


def test_append_is_refused_when_a_payload_is_no_entry(journal: SqlJournal) -> None:
    (record,) = build_records(1)
    payload = b"[1]"
    digest = record_hash(ZERO_HASH, 1, record.time_milliseconds, payload)
    with pytest.raises(Corruption) as refused:
        journal.append([msgspec.structs.replace(record, payload=payload, hash=digest)])
    assert refused.value.reason == "journal_entry"
    assert journal.head()[0] == 0


# -- damage -------------------------------------------------------------------------------------


def verify(journal: SqlJournal) -> None:
    """Walk the chain as a replay does."""
    sequence, before = 0, ZERO_HASH
    for record in journal.read():
        verify_record(before, sequence + 1, record)
        sequence, before = record.sequence, record.hash


@pytest.mark.parametrize(
    ("sequence", "changes", "reason"),
    [
        (3, {"payload": b'{"type":"venue_registered"}'}, "journal_hash"),
        (2, {"time_milliseconds": 0}, "journal_hash"),
        (4, {"hash": bytes(32)}, "journal_hash"),
        (4, {"sequence": 9}, "journal_gap"),
        (1, {"sequence": -1}, "journal_gap"),
    ],
)
def test_verify_record_names_the_entry_when_a_row_is_altered(
    journal: SqlJournal, place: Place, sequence: int, changes: dict[str, object], reason: str
) -> None:
    journal.append(build_records(5))
    verify(journal)
    ((column, value),) = changes.items()
    place.execute(f"UPDATE journal SET {column} = %s WHERE sequence = %s", value, sequence)
    with pytest.raises(Corruption) as refused:
        verify(journal)
    assert refused.value.reason == reason
    missing = sequence + 1 if reason == "journal_gap" else sequence
    assert refused.value.attributes["sequence"] == missing


@pytest.mark.parametrize(
    ("changes", "cause", "sequence"),
    [
        ({"payload": b'{"type":"venue_reg'}, "journal_hash", 5),
        ({"hash": bytes(32)}, "journal_hash", 5),
        ({"sequence": 7}, "journal_gap", 6),
    ],
)
def test_open_is_refused_when_the_tail_is_torn(
    place: Place, changes: dict[str, object], cause: str, sequence: int
) -> None:
    with open_journal(place.url) as journal:
        journal.append(build_records(5))
    ((column, value),) = changes.items()
    place.execute(f"UPDATE journal SET {column} = %s WHERE sequence = 5", value)
    with pytest.raises(Corruption) as refused:
        open_journal(place.url)
    assert refused.value.reason == "journal_tail"
    assert refused.value.attributes == {"sequence": sequence, "cause": cause}
    with open_journal(place.url, read_only=True) as damaged:  # tools may still look
        assert len(list(damaged.read())) == 5


@pytest.mark.parametrize("count", [1, 2])
def test_open_is_refused_when_one_of_few_entries_is_torn(place: Place, count: int) -> None:
    with open_journal(place.url) as journal:
        journal.append(build_records(count))
    open_journal(place.url).close()
    place.execute("UPDATE journal SET time_milliseconds = 0 WHERE sequence = %s", count)
    with pytest.raises(Corruption) as refused:
        open_journal(place.url)
    assert refused.value.attributes == {"sequence": count, "cause": "journal_hash"}


def test_replay_gives_the_same_state_when_read_from_the_file(journal: SqlJournal) -> None:
    clearing = Clearing().start(ALICE)
    try:
        journal.append(clearing.journal.records)
        state = replay(journal.read())
        assert (state.sequence, state.head) == journal.head()
        assert state.members == clearing.read(lambda original: list(original.members))
    finally:
        clearing.close()


def test_replay_stops_when_a_row_is_altered(journal: SqlJournal, place: Place) -> None:
    clearing = Clearing().start(ALICE)
    try:
        journal.append(clearing.journal.records)
    finally:
        clearing.close()
    ((payload,),) = place.execute("SELECT payload FROM journal WHERE sequence = 2")
    place.execute("UPDATE journal SET payload = %s WHERE sequence = 2", payload + b" ")
    with pytest.raises(Corruption) as refused:
        replay(journal.read())
    assert (refused.value.reason, refused.value.attributes["sequence"]) == ("journal_hash", 2)


# -- one writer, many readers -------------------------------------------------------------------


def test_second_writer_is_refused_when_one_is_open(journal: SqlJournal, place: Place) -> None:
    with pytest.raises(Conflict) as refused:
        open_journal(place.url)
    assert refused.value.reason == "journal_in_use"
    journal.append(build_records(1))
    journal.close()
    with open_journal(place.url) as successor:
        assert successor.head()[0] == 1


def test_reader_sees_new_records_and_cannot_write_when_read_only(
    journal: SqlJournal, place: Place
) -> None:
    records = build_records(3)
    journal.append(records[:1])
    with open_journal(place.url, read_only=True) as reader:
        assert list(reader.read()) == records[:1]
        journal.append(records[1:])
        assert list(reader.read(2)) == records[1:]
        assert reader.head() == (3, records[2].hash)
        with pytest.raises(Unavailable) as refused:
            reader.append(build_records(1, reader.head()))
        assert refused.value.reason == "journal_read_only"


def test_reader_reads_a_journal_that_was_closed(place: Place) -> None:
    with open_journal(place.url) as journal:
        journal.append(build_records(2))
    with open_journal(place.url, read_only=True) as reader:
        assert reader.head()[0] == 2


def test_readers_see_whole_prefixes_when_the_writer_appends(journal: SqlJournal) -> None:
    records = build_records(1_200)
    started, done = threading.Event(), threading.Event()
    lengths: list[int] = []
    wrong: list[str] = []

    def read() -> None:
        while True:
            last = done.is_set()
            seen = list(journal.read())
            if seen != records[: len(seen)]:
                wrong.append(f"{len(seen)} records are no prefix")
            lengths.append(len(seen))
            started.set()
            if last:
                return

    reader = threading.Thread(target=read)
    reader.start()
    assert started.wait(WAIT_SECONDS)
    for start in range(0, len(records), 40):
        journal.append(records[start : start + 40])
    done.set()
    reader.join(WAIT_SECONDS)
    assert not wrong
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (0, 1_200)


def test_read_goes_on_when_records_are_appended_meanwhile(journal: SqlJournal) -> None:
    records = build_records(700)
    journal.append(records[:600])
    reading = journal.read()
    first = [next(reading) for _ in range(10)]
    journal.append(records[600:])
    assert [*first, *reading] == records
