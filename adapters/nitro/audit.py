"""Evidence against attesters of a Nitro chain: which block its L1 confirmed at their height."""

from __future__ import annotations

from adapters.evm.reader import Reader
from adapters.evm.rollup_proofs import Argument, build_outbox_proof, l1_evidence_argument
from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.audit import ProvenBlock
from clearinghouse.proofs.rollups.l1_contract import L1ContractProof
from clearinghouse.proofs.rollups.nitro import (
    NitroOutbox,
    OutboxProof,
    outbox_slot,
    verify_outbox_header,
)
from clearinghouse.proofs.rollups.rollup_header import read_send_root

SEND_ROOT_UPDATED = keccak256(b"SendRootUpdated(bytes32,bytes32)")
"""Topic of the Outbox's event; its arguments, send root and block hash, are indexed."""


def find_confirmed(
    outbox: NitroOutbox, l1_reader: Reader, reader: Reader, first_l1_height: int, l1_height: int
) -> tuple[int, ...]:
    """Return the heights of the rollup's blocks that L1 confirmed between two heights: hints."""
    logs = l1_reader.logs(outbox.outbox.address, first_l1_height, l1_height)
    hashes = [Hash32(log.topics[2]) for log in logs if log.topics[0] == SEND_ROOT_UPDATED]
    return tuple(reader.get_header_by_hash(block_hash)[0].height for block_hash in hashes)


def build_outbox_evidence(
    outbox: NitroOutbox, l1: VerifiedHeader, l1_reader: Reader, reader: Reader, height: int
) -> tuple[ProvenBlock, Argument]:
    """Return the block of the rollup's ``height`` by L1, and what ``audit`` takes to prove it.

    ``l1`` is a header that the L1 client beside the audited client holds; ``reader`` asks any
    honest node of the rollup. The block of that very height must have been confirmed.

    Raises
    ------
    Unavailable
        ``block_unknown`` when the rollup's node does not have the block.
    ProofInvalid
        ``block_not_confirmed`` when L1 did not confirm it, or not as the last with its send root.
    """
    header, encoded = reader.get_header_at(height)
    if header.height != height:
        raise Unavailable("block_unknown", f"the node gave block {header.height} for {height}")
    slot = outbox_slot(outbox, read_send_root(encoded))
    nodes = l1_reader.get_proof(outbox.outbox.address, (slot,), l1.height)
    proof = OutboxProof(L1ContractProof(nodes.account_nodes, ()), nodes.storage_nodes[0], encoded)
    proven = ProvenBlock.of(verify_outbox_header(outbox, l1, proof))
    return proven, l1_evidence_argument(l1.height, build_outbox_proof(proof))
