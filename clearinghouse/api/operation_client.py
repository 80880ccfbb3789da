"""What the operator's own tools import: calls to the loopback address."""

from __future__ import annotations

from typing import Any

from clearinghouse.api.connection import Connection
from clearinghouse.api.conversion.evidence import status_from_message
from clearinghouse.api.conversion.fields import fitting
from clearinghouse.api.conversion.reference import instrument_to_message
from clearinghouse.api.views import OperationStatus
from clearinghouse.book.identifiers import Address
from clearinghouse.book.reference import Instrument
from clearinghouse.v1 import operation_service_pb2, operation_service_pb2_grpc


class OperationClient(Connection):
    """Calls the operator's address. Safe to share between threads."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self._operation = operation_service_pb2_grpc.OperationServiceStub(self._channel)

    def get_status(self) -> OperationStatus:
        """Return how far the journal and the cycles have come."""
        request = operation_service_pb2.GetStatusRequest()
        return status_from_message(self._call(self._operation.GetStatus, request))

    def cut_cycle(self) -> int:
        """Cut a cycle now and return its number.

        Raises
        ------
        Conflict
            ``settlement_in_flight`` while home has not decided the last one.
        """
        request = operation_service_pb2.CutCycleRequest()
        cycle: int = self._call(self._operation.CutCycle, request).cycle
        return cycle

    def create_instrument(self, instrument: Instrument) -> int:
        """List an instrument and return the journal sequence; a repetition is harmless."""
        request = operation_service_pb2.CreateInstrumentRequest(
            instrument=instrument_to_message(instrument)
        )
        sequence: int = self._call(self._operation.CreateInstrument, request).sequence
        return sequence

    def register_venue(self, venue: Address, name: str) -> int:
        """Let a venue's key sign batches and return the journal sequence."""
        with fitting("venue"):
            request = operation_service_pb2.RegisterVenueRequest(venue=venue, display_name=name)
        sequence: int = self._call(self._operation.RegisterVenue, request).sequence
        return sequence
