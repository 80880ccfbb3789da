"""Values as the nested tuples that the anchor's ABI takes; field order is the Solidity structs'."""

from __future__ import annotations

from adapters.base import CounterProof
from clearinghouse.book.settlements import Leg, OperatorSet, Settlement, Windows
from clearinghouse.commitment.settlements import leg_tuple

AbiTuple = tuple[object, ...]


def settlement_argument(settlement: Settlement) -> AbiTuple:
    """Return ``struct Settlement``."""
    return (
        settlement.clearinghouse_id,
        settlement.cycle,
        settlement.parent,
        settlement.operator_epoch,
        settlement.cut_time,
        settlement.journal_count,
        settlement.journal_head,
        settlement.statements_root,
        settlement.flows_root,
        settlement.fills_root,
        settlement.prices_root,
        settlement.prepare_deadline,
        settlement.decide_by,
        [
            (entry.chain_id, entry.anchor, entry.leg_hash, entry.active)
            for entry in settlement.chains
        ],
    )


def leg_argument(leg: Leg) -> AbiTuple:
    """Return ``struct Leg``."""
    return leg_tuple(leg)


def operator_set_argument(operator_set: OperatorSet) -> AbiTuple:
    """Return ``struct OperatorSet``."""
    return (
        operator_set.epoch,
        operator_set.threshold,
        list(operator_set.signers),
        operator_set.parameters_hash,
    )


def proof_argument(proof: CounterProof) -> AbiTuple:
    """Return ``struct CounterProof``."""
    return proof.height, list(proof.account_proof), list(proof.storage_proof)


def windows_argument(windows: Windows) -> AbiTuple:
    """Return ``struct Windows``."""
    return (
        windows.challenge_seconds,
        windows.grace_seconds,
        windows.stall_seconds,
        windows.freeze_delay_seconds,
        windows.max_decide_seconds,
        windows.client_latency_seconds,
    )
