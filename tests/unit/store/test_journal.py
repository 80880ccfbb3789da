"""Goal: what ``append`` returned from is there for ever; what it refused left no trace.

Method: real files, looked at and damaged behind the journal's back with ``sqlite3``.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.journal import record_hash, verify_record
from clearinghouse.errors import Conflict, Corruption, Rejected, Unavailable
from clearinghouse.intake.replay import replay
from clearinghouse.store.journal import SqlJournal, open_journal
from tests.builders import ALICE, Clearing
from tests.unit.store.records import build_records

WAIT_SECONDS = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def journal(url: str) -> Iterator[SqlJournal]:
    with open_journal(url, busy_timeout_milliseconds=50) as journal:
        yield journal


def execute(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement on the file as a foreign program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def pragma_of(journal: SqlJournal, name: str) -> object:
    """Return a setting of the connection that the journal writes through."""
    with journal._engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


# -- appending and reading ----------------------------------------------------------------------


def test_journal_returns_records_unchanged_when_reopened(url: str) -> None:
    records = build_records(600)
    with open_journal(url) as journal:
        journal.append(records[:1])
        journal.append(records[1:])
    with open_journal(url) as journal:
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


@pytest.mark.parametrize(
    ("setting", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("fullfsync", 1), ("busy_timeout", 50)],
)
def test_journal_sets_durability_when_opened(
    journal: SqlJournal, setting: str, value: object
) -> None:
    assert pragma_of(journal, setting) == value


def test_append_writes_the_entry_kind_when_it_records(journal: SqlJournal, path: Path) -> None:
    journal.append(build_records(1))
    assert execute(path, "SELECT sequence, kind FROM journal") == [(1, "venue_registered")]


def test_append_is_one_unit_of_work_when_several_records(journal: SqlJournal, path: Path) -> None:
    records = build_records(3)
    execute(path, "CREATE TRIGGER t BEFORE INSERT ON journal WHEN NEW.sequence = 3 "
                  "BEGIN SELECT RAISE(ABORT, 'no'); END")  # fmt: skip
    with pytest.raises(Corruption):
        journal.append(records)
    assert list(journal.read()) == []
    assert journal.head() == (0, ZERO_HASH)


# -- gaps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["gap", "repetition", "foreign predecessor", "hash", "inner"])
def test_append_is_refused_when_records_do_not_follow(journal: SqlJournal, broken: str) -> None:
    first, *rest = build_records(5)
    journal.append([first])
    records = {
        "gap": rest[1:],
        "repetition": [first],
        "foreign predecessor": build_records(2, (1, Hash32(b"\x01" * 32))),
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
    ("damage", "reason", "sequence"),
    [
        ("UPDATE journal SET payload = CAST(replace(payload, 'venue', 'venuf') AS BLOB) "
            "WHERE sequence = 3",
         "journal_hash", 3),
        ("UPDATE journal SET payload = substr(payload, 1, 20) WHERE sequence = 5",
         "journal_hash", 5),
        ("UPDATE journal SET time_milliseconds = 0 WHERE sequence = 2", "journal_hash", 2),
        ("UPDATE journal SET hash = zeroblob(32) WHERE sequence = 4", "journal_hash", 4),
        ("DELETE FROM journal WHERE sequence = 3", "journal_gap", 4),
        ("DELETE FROM journal WHERE sequence = 1", "journal_gap", 2),
    ],
)  # fmt: skip
def test_verify_record_names_the_entry_when_a_row_is_altered(
    journal: SqlJournal, path: Path, damage: str, reason: str, sequence: int
) -> None:
    journal.append(build_records(5))
    verify(journal)
    execute(path, damage)
    with pytest.raises(Corruption) as refused:
        verify(journal)
    assert refused.value.reason == reason
    assert refused.value.attributes["sequence"] == sequence


def test_table_is_strict_when_text_is_written_for_bytes(journal: SqlJournal, path: Path) -> None:
    journal.append(build_records(1))
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in BLOB column"):
        execute(path, "UPDATE journal SET payload = 'text'")


def test_replay_gives_the_same_state_when_read_from_the_file(journal: SqlJournal) -> None:
    clearing = Clearing().start(ALICE)
    try:
        journal.append(clearing.journal.records)
        state = replay(journal.read())
        assert (state.sequence, state.head) == journal.head()
        assert state.members == clearing.read(lambda original: list(original.members))
    finally:
        clearing.close()


def test_replay_stops_when_a_row_is_altered(journal: SqlJournal, path: Path) -> None:
    clearing = Clearing().start(ALICE)
    try:
        journal.append(clearing.journal.records)
    finally:
        clearing.close()
    execute(path, "UPDATE journal SET payload = CAST(payload || ' ' AS BLOB) WHERE sequence = 2")
    with pytest.raises(Corruption) as refused:
        replay(journal.read())
    assert (refused.value.reason, refused.value.attributes["sequence"]) == ("journal_hash", 2)


def test_open_is_refused_when_the_file_is_no_database(path: Path, url: str) -> None:
    path.write_bytes(b"not a database, not at all " * 100)
    with pytest.raises(Corruption) as refused:
        open_journal(url)
    assert refused.value.reason == "journal_unreadable"


def test_open_is_refused_when_the_file_is_another_database(path: Path, url: str) -> None:
    execute(path, "CREATE TABLE other (x)")
    with pytest.raises(Corruption) as refused:
        open_journal(url)
    assert refused.value.reason == "journal_unreadable"


def test_reading_is_refused_when_pages_are_overwritten(path: Path, url: str) -> None:
    with open_journal(url) as journal:
        journal.append(build_records(500))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with open_journal(url) as journal:
        with pytest.raises(Corruption) as refused:
            list(journal.read())
    assert refused.value.reason == "journal_unreadable"


def test_open_is_refused_when_another_release_wrote_it(path: Path, url: str) -> None:
    open_journal(url).close()
    execute(path, "PRAGMA user_version=99")
    with pytest.raises(Conflict) as refused:
        open_journal(url)
    assert refused.value.reason == "journal_version"
    execute(path, "PRAGMA user_version=1")
    open_journal(url).close()


# -- what the machine refuses -------------------------------------------------------------------


def test_append_keeps_nothing_and_recovers_when_the_disk_is_full(journal: SqlJournal) -> None:
    journal.append(build_records(1))
    pages = pragma_of(journal, "page_count")
    assert isinstance(pages, int)
    pragma_of(journal, f"max_page_count={pages + 2}")
    long = build_records(50, journal.head(), name="x" * 2_000)
    with pytest.raises(Unavailable) as refused:
        journal.append(long)
    assert refused.value.reason == "journal_unwritable"
    assert refused.value.attributes["code"] == "SQLITE_FULL"
    assert journal.head()[0] == 1
    pragma_of(journal, "max_page_count=1000000")
    journal.append(long)
    assert journal.head() == (51, long[-1].hash)


def test_append_is_refused_and_recovers_when_the_file_is_locked(
    journal: SqlJournal, path: Path
) -> None:
    records = build_records(1)
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refused:
            journal.append(records)
        assert refused.value.reason == "journal_locked"
        assert list(journal.read()) == []
        foreign.execute("ROLLBACK")
    journal.append(records)
    assert journal.head()[0] == 1


def test_open_is_refused_when_the_directory_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        open_journal(f"sqlite:///{tmp_path}/absent/journal.db")
    assert refused.value.reason == "journal_unwritable"


@pytest.mark.parametrize(
    "url", ["", "journal.db", "sqlite://", "sqlite:///:memory:", "postgresql://host/database"]
)
def test_open_is_refused_when_the_url_names_no_file(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        open_journal(url)
    assert refused.value.reason == "JOURNAL_URL_INVALID"


# -- one writer, many readers -------------------------------------------------------------------


def test_second_writer_is_refused_when_one_is_open(journal: SqlJournal, url: str) -> None:
    with pytest.raises(Conflict) as refused:
        open_journal(url)
    assert refused.value.reason == "journal_in_use"
    journal.append(build_records(1))
    journal.close()
    with open_journal(url) as successor:
        assert successor.head()[0] == 1


def test_second_writer_is_refused_until_the_first_process_dies(url: str, path: Path) -> None:
    program = (
        "import sys; from clearinghouse.store.journal import open_journal\n"
        "journal = open_journal(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(Conflict) as refused:
                open_journal(url)
            assert refused.value.reason == "journal_in_use"
        finally:
            holder.kill()
    with open_journal(url) as journal:
        journal.append(build_records(1))


def test_reader_sees_new_records_and_cannot_write_when_read_only(
    journal: SqlJournal, url: str
) -> None:
    records = build_records(3)
    journal.append(records[:1])
    with open_journal(url, read_only=True) as reader:
        assert list(reader.read()) == records[:1]
        journal.append(records[1:])
        assert list(reader.read(2)) == records[1:]
        assert reader.head() == (3, records[2].hash)
        with pytest.raises(Unavailable) as refused:
            reader.append(build_records(1, reader.head()))
        assert refused.value.reason == "journal_read_only"


def test_reader_reads_a_journal_that_was_closed(url: str) -> None:
    with open_journal(url) as journal:
        journal.append(build_records(2))
    with open_journal(url, read_only=True) as reader:
        assert reader.head()[0] == 2


def test_read_only_open_creates_nothing_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        open_journal(f"sqlite:///{tmp_path}/journal.db", read_only=True)
    assert refused.value.reason == "journal_unwritable"
    assert list(tmp_path.iterdir()) == []


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
