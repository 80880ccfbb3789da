"""Headers under a committee's quorum, and the proof that it signed two."""

from __future__ import annotations

import dataclasses

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from clearinghouse.book.identifiers import ZERO_ADDRESS, ZERO_HASH, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import (
    Attestation,
    Committee,
    committee_digest,
    verify_attested_header,
    verify_equivocation,
)
from clearinghouse.proofs.header import encode_header
from tests.unit.proofs.committees import (
    CHAIN,
    CLEARINGHOUSE,
    COMMITTEE,
    EPOCH,
    KEYS,
    addresses,
    attest,
)
from tests.unit.proofs.test_header import block_of

BLOCK = block_of(21)
HEADER_RLP = encode_header(BLOCK)
HEIGHT = 0x1B4
BLOCK_HASH = keccak256(HEADER_RLP)


def refuse(attestation: Attestation, header_rlp: bytes = HEADER_RLP) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_attested_header(COMMITTEE, header_rlp, attestation)
    return refusal.value.reason


def test_committee_digest_equals_eth_account_when_typed_data_is_encoded() -> None:
    message = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "salt", "type": "bytes32"},
                ],
                "CommitteeHeader": [
                    {"name": "chainId", "type": "uint256"},
                    {"name": "epoch", "type": "uint64"},
                    {"name": "height", "type": "uint64"},
                    {"name": "blockHash", "type": "bytes32"},
                ],
            },
            "primaryType": "CommitteeHeader",
            "domain": {"name": "Clearinghouse", "version": "1", "salt": CLEARINGHOUSE},
            "message": {
                "chainId": CHAIN,
                "epoch": EPOCH,
                "height": HEIGHT,
                "blockHash": BLOCK_HASH,
            },
        }
    )
    expected = _hash_eip191_message(message)
    assert committee_digest(CLEARINGHOUSE, CHAIN, EPOCH, HEIGHT, BLOCK_HASH) == expected


def test_verify_attested_header_returns_its_facts_when_the_quorum_signed() -> None:
    header = verify_attested_header(COMMITTEE, HEADER_RLP, attest(HEIGHT, BLOCK_HASH))
    assert header.chain_id == CHAIN
    assert header.height == HEIGHT
    assert header.block_hash == BLOCK_HASH
    assert header.state_root == b"\x04" * 32
    assert header.timestamp == 0x6553F100


def test_verify_attested_header_refuses_when_the_quorum_is_not_met() -> None:
    assert refuse(attest(HEIGHT, BLOCK_HASH, KEYS[:2])) == "quorum_too_small"
    assert refuse(attest(HEIGHT, BLOCK_HASH, KEYS[2::-1])) == "signers_unsorted"


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(COMMITTEE, clearinghouse_id=keccak256(b"another clearinghouse")),
        dataclasses.replace(COMMITTEE, chain_id=ChainId(1)),
    ],
    ids=["clearinghouse", "chain"],
)
def test_verify_attested_header_refuses_when_signed_for_another(other: Committee) -> None:
    assert refuse(attest(HEIGHT, BLOCK_HASH, committee=other)) == "signer_unknown"


def test_verify_attested_header_refuses_when_the_epoch_is_another() -> None:
    other = dataclasses.replace(COMMITTEE, epoch=EPOCH + 1)
    signed_then = attest(HEIGHT, BLOCK_HASH, committee=other)
    assert refuse(signed_then) == "committee_epoch_mismatch"
    relabelled = dataclasses.replace(signed_then, epoch=EPOCH)
    assert refuse(relabelled) == "signer_unknown"


def test_verify_attested_header_refuses_when_content_is_not_what_was_signed() -> None:
    signed = attest(HEIGHT, BLOCK_HASH)
    assert refuse(dataclasses.replace(signed, height=HEIGHT + 1)) == "signer_unknown"
    forged = dataclasses.replace(signed, block_hash=keccak256(b"forged"))
    assert refuse(forged) == "signer_unknown"
    other_header = encode_header(BLOCK | {"stateRoot": "0x" + "66" * 32})
    assert refuse(signed, other_header) == "header_hash_mismatch"
    assert refuse(signed, HEADER_RLP + b"\x00") == "header_hash_mismatch"
    assert refuse(signed, b"") == "header_hash_mismatch"


