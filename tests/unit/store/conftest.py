"""The same tests on both databases: ``place`` is a SQLite file, then a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearinghouse.store.journal import SqlJournal, open_journal
from tests.postgres import PostgresServer
from tests.unit.store.places import Place, PostgresPlace, SqlitePlace

LOCK_MILLISECONDS = 50
"""How long an impatient journal waits for a foreign lock."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One running server per test process."""
    with PostgresServer().start() as server:
        yield server


@pytest.fixture
def sqlite_place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path / "journal.db")


@pytest.fixture
def postgres_place(postgres_server: PostgresServer) -> Iterator[PostgresPlace]:
    with postgres_server.database() as database:
        yield PostgresPlace(postgres_server, database)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def journal(place: Place) -> Iterator[SqlJournal]:
    with open_journal(place.url) as journal:
        yield journal


@pytest.fixture
def impatient(place: Place) -> Iterator[SqlJournal]:
    """A journal that hardly waits for foreign locks."""
    with open_journal(place.url, busy_timeout_milliseconds=LOCK_MILLISECONDS) as journal:
        yield journal
