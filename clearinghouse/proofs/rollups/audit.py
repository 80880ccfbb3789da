"""The audit of bonded attesters: who signed another header than L1 made final.

Reasons raised: ``attestation_true``, ``attestation_not_refuted``, ``audited_height_mismatch``,
``audited_chain_mismatch``, ``committee_epoch_mismatch``, and those of ``quorum``.
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
    _verify_subject(committee, attestation, proven.chain_id)
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
    return _find_signers(committee, attestation)


def verify_unreached_attestation(
    committee: Committee, attestation: Attestation, held_timestamp: int, proven: VerifiedHeader
) -> FalseAttestation:
    """Return who signed a header that L1 shows to be false before the rollup reaches its height.

    ``proven`` is lower and yet younger than the header, whose time a client that holds it knows;
    from block to block times do not decrease.

    Raises
    ------
    ProofInvalid
        ``attestation_not_refuted`` when it is not lower, or not younger; as
        ``verify_false_attestation``.
    """
    _verify_subject(committee, attestation, proven.chain_id)
    if proven.height >= attestation.height or proven.timestamp <= held_timestamp:
        raise ProofInvalid(
            "attestation_not_refuted",
            f"block {proven.height} of {proven.timestamp} says nothing of block "
            f"{attestation.height} of {held_timestamp}; wait until L1 has a younger or that one",
            attested=attestation.height,
            proven=proven.height,
        )
    return _find_signers(committee, attestation)


def _verify_subject(committee: Committee, attestation: Attestation, chain_id: ChainId) -> None:
    """Require the attestation to be these attesters', and of the chain that is proven."""
    if chain_id != committee.chain_id:
        raise ProofInvalid(
            "audited_chain_mismatch",
            f"the attesters are of chain {committee.chain_id}, the block of {chain_id}",
            attested=committee.chain_id,
            proven=chain_id,
        )
    if attestation.epoch != committee.epoch:
        raise ProofInvalid(
            "committee_epoch_mismatch",
            f"these attesters sign in epoch {committee.epoch}, the attestation is of "
            f"{attestation.epoch}",
            expected=committee.epoch,
            epoch=attestation.epoch,
        )


def _find_signers(committee: Committee, attestation: Attestation) -> FalseAttestation:
    digest = committee_digest(
        committee.clearinghouse_id,
        committee.chain_id,
        committee.epoch,
        attestation.height,
        attestation.block_hash,
    )
    signers = verify_quorum(digest, committee.members, 1, attestation.signatures)
    return FalseAttestation(signers, freezes=len(signers) >= committee.threshold)
