"""BLS12-381 as Ethereum's validators use it: keys in G1, signatures in G2, proof of possession.

The one module that knows the curve library. The library reads every byte string with the infinity
flag as the point at infinity; here that point is refused wherever a key or signature is verified,
for it signs everything, and the rest of what it checks is relied upon: length, field range, curve,
subgroup. Source: draft-irtf-cfrg-bls-signature-05; RFC 9380.

Reasons raised: ``bls_public_key_invalid``, ``bls_signature_malformed``, ``bls_signature_wrong``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from clearinghouse.errors import ProofInvalid

SIGNATURE_TAG = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
"""Domain separation of Ethereum's ciphersuite; a signature made under another is none."""

POSSESSION_TAG = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
"""Of the signatures by which owners of keys show to hold the secrets."""

PUBLIC_KEY_BYTES = 48
SIGNATURE_BYTES = 96

INFINITE_SIGNATURE = bytes([0xC0]) + bytes(SIGNATURE_BYTES - 1)
"""The sum of no signatures."""

Point = TypeVar("Point", G1Point, G2Point)

_INFINITY_FLAG = 0x40
_NEGATED_GENERATOR = -G1Point()


def verify_fast_aggregate(public_keys: Sequence[bytes], message: bytes, signature: bytes) -> None:
    """Require that ``signature`` is the sum of one signature over ``message`` by each key.

    A key may occur more than once and then counts as often. Keys must have proven possession of
    their secret, as validators do when they deposit; else a key could be made to cancel others.

    Raises
    ------
    ProofInvalid
        When there is no key, a key or the signature is no point of its group, or it does not match.
    """
    point = _sum(G1Point.identity(), [_decode_public_key(key) for key in public_keys])
    _verify_pairs([(point, message)], _decode_signature(signature))


def verify_aggregate(
    public_keys: Sequence[bytes], messages: Sequence[bytes], signature: bytes
) -> None:
    """Require that ``signature`` is the sum of each key's signature over its own message.

    Raises
    ------
    ProofInvalid
        As ``verify_fast_aggregate``.
    """
    keys = [_decode_public_key(key) for key in public_keys]
    _verify_pairs(list(zip(keys, messages, strict=True)), _decode_signature(signature))


def verify_possession(public_key: bytes, proof: bytes) -> None:
    """Require that whoever made ``proof`` holds the secret of ``public_key``.

    Raises
    ------
    ProofInvalid
        When either is malformed, or the proof is another key's or a signature over anything else.
    """
    point = _decode_public_key(public_key)
    _verify_pairs([(point, public_key)], _decode_signature(proof), POSSESSION_TAG)


def aggregate_signatures(signatures: Sequence[bytes]) -> bytes:
    """Return the sum of signatures, compressed.

    Raises
    ------
    ProofInvalid
        When one is malformed.
    """
    points = [_decode_signature(one) for one in signatures if one != INFINITE_SIGNATURE]
    return bytes(_sum(G2Point.identity(), points).to_compressed_bytes())


def aggregate_public_keys(public_keys: Sequence[bytes]) -> bytes:
    """Return the sum of public keys, compressed.

    Raises
    ------
    ProofInvalid
        When one is malformed.
    """
    points = [_decode_public_key(key) for key in public_keys]
    return bytes(_sum(G1Point.identity(), points).to_compressed_bytes())


def derive_public_key(secret_key: int) -> bytes:
    """Return the compressed public key of a secret scalar, which must not be 0 modulo the order."""
    return bytes((G1Point() * _scalar(secret_key)).to_compressed_bytes())


def sign(secret_key: int, message: bytes) -> bytes:
    """Return the compressed signature by a secret scalar.

    The sum of secrets gives the sum of signatures, which is how a devnet signs as a committee.
    """
    return bytes((_hash_to_g2(message, SIGNATURE_TAG) * _scalar(secret_key)).to_compressed_bytes())


def prove_possession(secret_key: int) -> bytes:
    """Return what ``verify_possession`` accepts for the key of a secret scalar."""
    message = derive_public_key(secret_key)
    point = _hash_to_g2(message, POSSESSION_TAG) * _scalar(secret_key)
    return bytes(point.to_compressed_bytes())


def public_key_coordinates(public_key: bytes) -> bytes:
    """Return x || y of a compressed key, 48 bytes each, big-endian.

    Raises
    ------
    ProofInvalid
        When the key is malformed.
    """
    return bytes(_decode_public_key(public_key).to_xy_bytes_be())


def signature_coordinates(signature: bytes) -> bytes:
    """Return x.c0 || x.c1 || y.c0 || y.c1 of a compressed signature, 48 bytes each, big-endian.

    This is the order of EIP-2537; the compressed form has c1 first.

    Raises
    ------
    ProofInvalid
        When the signature is malformed.
    """
    return bytes(_decode_signature(signature).to_xy_bytes_be())


def hash_to_g2_coordinates(message: bytes, tag: bytes = SIGNATURE_TAG) -> bytes:
    """Return the point that ``message`` is signed as, in the form of ``signature_coordinates``."""
    return bytes(_hash_to_g2(message, tag).to_xy_bytes_be())


def _verify_pairs(
    pairs: Sequence[tuple[G1Point, bytes]], signature: G2Point, tag: bytes = SIGNATURE_TAG
) -> None:
    """Check e(key_1, H(message_1)) ... e(key_n, H(message_n)) = e(generator, signature)."""
    if not pairs or any(key == G1Point.identity() for key, _ in pairs):
        raise ProofInvalid(
            "bls_public_key_invalid", "there is no key to verify by, or the keys cancel each other"
        )
    keys = [*(key for key, _ in pairs), _NEGATED_GENERATOR]
    points = [*(_hash_to_g2(message, tag) for _, message in pairs), signature]
    if not GT.pairing_check(keys, points):
        raise ProofInvalid(
            "bls_signature_wrong",
            "the signature was made by other keys, over another message or for another network",
        )


def _decode_public_key(data: bytes) -> G1Point:
    """Decompress a key, requiring the prime-order subgroup and not infinity."""
    try:
        if len(data) != PUBLIC_KEY_BYTES or data[0] & _INFINITY_FLAG:
            raise ValueError("the length is wrong or the infinity flag set")
        return G1Point.from_compressed_bytes(data)
    except ValueError as error:
        raise ProofInvalid(
            "bls_public_key_invalid",
            f"0x{data.hex()} is no compressed point of the group of public keys",
            public_key=data,
        ) from error


def _decode_signature(data: bytes) -> G2Point:
    """Decompress a signature, requiring the prime-order subgroup and not infinity."""
    try:
        if len(data) != SIGNATURE_BYTES or data[0] & _INFINITY_FLAG:
            raise ValueError("the length is wrong or the infinity flag set")
        return G2Point.from_compressed_bytes(data)
    except ValueError as error:
        raise ProofInvalid(
            "bls_signature_malformed",
            f"0x{data.hex()} is no compressed point of the group of signatures",
            signature=data,
        ) from error


def _hash_to_g2(message: bytes, tag: bytes) -> G2Point:
    return G2Point.hash_to_curve(message, tag)


def _scalar(secret_key: int) -> Scalar:
    return Scalar.from_be_bytes_mod_order(secret_key.to_bytes(32))


def _sum(zero: Point, points: Sequence[Point]) -> Point:
    total = zero
    for point in points:
        total = total + point
    return total
