"""Evidence against a rollup's attesters: what its L1 made final at the height that they attested.

Families differ in where L1 keeps their roots (``PostedRoots``). From a posted header on, all is the
same: it is of the very height, or its state holds the hash of the earlier block (EIP-2935).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.evm.reader import Reader
from adapters.evm.rollup_proofs import Argument, l1_evidence_argument
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.audit import ProvenBlock
from clearinghouse.proofs.rollups.history import HISTORY_CONTRACT, history_slot, verify_ancestor
from clearinghouse.proofs.rollups.l1_contract import (
    IMPLEMENTATION_SLOT,
    L1Contract,
    L1ContractProof,
)
from clearinghouse.proofs.state import StateProof


@dataclass(frozen=True)
class PostedHeader:
    """A rollup's header that its L1 made final, and what a root contract takes to prove it."""

    header: VerifiedHeader
    root_proof: bytes


class PostedRoots(Protocol):
    """The roots of one rollup on its L1. Used by one thread."""

    @property
    def chain_id(self) -> ChainId:
        """Of the rollup."""
        ...

    def find_posted(self, l1: VerifiedHeader, height: int) -> PostedHeader | None:
        """Return the lowest header from ``height`` on that ``l1`` proves, None before there is one.

        Raises
        ------
        ProofInvalid, Unavailable
            When a node lies, or does not answer.
        """
        ...

    def find_newest(self, l1: VerifiedHeader) -> PostedHeader | None:
        """Return the highest header that ``l1`` proves, None before there is one; raises alike."""
        ...


def build_evidence(
    posted: PostedHeader, l1: VerifiedHeader, reader: Reader, height: int, history_window: int
) -> tuple[ProvenBlock, Argument]:
    """Return the block of the rollup's ``height`` by L1, and what ``audit`` takes to prove it.

    ``reader`` asks any honest node of the rollup; ``history_window`` is how many hashes of earlier
    blocks the rollup's own state holds. All is verified here first.

    Raises
    ------
    ProofInvalid
        ``outside_history`` when the posted header's state does not reach back to ``height``, so
        that nothing ever proves it; others when a node lies.
    """
    header = posted.header
    if header.height == height:
        return ProvenBlock.of(header), l1_evidence_argument(l1.height, posted.root_proof)
    # A window of nothing has no slot to ask for; that it proves nothing is judged below.
    slot = history_slot(height, max(history_window, 1))
    past = reader.get_proof(HISTORY_CONTRACT, (slot,), header.height)
    history = StateProof(past.account_nodes, past.storage_nodes[0])
    block_hash = verify_ancestor(header, height, history_window, history)
    return (
        ProvenBlock(header.chain_id, height, block_hash),
        l1_evidence_argument(l1.height, posted.root_proof, history),
    )


def read_l1_contract(
    reader: Reader, contract: L1Contract, slots: Sequence[Hash32], height: int
) -> tuple[L1ContractProof, tuple[tuple[bytes, ...], ...]]:
    """Return the nodes of a contract on L1, its implementation's among them, and of its slots."""
    implementation = () if contract.implementation is None else (IMPLEMENTATION_SLOT,)
    found = reader.get_proof(contract.address, (*implementation, *slots), height)
    nodes = found.storage_nodes
    if contract.implementation is None:
        return L1ContractProof(found.account_nodes, ()), nodes
    return L1ContractProof(found.account_nodes, nodes[0]), nodes[1:]
