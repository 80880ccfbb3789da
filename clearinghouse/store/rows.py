"""Rows of the store's tables. They never leave this package.

``clearinghouse/store/migrations`` makes the tables; a test holds the two against each other.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

_INT64 = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's INTEGER has 64 bits, and its strict tables know no other integer."""


class JournalRow(SQLModel, table=True):
    """One entry in its place; written once, never changed, never deleted."""

    __tablename__ = "journal"
    __table_args__ = {"sqlite_strict": True}
    """Without it SQLite would store text where bytes belong, and a reader would meet it."""

    sequence: int = Field(sa_column=Column(_INT64, primary_key=True, autoincrement=False))
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


class SnapshotRow(SQLModel, table=True):
    """What a snapshot claims; a snapshot exists once this row does, which is written last."""

    __tablename__ = "snapshot"
    __table_args__ = {"sqlite_strict": True}

    sequence: int = Field(sa_column=Column(_INT64, primary_key=True, autoincrement=False))
    """Of the last journal entry that the state contains."""
    head: bytes = Field(sa_type=LargeBinary)
    """That entry's hash: ties the snapshot to this journal and no other."""
    state_hash: bytes = Field(sa_type=LargeBinary)
    encoding_version: int = Field(sa_type=_INT64)
    """Of the payload; a release reads its own only."""
    payload_bytes: int = Field(sa_type=_INT64)
    chunks: int = Field(sa_type=_INT64)
    checksum: bytes = Field(sa_type=LargeBinary)
    """SHA-256 over all of the above and the payload."""


class SnapshotChunkRow(SQLModel, table=True):
    """A piece of a payload; without its snapshot's row it is left over from a crash."""

    __tablename__ = "snapshot_chunk"
    __table_args__ = {"sqlite_strict": True}

    sequence: int = Field(sa_column=Column(_INT64, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(_INT64, primary_key=True, autoincrement=False))
    """0, 1, 2, ..."""
    payload: bytes = Field(sa_type=LargeBinary)


class LeadershipRow(SQLModel, table=True):
    """Who may append; one row, on PostgreSQL only. See ``clearinghouse.store.lease``."""

    __tablename__ = "leadership"

    journal: str = Field(sa_column=Column(Text, primary_key=True))
    """``journal``: the table that the row guards."""
    holder: str = Field(sa_type=Text)
    """For people; empty before the first leader."""
    term: int = Field(sa_type=BigInteger)
    """The fencing token: one more with every leader."""
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    """By the database's clock."""


JOURNAL: Table = SQLModel.metadata.tables["journal"]
SNAPSHOT: Table = SQLModel.metadata.tables["snapshot"]
SNAPSHOT_CHUNK: Table = SQLModel.metadata.tables["snapshot_chunk"]
LEADERSHIP: Table = SQLModel.metadata.tables["leadership"]
