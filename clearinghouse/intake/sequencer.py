"""The sequencer: one thread decides everything, in order, and answers once it is durable.

Callers put commands into a bounded queue. The writer thread takes what is waiting, decides each
command against the state, appends all resulting entries to the journal in one unit of work (one
fsync for many batches) and only then resolves the callers' futures. If the journal cannot be
written, nothing of the group counts: the state is rebuilt from the journal before the next command.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from clearinghouse.book.entries import (
    BatchRecorded,
    Entry,
    InstrumentListed,
    JournalRecord,
    VenueRegistered,
    encode_entry,
)
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.orders import FillBatch, PlacementLimit, Release, SignedOrder
from clearinghouse.book.ranges import require_bytes
from clearinghouse.book.reference import Instrument
from clearinghouse.book.state import BatchAnswer, State
from clearinghouse.book.transition import apply
from clearinghouse.commitment.journal import record_hash
from clearinghouse.errors import ClearingError, Conflict, Corruption, Rejected, Unavailable
from clearinghouse.intake.admission import admit_batch
from clearinghouse.intake.ports import BatchReceipt, Clock, Journal
from clearinghouse.intake.registration import (
    check_instrument,
    decide_limits,
    decide_release,
    require_running,
)
from clearinghouse.intake.replay import replay
from clearinghouse.intake.verification import VerifiedBatch, Verifier

QUEUE_LIMIT = 4_096
"""Commands that may wait; beyond it callers are told ``queue_full`` instead of being kept."""
GROUP_LIMIT = 256
"""Commands that share one unit of work."""


@dataclass(slots=True)
class _Command:
    decide: Callable[[_Group], Any]
    future: Future[Any]


class _Group:
    """The entries of one unit of work, chained and applied as they are added."""

    def __init__(self, state: State, time_milliseconds: int) -> None:
        self.state = state
        self.time_milliseconds = time_milliseconds
        self.records: list[JournalRecord] = []

    def add(self, entry: Entry, *, applied: bool = False) -> int:
        """Chain an entry and apply it, unless its effects are there; return its sequence."""
        payload = encode_entry(entry)
        sequence = self.state.sequence + 1
        digest = record_hash(self.state.head, sequence, self.time_milliseconds, payload)
        self.records.append(JournalRecord(sequence, self.time_milliseconds, payload, digest))
        self.state.sequence, self.state.head = sequence, digest
        if not applied:
            apply(self.state, entry)
        return sequence


class Sequencer:
    """The single writer of the journal and the owner of the state."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        on_writable: Callable[[bool], None] = lambda writable: None,
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """Replay the journal and start.

        ``on_writable`` hears when writing fails and when it works again, ``on_fatal`` of what must
        stop the process: data that contradicts itself.
        """
        self._journal = journal
        self._clock = clock
        self._on_writable = on_writable
        self._on_fatal = on_fatal
        self._state: State | None = replay(journal.read())
        self._lock = threading.RLock()
        self._queue: queue.Queue[_Command | None] = queue.Queue(QUEUE_LIMIT)
        self._appended = threading.Condition()
        self._verifier: Verifier | None = None
        self._failure: ClearingError | None = None
        self._gate = threading.Lock()
        self._accepting = True
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    # -- commands -------------------------------------------------------------------------------

    def submit_batch(
        self, batch: FillBatch, orders: Sequence[SignedOrder], signature: bytes
    ) -> Future[BatchReceipt]:
        """Verify in this thread, then queue; the future resolves when the batch is durable.

        Raises
        ------
        Rejected
            When the batch itself is bad; see ``Verifier.verify_batch``.
        Unavailable
            ``queue_full``: send it again after a moment; the same batch id makes that safe.
        """
        verified = self._get_verifier().verify_batch(batch, orders, signature)
        return self._enqueue(lambda group: self._decide_batch(group, verified))

    def accept_placement_limits(
        self, limits: Sequence[tuple[PlacementLimit, bytes]]
    ) -> Future[int]:
        """Verify and record members' limits; all of a call or none. Resolves to the sequence."""
        verifier = self._get_verifier()
        for limit, signature in limits:
            verifier.verify_placement_limit(limit, signature)

        def decide(group: _Group) -> int:
            require_running(group.state)
            for entry in decide_limits(group.state, limits):
                group.add(entry)
            return group.state.sequence

        return self._enqueue(decide)

    def accept_release(self, release: Release, signature: bytes) -> Future[Hash32]:
        """Verify, hold the quanta and record a member's release; resolves to the release id."""
        release_id = self._get_verifier().verify_release(release, signature)

        def decide(group: _Group) -> Hash32:
            require_running(group.state)
            now_seconds = group.time_milliseconds // 1000
            entry = decide_release(group.state, release_id, release, signature, now_seconds)
            if entry is not None:
                group.add(entry)
            return release_id

        return self._enqueue(decide)

    def create_instrument(self, instrument: Instrument) -> Future[int]:
        """Record an instrument; a repetition with the same content is harmless."""

        def decide(group: _Group) -> int:
            known = group.state.instruments.get(instrument.instrument_id)
            if known == instrument:
                return group.state.sequence
            check_instrument(group.state, instrument, known)
            return group.add(InstrumentListed(instrument))

        return self._enqueue(decide)

    def register_venue(self, venue: Address, name: str) -> Future[int]:
        """Record a venue; a repetition with the same name is harmless."""

        require_bytes("venue", venue, 20)

        def decide(group: _Group) -> int:
            if group.state.venues.get(venue) == name:
                return group.state.sequence
            return group.add(VenueRegistered(venue, name))

        return self._enqueue(decide)

    def record(self, decide: Callable[[State], Entry | None]) -> Future[int]:
        """Record what ``decide`` returns, decided in order with everything else.

        For the settlement room: what chains did, and what was cut. Resolves to the sequence, 0
        when there was nothing to record.
        """

        def command(group: _Group) -> int:
            entry = decide(group.state)
            return 0 if entry is None else group.add(entry)

        return self._enqueue(command)

    # -- views ----------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[State]:
        """Hold the state still between two groups; be brief, intake waits."""
        with self._lock:
            yield self._current_state()

    def follow(self, first_sequence: int, stop: threading.Event) -> Iterator[JournalRecord]:
        """Yield records from ``first_sequence`` on and wait for new ones until ``stop`` is set."""
        following = first_sequence
        while not stop.is_set():
            for record in self._journal.read(following):
                yield record
                following = record.sequence + 1
            with self._appended:
                if self._journal.head()[0] < following:
                    self._appended.wait(timeout=0.5)

    @property
    def failure(self) -> ClearingError | None:
        """Why the last group could not be written, or None; health reports it."""
        return self._failure

    def close(self) -> None:
        """Refuse new commands, finish the waiting ones, and stop the writer thread."""
        with self._gate:
            self._accepting = False
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        with self._appended:
            self._appended.notify_all()

    # -- the writer thread ----------------------------------------------------------------------

    def _get_verifier(self) -> Verifier:
        if self._verifier is None:
            with self.reading() as state:
                self._verifier = Verifier(state.get_genesis().clearinghouse_id)
        return self._verifier

    def _enqueue(self, decide: Callable[[_Group], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        with self._gate:  # so that nothing is queued behind the mark at which the writer stops
            if not self._accepting:
                raise Unavailable(
                    "shutting_down", "the clearinghouse is stopping; send again later"
                )
            try:
                self._queue.put_nowait(_Command(decide, future))
            except queue.Full as error:
                raise Unavailable(
                    "queue_full", "too many commands wait; send this one again after a moment"
                ) from error
        return future

    def _current_state(self) -> State:
        """Return the state, rebuilt first if the last group could not be written."""
        if self._state is None:
            self._state = replay(self._journal.read())
        return self._state

    def _run(self) -> None:
        while True:
            commands, last = self._take()
            if commands:
                self._work(commands)
            if last:
                return

    def _take(self) -> tuple[list[_Command], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        commands = [first]
        with suppress(queue.Empty):
            while len(commands) < GROUP_LIMIT:
                command = self._queue.get_nowait()
                if command is None:
                    return commands, True
                commands.append(command)
        return commands, False

    def _work(self, waiting: list[_Command]) -> None:
        # A caller may have cancelled while it waited; from here on it no longer can.
        commands = [c for c in waiting if c.future.set_running_or_notify_cancel()]
        answers: list[tuple[_Command, Any]] = []
        with self._lock:
            try:
                group = _Group(self._current_state(), self._clock.now_milliseconds())
                for command in commands:
                    answers.append((command, _answer(command, group)))
                if group.records:
                    self._journal.append(group.records)
                self._recover()
            except ClearingError as error:
                self._fail(commands, error)
                return
            except Exception as error:  # noqa: BLE001 - callers must be answered whatever it is
                failure = Corruption("sequencer_failed", f"unexpected: {error!r}")
                failure.__cause__ = error
                self._fail(commands, failure)
                return
        for command, answer in answers:
            if isinstance(answer, ClearingError):
                command.future.set_exception(answer)
            else:
                command.future.set_result(answer)
        with self._appended:
            self._appended.notify_all()

    def _recover(self) -> None:
        if self._failure is not None:
            self._failure = None
            self._on_writable(True)

    def _fail(self, commands: list[_Command], error: ClearingError) -> None:
        """Throw the state away: it may be ahead of the journal, which alone is true."""
        self._state = None
        if self._failure is None:
            self._on_writable(False)
        self._failure = error
        for command in commands:
            command.future.set_exception(error)
        if isinstance(error, Corruption):
            self._on_fatal(error)

    def _decide_batch(self, group: _Group, verified: VerifiedBatch) -> BatchReceipt:
        state, batch = group.state, verified.batch
        known = state.batches.get((batch.venue, batch.batch_id))
        if known is not None:
            if known.digest != verified.digest:
                raise Conflict(
                    "BATCH_CONFLICT",
                    "this batch id was used with other content; take a new id",
                    batch_id=batch.batch_id.hex(),
                )
            return BatchReceipt(known.sequence, known.reasons)
        require_running(state)
        if batch.venue not in state.venues:
            raise Rejected(
                "VENUE_UNKNOWN", "have the operator register this venue's key", venue=batch.venue
            )
        entry = admit_batch(state, verified, group.time_milliseconds // 1000)
        sequence = group.add(entry, applied=True)
        reasons = tuple(fill.reason for fill in entry.fills)
        _enter_batch(state, entry, sequence)
        return BatchReceipt(sequence, reasons)


def _enter_batch(state: State, entry: BatchRecorded, sequence: int) -> None:
    reasons = tuple(fill.reason for fill in entry.fills)
    state.batches[(entry.venue, entry.batch_id)] = BatchAnswer(entry.digest, sequence, reasons)


def _answer(command: _Command, group: _Group) -> Any:
    """Decide one command. Its refusal is its own answer; only Corruption ends the group."""
    try:
        return command.decide(group)
    except Corruption:
        raise
    except ClearingError as error:
        return error
