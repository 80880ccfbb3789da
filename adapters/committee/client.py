"""What a committee's light client takes: its creation, updates, evidence and recoveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from clearinghouse.book.identifiers import Address
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.bls_quorum import encode_aggregate, encode_signature
from clearinghouse.proofs.committee import Attestation, Committee, Scheme
from clearinghouse.proofs.handover import Handover

_SET_TYPE = "(uint32,bytes,bytes[])"
_HANDOVER_TYPE = f"(uint64,uint64,{_SET_TYPE},bytes[])"
UPDATE_TYPES = ["bytes", "bytes[]", "uint64", f"{_HANDOVER_TYPE}[]"]
EVIDENCE_TYPES = ["uint64", "bytes32", "bytes[]", "bytes32", "bytes[]", "uint64", "uint64"]

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class ClientPolicy:
    """What a client is deployed with beside its first attesters; fixed for ever."""

    trusting_seconds: int = 14 * DAY_SECONDS
    """Without a newer header for so long it expires; so long retired attesters can be convicted."""
    overlap_seconds: int = 3_600
    """For so long after a handover headers of the epoch before are taken."""
    drift_seconds: int = 3_600
    """How far a followed chain's clock may be ahead."""
    recovery_delay_seconds: int = 3 * DAY_SECONDS
    recovery_threshold: int = 0
    """More than two thirds of ``recovery_members``, and at least two; 0 where there are none."""
    recovery_members: tuple[Address, ...] = ()
    """Strictly increasing; without any a stopped client stays stopped."""


SetArguments = tuple[int, bytes, list[bytes]]


def build_set(committee: Committee) -> SetArguments:
    """Return the contract's ``AttesterSet`` of a committee."""
    possessions = [encode_signature(proof) for proof in committee.possessions]
    return committee.threshold, committee.packed_members, possessions


def build_configuration(committee: Committee, policy: ClientPolicy) -> tuple[object, ...]:
    """Return the constructor's ``CommitteeConfiguration``."""
    return (
        committee.clearinghouse_id,
        committee.chain_id,
        committee.epoch,
        build_set(committee),
        policy.trusting_seconds,
        policy.overlap_seconds,
        policy.drift_seconds,
        policy.recovery_delay_seconds,
        policy.recovery_threshold,
        b"".join(policy.recovery_members),
    )


def build_signatures(scheme: Scheme, signatures: Sequence[bytes]) -> list[bytes]:
    """Return signatures in the form in which the contract takes them."""
    if scheme is Scheme.ECDSA:
        return list(signatures)
    return [encode_aggregate(item) for item in signatures]


def build_handover(handover: Handover) -> tuple[object, ...]:
    """Return the contract's ``Handover``."""
    signatures = build_signatures(handover.successor.scheme, handover.signatures)
    return handover.epoch, handover.last_height, build_set(handover.successor), signatures


def build_update(
    header_rlp: bytes,
    attestation: Attestation,
    scheme: Scheme = Scheme.ECDSA,
    handovers: Sequence[Handover] = (),
) -> bytes:
    """Return the argument of ``update`` for a header, after handovers that lead to its epoch.

    Clients of bonded attesters, which have one epoch, read the first two fields alone.
    """
    return encode(
        UPDATE_TYPES,
        [
            header_rlp,
            build_signatures(scheme, attestation.signatures),
            attestation.epoch,
            [build_handover(handover) for handover in handovers],
        ],
    )


def build_handover_update(handovers: Sequence[Handover]) -> bytes:
    """Return the argument of ``update`` that only hands over."""
    return encode(UPDATE_TYPES, [b"", [], 0, [build_handover(one) for one in handovers]])


def build_freeze_evidence(
    first: Attestation, second: Attestation, scheme: Scheme = Scheme.ECDSA
) -> bytes:
    """Return the argument of ``freeze``; ``verify_equivocation`` says whether it will convince.

    Clients of bonded attesters read all but the epochs.

    Raises
    ------
    ProofInvalid
        ``not_equivocation`` when the two attest different heights.
    """
    if first.height != second.height:
        raise ProofInvalid(
            "not_equivocation",
            "equivocation is two attested hashes of one height",
            first_height=first.height,
            second_height=second.height,
        )
    return encode(
        EVIDENCE_TYPES,
        [
            first.height,
            first.block_hash,
            build_signatures(scheme, first.signatures),
            second.block_hash,
            build_signatures(scheme, second.signatures),
            first.epoch,
            second.epoch,
        ],
    )
