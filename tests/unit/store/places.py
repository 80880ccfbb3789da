"""Where a journal can lie, and how a foreign program looks at it and damages it there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from tests.postgres import PostgresServer


class Place(Protocol):
    """An empty place for one journal."""

    url: str

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement, with ``%s`` for values, behind the journal's back."""
        ...


class SqlitePlace:
    """A file in a directory of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement.replace("%s", "?"), values).fetchall()


class PostgresPlace:
    """A database of the test's own on a server that tests share."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        self.server = server
        self.database = database
        self.url = server.url(database)

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.server.execute(self.database, statement, *values)

    def expire_lease(self) -> None:
        """Let the leader's time run out now."""
        self.execute("UPDATE leadership SET expires_at = clock_timestamp()")

    def end_sessions(self) -> int:
        """Cut every connection to the database; return how many there were."""
        return self.server.end_sessions(self.database)
