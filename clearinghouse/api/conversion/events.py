"""Journal entries about settlements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, TypeGuard

import numpy as np

from clearinghouse.api.conversion.fields import chain_id_of, hash_of, submessage_of
from clearinghouse.api.conversion.settlements import (
    leg_from_message,
    leg_to_message,
    phase_from_message,
    phase_to_message,
    settlement_from_message,
    settlement_to_message,
)
from clearinghouse.api.views import SettlementEntry, SettlementEvent
from clearinghouse.book.columns import packed
from clearinghouse.book.entries import (
    AssetCrossing,
    ClaimChanges,
    FinalityViolated,
    MarkAtCut,
    PhaseProven,
    PlannedRelease,
    ResidualChange,
    SettlementProposed,
    SettlementSigned,
    ShortfallFlow,
    TransactionIncluded,
)
from clearinghouse.book.identifiers import AssetId, InstrumentId, Position
from clearinghouse.book.ranges import require_quanta
from clearinghouse.errors import Rejected
from clearinghouse.v1 import cycles_pb2, settlement_events_pb2


def event_to_message(event: SettlementEvent) -> settlement_events_pb2.SettlementEvent:
    """Return the message of an event."""
    field, build = _TO_MESSAGE[type(event.entry)]
    return settlement_events_pb2.SettlementEvent(
        sequence=event.sequence,
        time_milliseconds=event.time_milliseconds,
        **{field: build(event.entry)},
    )


def event_from_message(message: settlement_events_pb2.SettlementEvent) -> SettlementEvent:
    """Return the event of a message.

    Raises
    ------
    Rejected
        ``EVENT_UNKNOWN`` when the server sends a kind that this release does not know.
    """
    field = message.WhichOneof("event")
    if field is None:
        raise Rejected(
            "EVENT_UNKNOWN",
            f"entry {message.sequence} is of a newer release; upgrade to follow it",
            sequence=message.sequence,
        )
    entry = _FROM_MESSAGE[field](getattr(message, field))
    return SettlementEvent(message.sequence, message.time_milliseconds, entry)


def is_settlement_entry(entry: object) -> TypeGuard[SettlementEntry]:
    """Tell whether an entry is one of the kinds that this stream carries."""
    return type(entry) in _TO_MESSAGE


def _proposed_to_message(entry: SettlementProposed) -> settlement_events_pb2.SettlementProposed:
    return settlement_events_pb2.SettlementProposed(
        settlement_id=entry.settlement_id,
        settlement=settlement_to_message(entry.settlement),
        legs=[leg_to_message(leg) for leg in entry.legs],
        marks=[
            settlement_events_pb2.MarkAtCut(instrument_id=mark.instrument_id, mark=mark.mark)
            for mark in entry.marks
        ],
        claims=[
            settlement_events_pb2.ClaimChange(
                chain_id=changes.chain_id,
                asset_id=changes.asset_id,
                position=position,
                quanta=quanta,
            )
            for changes in entry.claims
            for position, quanta in zip(*(c.tolist() for c in changes.columns), strict=True)
        ],
        releases=[
            settlement_events_pb2.PlannedRelease(
                chain_id=release.chain_id,
                asset_id=release.asset_id,
                position=release.position,
                quanta=release.quanta,
                release_id=release.release_id,
            )
            for release in entry.releases
        ],
        residuals=_flows_to_messages(entry.residuals),
        shortfalls=_flows_to_messages(entry.shortfalls),
        crossings=[
            cycles_pb2.Crossing(asset_id=crossing.asset_id, quanta=crossing.quanta)
            for crossing in entry.crossings
        ],
    )


def _flows_to_messages(
    flows: Iterable[ResidualChange | ShortfallFlow],
) -> list[settlement_events_pb2.MemberFlow]:
    return [
        settlement_events_pb2.MemberFlow(
            asset_id=flow.asset_id, position=flow.position, quanta=flow.quanta
        )
        for flow in flows
    ]


def _proposed_from_message(
    message: settlement_events_pb2.SettlementProposed,
) -> SettlementProposed:
    return SettlementProposed(
        settlement_id=hash_of("settlement id", message.settlement_id),
        settlement=settlement_from_message(submessage_of(message, "settlement")),
        legs=tuple(leg_from_message(leg) for leg in message.legs),
        marks=tuple(
            MarkAtCut(InstrumentId(mark.instrument_id), mark.mark) for mark in message.marks
        ),
        claims=_claims_from_messages(message.claims),
        releases=tuple(
            PlannedRelease(
                chain_id_of("chain id", release.chain_id),
                AssetId(release.asset_id),
                Position(release.position),
                release.quanta,
                hash_of("release id", release.release_id),
            )
            for release in message.releases
        ),
        residuals=tuple(
            ResidualChange(AssetId(flow.asset_id), Position(flow.position), flow.quanta)
            for flow in message.residuals
        ),
        shortfalls=tuple(
            ShortfallFlow(AssetId(flow.asset_id), Position(flow.position), flow.quanta)
            for flow in message.shortfalls
        ),
        crossings=tuple(
            AssetCrossing(AssetId(crossing.asset_id), crossing.quanta)
            for crossing in message.crossings
        ),
    )


def _claims_from_messages(
    messages: Iterable[settlement_events_pb2.ClaimChange],
) -> tuple[ClaimChanges, ...]:
    """Collect the changes of each vault, which stand together, into columns."""
    return tuple(
        ClaimChanges(
            chain_id_of("chain id", chain_id),
            AssetId(asset_id),
            packed("position", [change.position for change in changes], np.dtype("<u4")),
            packed("claim", [require_quanta("claim", c.quanta) for c in changes], np.dtype("<u8")),
        )
        for (chain_id, asset_id), grouped in groupby(messages, _vault_of)
        for changes in (list(grouped),)
    )


def _vault_of(change: settlement_events_pb2.ClaimChange) -> tuple[int, int]:
    return change.chain_id, change.asset_id


def _signed_to_message(entry: SettlementSigned) -> settlement_events_pb2.SettlementSigned:
    return settlement_events_pb2.SettlementSigned(
        settlement_id=entry.settlement_id, signatures=entry.signatures
    )


def _signed_from_message(message: settlement_events_pb2.SettlementSigned) -> SettlementSigned:
    return SettlementSigned(
        hash_of("settlement id", message.settlement_id), tuple(message.signatures)
    )


def _phase_to_message(entry: PhaseProven) -> settlement_events_pb2.PhaseProven:
    return settlement_events_pb2.PhaseProven(
        settlement_id=entry.settlement_id,
        chain_id=entry.chain_id,
        phase=phase_to_message(entry.phase),
        height=entry.height,
        block_hash=entry.block_hash,
        timestamp=entry.timestamp,
    )


def _phase_from_message(message: settlement_events_pb2.PhaseProven) -> PhaseProven:
    return PhaseProven(
        settlement_id=hash_of("settlement id", message.settlement_id),
        chain_id=chain_id_of("chain id", message.chain_id),
        phase=phase_from_message(message.phase),
        height=message.height,
        block_hash=hash_of("block hash", message.block_hash),
        timestamp=message.timestamp,
    )


def _included_to_message(
    entry: TransactionIncluded,
) -> settlement_events_pb2.TransactionIncluded:
    return settlement_events_pb2.TransactionIncluded(
        settlement_id=entry.settlement_id,
        chain_id=entry.chain_id,
        action=entry.action,
        transaction_hash=entry.transaction_hash,
        gas_used=entry.gas_used,
        proofs_verified=entry.proofs_verified,
    )


def _included_from_message(
    message: settlement_events_pb2.TransactionIncluded,
) -> TransactionIncluded:
    return TransactionIncluded(
        settlement_id=hash_of("settlement id", message.settlement_id),
        chain_id=chain_id_of("chain id", message.chain_id),
        action=message.action,
        transaction_hash=hash_of("transaction hash", message.transaction_hash),
        gas_used=message.gas_used,
        proofs_verified=message.proofs_verified,
    )


def _violated_to_message(entry: FinalityViolated) -> settlement_events_pb2.FinalityViolated:
    return settlement_events_pb2.FinalityViolated(chain_id=entry.chain_id, detail=entry.detail)


def _violated_from_message(message: settlement_events_pb2.FinalityViolated) -> FinalityViolated:
    return FinalityViolated(chain_id_of("chain id", message.chain_id), message.detail)


_TO_MESSAGE: dict[type, tuple[str, Callable[[Any], Any]]] = {
    SettlementProposed: ("settlement_proposed", _proposed_to_message),
    SettlementSigned: ("settlement_signed", _signed_to_message),
    PhaseProven: ("phase_proven", _phase_to_message),
    TransactionIncluded: ("transaction_included", _included_to_message),
    FinalityViolated: ("finality_violated", _violated_to_message),
}
_FROM_MESSAGE: dict[str, Callable[[Any], SettlementEntry]] = {
    "settlement_proposed": _proposed_from_message,
    "settlement_signed": _signed_from_message,
    "phase_proven": _phase_from_message,
    "transaction_included": _included_from_message,
    "finality_violated": _violated_from_message,
}
