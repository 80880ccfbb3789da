"""One signature for many: bitmaps, keys and proofs of possession that must be refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.bls_quorum import (
    BITMAP_BYTES,
    encode_aggregate,
    encode_key,
    encode_signature,
    verify_bls_quorum,
    verify_possessions,
)
from clearinghouse.proofs.committee import Committee, Scheme
from clearinghouse.proofs.ethereum.bls import INFINITE_SIGNATURE, derive_public_key, sign
from tests.unit.proofs.committees import attesters_of

ATTESTERS = attesters_of(Scheme.BLS)
COMMITTEE = ATTESTERS.committee
DIGEST = b"\x07" * 32
(SIGNED,) = ATTESTERS.sign(DIGEST)
SIGNATURE = SIGNED[BITMAP_BYTES:]


def item(bitmap: int, signature: bytes = SIGNATURE) -> bytes:
    return bitmap.to_bytes(BITMAP_BYTES) + signature


def test_signers_are_told_when_a_quorum_signed() -> None:
    for places in ((0, 1, 2), (0, 2, 3), (0, 1, 2, 3)):
        signers = verify_bls_quorum(DIGEST, COMMITTEE.members, 3, ATTESTERS.sign(DIGEST, places))
        assert signers == tuple(COMMITTEE.members[place] for place in places)


@pytest.mark.parametrize(
    ("signatures", "reason"),
    [
        ((), "aggregate_malformed"),
        ((SIGNED, SIGNED), "aggregate_malformed"),
        ((SIGNED[:-1],), "aggregate_malformed"),
        ((SIGNED + b"\x00",), "aggregate_malformed"),
        ((item(0b10111),), "signer_unknown"),
        ((item(0b111 | 1 << 255),), "signer_unknown"),
        ((item(0b11),), "quorum_too_small"),
        ((item(0),), "quorum_too_small"),
        ((item(0b1111),), "bls_signature_wrong"),
        ((item(0b1110),), "bls_signature_wrong"),
        ((item(0b111, INFINITE_SIGNATURE),), "bls_signature_malformed"),
        ((item(0b111, bytes(96)),), "bls_signature_malformed"),
    ],
)
def test_quorum_is_refused_when_it_is_not_one(signatures: tuple[bytes, ...], reason: str) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        verify_bls_quorum(DIGEST, COMMITTEE.members, 3, signatures)
    assert refusal.value.reason == reason


def test_possessions_are_refused_when_missing_foreign_or_of_another_tag() -> None:
    members, proofs = COMMITTEE.members, COMMITTEE.possessions
    verify_possessions(members, proofs)
    secret = int.from_bytes(ATTESTERS.keys[0])
    for wrong, reason in (
        ((), "possession_count"),
        (proofs[:3], "possession_count"),
        ((*proofs, proofs[0]), "possession_count"),
        ((proofs[1], proofs[0], *proofs[2:]), "bls_signature_wrong"),
        ((sign(secret, derive_public_key(secret)), *proofs[1:]), "bls_signature_wrong"),
        ((INFINITE_SIGNATURE, *proofs[1:]), "bls_signature_malformed"),
    ):
        with pytest.raises(ProofInvalid) as refusal:
            verify_possessions(members, wrong)
        assert refusal.value.reason == reason


def test_committee_is_refused_when_its_keys_are_unsorted_or_unproven() -> None:
    members, proofs = COMMITTEE.members, COMMITTEE.possessions
    for changed in (
        {"members": members[::-1], "possessions": proofs[::-1]},
        {"members": (members[0], *members[:3]), "possessions": (proofs[0], *proofs[:3])},
    ):
        with pytest.raises(ValueError, match="increasing"):
            replace(COMMITTEE, **changed)
    with pytest.raises(ProofInvalid):
        replace(COMMITTEE, possessions=())
    with pytest.raises(ValueError, match="possession"):
        replace(attesters_of(Scheme.ECDSA).committee, possessions=proofs)


@pytest.mark.parametrize("scheme", Scheme)
def test_committee_is_refused_when_it_has_more_members_than_a_transaction_can_register(
    scheme: Scheme,
) -> None:
    largest = attesters_of(scheme, count=64).committee
    assert len(largest.packed_members) == 64 * (20 if scheme is Scheme.ECDSA else 128)
    with pytest.raises(ValueError, match="at most 64"):
        attesters_of(scheme, count=65)


def test_address_is_refused_when_it_has_another_length() -> None:
    one = attesters_of(Scheme.ECDSA).committee
    with pytest.raises(ValueError, match="20 bytes"):
        Committee(one.clearinghouse_id, one.chain_id, 1, 1, (b"\x01" * 32,))


def test_points_are_encoded_as_contracts_take_them() -> None:
    key, signature = encode_key(COMMITTEE.members[0]), encode_signature(SIGNATURE)
    assert (len(key), len(signature)) == (128, 256)
    assert {key[at : at + 16] for at in (0, 64)} == {bytes(16)}
    assert encode_aggregate(SIGNED) == SIGNED[:BITMAP_BYTES] + signature
