"""A quorum of known keys as one signature of BLS12-381, with a bitmap of who signed.

The sum of signatures over one message is the signature by the sum of the keys. So a key that its
owner made up from the others' could sign for them all; hence a key counts only with a proof of
possession (``verify_possessions``), checked wherever a set of keys is taken over.

Keys are 48 bytes and signatures 96, compressed; what was signed is carried as 32 bytes of bitmap,
bit i of the integer for member i, then the signature. Contracts take the form of EIP-2537
(``encode_key``, ``encode_aggregate``), and sets are ordered by that form.

Source: draft-irtf-cfrg-bls-signature-05, section 3.3; EIP-2537.

Reasons raised: ``aggregate_malformed``, ``signer_unknown``, ``quorum_too_small``,
``possession_count``, and those of ``ethereum.bls``.
"""

from __future__ import annotations

from collections.abc import Sequence

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.bls import (
    SIGNATURE_BYTES,
    public_key_coordinates,
    signature_coordinates,
    verify_fast_aggregate,
    verify_possession,
)

BITMAP_BYTES = 32

_COORDINATE_BYTES = 48
_PADDED_COORDINATE_BYTES = 64


def verify_bls_quorum(
    digest: bytes, members: Sequence[bytes], threshold: int, signatures: Sequence[bytes]
) -> tuple[bytes, ...]:
    """Return the keys that signed when at least ``threshold`` members signed ``digest``.

    Raises
    ------
    ProofInvalid
        When there is not exactly one aggregate, a bit stands for no member, too few signed, or
        the signature is not theirs.
    """
    if len(signatures) != 1 or len(signatures[0]) != BITMAP_BYTES + SIGNATURE_BYTES:
        raise ProofInvalid(
            "aggregate_malformed",
            f"one item of {BITMAP_BYTES} bytes of bitmap and {SIGNATURE_BYTES} of signature is "
            "expected",
            items=len(signatures),
        )
    bitmap = int.from_bytes(signatures[0][:BITMAP_BYTES])
    if bitmap >> len(members):
        raise ProofInvalid(
            "signer_unknown",
            f"the bitmap {bitmap:#x} names signers beyond the {len(members)} members",
            bitmap=bitmap,
            members=len(members),
        )
    signers = tuple(key for place, key in enumerate(members) if bitmap >> place & 1)
    if len(signers) < threshold:
        raise ProofInvalid(
            "quorum_too_small",
            f"{threshold} signers are needed, were {len(signers)}",
            threshold=threshold,
            signatures=len(signers),
        )
    verify_fast_aggregate(signers, digest, signatures[0][BITMAP_BYTES:])
    return signers


def verify_possessions(members: Sequence[bytes], possessions: Sequence[bytes]) -> None:
    """Require one proof of possession for each key, in their order.

    Raises
    ------
    ProofInvalid
        When they are not as many, or one is not its key's.
    """
    if len(possessions) != len(members):
        raise ProofInvalid(
            "possession_count",
            f"{len(members)} keys need as many proofs of possession, were {len(possessions)}",
            members=len(members),
            possessions=len(possessions),
        )
    for key, proof in zip(members, possessions, strict=True):
        verify_possession(key, proof)


def encode_key(public_key: bytes) -> bytes:
    """Return a key as contracts take it, 128 bytes.

    Raises
    ------
    ProofInvalid
        When it is no point of the group, or infinity.
    """
    return _pad(public_key_coordinates(public_key))


def encode_signature(signature: bytes) -> bytes:
    """Return a signature as contracts take it, 256 bytes.

    Raises
    ------
    ProofInvalid
        When it is no point of the group, or infinity.
    """
    return _pad(signature_coordinates(signature))


def encode_aggregate(item: bytes) -> bytes:
    """Return bitmap and signature as contracts take them, 288 bytes."""
    return item[:BITMAP_BYTES] + encode_signature(item[BITMAP_BYTES:])


def _pad(coordinates: bytes) -> bytes:
    return b"".join(
        coordinates[at : at + _COORDINATE_BYTES].rjust(_PADDED_COORDINATE_BYTES, b"\x00")
        for at in range(0, len(coordinates), _COORDINATE_BYTES)
    )