def test_verify_attested_header_refuses_when_the_signed_height_is_not_the_headers() -> None:
    assert refuse(attest(HEIGHT + 1, BLOCK_HASH)) == "header_height_mismatch"


def test_verify_attested_header_refuses_when_the_signed_bytes_are_no_header() -> None:
    for no_header in (b"", b"\xc0", HEADER_RLP + b"\x00", bytes(600)):
        attestation = attest(HEIGHT, keccak256(no_header))
        assert refuse(attestation, no_header).startswith(("rlp_", "header_"))


def test_verify_attested_header_refuses_when_height_or_state_root_is_zero() -> None:
    rootless = encode_header(BLOCK | {"stateRoot": "0x" + "00" * 32})
    assert refuse(attest(HEIGHT, keccak256(rootless)), rootless) == "header_zero"
    genesis = encode_header(BLOCK | {"number": 0})
    assert refuse(attest(0, keccak256(genesis)), genesis) == "header_zero"


@pytest.mark.parametrize(
    ("height", "block_hash"),
    [(-1, BLOCK_HASH), (2**64, BLOCK_HASH), (HEIGHT, ZERO_HASH), (HEIGHT, Hash32(b"\x01" * 31))],
    ids=["negative", "beyond uint64", "zero hash", "short hash"],
)
def test_verify_attested_header_refuses_when_a_field_is_out_of_range(
    height: int, block_hash: Hash32
) -> None:
    good = attest(HEIGHT, BLOCK_HASH)
    bad = dataclasses.replace(good, height=height, block_hash=block_hash)
    assert refuse(bad) == "attestation_out_of_range"


OTHER_HASH = keccak256(b"the other branch")


def test_verify_equivocation_names_the_guilty_when_two_quorums_overlap() -> None:
    first = attest(HEIGHT, BLOCK_HASH, KEYS[:3])
    second = attest(HEIGHT, OTHER_HASH, KEYS[1:])
    assert verify_equivocation(COMMITTEE, first, second) == addresses(KEYS[1:3])
    assert verify_equivocation(COMMITTEE, second, first) == addresses(KEYS[1:3])


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (attest(HEIGHT, BLOCK_HASH, KEYS[1:]), "not_equivocation"),
        (attest(HEIGHT + 1, OTHER_HASH), "not_equivocation"),
        (attest(HEIGHT, OTHER_HASH, KEYS[:2]), "quorum_too_small"),
        (
            Attestation(EPOCH, HEIGHT, OTHER_HASH, attest(HEIGHT, BLOCK_HASH).signatures),
            "signer_unknown",
        ),
        (
            attest(HEIGHT, OTHER_HASH, committee=dataclasses.replace(COMMITTEE, epoch=8)),
            "committee_epoch_mismatch",
        ),
    ],
    ids=["same hash", "other height", "no quorum", "copied signatures", "other epoch"],
)
def test_verify_equivocation_refuses_when_nothing_is_proven(
    second: Attestation, reason: str
) -> None:
    first = attest(HEIGHT, BLOCK_HASH)
    for pair in ((first, second), (second, first)):
        with pytest.raises(ProofInvalid) as refusal:
            verify_equivocation(COMMITTEE, *pair)
        assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "change",
    [
        {"members": ()},
        {"members": COMMITTEE.members[::-1]},
        {"members": (COMMITTEE.members[0],) * 4},
        {"members": (ZERO_ADDRESS, *COMMITTEE.members[1:])},
        {"threshold": 0},
        {"threshold": 2},
        {"threshold": 5},
        {"epoch": -1},
        {"epoch": 2**64},
        {"chain_id": 0},
    ],
    ids=str,
)
def test_committee_refuses_when_it_could_not_be_relied_on(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(COMMITTEE, **change)
