"""Goal: the server binds what it should, says how it is, and stops without losing a call."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from clearinghouse.api.intake_servicer import IntakeServicer
from clearinghouse.api.operation_servicer import OperationServicer
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.ports import Ports
from clearinghouse.api.query_servicer import QueryServicer
from clearinghouse.api.server import build_server
from clearinghouse.api.settlement_servicer import SettlementServicer
from clearinghouse.errors import Rejected, Unavailable
from clearinghouse.intake.sequencer import LANE_LIMIT
from clearinghouse.v1 import (
    intake_service_pb2,
    operation_service_pb2,
    query_service_pb2,
    settlement_service_pb2,
)
from tests.builders import WAIT_SECONDS
from tests.unit.api.serving import (
    LOOPBACK,
    FakeCoordinator,
    FakeIntake,
    FakeReports,
    FakeTail,
    batch_of,
    receipt,
    serving,
)

PUBLIC = {
    "clearinghouse.v1.IntakeService",
    "clearinghouse.v1.QueryService",
    "clearinghouse.v1.SettlementService",
}
OPERATION = {"clearinghouse.v1.OperationService"}
EVERYWHERE = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
Serving = health_pb2.HealthCheckResponse.ServingStatus


def fake_ports() -> Ports:
    return Ports(FakeIntake(), FakeTail(), FakeCoordinator(), FakeReports())


def health_of(channel: grpc.Channel, service: str = "") -> Any:
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=service)
    return stub.Check(request, timeout=WAIT_SECONDS).status


@pytest.mark.parametrize(
    ("servicer", "service"),
    [
        (IntakeServicer, intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"]),
        (QueryServicer, query_service_pb2.DESCRIPTOR.services_by_name["QueryService"]),
        (
            SettlementServicer,
            settlement_service_pb2.DESCRIPTOR.services_by_name["SettlementService"],
        ),
        (OperationServicer, operation_service_pb2.DESCRIPTOR.services_by_name["OperationService"]),
    ],
)
def test_servicer_has_exactly_the_methods_of_its_service(
    servicer: type, service: ServiceDescriptor
) -> None:
    implemented = {name for name in vars(servicer) if name[0].isupper()}
    assert implemented == {method.name for method in service.methods}


def test_reflection_lists_the_services_of_each_address() -> None:
    with serving() as served:
        with grpc.insecure_channel(served.operation_target) as channel:
            operation = set(ProtoReflectionDescriptorDatabase(channel).get_services())
        public = set(ProtoReflectionDescriptorDatabase(served.channel).get_services())
    assert public == PUBLIC | EVERYWHERE
    assert operation == OPERATION | EVERYWHERE


def test_health_follows_what_it_is_told() -> None:
    with serving() as served:
        for service in ("", *PUBLIC):
            assert health_of(served.channel, service) == Serving.SERVING
        served.server.set_serving(False)
        for service in ("", *PUBLIC):
            assert health_of(served.channel, service) == Serving.NOT_SERVING
        served.server.set_serving(True)
        assert health_of(served.channel) == Serving.SERVING


def test_health_watch_sees_the_server_go_when_it_stops() -> None:
    with serving() as served:
        stub = health_pb2_grpc.HealthStub(served.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=WAIT_SECONDS)
        assert next(watch).status == Serving.SERVING
        stopping = threading.Thread(target=served.server.stop, args=(WAIT_SECONDS,))
        stopping.start()
        assert next(watch).status == Serving.NOT_SERVING
        watch.cancel()
        stopping.join(WAIT_SECONDS)
        assert not stopping.is_alive()


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "example.org:0", "10.0.0.1:1", ":0"])
def test_server_is_refused_when_operation_is_not_on_loopback(address: str) -> None:
    with pytest.raises(Rejected) as refused:
        build_server(fake_ports(), LOOPBACK, address)
    assert refused.value.reason == "OPERATION_ADDRESS_PUBLIC"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1"])
def test_server_is_built_when_operation_is_on_loopback(host: str) -> None:
    server = build_server(fake_ports(), LOOPBACK, f"{host}:0")
    assert server.operation_port > 0
    server.stop(grace_seconds=0)


def test_server_is_refused_when_its_address_is_taken() -> None:
    with serving() as served:
        with pytest.raises(Unavailable) as refused:
            build_server(fake_ports(), served.target, LOOPBACK)
        assert refused.value.reason == "address_in_use"
        with pytest.raises(Unavailable) as refused:
            build_server(fake_ports(), LOOPBACK, served.operation_target)
        assert refused.value.reason == "address_in_use"


def test_stop_lets_a_call_finish_when_it_is_in_progress() -> None:
    intake = FakeIntake()
    intake.deciding = False
    answers: list[Any] = []
    with serving(intake) as served:
        caller = threading.Thread(
            target=lambda: answers.append(served.client.submit_batch(batch_of(1), (), b""))
        )
        caller.start()
        intake.wait_for(1)
        stopping = threading.Thread(target=served.server.stop, args=(WAIT_SECONDS,))
        stopping.start()
        late = serving_refuses(served.target)
        intake.futures[0].set_result(receipt(1))
        caller.join(WAIT_SECONDS)
        stopping.join(WAIT_SECONDS)
        assert not stopping.is_alive()
    assert answers == [receipt(1)]
    assert late == grpc.StatusCode.UNAVAILABLE


def serving_refuses(target: str) -> grpc.StatusCode:
    """Call until a stopping server takes no new call; return the code it refuses with."""
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary("/clearinghouse.v1.QueryService/GetSolvency")
        for _ in range(10_000):
            try:
                call(b"", timeout=WAIT_SECONDS)
            except grpc.RpcError as error:
                return error.code()
    raise AssertionError("the server goes on taking calls")


def test_stop_cuts_a_call_off_when_the_grace_is_over() -> None:
    intake = FakeIntake()
    intake.deciding = False
    failures: list[Unavailable] = []
    with serving(intake) as served:

        def call() -> None:
            try:
                served.client.submit_batch(batch_of(1), (), b"")
            except Unavailable as error:
                failures.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        intake.wait_for(1)
        served.server.stop(grace_seconds=0)
        caller.join(WAIT_SECONDS)
        intake.futures[0].set_result(receipt(1))
    assert [failure.retryable for failure in failures] == [True]


def test_call_ends_when_durability_takes_longer_than_the_server_waits() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake, request_timeout_seconds=0.01) as served:
        with pytest.raises(Unavailable) as caught:
            served.client.submit_batch(batch_of(1), (), b"")
        assert caught.value.reason == "deadline_exceeded"
        assert "repetition" in caught.value.message
    intake.futures[0].set_result(receipt(1))


def test_call_ends_when_the_callers_deadline_is_over() -> None:
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake) as served:
        stub = served.channel.unary_unary(
            "/clearinghouse.v1.IntakeService/SubmitBatch",
            request_serializer=intake_service_pb2.SubmitBatchRequest.SerializeToString,
        )
        request = intake_service_pb2.SubmitBatchRequest(
            batch={"venue": bytes(20), "batch_id": bytes(32)}
        )
        with pytest.raises(grpc.RpcError) as ended:
            stub(request, timeout=0.05)
        assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        intake.wait_for(1)
    intake.futures[0].set_result(receipt(1))


def test_options_default_window_fits_the_venues_lane_when_it_has_several_streams() -> None:
    assert ServerOptions().window_batches * 8 <= LANE_LIMIT
