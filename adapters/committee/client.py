"""What ``CommitteeLightClient`` takes: an update, or evidence that freezes it."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Attestation


def build_update(header_rlp: bytes, signatures: Sequence[bytes]) -> bytes:
    """Return the argument of ``update``: ``abi.encode(headerRlp, signatures)``."""
    return encode(["bytes", "bytes[]"], [header_rlp, list(signatures)])


def build_freeze_evidence(first: Attestation, second: Attestation) -> bytes:
    """Return the argument of ``freeze``; ``verify_equivocation`` says whether it will convince.

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
        ["uint64", "bytes32", "bytes[]", "bytes32", "bytes[]"],
        [
            first.height,
            first.block_hash,
            list(first.signatures),
            second.block_hash,
            list(second.signatures),
        ],
    )
