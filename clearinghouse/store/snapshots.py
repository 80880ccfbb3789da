"""Snapshots: the state at a sequence, so that a start replays only the journal's tail.

A snapshot is never trusted more than the journal. It is taken only while the journal has its
``head`` at its sequence and its checksum holds; otherwise the next older one is, and at worst the
whole journal is replayed. What the payload means is the caller's business.

A snapshot is written piece by piece, so that appends go on in between, and begins to exist with the
row that is written last. Pieces without that row are left over from a crash and are swept up by the
next save.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Executable, Row, and_, delete, insert, select

from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import Conflict, Corruption
from clearinghouse.store.database import Database
from clearinghouse.store.rows import JOURNAL, SNAPSHOT, SNAPSHOT_CHUNK

log = structlog.get_logger()

CHUNK_BYTES = 2 << 20
"""Of a piece: an append waits for one at most, some milliseconds."""
KEPT_MAX = 3
"""Snapshots kept; one would do, the others are for the day on which it is damaged."""


@dataclass(frozen=True)
class SnapshotHeader:
    """What a snapshot says of itself."""

    sequence: int
    """Of the last journal entry that the state contains."""
    head: Hash32
    """That entry's hash."""
    state_hash: Hash32
    encoding_version: int
    payload_bytes: int


@dataclass(frozen=True)
class Snapshot:
    """A verified snapshot: its bytes are what was saved, and its journal is this one."""

    header: SnapshotHeader
    payload: bytes


