"""Goal: what only SQLite does: files, locks of the operating system, a disk that is full.

Method: real files; ``test_journal`` has what both databases have in common.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from clearinghouse.errors import Conflict, Corruption, Rejected, Unavailable
from clearinghouse.store.journal import SqlJournal, open_journal
from tests.unit.store.places import Place, SqlitePlace
from tests.unit.store.records import build_records


@pytest.fixture
def place(sqlite_place: SqlitePlace) -> Place:
    return sqlite_place


def pragma_of(journal: SqlJournal, name: str) -> object:
    """Return a setting of the connection that the journal writes through."""
    with journal.database.engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("fullfsync", 1), ("busy_timeout", 5_000)],
)
def test_journal_sets_durability_when_opened(
    journal: SqlJournal, setting: str, value: object
) -> None:
    assert pragma_of(journal, setting) == value


def test_table_is_strict_when_text_is_written_for_bytes(
    journal: SqlJournal, sqlite_place: SqlitePlace
) -> None:
    journal.append(build_records(1))
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in BLOB column"):
        sqlite_place.execute("UPDATE journal SET payload = 'text'")


def test_open_is_refused_when_the_file_is_no_database(sqlite_place: SqlitePlace) -> None:
    sqlite_place.path.write_bytes(b"not a database, not at all " * 100)
    with pytest.raises(Corruption) as refused:
        open_journal(sqlite_place.url)
    assert refused.value.reason == "journal_unreadable"


def test_open_is_refused_when_the_file_is_another_database(sqlite_place: SqlitePlace) -> None:
    sqlite_place.execute("CREATE TABLE other (x)")
    with pytest.raises(Corruption) as refused:
        open_journal(sqlite_place.url)
    assert refused.value.reason == "journal_unreadable"


def test_reading_is_refused_when_pages_are_overwritten(sqlite_place: SqlitePlace) -> None:
    with open_journal(sqlite_place.url) as journal:
        journal.append(build_records(500))
    content = bytearray(sqlite_place.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    sqlite_place.path.write_bytes(content)
    with pytest.raises(Corruption) as refused:
        open_journal(sqlite_place.url)
    assert refused.value.reason == "journal_unreadable"


def test_open_is_refused_when_the_file_is_truncated(sqlite_place: SqlitePlace) -> None:
    with open_journal(sqlite_place.url) as journal:
        journal.append(build_records(500))
    with sqlite_place.path.open("r+b") as file:
        file.truncate(sqlite_place.path.stat().st_size - 3 * 4096)
    with pytest.raises(Corruption) as refused:
        open_journal(sqlite_place.url)
    assert refused.value.reason == "journal_unreadable"


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
    impatient: SqlJournal, sqlite_place: SqlitePlace
) -> None:
    records = build_records(1)
    with closing(sqlite3.connect(sqlite_place.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refused:
            impatient.append(records)
        assert refused.value.reason == "journal_locked"
        assert list(impatient.read()) == []
        foreign.execute("ROLLBACK")
    impatient.append(records)
    assert impatient.head()[0] == 1


def test_open_is_refused_when_the_directory_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        open_journal(f"sqlite:///{tmp_path}/absent/journal.db")
    assert refused.value.reason == "journal_unwritable"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "journal.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://host",
        "mysql://host/database",
        "not a url",
    ],
)
def test_open_is_refused_when_the_url_names_no_file(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        open_journal(url)
    assert refused.value.reason == "JOURNAL_URL_INVALID"


def test_second_writer_is_refused_until_the_first_process_dies(sqlite_place: SqlitePlace) -> None:
    program = (
        "import sys; from clearinghouse.store.journal import open_journal\n"
        "journal = open_journal(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, sqlite_place.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(Conflict) as refused:
                open_journal(sqlite_place.url)
            assert refused.value.reason == "journal_in_use"
        finally:
            holder.kill()
    with open_journal(sqlite_place.url) as journal:
        journal.append(build_records(1))


def test_read_only_open_creates_nothing_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        open_journal(f"sqlite:///{tmp_path}/journal.db", read_only=True)
    assert refused.value.reason == "journal_unwritable"
    assert list(tmp_path.iterdir()) == []
