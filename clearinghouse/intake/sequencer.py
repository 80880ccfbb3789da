"""The sequencer: one thread decides everything, in order, and answers once it is durable.

Callers put commands into bounded lanes, so that no sender can shut out another. The writer thread
takes what is waiting, decides each command against the state, appends all resulting entries to the
journal in one unit of work (one fsync for many batches) and only then resolves the callers'
futures. If the journal cannot be written, nothing of the group counts: the state is rebuilt from
the journal before the next command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.entries import (
    BatchRecorded,
    Entry,
    InstrumentListed,
    JournalRecord,
    MandatedOrdersRecorded,
    OrdersRecorded,
    VenueRegistered,
)
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import (
    REASON_OF_CODE,
    FillBatch,
    PlacementLimit,
    Release,
    SignedOrder,
)
from clearinghouse.book.ranges import require_bytes
from clearinghouse.book.reference import Instrument
from clearinghouse.book.state import State
from clearinghouse.errors import ClearingError, Corruption
from clearinghouse.intake.admission import admit_columns, admit_rows, enter_orders
from clearinghouse.intake.group import Group, decide_batch, orders_receipt, require_venue
from clearinghouse.intake.lanes import Lanes
from clearinghouse.intake.mandates import decide_mandates
from clearinghouse.intake.ports import (
    BatchReceipt,
    Clock,
    ColumnsReceipt,
    Journal,
    OrdersReceipt,
)
from clearinghouse.intake.registration import (
    check_instrument,
    decide_limits,
    decide_release,
    require_running,
)
from clearinghouse.intake.snapshots import Snapshots, restore
from clearinghouse.intake.verification import Verifier

LANE_LIMIT = 1_024
"""Commands that may wait in a lane; more are told ``queue_full`` instead of being kept."""
GROUP_LIMIT = 256
"""Commands that share one unit of work."""
GROUP_FILLS = 65_536
"""Fills after which a unit of work ends, so that others do not wait for long."""

_MEMBERS_LANE = b"members"
"""Lane of what members sign: anybody can make a key, so all of them share it."""
_OPERATOR_LANE = b"operator"
_SETTLEMENT_LANE = b"settlement"
"""Lane of what chains did and what is cut: clearing stops when it is refused, so that no sender may
be able to fill it."""
_ORDERS_LANE = b"orders of "
"""Begins the lane of orders for a venue: nobody signs for sending them, so they must not be able to
fill the lane of the venue's own batches."""


@dataclass(slots=True)
class _Command:
    decide: Callable[[Group], Any]
    future: Future[Any]


