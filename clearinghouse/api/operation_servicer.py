"""OperationService: the operator's own calls, without authentication, on loopback only."""

from __future__ import annotations

import grpc

from clearinghouse.api.conversion.evidence import status_to_message
from clearinghouse.api.conversion.fields import address_of, submessage_of
from clearinghouse.api.conversion.reference import instrument_from_message, name_of
from clearinghouse.api.options import ServerOptions
from clearinghouse.api.ports import Coordinator, Intake
from clearinghouse.api.projection import get_operation_status
from clearinghouse.api.waiting import result_of
from clearinghouse.v1 import operation_service_pb2


class OperationServicer:
    """Operates the clearinghouse."""

    def __init__(self, intake: Intake, coordinator: Coordinator, options: ServerOptions) -> None:
        self._intake = intake
        self._coordinator = coordinator
        self._options = options

    def GetStatus(  # noqa: N802 - the name in the proto
        self, request: operation_service_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> operation_service_pb2.OperationStatus:
        """Answer with how far things have come."""
        with self._intake.reading() as state:
            status = get_operation_status(state)
        return status_to_message(status)

    def CutCycle(  # noqa: N802
        self, request: operation_service_pb2.CutCycleRequest, context: grpc.ServicerContext
    ) -> operation_service_pb2.CutCycleResponse:
        """Cut a cycle now."""
        return operation_service_pb2.CutCycleResponse(cycle=self._coordinator.request_cut())

    def CreateInstrument(  # noqa: N802
        self,
        request: operation_service_pb2.CreateInstrumentRequest,
        context: grpc.ServicerContext,
    ) -> operation_service_pb2.CreateInstrumentResponse:
        """List an instrument and answer once it is durable."""
        instrument = instrument_from_message(submessage_of(request, "instrument"))
        future = self._intake.create_instrument(instrument)
        sequence = result_of(future, self._options.request_timeout_seconds, context)
        return operation_service_pb2.CreateInstrumentResponse(sequence=sequence)

    def RegisterVenue(  # noqa: N802
        self, request: operation_service_pb2.RegisterVenueRequest, context: grpc.ServicerContext
    ) -> operation_service_pb2.RegisterVenueResponse:
        """Let a venue's key sign batches and answer once it is durable."""
        venue = address_of("venue", request.venue)
        future = self._intake.register_venue(venue, name_of("display name", request.display_name))
        sequence = result_of(future, self._options.request_timeout_seconds, context)
        return operation_service_pb2.RegisterVenueResponse(sequence=sequence)
