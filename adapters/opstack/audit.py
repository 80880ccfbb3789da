"""Evidence against attesters of an OP Stack chain: what its L1 made final at their height."""

from __future__ import annotations

from bisect import bisect_left

from adapters.evm.reader import Reader
from adapters.evm.rollup_proofs import Argument, build_output_proof, l1_evidence_argument
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.audit import ProvenBlock
from clearinghouse.proofs.rollups.history import (
    HISTORY_CONTRACT,
    HISTORY_WINDOW_BLOCKS,
    history_slot,
    verify_ancestor,
)
from clearinghouse.proofs.rollups.l1_contract import L1ContractProof, verify_l1_contract
from clearinghouse.proofs.rollups.opstack import (
    OutputOracle,
    OutputPreimage,
    OutputProof,
    output_slots,
    verify_output_header,
)
from clearinghouse.proofs.state import StateProof, verify_storage

MESSAGE_PASSER = Address(bytes.fromhex("4200000000000000000000000000000000000016"))
"""Its storage root is part of every output root."""


def build_output_evidence(
    oracle: OutputOracle, l1: VerifiedHeader, l1_reader: Reader, reader: Reader, height: int
) -> tuple[ProvenBlock, Argument]:
    """Return the block of the rollup's ``height`` by L1, and what ``audit`` takes to prove it.

    ``l1`` is a header that the L1 client beside the audited client holds; ``reader`` asks any
    honest node of the rollup. All is verified here first.

    Raises
    ------
    Unavailable
        ``root_not_posted`` when L1 has no output from that height on yet.
    ProofInvalid
        ``output_not_final`` while it can still be deleted, or when a node lies.
    """
    index = _find_output(oracle, l1, l1_reader, height)
    root_slot, time_slot = output_slots(oracle, index)
    slots = (Hash32(oracle.outputs_slot.to_bytes(32)), root_slot, time_slot)
    nodes = l1_reader.get_proof(oracle.oracle.address, slots, l1.height)
    length_nodes, root_nodes, time_nodes = nodes.storage_nodes
    account = L1ContractProof(nodes.account_nodes, ())
    storage_root = verify_l1_contract(l1, oracle.oracle, account)
    proposed_height = verify_storage(storage_root, time_slot, time_nodes) >> 128
    _, encoded = reader.get_header_at(proposed_height)
    preimage = OutputPreimage(reader.storage_root(MESSAGE_PASSER, proposed_height), encoded)
    proof = OutputProof(account, index, length_nodes, root_nodes, time_nodes, preimage)
    header = verify_output_header(oracle, l1, proof)
    if header.height == height:
        return ProvenBlock.of(header), l1_evidence_argument(l1.height, build_output_proof(proof))
    slot = history_slot(height, HISTORY_WINDOW_BLOCKS)
    past = reader.get_proof(HISTORY_CONTRACT, (slot,), header.height)
    history = StateProof(past.account_nodes, past.storage_nodes[0])
    block_hash = verify_ancestor(header, height, HISTORY_WINDOW_BLOCKS, history)
    return (
        ProvenBlock(oracle.chain_id, height, block_hash),
        l1_evidence_argument(l1.height, build_output_proof(proof), history),
    )


def _find_output(oracle: OutputOracle, l1: VerifiedHeader, l1_reader: Reader, height: int) -> int:
    """Return the place of the first output from ``height`` on; outputs have increasing heights."""

    def read(slot: Hash32) -> int:
        found = l1_reader.get_proof(oracle.oracle.address, (slot,), l1.height)
        account = L1ContractProof(found.account_nodes, ())
        storage_root = verify_l1_contract(l1, oracle.oracle, account)
        return verify_storage(storage_root, slot, found.storage_nodes[0])

    length = read(Hash32(oracle.outputs_slot.to_bytes(32)))
    index = bisect_left(
        range(length), height, key=lambda at: read(output_slots(oracle, at)[1]) >> 128
    )
    if index == length:
        raise Unavailable(
            "root_not_posted",
            f"L1 block {l1.height} has no output of chain {oracle.chain_id} from {height} on; "
            "audit again when there is one",
            chain_id=oracle.chain_id,
            height=height,
        )
    return index
