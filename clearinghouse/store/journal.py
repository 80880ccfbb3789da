"""The journal: append-only, hash-chained, durable when ``append`` returns.

On SQLite durability is one fsync of the log per append, whatever number of entries it carries; on
PostgreSQL one commit, which its synchronous standbys have too. Readers have connections of their
own and never block the writer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Row, func, insert, select

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.journal import record_hash, verify_record
from clearinghouse.errors import ClearingError, Corruption
from clearinghouse.store.database import Database
from clearinghouse.store.faults import UNREACHABLE
from clearinghouse.store.leadership import Leadership
from clearinghouse.store.opening import BUSY_TIMEOUT_MILLISECONDS, open_database
from clearinghouse.store.rows import JOURNAL, SNAPSHOT

_PAGE_ROWS_FIRST = 16
_PAGE_ROWS_MAX = 512
_PAGE_BYTES = 4 << 20
"""Read at once. No read transaction outlives a page, so a reader that dawdles, for example a stream
to a slow client, does not keep SQLite's log from being checkpointed, nor PostgreSQL from
vacuuming."""

_STATEMENT_ROWS = 64
_SNAPSHOT_AHEAD = select(func.max(SNAPSHOT.c.sequence))

_TAG = b'{"type":"'
"""Every encoded entry begins with it: the tag comes first."""


class SqlJournal:
    """The one durable list of entries; satisfies ``clearinghouse.intake.ports.Journal``.

    ``append`` is for one thread at a time, ``read`` and ``head`` for any number beside it.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._appending = threading.RLock()
        self._head: tuple[int, Hash32] | None = None
        """Known to the writer alone, and only while nothing went wrong."""
        self._in_doubt = False
        """Whether an append lost its connection and may still be committed by the server."""

    @property
    def leadership(self) -> Leadership:
        """The right to append to this journal; ``journal_read_only`` for a reader's."""
        return self.database.require_leadership()

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Write all records in one unit of work; durable on return.

        A lost connection is mended in here: once PostgreSQL answers again, the head tells whether
        the records were kept, and they are written again if not. So callers meet
        ``journal_unreachable`` only when it stayed away, and only then the outcome is unknown;
        ``head`` and ``read`` do not answer before it is known.

        Raises
        ------
        Unavailable
            ``journal_locked``, ``journal_unwritable``: nothing of the call was kept, but for a
            failed fsync, after which only the next start tells. ``journal_unreachable``: unknown.
            ``journal_read_only`` for a tool's.
        Conflict
            ``leadership_lost``: somebody else writes now; nothing of the call was kept, or its
            answer was lost before.
        Corruption
            ``journal_gap`` when the records do not follow the last one.
        """
        self.database.require_leadership()
        if not records:
            return
        with self._appending:
            verify_successors(self.head(), records)
            before, self._head = self._head or self.head(), None
            rows = [_row_of(record) for record in records]
            self.database.reconnecting(lambda: self._append_once(before, rows))
            self._head = (records[-1].sequence, records[-1].hash)

    def _append_once(self, before: tuple[int, Hash32], rows: list[dict[str, object]]) -> None:
        if self._in_doubt:
            found = self._await_head()
            if found == (rows[-1]["sequence"], rows[-1]["hash"]):
                return  # kept after all; only the answer was lost
            if found != before:
                raise Corruption(
                    "journal_gap",
                    f"the journal stands at {found[0]}, where only this process could have brought "
                    f"it from {before[0]}; stop the other writer",
                    expected=before[0],
                    sequence=found[0],
                )
        self._in_doubt = True
        try:
            self.database.write(lambda connection: _insert(connection, rows))
        except ClearingError as error:
            self._in_doubt = error.reason == UNREACHABLE
            raise
        self._in_doubt = False

    def _await_head(self) -> tuple[int, Hash32]:
        """Return the head once no append of ours can change it any more."""
        self.database.await_outcome()
        found = self._read_head()
        self._in_doubt = False
        return found

    def read(self, first_sequence: int = 1) -> Iterator[JournalRecord]:
        """Yield the records from ``first_sequence`` on that are there when they are reached.

        The chain is not verified: that is the fold's work (``clearinghouse.intake.replay``).

        Raises
        ------
        Unavailable
            ``journal_unreachable`` when PostgreSQL stays away.
        Corruption
            ``journal_unreadable``.
        """
        self._settle_doubt()
        next_sequence, limit = first_sequence, _PAGE_ROWS_FIRST
        while True:
            rows = self._read_page(next_sequence, limit)
            yield from map(_record_of, rows)
            if len(rows) < limit:
                return
            next_sequence = rows[-1].sequence + 1
            row_bytes = sum(len(row.payload) for row in rows) // limit + 1
            limit = max(1, min(2 * limit, _PAGE_ROWS_MAX, _PAGE_BYTES // row_bytes))

    def find(self, sequence: int) -> JournalRecord | None:
        """Return one record, reading no other row, for a writer that holds its lock meanwhile.

        Raises as ``read``.
        """
        self._settle_doubt()
        statement = select(JOURNAL).where(JOURNAL.c.sequence == sequence)
        row = self.database.read(lambda connection: connection.execute(statement).one_or_none())
        return None if row is None else _record_of(row)

    def head(self) -> tuple[int, Hash32]:
        """Return the last sequence and hash; (0, zero) when empty."""
        head = self._head
        if head is not None:
            return head
        self._settle_doubt()
        return self._read_head()

    def wait_beyond(self, sequence: int, timeout_seconds: float) -> None:
        """Return when there may be records after ``sequence``, or after the timeout."""
        if self.head()[0] <= sequence:
            self.database.wait_for_news(timeout_seconds)

    def close(self) -> None:
        """Give everything back; iterators that are still open must not be used any more."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _settle_doubt(self) -> None:
        if self._in_doubt:
            with self._appending:
                if self._in_doubt:
                    self._await_head()

    def _read_page(self, first_sequence: int, limit: int) -> Sequence[Row[Any]]:
        statement = (
            select(JOURNAL)
            .where(JOURNAL.c.sequence >= first_sequence)
            .order_by(JOURNAL.c.sequence)
            .limit(limit)
        )
        return self.database.read(lambda connection: connection.execute(statement).all())

    def _read_head(self) -> tuple[int, Hash32]:
        last = select(JOURNAL.c.sequence, JOURNAL.c.hash).order_by(JOURNAL.c.sequence.desc())
        row = self.database.read(lambda connection: connection.execute(last.limit(1)).one_or_none())
        return (0, ZERO_HASH) if row is None else (row.sequence, Hash32(row.hash))