class Sequencer:
    """The single writer of the journal and the owner of the state."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        on_writable: Callable[[bool], None] = lambda writable: None,
        on_fatal: Callable[[Exception], None] = lambda error: None,
        snapshots: Snapshots | None = None,
        state: State | None = None,
    ) -> None:
        """Replay the journal from the newest good snapshot, and start.

        ``state`` is the journal's where the caller has replayed it already.

        ``on_writable`` hears when writing fails and when it works again, ``on_fatal`` of what must
        stop the process: data that contradicts itself.
        """
        self._journal = journal
        self._clock = clock
        self._on_writable = on_writable
        self._on_fatal = on_fatal
        self._snapshots = snapshots
        self._state: State | None = state or restore(journal.read, snapshots)
        self._venues: Mapping[Address, str] = self._state.venues
        """The state's own, to look at without the lock."""
        self._lock = threading.RLock()
        self._lanes: Lanes[_Command] = Lanes(LANE_LIMIT, GROUP_LIMIT, GROUP_FILLS)
        self._appended = threading.Condition()
        self._verifier: Verifier | None = None
        self._is_writable = True
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    # -- commands -------------------------------------------------------------------------------

    def submit_batch(
        self, batch: FillRows | FillBatch, orders: Sequence[SignedOrder], signature: bytes
    ) -> Future[BatchReceipt]:
        """Verify in this thread, then queue; the future resolves when the batch is durable.

        Raises
        ------
        Rejected
            When the batch itself is bad; see ``Verifier.verify_batch``.
        Unavailable
            ``queue_full``: send it again after a moment; the same batch id makes that safe.
        """
        verified = self._venue_verifier(batch.venue).verify_batch(batch, orders, signature)
        rows = verified.batch

        def decide(group: Group) -> BatchReceipt:
            def admit() -> BatchRecorded:
                return admit_rows(group.state, verified, group.time_seconds)

            entry, sequence = decide_batch(
                group, self._journal, (rows.venue, rows.batch_id), verified.digest, admit
            )
            return BatchReceipt(sequence, tuple(REASON_OF_CODE[code] for code in entry.reasons))

        return self._enqueue(decide, rows.venue, rows.count + len(orders))

    def submit_columns(self, columns: FillColumns, signature: bytes) -> Future[ColumnsReceipt]:
        """Verify a batch of numbered orders' fills in this thread, then queue; as ``submit_batch``.

        Raises as ``Verifier.verify_columns``.
        """
        verified = self._venue_verifier(columns.venue).verify_columns(columns, signature)

        def decide(group: Group) -> ColumnsReceipt:
            def admit() -> BatchRecorded:
                return admit_columns(group.state, verified, group.time_seconds)

            entry, sequence = decide_batch(
                group, self._journal, (columns.venue, columns.batch_id), verified.digest, admit
            )
            return ColumnsReceipt(sequence, entry.reasons)

        return self._enqueue(decide, columns.venue, columns.count)

    def register_orders(
        self, venue: Address, orders: Sequence[SignedOrder]
    ) -> Future[OrdersReceipt]:
        """Verify orders in this thread, then record those that are not known yet.

        Each order is decided by itself; the answer has a number and a reason for each.
        """
        verified = self._venue_verifier(venue).verify_orders(venue, orders)

        def decide(group: Group) -> OrdersReceipt:
            state = group.state
            require_running(state)
            require_venue(state.venues, venue)
            entered = enter_orders(state, venue, verified.good, group.time_seconds)
            if entered.recorded:
                group.add(OrdersRecorded(venue, group.time_seconds, entered.recorded), applied=True)
            return orders_receipt(state, verified.digests, {**verified.refused, **entered.refused})

        return self._enqueue(decide, _ORDERS_LANE + venue, len(orders))

    def register_mandated_orders(
        self, orders: MandatedOrders, signature: bytes
    ) -> Future[OrdersReceipt]:
        """Record orders that a venue places under its members' mandates; as ``register_orders``."""
        verified = self._venue_verifier(orders.venue).verify_mandated_orders(orders, signature)

        def decide(group: Group) -> OrdersReceipt:
            state = group.state
            require_running(state)
            require_venue(state.venues, orders.venue)
            before = len(state.orders)
            entered = enter_orders(state, orders.venue, verified.good, group.time_seconds)
            receipt = orders_receipt(
                state, verified.digests, {**verified.refused, **entered.refused}
            )
            if len(state.orders) == before:
                return receipt
            entry = MandatedOrdersRecorded(
                orders,
                verified.digest,
                verified.signature,
                group.time_seconds,
                b"".join(verified.digests),
                receipt.reasons,
            )
            return replace(receipt, sequence=group.add(entry, applied=True))

        return self._enqueue(decide, orders.venue, orders.count)

    def register_mandates(self, mandates: Sequence[tuple[Mandate, bytes]]) -> Future[int]:
        """Verify and record members' mandates; all of a call or none. Resolves to the sequence."""
        verifier = self._get_verifier()
        for mandate, signature in mandates:
            verifier.verify_mandate(mandate, signature)

        def decide(group: Group) -> int:
            require_running(group.state)
            for entry in decide_mandates(group.state, mandates):
                group.add(entry)
            return group.state.sequence

        return self._enqueue(decide, _MEMBERS_LANE, len(mandates))

    def accept_placement_limits(
        self, limits: Sequence[tuple[PlacementLimit, bytes]]
    ) -> Future[int]:
        """Verify and record members' limits; all of a call or none. Resolves to the sequence."""
        verifier = self._get_verifier()
        for limit, signature in limits:
            verifier.verify_placement_limit(limit, signature)

        def decide(group: Group) -> int:
            require_running(group.state)
            for entry in decide_limits(group.state, limits):
                group.add(entry)
            return group.state.sequence

        return self._enqueue(decide, _MEMBERS_LANE, len(limits))

    def accept_release(self, release: Release, signature: bytes) -> Future[Hash32]:
        """Verify, hold the quanta and record a member's release; resolves to the release id."""
        release_id = self._get_verifier().verify_release(release, signature)

        def decide(group: Group) -> Hash32:
            require_running(group.state)
            entry = decide_release(group.state, release_id, release, signature, group.time_seconds)
            if entry is not None:
                group.add(entry)
            return release_id

        return self._enqueue(decide, _MEMBERS_LANE)

    def create_instrument(self, instrument: Instrument) -> Future[int]:
        """Record an instrument; a repetition with the same content is harmless."""

        def decide(group: Group) -> int:
            known = group.state.instruments.get(instrument.instrument_id)
            if known == instrument:
                return group.state.sequence
            check_instrument(group.state, instrument, known)
            return group.add(InstrumentListed(instrument))

        return self._enqueue(decide, _OPERATOR_LANE)

    def register_venue(self, venue: Address, name: str) -> Future[int]:
        """Record a venue; a repetition with the same name is harmless."""

        require_bytes("venue", venue, 20)

        def decide(group: Group) -> int:
            if group.state.venues.get(venue) == name:
                return group.state.sequence
            return group.add(VenueRegistered(venue, name))

        return self._enqueue(decide, _OPERATOR_LANE)

    def record(self, decide: Callable[[State], Entry | None]) -> Future[int]:
        """Record what ``decide`` returns, decided in order with everything else.

        For the settlement room: what chains did, and what was cut. Resolves to the sequence, 0
        when there was nothing to record.
        """

        def command(group: Group) -> int:
            entry = decide(group.state)
            return 0 if entry is None else group.add(entry)

        return self._enqueue(command, _SETTLEMENT_LANE)

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

    def close(self) -> None:
        """Refuse new commands, finish the waiting ones, and stop the writer thread."""
        self._lanes.close()
        if self._thread.is_alive():
            self._thread.join()
        with self._appended:
            self._appended.notify_all()

    # -- the writer thread ----------------------------------------------------------------------

    def _get_verifier(self) -> Verifier:
        if self._verifier is None:
            with self.reading() as state:
                self._verifier = Verifier(state.get_genesis().clearinghouse_id)
        return self._verifier

    def _venue_verifier(self, venue: Address) -> Verifier:
        """Return the verifier, for registered venues only: no other key gets a lane or any work.

        The writer looks again, since what is registered here may yet fail to be written.
        """
        verifier = self._get_verifier()
        require_venue(self._venues, venue)
        return verifier

    def _enqueue(self, decide: Callable[[Group], Any], lane: bytes, weight: int = 1) -> Future[Any]:
        future: Future[Any] = Future()
        self._lanes.put(lane, _Command(decide, future), weight)
        return future

    def _current_state(self) -> State:
        """Return the state, rebuilt first if the last group could not be written."""
        if self._state is None:
            self._state = restore(self._journal.read, self._snapshots)
            self._venues = self._state.venues
        return self._state

    def _run(self) -> None:
        while commands := self._lanes.take():
            self._work(commands)

    def _work(self, waiting: list[_Command]) -> None:
        # A caller may have cancelled while it waited; from here on it no longer can.
        commands = [c for c in waiting if c.future.set_running_or_notify_cancel()]
        answers: list[tuple[_Command, Any]] = []
        with self._lock:
            try:
                group = Group(self._current_state(), self._clock.now_milliseconds())
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
        if not self._is_writable:
            self._is_writable = True
            self._on_writable(True)

    def _fail(self, commands: list[_Command], error: ClearingError) -> None:
        """Throw the state away: it may be ahead of the journal, which alone is true."""
        self._state = None
        if self._is_writable:
            self._is_writable = False
            self._on_writable(False)
        for command in commands:
            command.future.set_exception(error)
        if isinstance(error, Corruption):
            self._on_fatal(error)


def _answer(command: _Command, group: Group) -> Any:
    """Decide one command. Its refusal is its own answer; only Corruption ends the group."""
    try:
        return command.decide(group)
    except Corruption:
        raise
    except ClearingError as error:
        return error
