"""Goal: a stream decides in parallel, answers in order, and loses nothing that it took."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from clearinghouse.api.conversion.orders import submission_to_message
from clearinghouse.errors import ClearingError, Conflict, Rejected, Unavailable
from clearinghouse.v1 import intake_service_pb2
from tests.builders import WAIT_SECONDS
from tests.unit.api.serving import (
    FakeIntake,
    Served,
    batch_of,
    receipt,
    serving,
    submissions,
)

STREAM = "/clearinghouse.v1.IntakeService/StreamBatches"


def encoded(number: int) -> bytes:
    """Return the n-th batch as bytes on the wire."""
    submission = submission_to_message(batch_of(number), (), bytes(65))
    request = intake_service_pb2.StreamBatchesRequest(submission=submission)
    return request.SerializeToString()


class RawStream:
    """A stream whose requests the test sends one by one."""

    def __init__(self, served: Served) -> None:
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        call = served.channel.stream_stream(
            STREAM, response_deserializer=intake_service_pb2.StreamBatchesResponse.FromString
        )
        self.call: Any = call(iter(self._requests.get, None), timeout=WAIT_SECONDS)

    def send(self, *requests: bytes) -> None:
        for request in requests:
            self._requests.put(request)

    def end(self) -> None:
        self._requests.put(None)


def test_stream_answers_in_order_when_all_are_admitted() -> None:
    with serving() as served:
        answers = list(served.client.stream_batches(submissions(300)))
        assert answers == [receipt(number) for number in range(1, 301)]
        assert [batch.batch_id for batch in served.ports.intake.batches] == [  # type: ignore[attr-defined]
            batch_of(number).batch_id for number in range(1, 301)
        ]


def test_stream_answers_nothing_when_nothing_is_sent() -> None:
    with serving() as served:
        assert list(served.client.stream_batches([])) == []


def test_stream_takes_many_batches_before_the_first_is_decided() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake) as served:
        answers = served.client.stream_batches(submissions(5))
        waiting = threading.Thread(target=intake.wait_for, args=(5,))
        waiting.start()
        collected: list[Any] = []
        reader = threading.Thread(target=lambda: collected.extend(answers))
        reader.start()
        waiting.join(WAIT_SECONDS)
        assert len(intake.futures) == 5
        assert collected == []
        for number in (5, 3, 1, 2, 4):
            intake.futures[number - 1].set_result(receipt(number))
        reader.join(WAIT_SECONDS)
        assert collected == [receipt(number) for number in range(1, 6)]


def test_stream_stops_reading_when_the_window_is_full() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake, window_batches=4) as served:
        stream = RawStream(served)
        stream.send(*(encoded(number) for number in range(1, 41)))
        intake.wait_for(4)
        for decided in range(36):
            # One more is being answered than the window holds, and never another.
            intake.wait_for(min(40, decided + 5))
            assert len(intake.futures) <= decided + 5
            intake.futures[decided].set_result(receipt(decided + 1))
            assert next(stream.call).receipt.sequence == decided + 1
        stream.call.cancel()


def test_stream_goes_on_when_a_batch_is_refused() -> None:
    intake = FakeIntake()
    refusals: dict[int, Exception] = {
        2: Conflict("BATCH_CONFLICT", "take a new id", batch_id=b"\x02"),
        4: Unavailable("queue_full", "send it again"),
    }
    intake.refuse = lambda batch: refusals.get(batch.fills[0].quantity)
    with serving(intake) as served:
        answers = list(served.client.stream_batches(submissions(5)))
    assert [type(answer).__name__ for answer in answers] == [
        "BatchReceipt", "Conflict", "BatchReceipt", "Unavailable", "BatchReceipt",
    ]  # fmt: skip
    conflict, full = answers[1], answers[3]
    assert isinstance(conflict, Conflict)
    assert (conflict.reason, conflict.message) == ("BATCH_CONFLICT", "take a new id")
    assert conflict.attributes == {"batch_id": "02"}
    assert isinstance(full, Unavailable)
    assert full.reason == "queue_full"


def test_stream_answers_a_refusal_when_the_decision_fails() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake) as served:
        stream = RawStream(served)
        stream.send(encoded(1), encoded(2))
        intake.wait_for(2)
        intake.futures[0].set_exception(Unavailable("journal_unwritable", "disk full"))
        intake.futures[1].set_result(receipt(2))
        stream.end()
        first, second = list(stream.call)
    assert first.refusal.reason == "journal_unwritable"
    assert first.refusal.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert first.refusal.batch_id == batch_of(1).batch_id
    assert second.receipt.sequence == 2


def test_stream_answers_a_refusal_when_a_batch_has_no_content() -> None:
    with serving() as served:
        stream = RawStream(served)
        stream.send(b"", encoded(2))
        stream.end()
        first, second = list(stream.call)
    assert first.refusal.reason == "MALFORMED"
    assert second.WhichOneof("answer") == "receipt"


def test_stream_answers_what_came_before_when_bytes_are_malformed() -> None:
    with serving() as served:
        stream = RawStream(served)
        stream.send(encoded(1), encoded(2), b"\xff\xff\xff", encoded(3))
        assert [next(stream.call).receipt.sequence for _ in range(2)] == [1, 2]
        with pytest.raises(grpc.RpcError) as refused:
            next(stream.call)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        stream.end()
        assert len(served.ports.intake.batches) == 2  # type: ignore[attr-defined]


def test_stream_answers_what_came_before_when_the_server_fails() -> None:
    intake = FakeIntake()
    intake.deciding = False
    intake.refuse = lambda batch: ZeroDivisionError() if batch.fills[0].quantity == 3 else None
    with serving(intake) as served:
        answers = served.client.stream_batches(submissions(5))
        collected: list[Any] = []
        failed: list[ClearingError] = []

        def read() -> None:
            try:
                collected.extend(answers)
            except ClearingError as error:
                failed.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        intake.wait_for(2)
        for number in (1, 2):
            intake.futures[number - 1].set_result(receipt(number))
        reader.join(WAIT_SECONDS)
        assert not reader.is_alive()
    assert collected == [receipt(1), receipt(2)]
    assert [error.reason for error in failed] == ["internal_error"]


def test_stream_is_refused_when_too_many_are_open() -> None:
    with serving(maximum_streams=1) as served:
        first = RawStream(served)
        first.send(encoded(1))
        assert next(first.call).receipt.sequence == 1
        with pytest.raises(Unavailable) as refused:
            list(served.client.stream_batches(submissions(1)))
        assert refused.value.reason == "too_many_streams"
        first.end()
        assert list(first.call) == []
        assert list(served.client.stream_batches(submissions(1))) == [receipt(2)]


def test_stream_frees_its_threads_when_the_client_cancels() -> None:
    intake = FakeIntake()
    with serving(intake, worker_threads=2) as served:
        for number in range(6):
            stream = RawStream(served)
            stream.send(encoded(number + 1))
            assert next(stream.call).receipt.sequence == number + 1
            stream.call.cancel()
            stream.end()
        # Two workers have carried six streams, so none is still held by a cancelled one.
        assert served.client.submit_batch(batch_of(7), (), b"").sequence == 7
    for thread in threading.enumerate():
        if thread.name == "stream-batches":
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()


def test_stream_drains_and_ends_when_the_server_stops() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake) as served:
        stream = RawStream(served)
        stream.send(encoded(1), encoded(2))
        intake.wait_for(2)
        stopping = threading.Thread(target=served.server.stop, args=(WAIT_SECONDS,))
        stopping.start()
        intake.futures[0].set_result(receipt(1))
        intake.futures[1].set_result(receipt(2))
        assert [next(stream.call).receipt.sequence for _ in range(2)] == [1, 2]
        with pytest.raises(grpc.RpcError) as ended:
            next(stream.call)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        stream.end()
        stopping.join(WAIT_SECONDS)
        assert not stopping.is_alive()


def test_client_raises_the_servers_reason_when_the_stream_breaks() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake) as served:
        more = threading.Event()

        def slowly() -> Iterator[Any]:
            yield from submissions(1)
            assert more.wait(WAIT_SECONDS)

        answers = served.client.stream_batches(slowly())
        failed: list[ClearingError] = []

        def read() -> None:
            try:
                list(answers)
            except ClearingError as error:
                failed.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        intake.wait_for(1)
        stopping = threading.Thread(target=served.server.stop, args=(WAIT_SECONDS,))
        stopping.start()
        intake.futures[0].set_result(receipt(1))
        reader.join(WAIT_SECONDS)
        more.set()
        stopping.join(WAIT_SECONDS)
    assert [error.reason for error in failed] == ["shutting_down"]


def test_client_raises_after_the_answers_when_its_own_iterable_fails() -> None:
    def failing() -> Iterator[Any]:
        yield from submissions(2)
        raise Rejected("OUT_OF_RANGE", "the third does not fit")

    collected: list[Any] = []
    with serving() as served:
        with pytest.raises(Rejected, match="the third does not fit"):
            collected.extend(served.client.stream_batches(failing()))
    assert collected == [receipt(1), receipt(2)]


def test_client_cancels_the_stream_when_the_reader_leaves() -> None:
    intake = FakeIntake()
    with serving(intake, worker_threads=1) as served:
        answers = served.client.stream_batches(submissions(1_000))
        assert next(answers) == receipt(1)
        answers.close()  # type: ignore[attr-defined]
        # The only worker is free again.
        assert served.client.submit_batch(batch_of(1), (), b"").sequence > 0
