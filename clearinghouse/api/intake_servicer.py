"""IntakeService: messages to values, values to the sequencer, its answer back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import grpc

from clearinghouse.api.conversion.fields import submessage_of
from clearinghouse.api.conversion.members import release_from_message, signed_limit_from_message
from clearinghouse.api.conversion.orders import receipt_to_message, submission_from_message
from clearinghouse.api.lifetime import Lifetime, shutting_down
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.ports import Intake
from clearinghouse.api.status import code_of, metadata_of
from clearinghouse.api.waiting import result_of
from clearinghouse.api.window import Window
from clearinghouse.errors import ClearingError, Rejected
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.v1 import fills_pb2, intake_service_pb2

MAXIMUM_LIMITS = 8_192
"""Placement limits of one call."""


@dataclass(frozen=True, slots=True)
class _Submission:
    """A batch of a stream and its decision to come."""

    batch_id: bytes
    decision: Future[BatchReceipt] | ClearingError


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
        future = self._intake.submit_batch(batch, orders, signature)
        receipt = result_of(future, self._options.request_timeout_seconds, context)
        return intake_service_pb2.SubmitBatchResponse(
            receipt=receipt_to_message(batch.batch_id, receipt)
        )

    def StreamBatches(  # noqa: N802
        self,
        requests: Iterator[intake_service_pb2.StreamBatchesRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[intake_service_pb2.StreamBatchesResponse]:
        """Submit batches as they arrive, in a thread of the stream's own; answer them in order."""
        window: Window[_Submission] = Window(self._options.window_batches)
        if not context.add_callback(window.close):
            return
        reader = threading.Thread(
            target=self._read, args=(requests, window), name="stream-batches", daemon=True
        )
        with self._lifetime.streaming(lambda: window.end(shutting_down())):
            reader.start()
            while (submission := window.take()) is not None:
                yield self._answer(submission)

    def RegisterPlacementLimits(  # noqa: N802
        self,
        request: intake_service_pb2.RegisterPlacementLimitsRequest,
        context: grpc.ServicerContext,
    ) -> intake_service_pb2.RegisterPlacementLimitsResponse:
        """Record placement limits, all or none."""
        if not 1 <= len(request.limits) <= MAXIMUM_LIMITS:
            raise Rejected(
                "LIMITS_COUNT",
                f"send 1 to {MAXIMUM_LIMITS} placement limits at once, was {len(request.limits)}",
                count=len(request.limits),
            )
        limits = [signed_limit_from_message(limit) for limit in request.limits]
        future = self._intake.accept_placement_limits(limits)
        sequence = result_of(future, self._options.request_timeout_seconds, context)
        return intake_service_pb2.RegisterPlacementLimitsResponse(sequence=sequence)

    def RequestRelease(  # noqa: N802
        self, request: intake_service_pb2.RequestReleaseRequest, context: grpc.ServicerContext
    ) -> intake_service_pb2.RequestReleaseResponse:
        """Record a release request and hold its quanta."""
        signed = submessage_of(request, "release")
        release = release_from_message(submessage_of(signed, "release"))
        future = self._intake.accept_release(release, signed.signature)
        release_id = result_of(future, self._options.request_timeout_seconds, context)
        return intake_service_pb2.RequestReleaseResponse(release_id=release_id)

    def _read(
        self,
        requests: Iterator[intake_service_pb2.StreamBatchesRequest],
        window: Window[_Submission],
    ) -> None:
        """Fill the window until the client has sent all, has gone, or the server stops."""
        try:
            for request in requests:
                if not window.reserve():
                    return
                try:
                    submission = self._submit(request)
                except Exception:
                    window.release()
                    raise
                window.put(submission)
        except grpc.RpcError:
            window.close()
        except Exception as error:  # noqa: BLE001 - it is raised again where it is answered
            window.end(error)
        else:
            window.end()

    def _submit(self, request: intake_service_pb2.StreamBatchesRequest) -> _Submission:
        batch_id = request.submission.batch.batch_id
        try:
            submission = submission_from_message(submessage_of(request, "submission"))
            return _Submission(batch_id, self._intake.submit_batch(*submission))
        except ClearingError as error:
            return _Submission(batch_id, error)

    def _answer(self, submission: _Submission) -> intake_service_pb2.StreamBatchesResponse:
        decision = submission.decision
        try:
            if isinstance(decision, ClearingError):
                raise decision
            receipt = result_of(decision, self._options.request_timeout_seconds)
        except ClearingError as error:
            return intake_service_pb2.StreamBatchesResponse(
                refusal=fills_pb2.BatchRefusal(
                    batch_id=submission.batch_id,
                    code=code_of(error).value[0],
                    reason=error.reason,
                    message=error.message,
                    metadata=metadata_of(error),
                )
            )
        return intake_service_pb2.StreamBatchesResponse(
            receipt=receipt_to_message(submission.batch_id, receipt)
        )