class SnapshotStore:
    """The snapshots beside a journal; saving needs leadership, finding does not.

    Any thread may use it; a save waits for the one before.
    """

    def __init__(
        self, database: Database, encoding_version: int, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        """``encoding_version`` is that of the payloads which this release reads and writes."""
        self._database = database
        self._encoding_version = encoding_version
        self._chunk_bytes = chunk_bytes
        self._saving = threading.Lock()

    def save(self, sequence: int, head: Hash32, state_hash: Hash32, payload: bytes) -> None:
        """Keep a snapshot of a state that contains entry ``sequence`` and all before it.

        A repetition changes nothing. The oldest beyond ``KEPT_MAX`` are dropped.

        Raises
        ------
        Conflict
            ``snapshot_foreign`` when the journal's entry there has another hash, or does not exist;
            ``leadership_lost``.
        Unavailable
            As of the journal; a snapshot is a convenience, so the caller may as well go on.
        """
        with self._saving:
            if any(known.sequence == sequence for known in self.read_headers()):
                return
            if self._database.read(lambda connection: _journal_hash(connection, sequence)) != head:
                raise Conflict(
                    "snapshot_foreign",
                    f"the journal's entry {sequence} is not the one that this state contains; take "
                    "the snapshot of the state that the journal leads to",
                    sequence=sequence,
                )
            header = SnapshotHeader(
                sequence, head, state_hash, self._encoding_version, len(payload)
            )
            self._sweep()
            chunks = self._write_chunks(sequence, payload)
            self._finish(header, chunks, _checksum(header, [payload]))
            self._sweep()

    def find_newest(self, at_or_below: int | None = None) -> Snapshot | None:
        """Return the newest good snapshot, verified; damaged ones are logged and passed over.

        Snapshots of another encoding are passed over too: another release wrote them.
        """
        for header in self.read_headers():
            if at_or_below is not None and header.sequence > at_or_below:
                continue
            if header.encoding_version != self._encoding_version:
                log.info(
                    "snapshot.other_encoding",
                    sequence=header.sequence,
                    encoding_version=header.encoding_version,
                )
                continue
            try:
                return self.get_verified(header.sequence)
            except Corruption as error:
                log.error("snapshot.refused", reason=error.reason, **error.attributes)
        return None

    def read_headers(self) -> list[SnapshotHeader]:
        """Return what the snapshots say of themselves, newest first; nothing is verified."""
        statement = select(SNAPSHOT).order_by(SNAPSHOT.c.sequence.desc())
        rows = self._database.read(lambda connection: connection.execute(statement).all())
        return [_header_of(row) for row in rows]

    def get_verified(self, sequence: int) -> Snapshot:
        """Return a snapshot after checking it against its checksum and the journal.

        Raises
        ------
        Corruption
            ``snapshot_corrupt`` with ``sequence`` and ``cause``: ``absent``, ``head_mismatch`` (it
            is of another journal, or the journal lost its end), ``chunk_missing``, ``checksum``.
        """
        found = self._database.read(lambda connection: _find_row(connection, sequence))
        if found is None:
            raise _corrupt(sequence, "absent")
        header = _header_of(found)
        if self._database.read(lambda c: _journal_hash(c, sequence)) != header.head:
            raise _corrupt(sequence, "head_mismatch")
        chunks = [self._read_chunk(sequence, number) for number in range(found.chunks)]
        if sum(len(chunk) for chunk in chunks) != header.payload_bytes:
            raise _corrupt(sequence, "chunk_missing")
        if _checksum(header, chunks) != found.checksum:
            raise _corrupt(sequence, "checksum")
        return Snapshot(header, b"".join(chunks))

    def _read_chunk(self, sequence: int, number: int) -> bytes:
        """Return one piece: what the driver holds of a payload at once is no more than that."""
        statement = select(SNAPSHOT_CHUNK.c.payload).where(_is_chunk(sequence, number))
        found: bytes | None = self._database.read(
            lambda connection: connection.execute(statement).scalar_one_or_none()
        )
        if found is None:
            raise _corrupt(sequence, "chunk_missing")
        return found

    def _write_chunks(self, sequence: int, payload: bytes) -> int:
        starts = range(0, len(payload), self._chunk_bytes)
        for number, start in enumerate(starts):
            piece = payload[start : start + self._chunk_bytes]
            row = {"sequence": sequence, "number": number, "payload": piece}
            place = _is_chunk(sequence, number)
            self._write(delete(SNAPSHOT_CHUNK).where(place), insert(SNAPSHOT_CHUNK).values(row))
        return len(starts)

    def _sweep(self) -> None:
        """Delete the pieces of snapshots that do not exist, one at a time."""
        left_over = select(SNAPSHOT_CHUNK.c.sequence, SNAPSHOT_CHUNK.c.number).where(
            SNAPSHOT_CHUNK.c.sequence.not_in(select(SNAPSHOT.c.sequence))
        )
        for row in self._database.read(lambda c: c.execute(left_over).all()):
            self._write(delete(SNAPSHOT_CHUNK).where(_is_chunk(row.sequence, row.number)))

    def _write(self, *statements: Executable) -> None:
        """Execute in one unit of work; again, when its outcome was lost: they clear their place."""

        def change(connection: Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        self._database.write_repeatedly(change)

    def _finish(self, header: SnapshotHeader, chunks: int, checksum: bytes) -> None:
        kept = select(SNAPSHOT.c.sequence).order_by(SNAPSHOT.c.sequence.desc()).limit(KEPT_MAX)
        row = {
            "sequence": header.sequence,
            "head": header.head,
            "state_hash": header.state_hash,
            "encoding_version": header.encoding_version,
            "payload_bytes": header.payload_bytes,
            "chunks": chunks,
            "checksum": checksum,
        }
        self._write(
            delete(SNAPSHOT).where(SNAPSHOT.c.sequence == header.sequence),
            insert(SNAPSHOT).values(row),
            delete(SNAPSHOT).where(SNAPSHOT.c.sequence.not_in(kept)),
        )


def _checksum(header: SnapshotHeader, pieces: Sequence[bytes]) -> bytes:
    """Return SHA-256 over the header, fixed width, and the payload."""
    digest = hashlib.sha256(
        header.sequence.to_bytes(8, "big", signed=True)
        + header.head
        + header.state_hash
        + header.encoding_version.to_bytes(8, "big", signed=True)
        + header.payload_bytes.to_bytes(8, "big", signed=True)
    )
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _corrupt(sequence: int, cause: str) -> Corruption:
    return Corruption(
        "snapshot_corrupt",
        f"the snapshot at {sequence} is not to be trusted ({cause}); an older one or the whole "
        "journal leads to the same state",
        sequence=sequence,
        cause=cause,
    )


def _header_of(row: Row[Any]) -> SnapshotHeader:
    return SnapshotHeader(
        row.sequence,
        Hash32(row.head),
        Hash32(row.state_hash),
        row.encoding_version,
        row.payload_bytes,
    )


def _find_row(connection: Connection, sequence: int) -> Row[Any] | None:
    statement = select(SNAPSHOT).where(SNAPSHOT.c.sequence == sequence)
    return connection.execute(statement).one_or_none()


def _journal_hash(connection: Connection, sequence: int) -> bytes | None:
    statement = select(JOURNAL.c.hash).where(JOURNAL.c.sequence == sequence)
    found: bytes | None = connection.execute(statement).scalar_one_or_none()
    return found


def _is_chunk(sequence: int, number: int) -> ColumnElement[bool]:
    return and_(SNAPSHOT_CHUNK.c.sequence == sequence, SNAPSHOT_CHUNK.c.number == number)
