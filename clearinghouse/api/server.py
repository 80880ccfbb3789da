"""The gRPC servers: the public one for venues, members and relays, and the operator's.

The public address carries intake, queries and settlement events; what comes in there is
authenticated by its signatures. The operator's address carries operation and nothing else; it has
no authentication, so it must be a loopback address. Both serve health and reflection. Transport
security is for the proxy in front of the public address.
"""

from __future__ import annotations

import ipaddress
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from clearinghouse.api.intake_servicer import IntakeServicer
from clearinghouse.api.interceptor import AnswerErrors
from clearinghouse.api.lifetime import Lifetime
from clearinghouse.api.operation_servicer import OperationServicer
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.ports import Ports
from clearinghouse.api.query_servicer import QueryServicer
from clearinghouse.api.settlement_servicer import SettlementServicer
from clearinghouse.errors import Rejected, Unavailable
from clearinghouse.v1 import (
    intake_service_pb2,
    intake_service_pb2_grpc,
    operation_service_pb2,
    operation_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
    settlement_service_pb2,
    settlement_service_pb2_grpc,
)

_PUBLIC_SERVICES = (
    intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"].full_name,
    query_service_pb2.DESCRIPTOR.services_by_name["QueryService"].full_name,
    settlement_service_pb2.DESCRIPTOR.services_by_name["SettlementService"].full_name,
)
_OPERATION_SERVICES = (
    operation_service_pb2.DESCRIPTOR.services_by_name["OperationService"].full_name,
)
_OPERATION_THREADS = 8


class _Endpoint:
    """One gRPC server on one address, with health and reflection."""

    def __init__(
        self, address: str, services: tuple[str, ...], threads: int, options: ServerOptions
    ) -> None:
        self._services = services
        self._health_pool = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._health = health.HealthServicer(
            experimental_non_blocking=True, experimental_thread_pool=self._health_pool
        )
        self.server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="api"),
            interceptors=[AnswerErrors()],
            maximum_concurrent_rpcs=options.maximum_calls,
            options=[
                ("grpc.max_receive_message_length", options.maximum_message_bytes),
                ("grpc.max_send_message_length", options.maximum_message_bytes),
                # Without this a second server shares the port in silence and gets half the calls.
                ("grpc.so_reuseport", 0),
            ],
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        shown = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(shown, self.server)
        try:
            self.port: int = self.server.add_insecure_port(address)
        except RuntimeError as error:
            raise Unavailable(
                "address_in_use",
                f"cannot listen on {address}; stop what does, or configure another address",
                address=address,
            ) from error

    def set_serving(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse.ServingStatus
        for service in ("", *self._services):
            self._health.set(service, status.SERVING if serving else status.NOT_SERVING)

    def begin_stop(self) -> None:
        self._health.enter_graceful_shutdown()

    def close(self) -> None:
        self._health_pool.shutdown()


class ApiServer:
    """Both servers. ``start`` once, ``stop`` once; a stopped server is not started again."""

    def __init__(self, public: _Endpoint, operation: _Endpoint, lifetime: Lifetime) -> None:
        self._public = public
        self._operation = operation
        self._lifetime = lifetime

    @property
    def port(self) -> int:
        """Of the public address; the one the system chose where 0 was asked for."""
        return self._public.port

    @property
    def operation_port(self) -> int:
        """Of the operator's address."""
        return self._operation.port

    def start(self) -> None:
        """Serve from here on."""
        for endpoint in (self._public, self._operation):
            endpoint.server.start()
            endpoint.set_serving(True)

    def set_serving(self, serving: bool) -> None:
        """Report health, for example False while the journal cannot be written."""
        self._public.set_serving(serving)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Take no new call, let those in progress finish, and return when all have ended.

        Health turns NOT_SERVING first. Streams answer what they have taken and end with
        ``shutting_down``; what still runs after ``grace_seconds`` is cut off.
        """
        self._public.begin_stop()
        self._operation.begin_stop()
        stopped = [
            endpoint.server.stop(grace_seconds) for endpoint in (self._public, self._operation)
        ]
        self._lifetime.stop()
        for event in stopped:
            event.wait()
        self._public.close()
        self._operation.close()


def build_server(
    ports: Ports,
    address: str,
    operation_address: str,
    options: ServerOptions = ServerOptions(),  # noqa: B008 - frozen
) -> ApiServer:
    """Bind both addresses (``host:port``, port 0 for a free one) and return the servers unstarted.

    Raises
    ------
    Rejected
        ``OPERATION_ADDRESS_PUBLIC`` when the operator's address is not loopback.
    Unavailable
        ``address_in_use``.
    """
    _require_loopback(operation_address)
    lifetime = Lifetime(options.maximum_streams)
    public = _Endpoint(address, _PUBLIC_SERVICES, options.worker_threads, options)
    intake = IntakeServicer(ports.intake, lifetime, options)
    query = QueryServicer(ports.intake, ports.cycle_reports)
    settlement = SettlementServicer(ports.journal_tail, lifetime)
    intake_service_pb2_grpc.add_IntakeServiceServicer_to_server(intake, public.server)
    query_service_pb2_grpc.add_QueryServiceServicer_to_server(query, public.server)
    settlement_service_pb2_grpc.add_SettlementServiceServicer_to_server(settlement, public.server)
    operation = _Endpoint(operation_address, _OPERATION_SERVICES, _OPERATION_THREADS, options)
    operation_service_pb2_grpc.add_OperationServiceServicer_to_server(
        OperationServicer(ports.intake, ports.coordinator, options), operation.server
    )
    return ApiServer(public, operation, lifetime)


def _require_loopback(address: str) -> None:
    host = address.rpartition(":")[0].strip("[]")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Rejected(
            "OPERATION_ADDRESS_PUBLIC",
            f"the operator's calls have no authentication: serve them on 127.0.0.1, was {address}",
            address=address,
        )
