"""Who signed another block than L1 has."""

from __future__ import annotations

import dataclasses

import pytest

from clearinghouse.book.identifiers import ChainId
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.audit import (
    FalseAttestation,
    ProvenBlock,
    verify_false_attestation,
    verify_unreached_attestation,
)
from tests.unit.proofs.committees import (
    CHAIN,
    COMMITTEE,
    KEYS,
    STRANGER_KEY,
    addresses,
    attest,
)

HEIGHT = 5_000
TRUE_HASH, FALSE_HASH = keccak256(b"the block of L1"), keccak256(b"another block")
PROVEN = ProvenBlock(CHAIN, HEIGHT, TRUE_HASH)


def refuse(proven: ProvenBlock, keys: tuple[bytes, ...] = KEYS[:3]) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_false_attestation(COMMITTEE, attest(HEIGHT, FALSE_HASH, keys), proven)
    return refusal.value.reason


def test_audit_names_all_signers_when_a_quorum_signed_another_block() -> None:
    shown = verify_false_attestation(COMMITTEE, attest(HEIGHT, FALSE_HASH), PROVEN)
    assert shown == FalseAttestation(addresses(KEYS[:3]), freezes=True)


def test_audit_freezes_nothing_when_fewer_than_a_quorum_signed() -> None:
    attestation = attest(HEIGHT, FALSE_HASH, KEYS[1:2])
    shown = verify_false_attestation(COMMITTEE, attestation, PROVEN)
    assert shown == FalseAttestation(addresses(KEYS[1:2]), freezes=False)


def test_audit_is_refused_when_the_attestation_is_true() -> None:
    assert refuse(dataclasses.replace(PROVEN, block_hash=FALSE_HASH)) == "attestation_true"


def test_audit_is_refused_when_height_or_chain_is_another() -> None:
    assert refuse(dataclasses.replace(PROVEN, height=HEIGHT + 1)) == "audited_height_mismatch"
    elsewhere = dataclasses.replace(PROVEN, chain_id=ChainId(CHAIN + 1))
    assert refuse(elsewhere) == "audited_chain_mismatch"


def test_audit_is_refused_when_nobody_or_a_stranger_signed() -> None:
    assert refuse(PROVEN, ()) == "quorum_too_small"
    assert refuse(PROVEN, (STRANGER_KEY,)) == "signer_unknown"


def test_audit_is_refused_when_it_was_signed_for_another_epoch() -> None:
    earlier = dataclasses.replace(COMMITTEE, epoch=COMMITTEE.epoch - 1)
    attestation = attest(HEIGHT, FALSE_HASH, committee=earlier)
    with pytest.raises(ProofInvalid) as refusal:
        verify_false_attestation(COMMITTEE, attestation, PROVEN)
    assert refusal.value.reason == "committee_epoch_mismatch"


def test_proven_block_is_taken_from_a_header() -> None:
    header = VerifiedHeader(CHAIN, HEIGHT, TRUE_HASH, keccak256(b"state"), 1)
    assert ProvenBlock.of(header) == PROVEN


def test_audit_of_an_unreached_height_names_the_signers_when_a_lower_block_is_younger() -> None:
    lie = attest(HEIGHT, FALSE_HASH)
    lower = VerifiedHeader(CHAIN, HEIGHT - 1, TRUE_HASH, TRUE_HASH, 1_001)
    shown = verify_unreached_attestation(COMMITTEE, lie, 1_000, lower)
    assert shown == FalseAttestation(addresses(KEYS[:3]), freezes=True)
    reached = dataclasses.replace(lower, height=HEIGHT)
    for proven, timestamp in ((lower, 1_001), (reached, 1_000)):
        with pytest.raises(ProofInvalid) as refusal:
            verify_unreached_attestation(COMMITTEE, lie, timestamp, proven)
        assert refusal.value.reason == "attestation_not_refuted"
    elsewhere = dataclasses.replace(lower, chain_id=ChainId(CHAIN + 1))
    with pytest.raises(ProofInvalid) as refusal:
        verify_unreached_attestation(COMMITTEE, lie, 1_000, elsewhere)
    assert refusal.value.reason == "audited_chain_mismatch"
