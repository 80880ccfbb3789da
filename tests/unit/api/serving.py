"""A server in this process with ports that the tests hold in their hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import grpc

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.ports import Ports
from clearinghouse.api.server import ApiServer, build_server
from clearinghouse.api.views import CycleReport
from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import (
    Fill,
    FillBatch,
    PlacementLimit,
    Reason,
    Release,
    SignedOrder,
)
from clearinghouse.book.reference import Instrument
from clearinghouse.book.state import State
from clearinghouse.errors import Conflict, Rejected
from clearinghouse.intake.ports import BatchReceipt, ColumnsReceipt, OrdersReceipt
from tests.builders import WAIT_SECONDS

LOOPBACK = "127.0.0.1:0"


class FakeIntake:
    """Keeps what it is given; decides at once, or when the test says so."""

    def __init__(self) -> None:
        self.state = State()
        self.batches: list[FillRows | FillColumns] = []
        self.futures: list[Future[Any]] = []
        self.sent: list[Any] = []
        """Orders and mandates, as they came."""
        self.taken = threading.Condition()
        self.deciding = True
        self.refuse: Callable[[FillRows | FillColumns], Exception | None] = lambda batch: None

    def submit_batch(
        self, batch: FillRows, orders: Sequence[SignedOrder], signature: bytes
    ) -> Future[BatchReceipt]:
        return self._take(batch, receipt)

    def submit_columns(self, columns: FillColumns, signature: bytes) -> Future[ColumnsReceipt]:
        return self._take(columns, columns_receipt)

    def _take(self, batch: FillRows | FillColumns, answer: Callable[[int], Any]) -> Future[Any]:
        error = self.refuse(batch)
        if error is not None:
            raise error
        future: Future[Any] = Future()
        with self.taken:
            self.batches.append(batch)
            self.futures.append(future)
            self.taken.notify_all()
            number = len(self.batches)
        if self.deciding:
            future.set_result(answer(number))
        return future

    def register_orders(
        self, venue: Address, orders: Sequence[SignedOrder]
    ) -> Future[OrdersReceipt]:
        self.sent.append((venue, orders))
        return _done(OrdersReceipt(7, bytes(4 * len(orders)), b"\x01" * len(orders)))

    def register_mandated_orders(
        self, orders: MandatedOrders, signature: bytes
    ) -> Future[OrdersReceipt]:
        self.sent.append((orders, signature))
        return _done(OrdersReceipt(8, bytes(4 * orders.count), b"\x01" * orders.count))

    def register_mandates(self, mandates: Sequence[tuple[Mandate, bytes]]) -> Future[int]:
        self.sent.append(mandates)
        return _done(len(mandates))

    def wait_for(self, count: int) -> None:
        """Return when so many batches were taken."""
        with self.taken:
            assert self.taken.wait_for(lambda: len(self.batches) >= count, WAIT_SECONDS)

    def accept_placement_limits(
        self, limits: Sequence[tuple[PlacementLimit, bytes]]
    ) -> Future[int]:
        return _done(len(limits))

    def accept_release(self, release: Release, signature: bytes) -> Future[Hash32]:
        return _done(Hash32(b"\x07" * 32))

    def create_instrument(self, instrument: Instrument) -> Future[int]:
        return _done(instrument.instrument_id)

    def register_venue(self, venue: Address, name: str) -> Future[int]:
        return _done(len(name))

    @contextmanager
    def reading(self) -> Iterator[State]:
        yield self.state


class FakeTail:
    """A journal without entries that waits as a real one does."""

    def __init__(self) -> None:
        self.following = threading.Event()
        self.stopped = threading.Event()

    def follow(self, first_sequence: int, stop: threading.Event) -> Iterator[Any]:
        self.following.set()
        assert stop.wait(WAIT_SECONDS)
        self.stopped.set()
        yield from ()


class FakeCoordinator:
    """Cuts once."""

    def __init__(self) -> None:
        self.cycle = 0

    def request_cut(self) -> int:
        if self.cycle:
            raise Conflict("settlement_in_flight", "wait for home's decision", cycle=self.cycle)
        self.cycle = 7
        return self.cycle


class FakeReports:
    """Knows the reports it is given."""

    def __init__(self) -> None:
        self.reports: dict[int, CycleReport] = {}

    def get_cycle(self, cycle: int) -> CycleReport:
        if cycle not in self.reports:
            raise Rejected("CYCLE_UNKNOWN", "no such cycle", cycle=cycle)
        return self.reports[cycle]


def _done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def receipt(number: int) -> BatchReceipt:
    """Return the receipt that the fake gives to its n-th batch."""
    return BatchReceipt(number, (Reason.ADMITTED,) * (number % 3))


def columns_receipt(number: int) -> ColumnsReceipt:
    """Return the receipt that the fake gives to its n-th batch when that is columns."""
    return ColumnsReceipt(number, b"\x01" * (number % 3))


def columns_of(number: int, fills: int = 1) -> FillColumns:
    """Return columns that are told by their number."""
    batch_id = Hash32(number.to_bytes(32, "big"))
    column = [number] * fills
    return FillColumns.of(Address(b"\x03" * 20), batch_id, column, column, column, column)


def batch_of(number: int, fills: int = 1) -> FillBatch:
    """Return a batch that is told by its number."""
    fill = Fill(Hash32(b"\x01" * 32), Hash32(b"\x02" * 32), number, number)
    batch_id = Hash32(number.to_bytes(32, "big"))
    return FillBatch(Address(b"\x03" * 20), batch_id, (fill,) * fills)


def submissions(count: int) -> list[tuple[FillBatch, Sequence[SignedOrder], bytes]]:
    """Return batches 1, 2, ... with a signature that no fake looks at."""
    return [(batch_of(number), (), bytes(65)) for number in range(1, count + 1)]


class Served:
    """A started server, its ports and its clients."""

    def __init__(self, ports: Ports, options: ServerOptions) -> None:
        self.ports = ports
        self.server: ApiServer = build_server(ports, LOOPBACK, LOOPBACK, options)
        self.server.start()
        self.target = f"127.0.0.1:{self.server.port}"
        self.operation_target = f"127.0.0.1:{self.server.operation_port}"
        self.client = ClearinghouseClient(self.target, timeout_seconds=WAIT_SECONDS)
        self.operation = OperationClient(self.operation_target, timeout_seconds=WAIT_SECONDS)
        self.channel = grpc.insecure_channel(self.target)

    def close(self) -> None:
        self.client.close()
        self.operation.close()
        self.channel.close()
        self.server.stop(grace_seconds=0)

    def call_raw(self, method: str, encoded: bytes) -> bytes:
        """Call a unary method with bytes, as a broken client would."""
        call = self.channel.unary_unary(f"/clearinghouse.v1.{method}")
        answer: bytes = call(encoded, timeout=WAIT_SECONDS)
        return answer


@contextmanager
def serving(
    intake: Any = None,
    tail: Any = None,
    coordinator: Any = None,
    reports: Any = None,
    **options: Any,
) -> Iterator[Served]:
    """Serve with fakes where nothing else is given; everything is stopped at the end."""
    ports = Ports(
        intake or FakeIntake(),
        tail or FakeTail(),
        coordinator or FakeCoordinator(),
        reports or FakeReports(),
    )
    served = Served(ports, ServerOptions(**options))
    try:
        yield served
    finally:
        served.close()
