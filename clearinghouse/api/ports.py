"""What the API needs from the clearinghouse; ``clearinghouse.app`` brings the objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from clearinghouse.api.views import CycleReport
from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import PlacementLimit, Release, SignedOrder
from clearinghouse.book.reference import Instrument
from clearinghouse.book.state import State
from clearinghouse.intake.ports import BatchReceipt, ColumnsReceipt, OrdersReceipt


class Intake(Protocol):
    """The sequencer. Signatures are verified in the calling thread; futures resolve when durable.

    Every method raises, or sets on its future, the errors of ``clearinghouse.errors``.
    """

    def submit_batch(
        self, batch: FillRows, orders: Sequence[SignedOrder], signature: bytes
    ) -> Future[BatchReceipt]:
        """Decide a venue's batch fill by fill."""
        ...

    def submit_columns(self, columns: FillColumns, signature: bytes) -> Future[ColumnsReceipt]:
        """Decide a venue's fills of numbered orders."""
        ...

    def register_orders(
        self, venue: Address, orders: Sequence[SignedOrder]
    ) -> Future[OrdersReceipt]:
        """Record orders ahead of their fills, each decided by itself."""
        ...

    def register_mandated_orders(
        self, orders: MandatedOrders, signature: bytes
    ) -> Future[OrdersReceipt]:
        """Record orders that a venue places under its members' mandates."""
        ...

    def register_mandates(self, mandates: Sequence[tuple[Mandate, bytes]]) -> Future[int]:
        """Record members' mandates, all or none; resolves to the journal sequence."""
        ...

    def accept_placement_limits(
        self, limits: Sequence[tuple[PlacementLimit, bytes]]
    ) -> Future[int]:
        """Record members' limits, all or none; resolves to the journal sequence."""
        ...

    def accept_release(self, release: Release, signature: bytes) -> Future[Hash32]:
        """Record a member's release request; resolves to the release id."""
        ...

    def create_instrument(self, instrument: Instrument) -> Future[int]:
        """List an instrument; resolves to the journal sequence."""
        ...

    def register_venue(self, venue: Address, name: str) -> Future[int]:
        """Let a venue's key sign batches; resolves to the journal sequence."""
        ...

    def reading(self) -> AbstractContextManager[State]:
        """Hold the state still while a view is taken; intake waits meanwhile."""
        ...


class JournalTail(Protocol):
    """The journal as a feed."""

    def follow(self, first_sequence: int, stop: threading.Event) -> Iterator[JournalRecord]:
        """Yield records from ``first_sequence`` on, then new ones, until ``stop`` is set."""
        ...


class Coordinator(Protocol):
    """Whoever cuts cycles and drives settlements."""

    def request_cut(self) -> int:
        """Cut a cycle now and return its number.

        Raises
        ------
        Conflict
            ``settlement_in_flight`` while home has not decided the last one.
        """
        ...


class CycleReports(Protocol):
    """What cycles saved and what their legs cost."""

    def get_cycle(self, cycle: int) -> CycleReport:
        """Return the report of a cycle that was cut.

        Raises
        ------
        Rejected
            ``CYCLE_UNKNOWN`` when there is no such cycle.
        """
        ...


@dataclass(frozen=True)
class Ports:
    """Everything the servicers talk to."""

    intake: Intake
    journal_tail: JournalTail
    coordinator: Coordinator
    cycle_reports: CycleReports
