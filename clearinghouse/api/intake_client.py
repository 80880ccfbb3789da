"""The half of the client that sends what venues and members signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import grpc

from clearinghouse.api.connection import Connection
from clearinghouse.api.conversion.columns import (
    columns_receipt_from_message,
    columns_to_message,
    mandated_orders_to_message,
    orders_receipt_from_message,
)
from clearinghouse.api.conversion.fields import fitting, hash_of
from clearinghouse.api.conversion.mandates import signed_mandate_to_message
from clearinghouse.api.conversion.members import release_to_message, signed_limit_to_message
from clearinghouse.api.conversion.orders import (
    add_signed_orders,
    receipt_from_message,
    submission_to_message,
)
from clearinghouse.api.status import build_error, error_of_call
from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import FillBatch, PlacementLimit, Release, SignedOrder
from clearinghouse.errors import ClearingError
from clearinghouse.intake.ports import BatchReceipt, ColumnsReceipt, OrdersReceipt
from clearinghouse.v1 import intake_service_pb2, intake_service_pb2_grpc, members_pb2

Item = TypeVar("Item")
Receipt = TypeVar("Receipt")


class IntakeClient(Connection):
    """Sends orders, fills, mandates, limits and release requests. Safe to share between threads."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self._intake = intake_service_pb2_grpc.IntakeServiceStub(self._channel)

    # -- fills ----------------------------------------------------------------------------------

    def submit_batch(
        self, batch: FillBatch | FillRows, orders: Sequence[SignedOrder], signature: bytes
    ) -> BatchReceipt:
        """Submit a venue's batch; return its decision once it is durable.

        Raises
        ------
        Rejected
            When the batch as a whole is bad; a bad fill only has its reason in the receipt.
        Conflict
            ``BATCH_CONFLICT`` when the batch id was used with other content.
        Unavailable
            ``queue_full`` when too much of this venue waits: send it again after a moment.
        """
        request = submission_to_message(batch, orders, signature)
        return receipt_from_message(self._call(self._intake.SubmitBatch, request).receipt)

    def submit_columns(self, columns: FillColumns, signature: bytes) -> ColumnsReceipt:
        """Submit a venue's fills of numbered orders; as ``submit_batch``."""
        request = columns_to_message(columns, signature)
        return columns_receipt_from_message(self._call(self._intake.SubmitColumns, request).receipt)

    def stream_batches(
        self,
        submissions: Iterable[tuple[FillBatch | FillRows, Sequence[SignedOrder], bytes]],
    ) -> Iterator[BatchReceipt | ClearingError]:
        """Submit many batches without waiting for each; yield one answer per batch, in order.

        A batch that was refused yields its error; the stream goes on. The iterable is consumed in
        a thread of gRPC's while answers are yielded here. An error of the iterable ends the stream
        and is raised after the answers to what was sent.

        Raises
        ------
        ClearingError
            When the stream itself breaks; batches without an answer may be sent again.
        """

        def request_of(
            submission: tuple[FillBatch | FillRows, Sequence[SignedOrder], bytes],
        ) -> intake_service_pb2.StreamBatchesRequest:
            return intake_service_pb2.StreamBatchesRequest(
                submission=submission_to_message(*submission)
            )

        return _stream(self._intake.StreamBatches, submissions, request_of, receipt_from_message)

    def stream_columns(
        self, submissions: Iterable[tuple[FillColumns, bytes]]
    ) -> Iterator[ColumnsReceipt | ClearingError]:
        """Submit columns with their signatures without waiting for each; as ``stream_batches``."""

        def request_of(
            submission: tuple[FillColumns, bytes],
        ) -> intake_service_pb2.StreamColumnsRequest:
            return intake_service_pb2.StreamColumnsRequest(
                submission=columns_to_message(*submission)
            )

        return _stream(
            self._intake.StreamColumns, submissions, request_of, columns_receipt_from_message
        )

    # -- orders ---------------------------------------------------------------------------------

    def register_orders(self, venue: Address, orders: Sequence[SignedOrder]) -> OrdersReceipt:
        """Send orders ahead of their fills; return their numbers once they are durable.

        A bad order has its reason in the receipt; a known one is answered with its first number.
        Several calls at a time keep both ends busy.
        """
        with fitting("venue"):
            request = intake_service_pb2.RegisterOrdersRequest(venue=venue)
        add_signed_orders(request.orders, orders)
        return orders_receipt_from_message(self._call(self._intake.RegisterOrders, request).receipt)

    def register_mandated_orders(self, orders: MandatedOrders, signature: bytes) -> OrdersReceipt:
        """Send a venue's orders under its members' mandates; as ``register_orders``."""
        message = mandated_orders_to_message(orders)
        with fitting("signature"):
            request = intake_service_pb2.RegisterMandatedOrdersRequest(
                orders=message, signature=signature
            )
        return orders_receipt_from_message(
            self._call(self._intake.RegisterMandatedOrders, request).receipt
        )

    # -- members --------------------------------------------------------------------------------

    def register_mandates(self, mandates: Sequence[tuple[Mandate, bytes]]) -> int:
        """Record mandates with their signatures, all or none; return the sequence.

        Raises
        ------
        Conflict
            ``MANDATE_SUPERSEDED`` when one with the same or a greater nonce is in force.
        """
        request = intake_service_pb2.RegisterMandatesRequest(
            mandates=[signed_mandate_to_message(*mandate) for mandate in mandates]
        )
        sequence: int = self._call(self._intake.RegisterMandates, request).sequence
        return sequence

    def register_placement_limits(self, limits: Sequence[tuple[PlacementLimit, bytes]]) -> int:
        """Record placement limits with their signatures, all or none; return the sequence."""
        request = intake_service_pb2.RegisterPlacementLimitsRequest(
            limits=[signed_limit_to_message(*limit) for limit in limits]
        )
        sequence: int = self._call(self._intake.RegisterPlacementLimits, request).sequence
        return sequence

    def request_release(self, release: Release, signature: bytes) -> Hash32:
        """Record a release request and hold its quanta; return the release id."""
        request = intake_service_pb2.RequestReleaseRequest(
            release=members_pb2.SignedRelease(
                release=release_to_message(release), signature=signature
            )
        )
        return hash_of("release id", self._call(self._intake.RequestRelease, request).release_id)


def _stream(
    method: Callable[[Iterator[Any]], Any],
    submissions: Iterable[Item],
    request_of: Callable[[Item], Any],
    receipt_of: Callable[[Any], Receipt],
) -> Iterator[Receipt | ClearingError]:
    """Send a request per submission and yield the answers; see ``IntakeClient.stream_batches``."""
    failures: list[BaseException] = []

    def requests() -> Iterator[Any]:
        try:
            for submission in submissions:
                yield request_of(submission)
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    call = method(requests())
    try:
        for response in call:
            if response.WhichOneof("answer") == "receipt":
                yield receipt_of(response.receipt)
            else:
                refusal = response.refusal
                yield build_error(refusal.reason, refusal.message, refusal.metadata)
    except grpc.RpcError as error:
        raise error_of_call(error) from error
    finally:
        call.cancel()
    if failures:
        raise failures[0]
