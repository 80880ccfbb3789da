"""A quorum of known keys over one digest: committees and operator sets share this rule.

Signatures come sorted by signer, strictly increasing. That makes "each key once" a comparison of
neighbours, here and in the contracts, and gives a set of signers one canonical form.

Reasons raised: ``signature_invalid``, ``signature_malleable``, ``signer_unknown``,
``signers_unsorted``, ``quorum_too_small``, ``quorum_too_large``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from clearinghouse.book.identifiers import Address
from clearinghouse.commitment.signatures import (
    SignatureInvalid,
    SignatureMalleable,
    recover_signer,
)
from clearinghouse.errors import ProofInvalid


def verify_quorum(
    digest: bytes, members: Collection[bytes], threshold: int, signatures: Sequence[bytes]
) -> tuple[Address, ...]:
    """Return the signers when at least ``threshold`` members signed ``digest``.

    Every signature given must be a member's, also those beyond the threshold: what is passed on
    is then known to be good in all its parts.

    Raises
    ------
    ProofInvalid
        When a signature is bad, its signer is no member or out of order, or there are too few, or
        more than there are members.
    """
    if threshold < 1 or len(signatures) < threshold:
        raise ProofInvalid(
            "quorum_too_small",
            f"{max(threshold, 1)} signatures are needed, were {len(signatures)}",
            threshold=threshold,
            signatures=len(signatures),
        )
    if len(signatures) > len(members):
        raise ProofInvalid(
            "quorum_too_large",
            f"{len(members)} members cannot give {len(signatures)} signatures",
            members=len(members),
            signatures=len(signatures),
        )
    signers: list[Address] = []
    for index, signature in enumerate(signatures):
        signer = _recover(digest, signature, index)
        if signer not in members:
            raise ProofInvalid(
                "signer_unknown",
                f"signature {index} recovers 0x{signer.hex()}, which is no member; it was made "
                "over other content or by another key",
                index=index,
                signer=signer,
            )
        if signers and signer <= signers[-1]:
            raise ProofInvalid(
                "signers_unsorted",
                f"the signer of signature {index} is not above the one before; sort by address "
                "and drop repetitions",
                index=index,
                signer=signer,
            )
        signers.append(signer)
    return tuple(signers)


def _recover(digest: bytes, signature: bytes, index: int) -> Address:
    try:
        return recover_signer(digest, signature)
    except SignatureMalleable as error:
        raise ProofInvalid(
            "signature_malleable", f"signature {index}: {error.message}", index=index
        ) from error
    except SignatureInvalid as error:
        raise ProofInvalid(
            "signature_invalid", f"signature {index}: {error.message}", index=index
        ) from error
