"""Reference model of ``contracts/src/proof/Quorum.sol``."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.simulated.revert import revert, shown
from clearinghouse.book.identifiers import Address
from clearinghouse.commitment.signatures import (
    SIGNATURE_BYTES,
    SignatureInvalid,
    SignatureMalleable,
    recover_signer,
)


def require_quorum(
    digest: bytes, members: Sequence[bytes], threshold: int, signatures: Sequence[bytes]
) -> None:
    """Require signatures of at least ``threshold`` members, strictly ordered by signer."""
    if len(signatures) < threshold:
        revert("QuorumNotReached", len(signatures), threshold)
    previous: Address | None = None
    for index, signature in enumerate(signatures):
        signer = _recover(digest, signature)
        if signer not in members or (previous is not None and signer <= previous):
            revert("SignerNotInOrder", index, shown(signer))
        previous = signer


def _recover(digest: bytes, signature: bytes) -> Address:
    if len(signature) != SIGNATURE_BYTES:
        revert("ECDSAInvalidSignatureLength", len(signature))
    try:
        return recover_signer(digest, signature)
    except SignatureMalleable:
        revert("ECDSAInvalidSignatureS", signature[32:64])
    except SignatureInvalid:
        revert("ECDSAInvalidSignature")
