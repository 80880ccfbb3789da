"""The bytes that the root contracts and the audit of a rollup's light client take.

One function per root contract of ``contracts/src/light/rollup``: what
``clearinghouse.proofs.rollups`` verifies here is verified there from the same nodes. Verify first:
a contract answers a bad proof with a revert that somebody has paid for.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from eth_abi.abi import encode

from clearinghouse.book.identifiers import ZERO_ADDRESS
from clearinghouse.proofs.rollups.dispute_game import GameLayout, GameProof
from clearinghouse.proofs.rollups.l1_contract import L1Contract, L1ContractProof
from clearinghouse.proofs.rollups.nitro import AssertionProof, OutboxProof
from clearinghouse.proofs.rollups.opstack import AnchorProof, OutputProof
from clearinghouse.proofs.state import StateProof

Argument: TypeAlias = tuple[Any, ...]
"""A struct as ``eth_abi`` takes it: its fields in order."""

_L1_CONTRACT = "(bytes[],bytes[])"
_ASSERTION_STATE = "((bytes32[2],uint64[2]),uint8,bytes32)"

_NO_HISTORY = StateProof((), ())


def l1_contract_argument(contract: L1Contract) -> Argument:
    """Return a contract as the constructors of root contracts take it."""
    return (contract.address, contract.code_hash, contract.implementation or ZERO_ADDRESS)


def game_layout_argument(layout: GameLayout) -> Argument:
    """Return a layout as ``DisputeGameRoot``'s constructor takes it."""
    return (
        layout.disputes_slot,
        layout.registry_factory_slot,
        layout.blacklist_slot,
        layout.retirement_slot,
        layout.respected_slot,
        layout.respected_byte,
        layout.extra_data_byte,
    )


def build_output_proof(proof: OutputProof) -> bytes:
    """Return the proof that ``OutputOracleRoot`` takes."""
    return encode(
        [f"({_L1_CONTRACT},uint256,bytes[],bytes[],bytes[],bytes32,bytes)"],
        [
            (
                _nodes(proof.oracle),
                proof.index,
                proof.length_nodes,
                proof.root_nodes,
                proof.time_nodes,
                proof.preimage.message_passer_storage_root,
                proof.preimage.header_rlp,
            )
        ],
    )


def build_anchor_proof(proof: AnchorProof) -> bytes:
    """Return the proof that ``AnchorRegistryRoot`` takes."""
    return encode(
        [f"({_L1_CONTRACT},bytes[],bytes32,bytes)"],
        [
            (
                _nodes(proof.registry),
                proof.root_nodes,
                proof.preimage.message_passer_storage_root,
                proof.preimage.header_rlp,
            )
        ],
    )


def build_game_proof(proof: GameProof) -> bytes:
    """Return the proof that ``DisputeGameRoot`` takes."""
    nodes = "bytes[]"
    return encode(
        [
            f"({_L1_CONTRACT},{nodes},{_L1_CONTRACT},{nodes},{nodes},{nodes},{nodes},{nodes},"
            f"{nodes},bytes,bytes32,bytes)"
        ],
        [
            (
                _nodes(proof.factory),
                proof.game_id_nodes,
                _nodes(proof.registry),
                proof.registry_factory_nodes,
                proof.blacklist_nodes,
                proof.retirement_nodes,
                proof.game_nodes,
                proof.state_nodes,
                proof.respected_nodes,
                proof.code,
                proof.preimage.message_passer_storage_root,
                proof.preimage.header_rlp,
            )
        ],
    )


def build_outbox_proof(proof: OutboxProof) -> bytes:
    """Return the proof that ``OutboxRoot`` takes."""
    return encode(
        [f"({_L1_CONTRACT},bytes[],bytes)"],
        [(_nodes(proof.outbox), proof.root_nodes, proof.header_rlp)],
    )


def build_assertion_proof(proof: AssertionProof) -> bytes:
    """Return the proof that ``AssertionRoot`` takes."""
    after = proof.after_state
    state = (
        ((after.block_hash, after.send_root), (after.inbox_position, after.position_in_message)),
        after.machine_status,
        after.end_history_root,
    )
    return encode(
        [f"({_L1_CONTRACT},bytes[],bytes32,{_ASSERTION_STATE},bytes32,bytes)"],
        [
            (
                _nodes(proof.rollup),
                proof.node_nodes,
                proof.parent,
                state,
                proof.inbox_accumulator,
                proof.header_rlp,
            )
        ],
    )


def l1_evidence_argument(
    l1_height: int, root_proof: bytes, history: StateProof = _NO_HISTORY
) -> Argument:
    """Return what ``AttestedRollupClient.audit`` takes as what L1 says.

    Parameters
    ----------
    l1_height
        Of a header that the L1 client on the same chain holds.
    root_proof
        What the client's root contract takes.
    history
        Proves the audited block under the proven one; nothing where they are the same.
    """
    return (l1_height, root_proof, history.account_nodes, history.storage_nodes)


def _nodes(proof: L1ContractProof) -> Argument:
    return (proof.account_nodes, proof.implementation_nodes)
