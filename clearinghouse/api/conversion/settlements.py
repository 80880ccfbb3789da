"""Settlements, legs and operator sets, and how far a settlement has come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clearinghouse.api.conversion.fields import (
    address_of,
    chain_id_of,
    hash_of,
    submessage_of,
    uint128_bytes,
    uint128_of,
)
from clearinghouse.api.views import (
    ChainPhase,
    PayableRelease,
    SettlementRecord,
    SettlementSummary,
)
from clearinghouse.book.identifiers import AssetId
from clearinghouse.book.settlements import (
    ChainEntry,
    Leg,
    LegAsset,
    OperatorSet,
    Phase,
    Settlement,
)
from clearinghouse.errors import Rejected
from clearinghouse.v1 import settlements_pb2

_PHASE_TO_MESSAGE: dict[Phase, Any] = {
    phase: settlements_pb2.Phase.Value(f"PHASE_{phase.name}") for phase in Phase
}
_PHASE_FROM_MESSAGE = {number: phase for phase, number in _PHASE_TO_MESSAGE.items()}


def phase_to_message(phase: Phase) -> Any:
    """Return the number of a phase in messages."""
    return _PHASE_TO_MESSAGE[phase]


def phase_from_message(number: int) -> Phase:
    """Return the phase; raise ``Rejected("MALFORMED")`` when it is unspecified or unknown."""
    phase = _PHASE_FROM_MESSAGE.get(number)
    if phase is None:
        raise Rejected("MALFORMED", f"there is no phase {number}", phase=number)
    return phase


def settlement_to_message(settlement: Settlement) -> settlements_pb2.Settlement:
    """Return the message of a settlement."""
    return settlements_pb2.Settlement(
        clearinghouse_id=settlement.clearinghouse_id,
        cycle=settlement.cycle,
        parent=settlement.parent,
        operator_epoch=settlement.operator_epoch,
        cut_time=settlement.cut_time,
        journal_count=settlement.journal_count,
        journal_head=settlement.journal_head,
        statements_root=settlement.statements_root,
        flows_root=settlement.flows_root,
        fills_root=settlement.fills_root,
        prices_root=settlement.prices_root,
        prepare_deadline=settlement.prepare_deadline,
        decide_by=settlement.decide_by,
        chains=[
            settlements_pb2.ChainEntry(
                chain_id=entry.chain_id,
                anchor=entry.anchor,
                leg_hash=entry.leg_hash,
                active=entry.active,
            )
            for entry in settlement.chains
        ],
    )


def settlement_from_message(message: settlements_pb2.Settlement) -> Settlement:
    """Return the settlement of a message."""
    return Settlement(
        clearinghouse_id=hash_of("clearinghouse id", message.clearinghouse_id),
        cycle=message.cycle,
        parent=hash_of("parent", message.parent),
        operator_epoch=message.operator_epoch,
        cut_time=message.cut_time,
        journal_count=message.journal_count,
        journal_head=hash_of("journal head", message.journal_head),
        statements_root=hash_of("statements root", message.statements_root),
        flows_root=hash_of("flows root", message.flows_root),
        fills_root=hash_of("fills root", message.fills_root),
        prices_root=hash_of("prices root", message.prices_root),
        prepare_deadline=message.prepare_deadline,
        decide_by=message.decide_by,
        chains=tuple(
            ChainEntry(
                chain_id_of("chain id", entry.chain_id),
                address_of("anchor", entry.anchor),
                hash_of("leg hash", entry.leg_hash),
                entry.active,
            )
            for entry in message.chains
        ),
    )


def leg_to_message(leg: Leg) -> settlements_pb2.Leg:
    """Return the message of a leg."""
    return settlements_pb2.Leg(
        chain_id=leg.chain_id,
        anchor=leg.anchor,
        cycle=leg.cycle,
        parent_leg=leg.parent_leg,
        assets=[
            settlements_pb2.LegAsset(
                asset_id=asset.asset_id,
                claims_tree=asset.claims_tree,
                claims=uint128_bytes("claims", asset.claims),
                releases_tree=asset.releases_tree,
                released=uint128_bytes("released", asset.released),
                deposit_cursor=asset.deposit_cursor,
                deposit_hash=asset.deposit_hash,
                exit_cursor=asset.exit_cursor,
            )
            for asset in leg.assets
        ],
        data_hash=leg.data_hash,
    )


def leg_from_message(message: settlements_pb2.Leg) -> Leg:
    """Return the leg of a message."""
    return Leg(
        chain_id=chain_id_of("chain id", message.chain_id),
        anchor=address_of("anchor", message.anchor),
        cycle=message.cycle,
        parent_leg=hash_of("parent leg", message.parent_leg),
        assets=tuple(
            LegAsset(
                asset_id=AssetId(asset.asset_id),
                claims_tree=hash_of("claims tree", asset.claims_tree),
                claims=uint128_of("claims", asset.claims),
                releases_tree=hash_of("releases tree", asset.releases_tree),
                released=uint128_of("released", asset.released),
                deposit_cursor=asset.deposit_cursor,
                deposit_hash=hash_of("deposit hash", asset.deposit_hash),
                exit_cursor=asset.exit_cursor,
            )
            for asset in message.assets
        ),
        data_hash=hash_of("data hash", message.data_hash),
    )


def operator_set_to_message(operator_set: OperatorSet) -> settlements_pb2.OperatorSet:
    """Return the message of an operator set."""
    return settlements_pb2.OperatorSet(
        epoch=operator_set.epoch,
        threshold=operator_set.threshold,
        signers=operator_set.signers,
        parameters_hash=operator_set.parameters_hash,
    )


def operator_set_from_message(message: settlements_pb2.OperatorSet) -> OperatorSet:
    """Return the operator set of a message."""
    return OperatorSet(
        epoch=message.epoch,
        threshold=message.threshold,
        signers=tuple(address_of("signer", signer) for signer in message.signers),
        parameters_hash=hash_of("parameters hash", message.parameters_hash),
    )


def _chain_phases_to_messages(phases: Iterable[ChainPhase]) -> list[settlements_pb2.ChainPhase]:
    return [
        settlements_pb2.ChainPhase(
            chain_id=line.chain_id, phase=phase_to_message(line.phase), lapsed=line.lapsed
        )
        for line in phases
    ]


def _chain_phases_from_messages(
    messages: Iterable[settlements_pb2.ChainPhase],
) -> tuple[ChainPhase, ...]:
    return tuple(
        ChainPhase(
            chain_id_of("chain id", line.chain_id), phase_from_message(line.phase), line.lapsed
        )
        for line in messages
    )


def settlement_record_to_message(record: SettlementRecord) -> settlements_pb2.SettlementRecord:
    """Return the message of a settlement's record."""
    return settlements_pb2.SettlementRecord(
        settlement_id=record.settlement_id,
        settlement=settlement_to_message(record.settlement),
        legs=[leg_to_message(leg) for leg in record.legs],
        operator_set=operator_set_to_message(record.operator_set),
        signatures=record.signatures,
        chain_phases=_chain_phases_to_messages(record.chain_phases),
        outcome=phase_to_message(record.outcome),
        releases=[
            settlements_pb2.PayableRelease(
                chain_id=release.chain_id,
                asset_id=release.asset_id,
                index=release.index,
                member=release.member,
                quanta=release.quanta,
                release_id=release.release_id,
            )
            for release in record.releases
        ],
        sequence=record.sequence,
    )


