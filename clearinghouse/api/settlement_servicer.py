"""SettlementService: the journal's entries about settlements, as they are recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc

from clearinghouse.api.conversion.events import event_to_message, is_settlement_entry
from clearinghouse.api.lifetime import Lifetime, shutting_down
from clearinghouse.api.ports import JournalTail
from clearinghouse.api.views import SettlementEvent
from clearinghouse.book.earlier_entries import current_entries, decode_any_entry
from clearinghouse.v1 import settlement_service_pb2


class SettlementServicer:
    """Streams settlement events to relays and watchers."""

    def __init__(self, journal_tail: JournalTail, lifetime: Lifetime) -> None:
        self._journal_tail = journal_tail
        self._lifetime = lifetime

    def StreamSettlementEvents(  # noqa: N802 - the name in the proto
        self,
        request: settlement_service_pb2.StreamSettlementEventsRequest,
        context: grpc.ServicerContext,
    ) -> Iterator[settlement_service_pb2.StreamSettlementEventsResponse]:
        """Send every event from a sequence on until the caller cancels or the server stops."""
        stop = threading.Event()
        if not context.add_callback(stop.set):
            return
        with self._lifetime.streaming(stop.set):
            for record in self._journal_tail.follow(max(1, request.first_sequence), stop):
                for entry in current_entries(decode_any_entry(record.payload), {}):
                    if is_settlement_entry(entry):
                        event = SettlementEvent(record.sequence, record.time_milliseconds, entry)
                        yield settlement_service_pb2.StreamSettlementEventsResponse(
                            event=event_to_message(event)
                        )
                if stop.is_set():
                    break
        if self._lifetime.is_stopping:
            raise shutting_down()
