"""OP Stack through L1: output roots, and the ways in which L1 came to hold them.

An output root commits to a block's state root and hash. Before fault proofs a trusted proposer
put it into the L2OutputOracle, where a challenger could delete it for a time
(``verify_output_header``).
AnchorStateRegistries of versions 1 and 2 keep the newest root that a game defended
(``verify_anchor_header``). How games themselves are proven is in ``dispute_game``.

Sources: ethereum-optimism/specs, ``protocol/proposals.md``; ethereum-optimism/optimism,
``L1/L2OutputOracle.sol``, ``dispute/AnchorStateRegistry.sol``.

Reasons raised: ``output_root_mismatch``, ``output_deleted``, ``output_not_final``,
``output_height_mismatch``, and those of ``l1_contract``, ``rollup_header`` and ``state``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.book.ranges import UINT128_MAX
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import mapping_slot
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.l1_contract import (
    L1Contract,
    L1ContractProof,
    verify_l1_contract,
)
from clearinghouse.proofs.rollups.rollup_header import read_rollup_header
from clearinghouse.proofs.state import verify_storage

OUTPUTS_SLOT = 3
"""``l2Outputs`` of L2OutputOracle 1.x: an array of (bytes32 root, uint128 timestamp, uint128
l2BlockNumber), two words each."""

ANCHORS_SLOT = 1
"""``anchors`` of AnchorStateRegistry 1 and 2: game type => (bytes32 root, uint256 block number)."""


@dataclass(frozen=True, slots=True)
class OutputPreimage:
    """What an output root of version 0 is the hash of."""

    message_passer_storage_root: Hash32
    """Storage root of the L2ToL1MessagePasser; the rest is in the header."""
    header_rlp: bytes


@dataclass(frozen=True, slots=True)
class OutputOracle:
    """What is trusted about a chain's L2OutputOracle."""

    chain_id: ChainId
    """Of the rollup."""
    oracle: L1Contract
    finalization_seconds: int
    """How long the challenger may delete an output."""
    outputs_slot: int = OUTPUTS_SLOT


@dataclass(frozen=True, slots=True)
class OutputProof:
    """The nodes that prove one output of an L2OutputOracle."""

    oracle: L1ContractProof
    index: int
    length_nodes: tuple[bytes, ...]
    root_nodes: tuple[bytes, ...]
    time_nodes: tuple[bytes, ...]
    preimage: OutputPreimage


@dataclass(frozen=True, slots=True)
class AnchorRegistry:
    """What is trusted about an AnchorStateRegistry of version 1 or 2."""

    chain_id: ChainId
    """Of the rollup."""
    registry: L1Contract
    game_type: int
    anchors_slot: int = ANCHORS_SLOT


@dataclass(frozen=True, slots=True)
class AnchorProof:
    """The nodes that prove the anchor root of a game type."""

    registry: L1ContractProof
    root_nodes: tuple[bytes, ...]
    preimage: OutputPreimage


def output_root(state_root: Hash32, message_passer_storage_root: Hash32, block: Hash32) -> Hash32:
    """Return the output root, version 0, of the block with hash ``block``."""
    return keccak256(ZERO_HASH + state_root + message_passer_storage_root + block)


def output_slots(config: OutputOracle, index: int) -> tuple[Hash32, Hash32]:
    """Return the storage keys of an output's root, and of its time and block number."""
    first = int.from_bytes(keccak256(config.outputs_slot.to_bytes(32))) + 2 * index
    root, time = (Hash32((slot % 2**256).to_bytes(32)) for slot in (first, first + 1))
    return root, time


def anchor_slot(config: AnchorRegistry) -> Hash32:
    """Return the storage key of the anchor root."""
    return mapping_slot(config.game_type.to_bytes(32), config.anchors_slot)


def verify_output_root(chain_id: ChainId, root: Hash32, preimage: OutputPreimage) -> VerifiedHeader:
    """Return the header that an output root held by L1 commits to.

    Raises
    ------
    ProofInvalid
        ``output_root_mismatch`` when it commits to another, or the header is malformed.
    """
    header = read_rollup_header(chain_id, preimage.header_rlp)
    found = output_root(header.state_root, preimage.message_passer_storage_root, header.block_hash)
    if found != root:
        raise ProofInvalid(
            "output_root_mismatch",
            f"the header of block {header.height} gives the output root 0x{found.hex()}, L1 holds "
            f"0x{root.hex()}",
            found=found,
            expected=root,
            height=header.height,
        )
    return header


def verify_output_header(
    config: OutputOracle, l1: VerifiedHeader, proof: OutputProof
) -> VerifiedHeader:
    """Return the rollup's header of an output that nobody can delete any more.

    The number of outputs is proven too: deleting only lowers it, so the words of deleted outputs
    stay in storage and would prove.

    Raises
    ------
    ProofInvalid
        ``output_deleted``, ``output_not_final``, ``output_height_mismatch``, or when a part is
        invalid.
    """
    storage_root = verify_l1_contract(l1, config.oracle, proof.oracle)
    length_slot = Hash32(config.outputs_slot.to_bytes(32))
    length = verify_storage(storage_root, length_slot, proof.length_nodes)
    if not 0 <= proof.index < length:
        raise ProofInvalid(
            "output_deleted",
            f"the oracle has {length} outputs, there is none at {proof.index}: it was deleted, or "
            "not proposed yet",
            index=proof.index,
            length=length,
        )
    root_slot, time_slot = output_slots(config, proof.index)
    root = verify_storage(storage_root, root_slot, proof.root_nodes)
    time = verify_storage(storage_root, time_slot, proof.time_nodes)
    proposed_at, proposed_height = time & UINT128_MAX, time >> 128
    if proposed_at + config.finalization_seconds >= l1.timestamp:
        raise ProofInvalid(
            "output_not_final",
            f"output {proof.index} of {proposed_at} can be deleted for "
            f"{config.finalization_seconds} seconds; prove it under an L1 header after that",
            proposed_at=proposed_at,
            finalization_seconds=config.finalization_seconds,
            l1_timestamp=l1.timestamp,
        )
    header = verify_output_root(config.chain_id, Hash32(root.to_bytes(32)), proof.preimage)
    if header.height != proposed_height:
        raise ProofInvalid(
            "output_height_mismatch",
            f"the output was proposed for block {proposed_height}, its header is of "
            f"{header.height}",
            proposed=proposed_height,
            height=header.height,
        )
    return header


def verify_anchor_header(
    config: AnchorRegistry, l1: VerifiedHeader, proof: AnchorProof
) -> VerifiedHeader:
    """Return the rollup's header of the anchor root.

    These registries take a root as soon as its game resolves, without the delay in which a guardian
    may still strike a wrong game out; where version 3 or later is in place, use ``dispute_game``.

    Raises
    ------
    ProofInvalid
        When a part is invalid.
    """
    storage_root = verify_l1_contract(l1, config.registry, proof.registry)
    root = verify_storage(storage_root, anchor_slot(config), proof.root_nodes)
    return verify_output_root(config.chain_id, Hash32(root.to_bytes(32)), proof.preimage)
