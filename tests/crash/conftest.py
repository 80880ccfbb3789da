"""A started ledger on either database, and the one check that follows every crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearinghouse.store.journal import open_journal
from tests.builders import ALICE, BOB, Clearing
from tests.crash.auditor import Auditor
from tests.crash.load import FUNDED_QUANTA
from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One running server per test process."""
    with PostgresServer().start() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return start_ledger(f"sqlite:///{tmp_path / 'journal.db'}")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as database:
        yield start_ledger(postgres_server.url(database))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def auditor(request: pytest.FixtureRequest) -> Iterator[Auditor]:
    """Looks at the journal with the eyes of somebody who was not there."""
    name = next(n for n in ("url", "sqlite_url", "postgres_url") if n in request.fixturenames)
    with Auditor(request.getfixturevalue(name)) as auditor:
        yield auditor


def start_ledger(url: str) -> str:
    """Record everything that trading needs, and two members with money."""
    with open_journal(url) as journal:
        clearing = Clearing(journal)  # type: ignore[arg-type]
        try:
            clearing.start(ALICE, BOB, quanta=FUNDED_QUANTA)
        finally:
            clearing.close()
    return url
