"""Goal: a journal of an earlier release is migrated whole, one of a later release is refused.

Method: files made by the statements of the earlier release, word for word; tables made by the
migrations, compared with what the code expects.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlmodel import SQLModel

from clearinghouse.book.entries import JournalRecord
from clearinghouse.errors import Conflict, Corruption, Unavailable
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.rows import LEADERSHIP
from clearinghouse.store.schema import VERSIONS
from tests.unit.store.places import Place, PostgresPlace, SqlitePlace
from tests.unit.store.records import build_records

FIRST_RELEASE = """
CREATE TABLE journal (
	sequence INTEGER NOT NULL, 
	time_milliseconds INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	payload BLOB NOT NULL, 
	hash BLOB NOT NULL, 
	PRIMARY KEY (sequence)
)
 STRICT;
PRAGMA journal_mode=WAL;
PRAGMA user_version=1;
"""  # noqa: W291 - as SQLAlchemy wrote it


def build_first_release(place: SqlitePlace, records: list[JournalRecord]) -> None:
    """Make a file as the release before Alembic left it."""
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.executescript(FIRST_RELEASE)
        connection.executemany(
            "INSERT INTO journal VALUES (?, ?, 'venue_registered', ?, ?)",
            [(r.sequence, r.time_milliseconds, r.payload, r.hash) for r in records],
        )


def version(place: Place) -> list[tuple[str]]:
    return place.execute("SELECT version_num FROM alembic_version")  # type: ignore[return-value]


def test_versions_are_those_of_the_migrations() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", "clearinghouse.store:migrations")
    configuration.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(configuration)
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(revisions)) == VERSIONS


def test_migrations_make_the_tables_that_the_code_expects(
    journal: SqlJournal, place: Place
) -> None:
    def expected(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return not (kind == "table" and name == LEADERSHIP.name and isinstance(place, SqlitePlace))

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"include_object": expected, "compare_type": True}
        )
        return list(compare_metadata(context, SQLModel.metadata))

    assert journal.database.read(compare) == []
    assert version(place) == [(VERSIONS[-1],)]


def test_journal_is_migrated_when_the_first_release_wrote_it(sqlite_place: SqlitePlace) -> None:
    records = build_records(50)
    build_first_release(sqlite_place, records)
    with open_journal(sqlite_place.url) as journal:
        assert list(journal.read()) == records
        journal.append(build_records(1, journal.head()))
    assert version(sqlite_place) == [(VERSIONS[-1],)]
    assert sqlite_place.execute("PRAGMA user_version") == [(2,)]  # the first release refuses that
    assert sqlite_place.execute("SELECT count(*) FROM snapshot") == [(0,)]
    with open_journal(sqlite_place.url) as journal:
        assert journal.head()[0] == 51


def test_tool_is_told_to_migrate_when_the_first_release_wrote_it(
    sqlite_place: SqlitePlace,
) -> None:
    build_first_release(sqlite_place, build_records(1))
    with pytest.raises(Conflict) as refused:
        open_journal(sqlite_place.url, read_only=True)
    assert refused.value.reason == "journal_version"
    assert refused.value.attributes == {"version": "0001", "expected": VERSIONS[-1]}
    assert "clearinghouse journal migrate" in refused.value.message
    assert sqlite_place.execute("PRAGMA user_version") == [(1,)]


def test_migration_leaves_the_old_version_when_it_fails(sqlite_place: SqlitePlace) -> None:
    records = build_records(3)
    build_first_release(sqlite_place, records)
    sqlite_place.execute("CREATE TABLE snapshot_chunk (x)")  # the second table of the migration
    with pytest.raises((Corruption, Unavailable)):
        open_journal(sqlite_place.url)
    assert sqlite_place.execute("PRAGMA user_version") == [(1,)]
    names = sqlite_place.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
    assert names == [("journal",), ("snapshot_chunk",)]
    sqlite_place.execute("DROP TABLE snapshot_chunk")
    with open_journal(sqlite_place.url) as journal:
        assert list(journal.read()) == records


@pytest.mark.parametrize("read_only", [False, True])
def test_open_is_refused_by_name_when_a_newer_release_wrote_it(
    place: Place, read_only: bool
) -> None:
    open_journal(place.url).close()
    place.execute("UPDATE alembic_version SET version_num = '0107'")
    with pytest.raises(Conflict) as refused:
        open_journal(place.url, read_only=read_only)
    assert refused.value.reason == "journal_version"
    assert refused.value.attributes == {"version": "0107", "expected": VERSIONS[-1]}
    assert version(place) == [("0107",)]
    place.execute("UPDATE alembic_version SET version_num = %s", VERSIONS[-1])
    open_journal(place.url, read_only=read_only).close()


def test_tool_is_refused_when_the_database_is_empty(postgres_place: PostgresPlace) -> None:
    with pytest.raises(Corruption) as refused:
        open_journal(postgres_place.url, read_only=True)
    assert refused.value.reason == "journal_unreadable"
    assert postgres_place.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (0,)
    ]


def test_postgres_is_migrated_only_when_nobody_leads(postgres_place: PostgresPlace) -> None:
    records = build_records(2)
    with open_journal(postgres_place.url) as journal:
        journal.append(records)
        postgres_place.execute("DROP TABLE snapshot, snapshot_chunk")
        postgres_place.execute("UPDATE alembic_version SET version_num = '0001'")
        with pytest.raises(Conflict) as refused:
            open_journal(postgres_place.url)
        assert refused.value.reason == "journal_in_use"
        assert refused.value.attributes["version"] == "0001"
