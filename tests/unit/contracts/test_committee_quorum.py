"""Signatures that ``CommitteeLightClient`` must refuse, and the attack on sums of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from py_arkworks_bls12381 import G1Point, Scalar

from adapters.committee.client import UPDATE_TYPES, build_configuration, build_signatures
from clearinghouse.book.identifiers import to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import GROUP_ORDER
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.bls_quorum import BITMAP_BYTES, encode_key, encode_signature
from clearinghouse.proofs.committee import Scheme
from clearinghouse.proofs.ethereum.bls import (
    aggregate_public_keys,
    prove_possession,
    sign,
    verify_fast_aggregate,
)
from tests.unit.contracts.client import reverts
from tests.unit.contracts.committee import (
    POLICY,
    CommitteeContract,
    deploy_committee,
    refused,
)
from tests.unit.contracts.evm import Evm
from tests.unit.contracts.test_committee_signature import OUTSIDE_SUBGROUP
from tests.unit.proofs.committees import EPOCH, attesters_of, header_rlp

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("committee-contract")]

ECDSA, BLS = attesters_of(Scheme.ECDSA), attesters_of(Scheme.BLS)


@pytest.fixture
def ecdsa(committee_evm: Evm) -> CommitteeContract:
    return deploy_committee(committee_evm, ECDSA)


@pytest.fixture
def bls(committee_evm: Evm) -> CommitteeContract:
    return deploy_committee(committee_evm, BLS)


def send_signed(client: CommitteeContract, signatures: Sequence[bytes], encoded: bytes) -> Any:
    """Send a header with signatures in the contract's own form."""
    data = encode(UPDATE_TYPES, [encoded, list(signatures), EPOCH, []])
    return client.contract.send("update", data)


def sign_header(client: CommitteeContract) -> tuple[bytes, list[bytes]]:
    """Return a header and the first three members' signatures, in the contract's form."""
    encoded = header_rlp(10, client.now)
    signatures = client.attesters.attest(10, keccak256(encoded)).signatures
    return encoded, build_signatures(client.attesters.committee.scheme, signatures)


def malleated(signature: bytes) -> bytes:
    """Return the second form of a signature, which recovers the same signer."""
    upper = GROUP_ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + upper.to_bytes(32) + bytes([27 + 28 - signature[64]])


def test_ecdsa_header_is_refused_when_a_signature_is_malleated(ecdsa: CommitteeContract) -> None:
    encoded, signatures = sign_header(ecdsa)
    twin = malleated(signatures[1])
    with refused(ecdsa, "ECDSAInvalidSignatureS", twin[32:64]):
        send_signed(ecdsa, [signatures[0], twin, signatures[2]], encoded)


def test_ecdsa_header_is_refused_when_a_signature_is_malformed(ecdsa: CommitteeContract) -> None:
    encoded, (first, second, third) = sign_header(ecdsa)
    for length in (0, 64, 66):
        cut = (third + b"\x00")[:length]
        with refused(ecdsa, "ECDSAInvalidSignatureLength", length):
            send_signed(ecdsa, [first, second, cut], encoded)
    for v in (0, 1, 26, 29):
        with refused(ecdsa, "ECDSAInvalidSignature"):
            send_signed(ecdsa, [first, second, third[:64] + bytes([v])], encoded)


def test_ecdsa_header_is_refused_when_signers_are_unsorted_or_repeated(
    ecdsa: CommitteeContract,
) -> None:
    encoded, (first, second, third) = sign_header(ecdsa)
    members = [to_hex(member) for member in ecdsa.attesters.committee.members]
    for signatures, index, member in (
        ((second, first, third), 1, 0),
        ((first, first, second), 1, 0),
        ((first, second, second), 2, 1),
        ((first, second, third, third), 3, 2),
    ):
        with refused(ecdsa, "SignerNotInOrder", index, members[member]):
            send_signed(ecdsa, signatures, encoded)


