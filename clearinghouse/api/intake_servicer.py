"""IntakeService: messages to values, values to the sequencer, its answer back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import grpc

from clearinghouse.api.conversion.columns import (
    columns_from_message,
    columns_receipt_to_message,
    mandated_orders_from_message,
    orders_receipt_to_message,
)
from clearinghouse.api.conversion.fields import address_of, submessage_of
from clearinghouse.api.conversion.mandates import signed_mandate_from_message
from clearinghouse.api.conversion.members import release_from_message, signed_limit_from_message
from clearinghouse.api.conversion.orders import (
    receipt_to_message,
    signed_orders_from_messages,
    submission_from_message,
)
from clearinghouse.api.lifetime import Lifetime
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.ports import Intake
from clearinghouse.api.streams import Submission, submissions_of
from clearinghouse.api.waiting import result_of
from clearinghouse.errors import ClearingError, Rejected
from clearinghouse.intake.ports import BatchReceipt, ColumnsReceipt
from clearinghouse.v1 import fills_pb2, intake_service_pb2

MAXIMUM_LIMITS = 8_192
"""Placement limits of one call."""
MAXIMUM_MANDATES = 8_192
"""Mandates of one call."""

Result = TypeVar("Result")
Receipt = TypeVar("Receipt")


class IntakeServicer:
    """Takes what venues and members signed."""

    def __init__(self, intake: Intake, lifetime: Lifetime, options: ServerOptions) -> None:
        self._intake = intake
        self._lifetime = lifetime
        self._options = options

    def SubmitBatch(  # noqa: N802 - the name in the proto
        self, request: intake_service_pb2.SubmitBatchRequest, context: grpc.ServicerContext
    ) -> intake_service_pb2.SubmitBatchResponse:
        """Decide a batch and answer once it is durable."""
        batch, orders, signature = submission_from_message(request)
        receipt = self._result(self._intake.submit_batch(batch, orders, signature), context)
        return intake_service_pb2.SubmitBatchResponse(
            receipt=receipt_to_message(batch.batch_id, receipt)
        )

    def StreamBatches(  # noqa: N802
        self,
        requests: Iterator[intake_service_pb2.StreamBatchesRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[intake_service_pb2.StreamBatchesResponse]:
        """Submit batches as they arrive, in a thread of the stream's own; answer them in order."""

        def submit(request: intake_service_pb2.StreamBatchesRequest) -> Submission[BatchReceipt]:
            return _submission(
                request.submission.batch.batch_id,
                lambda: self._intake.submit_batch(
                    *submission_from_message(submessage_of(request, "submission"))
                ),
            )

        for submission, result in self._results(requests, context, submit):
            if isinstance(result, fills_pb2.BatchRefusal):
                yield intake_service_pb2.StreamBatchesResponse(refusal=result)
            else:
                receipt = receipt_to_message(submission.batch_id, result)
                yield intake_service_pb2.StreamBatchesResponse(receipt=receipt)

    def SubmitColumns(  # noqa: N802
        self, request: intake_service_pb2.SubmitColumnsRequest, context: grpc.ServicerContext
    ) -> intake_service_pb2.SubmitColumnsResponse:
        """Decide fills as columns and answer once it is durable."""
        columns, signature = columns_from_message(request)
        receipt = self._result(self._intake.submit_columns(columns, signature), context)
        return intake_service_pb2.SubmitColumnsResponse(
            receipt=columns_receipt_to_message(columns.batch_id, receipt)
        )

    def StreamColumns(  # noqa: N802
        self,
        requests: Iterator[intake_service_pb2.StreamColumnsRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[intake_service_pb2.StreamColumnsResponse]:
        """Do the same with columns as ``StreamBatches`` with rows."""

        def submit(request: intake_service_pb2.StreamColumnsRequest) -> Submission[ColumnsReceipt]:
            return _submission(
                request.submission.columns.batch_id,
                lambda: self._intake.submit_columns(
                    *columns_from_message(submessage_of(request, "submission"))
                ),
            )

        for submission, result in self._results(requests, context, submit):
            if isinstance(result, fills_pb2.BatchRefusal):
                yield intake_service_pb2.StreamColumnsResponse(refusal=result)
            else:
                receipt = columns_receipt_to_message(submission.batch_id, result)
                yield intake_service_pb2.StreamColumnsResponse(receipt=receipt)

    def RegisterOrders(  # noqa: N802
        self, request: intake_service_pb2.RegisterOrdersRequest, context: grpc.ServicerContext
    ) -> intake_service_pb2.RegisterOrdersResponse:
        """Record orders ahead of their fills and answer with their numbers."""
        venue = address_of("venue", request.venue)
        orders = signed_orders_from_messages(request.orders)
        receipt = self._result(self._intake.register_orders(venue, orders), context)
        return intake_service_pb2.RegisterOrdersResponse(receipt=orders_receipt_to_message(receipt))

    def RegisterMandatedOrders(  # noqa: N802
        self,
        request: intake_service_pb2.RegisterMandatedOrdersRequest,
        context: grpc.ServicerContext,
    ) -> intake_service_pb2.RegisterMandatedOrdersResponse:
        """Record orders that a venue places under its members' mandates."""
        orders = mandated_orders_from_message(submessage_of(request, "orders"))
        future = self._intake.register_mandated_orders(orders, request.signature)
        return intake_service_pb2.RegisterMandatedOrdersResponse(
            receipt=orders_receipt_to_message(self._result(future, context))
        )

    def RegisterMandates(  # noqa: N802
        self, request: intake_service_pb2.RegisterMandatesRequest, context: grpc.ServicerContext
    ) -> intake_service_pb2.RegisterMandatesResponse:
        """Record mandates, all or none."""
        _require_count("mandates", len(request.mandates), MAXIMUM_MANDATES)
        mandates = [signed_mandate_from_message(mandate) for mandate in request.mandates]
        sequence = self._result(self._intake.register_mandates(mandates), context)
        return intake_service_pb2.RegisterMandatesResponse(sequence=sequence)

    def RegisterPlacementLimits(  # noqa: N802
        self,
        request: intake_service_pb2.RegisterPlacementLimitsRequest,
        context: grpc.ServicerContext,
    ) -> intake_service_pb2.RegisterPlacementLimitsResponse:
        """Record placement limits, all or none."""
        _require_count("limits", len(request.limits), MAXIMUM_LIMITS)
        limits = [signed_limit_from_message(limit) for limit in request.limits]
        sequence = self._result(self._intake.accept_placement_limits(limits), context)
        return intake_service_pb2.RegisterPlacementLimitsResponse(sequence=sequence)

    def RequestRelease(  # noqa: N802
        self, request: intake_service_pb2.RequestReleaseRequest, context: grpc.ServicerContext
    ) -> intake_service_pb2.RequestReleaseResponse:
        """Record a release request and hold its quanta."""
        signed = submessage_of(request, "release")
        release = release_from_message(submessage_of(signed, "release"))
        release_id = self._result(self._intake.accept_release(release, signed.signature), context)
        return intake_service_pb2.RequestReleaseResponse(release_id=release_id)

    def _result(self, future: Future[Result], context: grpc.ServicerContext) -> Result:
        return result_of(future, self._options.request_timeout_seconds, context)

    def _results(
        self,
        requests: Iterator[Any],
        context: grpc.ServicerContext,
        submit: Callable[[Any], Submission[Receipt]],
    ) -> Iterator[tuple[Submission[Receipt], Receipt | fills_pb2.BatchRefusal]]:
        """Yield every submission of a stream with its decision, in order."""
        for submission in submissions_of(requests, context, self._lifetime, self._options, submit):
            yield submission, submission.result(self._options.request_timeout_seconds)


def _submission(batch_id: bytes, submit: Callable[[], Future[Receipt]]) -> Submission[Receipt]:
    try:
        return Submission(batch_id, submit())
    except ClearingError as error:
        return Submission(batch_id, error)


def _require_count(noun: str, count: int, maximum: int) -> None:
    if not 1 <= count <= maximum:
        raise Rejected(
            f"{noun.upper()}_COUNT",
            f"send 1 to {maximum} {noun} at once, was {count}",
            count=count,
        )