def verify_successors(head: tuple[int, Hash32], records: Sequence[JournalRecord]) -> None:
    """Check that records follow ``head`` without a gap, each chained to the one before.

    A record that says which hash it was chained to is taken at its word, because hashing megabytes
    a second time here would find nothing that every reader does not look for.

    Raises
    ------
    Corruption
        ``journal_gap``: the writer's state is not the journal's; replay before writing on.
    """
    sequence, before = head
    for record in records:
        sequence += 1
        if record.before is None:
            chained = record_hash(before, sequence, record.time_milliseconds, record.payload)
            follows = record.hash == chained
        else:
            follows = record.before == before
        if record.sequence != sequence or not follows:
            raise Corruption(
                "journal_gap",
                f"entry {record.sequence} does not follow the journal's last, {sequence - 1}; "
                "replay the journal before writing on",
                expected=sequence,
                sequence=record.sequence,
            )
        before = record.hash


def verify_tail(journal: SqlJournal) -> None:
    """Check that the journal ends with a whole entry that follows the one before it, and not too
    early: a snapshot is taken of what is durable.

    Constant work, so that every start of a writer does it; ``replay`` checks the rest.

    Raises
    ------
    Corruption
        ``journal_tail`` with the sequence and what is wrong with it.
    """
    last, _ = journal.head()
    ahead = journal.database.read(lambda connection: connection.execute(_SNAPSHOT_AHEAD).scalar())
    if ahead is not None and ahead > last:
        raise Corruption(
            "journal_tail",
            f"the journal ends at {last}, but a snapshot was taken at {ahead}: its end was lost; "
            "restore it from a replica",
            sequence=last + 1,
            cause="snapshot_ahead",
        )
    if last == 0:
        return
    *previous, final = journal.read(max(last - 1, 1))
    before = previous[0].hash if previous else ZERO_HASH
    expected = last if previous or last == 1 else last - 1
    try:
        verify_record(before, expected, final)
    except Corruption as error:
        raise Corruption(
            "journal_tail",
            f"the journal's end is torn: {error.message}",
            sequence=expected,
            cause=error.reason,
        ) from error


def open_journal(
    url: str,
    *,
    read_only: bool = False,
    lead: bool = True,
    busy_timeout_milliseconds: int = BUSY_TIMEOUT_MILLISECONDS,
) -> SqlJournal:
    """Open a journal to write it now, or read-only, beside a running writer too.

    ``lead=False`` opens it for writing later: ``records_until_leading``
    (``clearinghouse.store.standby``) takes over once the present leader is gone. A SQLite file has
    one writer from the moment it is opened; there it makes no difference.

    Raises
    ------
    Rejected
        ``JOURNAL_URL_INVALID``.
    Conflict
        ``journal_in_use`` when another process writes it, ``journal_version`` when another
        release wrote it, ``journal_not_durable`` when PostgreSQL is set up to lose data.
    Unavailable
        ``journal_unwritable``, ``journal_locked``, ``journal_unreachable``, ``journal_denied``.
    Corruption
        ``journal_unreadable`` when it is no journal, ``journal_tail`` when its end is torn.
    """
    database = open_database(
        url, read_only=read_only, busy_timeout_milliseconds=busy_timeout_milliseconds
    )
    journal = SqlJournal(database)
    try:
        if lead and not read_only:
            journal.leadership.acquire()
            verify_tail(journal)
    except BaseException:
        journal.close()
        raise
    return journal


def _insert(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert in few statements, each answered before the next is sent.

    On PostgreSQL that rules out the driver's executemany: it pipelines, and after a pipeline
    PostgreSQL 18 was seen not to end sessions that idle inside a transaction, on which
    ``clearinghouse.store.lease`` relies when a leader is paused.
    """
    if connection.dialect.name != "postgresql":
        connection.execute(insert(JOURNAL), list(rows))
        return
    for start in range(0, len(rows), _STATEMENT_ROWS):
        page = rows[start : start + _STATEMENT_ROWS]
        values = ", ".join(["(%s, %s, %s, %s, %s)"] * len(page))
        connection.exec_driver_sql(
            "INSERT INTO journal (sequence, time_milliseconds, kind, payload, hash) "
            f"VALUES {values}",
            tuple(value for row in page for value in row.values()),
        )


def _record_of(row: Row[Any]) -> JournalRecord:
    return JournalRecord(row.sequence, row.time_milliseconds, row.payload, Hash32(row.hash))


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