def test_bls_header_is_refused_when_it_is_not_one_aggregate(bls: CommitteeContract) -> None:
    encoded, (item,) = sign_header(bls)
    for signatures, arguments in (
        ((), (0, 0)),
        ((item, item), (2, 288)),
        ((item[:-1],), (1, 287)),
        ((item + b"\x00",), (1, 289)),
    ):
        with refused(bls, "NotOneAggregate", *arguments):
            send_signed(bls, signatures, encoded)


def test_bls_header_is_refused_when_the_bitmap_has_bits_beyond_the_set(
    bls: CommitteeContract,
) -> None:
    encoded, (item,) = sign_header(bls)
    for bitmap in (0b1_0111, 0b0111 | 1 << 255):
        with refused(bls, "UnknownSigner", bitmap, 4):
            send_signed(bls, [bitmap.to_bytes(BITMAP_BYTES) + item[BITMAP_BYTES:]], encoded)


def test_bls_header_is_refused_when_the_bitmap_names_others_or_too_few(
    bls: CommitteeContract,
) -> None:
    encoded, (item,) = sign_header(bls)
    for bitmap, error in (
        (0b1111, "AggregateInvalid"),
        (0b1110, "AggregateInvalid"),
        (0b0011, "QuorumNotReached"),
        (0b1000, "QuorumNotReached"),
        (0, "QuorumNotReached"),
    ):
        with refused(bls, error):
            send_signed(bls, [bitmap.to_bytes(BITMAP_BYTES) + item[BITMAP_BYTES:]], encoded)


def test_bls_header_is_refused_when_the_signature_is_no_point_of_the_group(
    bls: CommitteeContract,
) -> None:
    encoded, (item,) = sign_header(bls)
    bitmap, point = item[:BITMAP_BYTES], item[BITMAP_BYTES:]
    with refused(bls, "InfinityPoint"):
        send_signed(bls, [bitmap + bytes(256)], encoded)
    swapped_coordinates = point[64:128] + point[:64] + point[192:] + point[128:192]
    for wrong in (OUTSIDE_SUBGROUP, point[:-1] + bytes([point[-1] ^ 1]), swapped_coordinates):
        with refused(bls, "PrecompileRefused", 0x0F):
            send_signed(bls, [bitmap + wrong], encoded)


def test_rogue_key_signs_for_all_unless_its_possession_is_asked_for(committee_evm: Evm) -> None:
    """The attack: a key made of one's own less the others' makes the sum one's own.

    With it in the set its owner alone signs as everybody, which the verification cannot tell; that
    the owner cannot show to hold the secret of that key is what keeps it out.
    """
    victims = BLS.committee.members[:2]
    secret = 0xC0FFEE
    others = G1Point.from_compressed_bytes(aggregate_public_keys(victims))
    rogue = bytes((G1Point() * Scalar(secret) - others).to_compressed_bytes())
    keys = sorted([*victims, rogue], key=encode_key)
    message = b"\x07" * 32
    verify_fast_aggregate(keys, message, sign(secret, message))  # signs for all three

    possessions = [
        BLS.committee.possessions[victims.index(key)]
        if key in victims
        else prove_possession(secret)
        for key in keys
    ]
    members = b"".join(encode_key(key) for key in keys)
    wrong = (2, members, [encode_signature(proof) for proof in possessions])
    configuration = list(build_configuration(BLS.committee, POLICY))
    configuration[3] = wrong
    with reverts("PossessionInvalid", keys.index(rogue)):
        committee_evm.deploy("BlsCommitteeLightClient", tuple(configuration))
    with pytest.raises(ProofInvalid) as refusal:
        replace(BLS.committee, threshold=2, members=tuple(keys), possessions=tuple(possessions))
    assert refusal.value.reason == "bls_signature_wrong"


@pytest.mark.parametrize("scheme", Scheme, ids=lambda scheme: scheme.value)
@pytest.mark.parametrize("count", [1, 64])
def test_committee_of_one_and_of_the_most_members_attests(
    committee_evm: Evm, scheme: Scheme, count: int
) -> None:
    attesters = attesters_of(scheme, count=count)
    client = deploy_committee(committee_evm, attesters)
    client.store(10, places=range(attesters.committee.threshold))
    assert client.contract.call("latestHeight") == 10
