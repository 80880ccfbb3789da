"""Signatures: the vectors of the ciphersuite, and points that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.bls import (
    INFINITE_SIGNATURE,
    SIGNATURE_TAG,
    aggregate_public_keys,
    aggregate_signatures,
    derive_public_key,
    hash_to_g2_coordinates,
    public_key_coordinates,
    sign,
    signature_coordinates,
    verify_aggregate,
    verify_fast_aggregate,
)
from tests.recorded import recorded_path
from tests.unit.proofs.ethereum.chain import CURVE_ORDER
from tests.unit.proofs.ethereum.recordings import unhex

FIELD = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
    16,
)
MESSAGE = b"\x56" * 32
SECRETS = (3, 2**200 + 1, CURVE_ORDER - 2)
KEYS = tuple(map(derive_public_key, SECRETS))
SIGNATURE = aggregate_signatures([sign(secret, MESSAGE) for secret in SECRETS])

INFINITE_KEY = bytes([0xC0]) + bytes(47)

OUTSIDE_G1 = bytes([0x80]) + bytes(46) + b"\x04"
"""x = 4 is on the curve, but of another order."""

OUTSIDE_G2 = bytes([0x80]) + bytes(94) + b"\x02"
"""x = (2, 0) likewise."""


def vectors(kind: str) -> list[tuple[str, Any, Any]]:
    folder = recorded_path(f"vectors/bls-signature/{kind}")
    found = [(path.name, json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    return [(name, entry["input"], entry["output"]) for name, entry in found]


def is_valid(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except ProofInvalid:
        return False
    return True


def reason_of(keys: list[bytes] | tuple[bytes, ...], signature: bytes) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_fast_aggregate(keys, MESSAGE, signature)
    return refusal.value.reason


def test_sign_gives_the_vectors_output() -> None:
    found = vectors("sign")
    for name, given, expected in found:
        secret, message = int(given["privkey"], 16), unhex(given["message"])
        assert sign(secret, message) == unhex(expected), name
    assert len(found) == 6


def test_aggregate_signatures_gives_the_vectors_output() -> None:
    found = vectors("aggregate")
    for name, given, expected in found:
        assert aggregate_signatures(list(map(unhex, given))) == unhex(expected), name
    assert len(found) == 3


def test_verify_fast_aggregate_gives_the_vectors_output() -> None:
    found = vectors("fast_aggregate_verify")
    for name, given, expected in found:
        keys, message = list(map(unhex, given["pubkeys"])), unhex(given["message"])
        signature = unhex(given["signature"])
        assert is_valid(verify_fast_aggregate, keys, message, signature) is expected, name
    assert {expected for *_, expected in found} == {True, False}
    assert len(found) == 4


def test_verify_fast_aggregate_gives_the_vectors_output_when_there_is_one_key() -> None:
    found = vectors("verify")
    for name, given, expected in found:
        key, message = unhex(given["pubkey"]), unhex(given["message"])
        signature = unhex(given["signature"])
        assert is_valid(verify_fast_aggregate, [key], message, signature) is expected, name
    assert {expected for *_, expected in found} == {True, False}
    assert len(found) == 13


def test_verify_aggregate_gives_the_vectors_output() -> None:
    ((name, given, expected),) = vectors("aggregate_verify")
    keys, messages = (list(map(unhex, given[part])) for part in ("pubkeys", "messages"))
    signature = unhex(given["signature"])
    assert is_valid(verify_aggregate, keys, messages, signature) is expected, name
    assert not is_valid(verify_aggregate, keys, messages[::-1], signature)
    assert not is_valid(verify_aggregate, [], [], signature)


def test_verify_fast_aggregate_gives_the_vectors_output_when_a_batch_is_checked_one_by_one() -> (
    None
):
    found = vectors("batch_verify")
    for name, given, expected in found:
        triples = [
            (unhex(key), unhex(message), unhex(signature))
            for key, message, signature in zip(
                given["pubkeys"], given["messages"], given["signatures"], strict=True
            )
        ]
        results = [
            is_valid(verify_fast_aggregate, [key], message, signature)
            for key, message, signature in triples
        ]
        assert all(results) is expected, name
    assert {expected for *_, expected in found} == {True, False}


def test_verify_fast_aggregate_passes_when_all_signed() -> None:
    verify_fast_aggregate(KEYS, MESSAGE, SIGNATURE)
    verify_fast_aggregate([aggregate_public_keys(KEYS)], MESSAGE, SIGNATURE)
    verify_fast_aggregate([derive_public_key(sum(SECRETS) % CURVE_ORDER)], MESSAGE, SIGNATURE)


def test_verify_fast_aggregate_refuses_when_keys_or_message_differ() -> None:
    assert reason_of(KEYS[:2], SIGNATURE) == "bls_signature_wrong"
    assert reason_of((*KEYS, KEYS[0]), SIGNATURE) == "bls_signature_wrong"
    assert reason_of((), SIGNATURE) == "bls_public_key_invalid"
    other = aggregate_signatures([sign(secret, b"\x57" * 32) for secret in SECRETS])
    assert reason_of(KEYS, other) == "bls_signature_wrong"


def test_points_outside_the_groups_are_on_their_curves_when_read_without_check() -> None:
    """So that their refusals below are for the group, not for the curve."""
    assert not G1Point.from_compressed_bytes_unchecked(OUTSIDE_G1).is_in_subgroup()
    assert not G2Point.from_compressed_bytes_unchecked(OUTSIDE_G2).is_in_subgroup()


def _compressed(x: int, size: int, flags: int = 0x80) -> bytes:
    raw = bytearray(x.to_bytes(size))
    raw[0] |= flags
    return bytes(raw)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        bytes(48),
        b"\xff" * 48,
        INFINITE_KEY,
        _compressed(1, 48, 0xC0),
        _compressed(1, 48, 0xE0),
        OUTSIDE_G1,
        _compressed(1, 48),
        _compressed(FIELD, 48),
        _compressed(FIELD + 4, 48),
        KEYS[0][:47],
        KEYS[0] + b"\x00",
        bytes([KEYS[0][0] & 0x7F]) + KEYS[0][1:],
        bytes([KEYS[0][0] | 0x40]) + KEYS[0][1:],
        SIGNATURE,
    ],
    ids=lambda key: f"{key.hex()[:4]}..{key.hex()[-4:]}/{len(key)}",
)
def test_verify_fast_aggregate_refuses_when_a_key_is_no_point_of_its_group(key: bytes) -> None:
    assert reason_of((*KEYS, key), SIGNATURE) == "bls_public_key_invalid"
    for convert in (public_key_coordinates, lambda one: aggregate_public_keys([one])):
        with pytest.raises(ProofInvalid) as refusal:
            convert(key)
        assert refusal.value.reason == "bls_public_key_invalid"


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(96),
        b"\xff" * 96,
        INFINITE_SIGNATURE,
        bytes([0xE0]) + INFINITE_SIGNATURE[1:],
        INFINITE_SIGNATURE[:95] + b"\x01",
        OUTSIDE_G2,
        _compressed(FIELD << 384, 96),
        _compressed(FIELD, 96),
        SIGNATURE[:95],
        SIGNATURE + b"\x00",
        bytes([SIGNATURE[0] & 0x7F]) + SIGNATURE[1:],
        bytes([SIGNATURE[0] | 0x40]) + SIGNATURE[1:],
        KEYS[0],
    ],
    ids=lambda signature: f"{signature.hex()[:4]}..{signature.hex()[-4:]}/{len(signature)}",
)
def test_verify_fast_aggregate_refuses_when_the_signature_is_no_point_of_its_group(
    signature: bytes,
) -> None:
    assert reason_of(KEYS, signature) == "bls_signature_malformed"
    with pytest.raises(ProofInvalid) as refusal:
        signature_coordinates(signature)
    assert refusal.value.reason == "bls_signature_malformed"


def test_verify_fast_aggregate_refuses_when_the_signature_is_mirrored() -> None:
    """The other square root: on the curve, in the group, and not what was signed."""
    mirrored = bytes([SIGNATURE[0] ^ 0x20]) + SIGNATURE[1:]
    assert reason_of(KEYS, mirrored) == "bls_signature_wrong"


def test_verify_fast_aggregate_refuses_when_the_signatures_halves_are_swapped() -> None:
    """The compressed form has c1 first, EIP-2537 c0; whoever mixes them up has no point."""
    flags = SIGNATURE[0] & 0xE0
    c1 = bytes([SIGNATURE[0] & 0x1F]) + SIGNATURE[1:48]
    c0 = SIGNATURE[48:]
    swapped = bytes([c0[0] | flags]) + c0[1:] + c1
    assert reason_of(KEYS, swapped) == "bls_signature_malformed"
    assert signature_coordinates(SIGNATURE)[:96] == c0 + c1


def test_verify_fast_aggregate_refuses_when_the_signature_has_another_tag() -> None:
    """The tag of the basic scheme, without proof of possession."""
    secret = sum(SECRETS) % CURVE_ORDER
    for tag, is_ours in ((SIGNATURE_TAG, True), (SIGNATURE_TAG.replace(b"POP", b"NUL"), False)):
        point = G2Point.hash_to_curve(MESSAGE, tag)
        signed = bytes((point * Scalar.from_be_bytes(secret.to_bytes(32))).to_compressed_bytes())
        if is_ours:
            verify_fast_aggregate(KEYS, MESSAGE, signed)
        else:
            assert reason_of(KEYS, signed) == "bls_signature_wrong"


def test_verify_fast_aggregate_refuses_when_the_keys_cancel_each_other() -> None:
    opposite = derive_public_key(CURVE_ORDER - 3)
    assert reason_of((KEYS[0], opposite), SIGNATURE) == "bls_public_key_invalid"
    assert reason_of((KEYS[0], opposite), INFINITE_SIGNATURE) == "bls_signature_malformed"


def test_verify_fast_aggregate_can_be_forged_when_possession_of_a_key_was_not_proven() -> None:
    """Why keys must come from the deposit contract: this one forges for all the others."""
    secret = 5
    others = aggregate_public_keys(KEYS)
    rogue = aggregate_public_keys([derive_public_key(secret), _negated(others)])
    verify_fast_aggregate([*KEYS, rogue], MESSAGE, sign(secret, MESSAGE))


def _negated(key: bytes) -> bytes:
    return bytes([key[0] ^ 0x20]) + key[1:]


def test_coordinates_are_on_the_curve_when_a_point_is_decompressed() -> None:
    raw = public_key_coordinates(KEYS[1])
    x, y = int.from_bytes(raw[:48]), int.from_bytes(raw[48:])
    assert (y * y - x**3 - 4) % FIELD == 0
    assert _compressed(x, 48, 0x80 | (0x20 if y > (FIELD - 1) // 2 else 0)) == KEYS[1]


def test_hash_to_g2_coordinates_differ_when_the_tag_does() -> None:
    assert hash_to_g2_coordinates(MESSAGE) == hash_to_g2_coordinates(MESSAGE, SIGNATURE_TAG)
    assert hash_to_g2_coordinates(MESSAGE) != hash_to_g2_coordinates(MESSAGE, b"another tag")
