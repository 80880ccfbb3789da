"""The audit of bonded attesters: who signed another header than L1 made final.

Reasons raised: ``attestation_true``, ``audited_height_mismatch``, ``audited_chain_mismatch``,
``committee_epoch_mismatch``, and those of ``quorum``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Attestation, Committee, committee_digest
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.quorum import verify_quorum


@dataclass(frozen=True, slots=True)
class ProvenBlock:
    """A rollup's block as L1 has it: a header of ``opstack`` or ``nitro``, or its ancestor."""

    chain_id: ChainId
    height: int
    block_hash: Hash32

    @classmethod
    def of(cls, header: VerifiedHeader) -> ProvenBlock:
        """Return the block of a header that L1 proves itself."""
        return cls(header.chain_id, header.height, header.block_hash)


@dataclass(frozen=True, slots=True)
class FalseAttestation:
    """What an audit shows."""

    signers: tuple[Address, ...]
    """Each loses its bond."""
    freezes: bool
    """Whether they are a quorum, so that the client may have taken the header."""


def verify_false_attestation(
    committee: Committee, attestation: Attestation, proven: ProvenBlock
) -> FalseAttestation:
    """Return who signed ``attestation`` although L1 has another block at its height.

    Raises
    ------
    ProofInvalid
        ``attestation_true`` when it is that very block, when they are of different heights or
        chains, or when a signature is not a member's.
    """
    if proven.chain_id != committee.chain_id:
        raise ProofInvalid(
            "audited_chain_mismatch",
            f"the attesters are of chain {committee.chain_id}, the block of {proven.chain_id}",
            attested=committee.chain_id,
            proven=proven.chain_id,
        )
    if attestation.epoch != committee.epoch:
        raise ProofInvalid(
            "committee_epoch_mismatch",
            f"these attesters sign in epoch {committee.epoch}, the attestation is of "
            f"{attestation.epoch}",
            expected=committee.epoch,
            epoch=attestation.epoch,
        )
    if proven.height != attestation.height:
        raise ProofInvalid(
            "audited_height_mismatch",
            f"block {attestation.height} was attested, {proven.height} is proven; prove the "
            "attested one, by the history contract if L1 has none of its height",
            attested=attestation.height,
            proven=proven.height,
        )
    if proven.block_hash == attestation.block_hash:
        raise ProofInvalid(
            "attestation_true",
            f"L1 proves the very block {proven.height} that was attested",
            height=proven.height,
        )
    digest = committee_digest(
        committee.clearinghouse_id,
        committee.chain_id,
        committee.epoch,
        attestation.height,
        attestation.block_hash,
    )
    signers = verify_quorum(digest, committee.members, 1, attestation.signatures)
    return FalseAttestation(signers, freezes=len(signers) >= committee.threshold)
