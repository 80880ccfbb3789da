"""ECDSA over secp256k1 with one accepted form per signature.

A signature is 65 bytes: ``r(32) || s(32) || v(1)`` with ``v`` 27 or 28 and ``s`` in the lower half
of the group order (EIP-2). The other half is as valid in mathematics, so accepting it would give
every signature a second form; it is refused with a reason of its own because a venue that meets it
has a library to fix, not a forgery to look for. The contracts (OpenZeppelin ECDSA) accept the same
form and no other.

Reasons raised: ``SIGNATURE_INVALID``, ``SIGNATURE_MALLEABLE``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from coincurve import PrivateKey, PublicKey
from numpy.typing import NDArray

from clearinghouse.book.identifiers import Address
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.keccak_kernel import hash_messages
from clearinghouse.commitment.signature_kernel import recover_keys
from clearinghouse.errors import Corruption, Rejected

GROUP_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""

SIGNATURE_BYTES = 65

_HALF_GROUP_ORDER = GROUP_ORDER // 2
_HALF_ORDER_BYTES = np.frombuffer(_HALF_GROUP_ORDER.to_bytes(32, "big"), np.uint8)
_V_OFFSET = 27
_DIGEST_BYTES = 32


class SignatureInvalid(Rejected):
    """The bytes are no signature of any key over the digest."""

    def __init__(self, message: str, **attributes: object) -> None:
        super().__init__("SIGNATURE_INVALID", message, **attributes)


class SignatureMalleable(Rejected):
    """A signature in its second form, ``s`` in the upper half of the group order."""

    def __init__(self, message: str, **attributes: object) -> None:
        super().__init__("SIGNATURE_MALLEABLE", message, **attributes)


def recover_signer(digest: bytes, signature: bytes) -> Address:
    """Return the address whose key made ``signature`` over the 32-byte ``digest``.

    A well-formed signature always recovers *some* address, so the caller must compare the result
    with the signer it expects: success here alone authenticates nobody.

    Raises
    ------
    SignatureInvalid
        When the length, ``v``, ``r`` or ``s`` is out of range or no curve point corresponds.
    SignatureMalleable
        When ``s`` lies in the upper half of the group order.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureInvalid(
            f"a signature is r(32) || s(32) || v(1), was {len(signature)} bytes; "
            "expand compact (EIP-2098) signatures first",
            length=len(signature),
        )
    recovery_id = signature[64] - _V_OFFSET
    if recovery_id not in (0, 1):
        raise SignatureInvalid(f"v is 27 or 28, was {signature[64]}", v=signature[64])
    if int.from_bytes(signature[32:64]) > _HALF_GROUP_ORDER:
        raise SignatureMalleable(
            "s is in the upper half of the group order; sign with a library that follows EIP-2"
        )
    try:
        public_key = PublicKey.from_signature_and_message(
            signature[:64] + bytes((recovery_id,)), digest, hasher=None
        )
    except ValueError as error:
        raise SignatureInvalid("no key can have made this signature; sign again") from error
    return _address_of(public_key)


def recover_signers(
    digests: NDArray[np.uint8], signatures: Sequence[bytes]
) -> list[Address | Rejected]:
    """Recover many signers at once, over all cores; see ``recover_signer``.

    ``digests`` is (n, 32). Each element of the result is a signer, or what ``recover_signer``
    would have raised for that signature.
    """
    right_length = [len(signature) == SIGNATURE_BYTES for signature in signatures]
    joined = (
        b"".join(signatures)
        if all(right_length)
        else b"".join(
            signature if right else bytes(SIGNATURE_BYTES)
            for signature, right in zip(signatures, right_length, strict=True)
        )
    )
    rows = np.frombuffer(joined, np.uint8).reshape(-1, SIGNATURE_BYTES).copy()
    rows[:, 64] -= _V_OFFSET  # wraps around below 27, so that one comparison finds every other v
    suspect = (rows[:, 64] > 1) | _exceeds_half(rows[:, 32:64])
    rows[suspect, 64] = 0
    keys = recover_keys(digests, rows)
    suspect |= keys[:, 0] == 0
    addresses = hash_messages(keys[:, 1:])[:, 12:].tobytes()
    signers: list[Address | Rejected] = [
        Address(addresses[i : i + 20]) for i in range(0, len(addresses), 20)
    ]
    for i in np.flatnonzero(suspect).tolist():
        signers[i] = _refusal(digests[i].tobytes(), signatures[i])
    return signers


def _exceeds_half(s: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which big-endian numbers (n, 32) lie above half of the group order."""
    differs = s != _HALF_ORDER_BYTES
    first = differs.argmax(axis=1)
    rows = np.arange(len(s))
    above: NDArray[np.bool_] = s[rows, first] > _HALF_ORDER_BYTES[first]
    return above


def _refusal(digest: bytes, signature: bytes) -> Rejected:
    """Return what is wrong with a signature that recovered nobody."""
    try:
        recover_signer(digest, signature)
    except Rejected as error:
        return error
    raise Corruption("signature_paths", "two readings of one signature differ; report this")


def sign_digest(private_key: bytes, digest: bytes) -> bytes:
    """Return the deterministic (RFC 6979), low-s signature of the 32-byte ``digest``.

    Raises
    ------
    ValueError
        When the digest is not 32 bytes or the key is not a secp256k1 scalar.
    """
    if len(digest) != _DIGEST_BYTES:
        raise ValueError(f"a digest is {_DIGEST_BYTES} bytes, was {len(digest)}")
    signature = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes((signature[64] + _V_OFFSET,))


def signer_address(private_key: bytes) -> Address:
    """Return the address that ``recover_signer`` will give for this key's signatures."""
    return _address_of(PrivateKey(private_key).public_key)


def _address_of(public_key: PublicKey) -> Address:
    return Address(keccak256(public_key.format(compressed=False)[1:])[12:])
