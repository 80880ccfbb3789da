"""The journal in SQLite: append-only, hash-chained, durable when ``append`` returns.

Durability rests on WAL with ``synchronous=FULL``: every commit is one fsync of the log, whatever
number of entries it carries. Readers have connections of their own and never block the writer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import SQLModel

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.journal import record_hash
from clearinghouse.errors import Conflict, Corruption, Rejected, Unavailable
from clearinghouse.store.faults import translating
from clearinghouse.store.rows import JOURNAL, SCHEMA_VERSION
from clearinghouse.store.writer_lock import WriterLock

BUSY_TIMEOUT_MILLISECONDS = 5_000
"""How long SQLite waits for a lock that a foreign program holds."""

_PAGE_ROWS = 256
"""Rows read at once. No read transaction outlives a page, so a reader that dawdles, for example a
stream to a slow client, does not keep the log from being checkpointed."""

_TAG = b'{"type":"'
"""Every encoded entry begins with it: the tag comes first."""


class SqlJournal:
    """The one durable list of entries; satisfies ``clearinghouse.intake.ports.Journal``.

    ``append`` is for one thread at a time, ``read`` and ``head`` for any number beside it.
    """

    def __init__(self, engine: Engine, lock: WriterLock | None) -> None:
        self._engine = engine
        self._lock = lock
        self._appending = threading.Lock()
        self._head: tuple[int, Hash32] | None = None
        """Known to the writer alone, and only while nothing went wrong."""

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Write all records in one unit of work; durable on return.

        Raises
        ------
        Unavailable
            ``journal_locked``, ``journal_unwritable``: nothing of the call was kept, but for a
            failed fsync, after which only ``head`` tells. ``journal_read_only`` for a tool's.
        Corruption
            ``journal_gap`` when the records do not follow the last one.
        """
        if self._lock is None:
            raise Unavailable("journal_read_only", "open the journal for writing to append to it")
        if not records:
            return
        with self._appending:
            verify_successors(self.head(), records)
            self._head = None
            with translating(), self._engine.begin() as connection:
                connection.execute(insert(JOURNAL), [_row_of(record) for record in records])
            self._head = (records[-1].sequence, records[-1].hash)

    def read(self, first_sequence: int = 1) -> Iterator[JournalRecord]:
        """Yield the records from ``first_sequence`` on that are there when they are reached.

        The chain is not verified: that is the fold's work (``clearinghouse.intake.replay``).

        Raises
        ------
        Corruption
            ``journal_unreadable``.
        """
        next_sequence = first_sequence
        while True:
            statement = (
                select(JOURNAL)
                .where(JOURNAL.c.sequence >= next_sequence)
                .order_by(JOURNAL.c.sequence)
                .limit(_PAGE_ROWS)
            )
            with translating(), self._engine.connect() as connection:
                rows = connection.execute(statement).all()
            for row in rows:
                yield JournalRecord(
                    row.sequence, row.time_milliseconds, row.payload, Hash32(row.hash)
                )
            if len(rows) < _PAGE_ROWS:
                return
            next_sequence = rows[-1].sequence + 1

    def head(self) -> tuple[int, Hash32]:
        """Return the last sequence and hash; (0, zero) when empty."""
        head = self._head
        if head is not None:
            return head
        last = select(JOURNAL.c.sequence, JOURNAL.c.hash).order_by(JOURNAL.c.sequence.desc())
        with translating(), self._engine.connect() as connection:
            row = connection.execute(last.limit(1)).one_or_none()
        return (0, ZERO_HASH) if row is None else (row.sequence, Hash32(row.hash))

    def close(self) -> None:
        """Give the file back; iterators that are still open must not be used any more."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def verify_successors(head: tuple[int, Hash32], records: Sequence[JournalRecord]) -> None:
    """Check that records follow ``head`` without a gap, each chained to the one before.

    Raises
    ------
    Corruption
        ``journal_gap``: the writer's state is not the journal's; replay before writing on.
    """
    sequence, before = head
    for record in records:
        sequence += 1
        chained = record_hash(before, sequence, record.time_milliseconds, record.payload)
        if record.sequence != sequence or record.hash != chained:
            raise Corruption(
                "journal_gap",
                f"entry {record.sequence} does not follow the journal's last, {sequence - 1}; "
                "replay the journal before writing on",
                expected=sequence,
                sequence=record.sequence,
            )
        before = record.hash


def open_journal(
    url: str,
    *,
    read_only: bool = False,
    busy_timeout_milliseconds: int = BUSY_TIMEOUT_MILLISECONDS,
) -> SqlJournal:
    """Open a journal, ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.

    For writing it is created where it is absent, in an existing directory. ``read_only`` is for
    tools, beside a running writer too; the file must exist.

    Raises
    ------
    Rejected
        ``JOURNAL_URL_INVALID`` for anything but a SQLite file.
    Conflict
        ``journal_in_use`` when another process writes it, ``journal_version`` when another
        release wrote it.
    Unavailable
        ``journal_unwritable``, ``journal_locked``.
    Corruption
        ``journal_unreadable`` when the file is no journal.
    """
    path = _path_of(url)
    lock = None if read_only else WriterLock(path)
    engine = _engine(path, read_only, busy_timeout_milliseconds)
    try:
        with translating(), engine.begin() as connection:
            _require_schema(connection, create=not read_only)
    except BaseException:
        engine.dispose()
        if lock is not None:
            lock.release()
        raise
    return SqlJournal(engine, lock)


def _path_of(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise Rejected("JOURNAL_URL_INVALID", f"a journal is sqlite:///FILE, was {url!r}", url=url)
    return Path(parsed.database).resolve()


def _engine(path: Path, read_only: bool, busy_timeout_milliseconds: int) -> Engine:
    url = URL.create(
        "sqlite",
        database=path.as_uri(),
        query={"mode": "ro" if read_only else "rwc", "uri": "true"},
    )
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # Transactions are begun below: the driver's own implicit BEGIN comes too late for reads.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={busy_timeout_milliseconds}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
            return
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise Unavailable(
                "journal_unwritable",
                f"the file system of {path} offers no shared memory (mode {mode}); "
                "keep the journal on a local disk",
                mode=mode,
            )
        connection.execute("PRAGMA synchronous=FULL")
        # On macOS fsync leaves data in the drive's cache; elsewhere this changes nothing.
        connection.execute("PRAGMA fullfsync=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _require_schema(connection: Connection, *, create: bool) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version == SCHEMA_VERSION:
        return
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
    if version == 0 and tables == 0 and create:
        SQLModel.metadata.create_all(connection, tables=[JOURNAL])
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
        return
    if version == 0:
        raise Corruption("journal_unreadable", "the file is no journal; configure the right one")
    raise Conflict(
        "journal_version",
        f"the journal has schema {version}, this release has {SCHEMA_VERSION}; run the release "
        "that wrote it, or migrate",
        version=version,
        expected=SCHEMA_VERSION,
    )


def _row_of(record: JournalRecord) -> dict[str, object]:
    if not record.payload.startswith(_TAG):
        raise Corruption(
            "journal_entry", "a payload is not an encoded entry", sequence=record.sequence
        )
    return {
        "sequence": record.sequence,
        "time_milliseconds": record.time_milliseconds,
        "kind": record.payload[len(_TAG) : record.payload.index(b'"', len(_TAG))].decode(),
        "payload": record.payload,
        "hash": record.hash,
    }
