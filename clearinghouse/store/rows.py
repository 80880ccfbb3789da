"""Rows of the journal's table. They never leave this package."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

_INT64 = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's INTEGER has 64 bits, and its strict tables know no other integer."""

SCHEMA_VERSION = 1
"""Of the tables below; a file of another version is refused, never guessed at."""


class JournalRow(SQLModel, table=True):
    """One entry in its place; written once, never changed, never deleted."""

    __tablename__ = "journal"
    __table_args__ = {"sqlite_strict": True}
    """Without it SQLite would store text where bytes belong, and a reader would meet it."""

    sequence: int = Field(sa_column=Column(_INT64, primary_key=True))
    """1, 2, 3, ... On SQLite an INTEGER PRIMARY KEY is the row id itself: appending never splits a
    page."""
    time_milliseconds: int = Field(sa_type=_INT64)
    """Since the epoch, by the writer's clock."""
    kind: str = Field(sa_type=Text)
    """The entry's tag, for people and ``sqlite3``: nothing is decided by it."""
    payload: bytes = Field(sa_type=LargeBinary)
    """The encoded entry."""
    hash: bytes = Field(sa_type=LargeBinary)
    """Chains the entry to all before it."""


JOURNAL: Table = SQLModel.metadata.tables["journal"]