def settlement_record_from_message(message: settlements_pb2.SettlementRecord) -> SettlementRecord:
    """Return the settlement's record of a message."""
    return SettlementRecord(
        settlement_id=hash_of("settlement id", message.settlement_id),
        settlement=settlement_from_message(submessage_of(message, "settlement")),
        legs=tuple(leg_from_message(leg) for leg in message.legs),
        operator_set=operator_set_from_message(submessage_of(message, "operator_set")),
        signatures=tuple(message.signatures),
        chain_phases=_chain_phases_from_messages(message.chain_phases),
        outcome=phase_from_message(message.outcome),
        releases=tuple(
            PayableRelease(
                chain_id=chain_id_of("chain id", release.chain_id),
                asset_id=AssetId(release.asset_id),
                index=release.index,
                member=address_of("member", release.member),
                quanta=release.quanta,
                release_id=hash_of("release id", release.release_id),
            )
            for release in message.releases
        ),
        sequence=message.sequence,
    )


def settlement_summary_to_message(
    summary: SettlementSummary,
) -> settlements_pb2.SettlementSummary:
    """Return the message of a line of the list."""
    return settlements_pb2.SettlementSummary(
        settlement_id=summary.settlement_id,
        cycle=summary.cycle,
        outcome=phase_to_message(summary.outcome),
        chain_phases=_chain_phases_to_messages(summary.chain_phases),
        closed=summary.closed,
    )


def settlement_summary_from_message(
    message: settlements_pb2.SettlementSummary,
) -> SettlementSummary:
    """Return the line of a message."""
    return SettlementSummary(
        settlement_id=hash_of("settlement id", message.settlement_id),
        cycle=message.cycle,
        outcome=phase_from_message(message.outcome),
        chain_phases=_chain_phases_from_messages(message.chain_phases),
        closed=message.closed,
    )
