"""Streams of batches: read ahead in a thread of their own, decided in parallel, answered in order.

Rows and columns differ only in their messages, so what is here knows neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc
from google.protobuf.message import Message

from clearinghouse.api.lifetime import Lifetime, shutting_down
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.status import code_of, metadata_of
from clearinghouse.api.waiting import result_of
from clearinghouse.api.window import Window
from clearinghouse.errors import ClearingError
from clearinghouse.v1 import fills_pb2

Request = TypeVar("Request", bound=Message)
Receipt = TypeVar("Receipt")


@dataclass(frozen=True, slots=True)
class Submission(Generic[Receipt]):
    """A batch of a stream and its decision to come."""

    batch_id: bytes
    decision: Future[Receipt] | ClearingError

    def result(self, limit_seconds: float) -> Receipt | fills_pb2.BatchRefusal:
        """Wait for the decision; a refusal of the batch is an answer like another."""
        try:
            if isinstance(self.decision, ClearingError):
                raise self.decision
            return result_of(self.decision, limit_seconds)
        except ClearingError as error:
            return fills_pb2.BatchRefusal(
                batch_id=self.batch_id,
                code=code_of(error).value[0],
                reason=error.reason,
                message=error.message,
                metadata=metadata_of(error),
            )


def submissions_of(
    requests: Iterator[Request],
    context: grpc.ServicerContext,
    lifetime: Lifetime,
    options: ServerOptions,
    submit: Callable[[Request], Submission[Receipt]],
) -> Iterator[Submission[Receipt]]:
    """Submit requests as they arrive, at most a window ahead; yield the submissions in order.

    Ends with ``Unavailable`` when the server stops, after what was taken has been yielded.
    """
    window: Window[Submission[Receipt]] = Window(options.window_batches, options.window_bytes)
    if not context.add_callback(window.close):
        return
    reader = threading.Thread(
        target=_read, args=(requests, window, submit), name="stream-batches", daemon=True
    )
    with lifetime.streaming(lambda: window.end(shutting_down())):
        reader.start()
        while (submission := window.take()) is not None:
            yield submission


def _read(
    requests: Iterator[Request],
    window: Window[Submission[Receipt]],
    submit: Callable[[Request], Submission[Receipt]],
) -> None:
    """Fill the window until the client has sent all, has gone, or the server stops."""
    try:
        for request in requests:
            weight_bytes = request.ByteSize()
            if not window.reserve(weight_bytes):
                return
            try:
                submission = submit(request)
            except Exception:
                window.release(weight_bytes)
                raise
            window.put(submission, weight_bytes)
    except grpc.RpcError:
        window.close()
    except Exception as error:  # noqa: BLE001 - it is raised again where it is answered
        window.end(error)
    else:
        window.end()
