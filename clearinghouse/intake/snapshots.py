"""Snapshots of the state: a start replays only what came after the newest good one.

A snapshot saves time and decides nothing. It counts only while its bytes decode, hash to the state
hash kept beside them, and stand where the journal has the same hash; otherwise the next older one
is tried, and at worst the whole journal is replayed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec
import structlog

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.snapshot import decode_state, encode_state
from clearinghouse.book.state import State
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ClearingError
from clearinghouse.intake.replay import replay

log = structlog.get_logger()

FILLS_BETWEEN = 5_000_000
"""Fills after which a new snapshot is due: about two seconds of replay."""
ENTRIES_BETWEEN = 20_000
"""Entries after which one is due whatever they hold."""
LOOK_SECONDS = 1.0


class StoredHeader(Protocol):
    """What a snapshot says of itself."""

    @property
    def sequence(self) -> int: ...
    @property
    def state_hash(self) -> Hash32: ...


class StoredSnapshot(Protocol):
    """A snapshot whose bytes are those that were saved."""

    @property
    def header(self) -> StoredHeader: ...
    @property
    def payload(self) -> bytes: ...


class Snapshots(Protocol):
    """Where snapshots are kept, beside the journal."""

    def save(self, sequence: int, head: Hash32, state_hash: Hash32, payload: bytes) -> None:
        """Keep one; raises ``ClearingError`` when it cannot."""
        ...

    def find_newest(self, at_or_below: int | None = None) -> StoredSnapshot | None:
        """Return the newest whose checksum holds and whose journal this is."""
        ...


def find_snapshot_state(snapshots: Snapshots) -> State | None:
    """Return the state of the newest snapshot that is what it says, None where there is none."""
    found = snapshots.find_newest()
    while found is not None:
        sequence = found.header.sequence
        try:
            if keccak256(found.payload) == found.header.state_hash:
                state = decode_state(found.payload)
                if state.sequence == sequence:
                    return state
            log.error("snapshot.refused", reason="state_hash_mismatch", sequence=sequence)
        except (msgspec.DecodeError, ValueError) as error:
            log.error("snapshot.refused", reason="undecodable", sequence=sequence, error=str(error))
        found = snapshots.find_newest(sequence - 1)
    return None


def restore(
    read: Callable[[int], Iterable[JournalRecord]], snapshots: Snapshots | None = None
) -> State:
    """Return the state of a journal: newest good snapshot and tail, or all of it.

    ``read`` yields the records from a sequence on. Raises as ``replay``.
    """
    state = None if snapshots is None else find_snapshot_state(snapshots)
    if state is not None:
        log.info("snapshot.taken_up", sequence=state.sequence)
    return replay(read(state.sequence + 1 if state else 1), state)


class SnapshotTaker:
    """Saves a snapshot when one is due, in a thread of its own.

    The state is held still while it is encoded, not while it is written.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[State]],
        snapshots: Snapshots,
        fills_between: int = FILLS_BETWEEN,
        entries_between: int = ENTRIES_BETWEEN,
    ) -> None:
        self._reading = reading
        self._snapshots = snapshots
        self._fills_between = fills_between
        self._entries_between = entries_between
        with reading() as state:
            self._fills, self._sequence = state.fill_count, state.sequence
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def start(self) -> None:
        """Look every second until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and take a last snapshot if anything has happened: the next start is quick."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._try_to_take(due_only=False)

    def take(self, *, due_only: bool = False) -> bool:
        """Save the state as it is now, or only when one is due; tell whether it was saved.

        Raises
        ------
        ClearingError
            What the store raises; nothing depends on a snapshot, so one may go on.
        """
        with self._reading() as state:
            fills = state.fill_count - self._fills
            entries = state.sequence - self._sequence
            due = fills >= self._fills_between or entries >= self._entries_between
            if not entries or (due_only and not due):
                return False
            payload = encode_state(state)
            sequence, head, fill_count = state.sequence, state.head, state.fill_count
        self._snapshots.save(sequence, head, keccak256(payload), payload)
        self._sequence, self._fills = sequence, fill_count
        log.info("snapshot.saved", sequence=sequence, payload_bytes=len(payload))
        return True

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._try_to_take(due_only=True)

    def _try_to_take(self, *, due_only: bool) -> None:
        try:
            self.take(due_only=due_only)
        except ClearingError as error:
            log.warning("snapshot.not_saved", reason=error.reason, detail=error.message)
        except Exception:  # whatever it is, nothing depends on a snapshot and the next may be saved
            log.exception("snapshot.not_saved", reason="unexpected")
