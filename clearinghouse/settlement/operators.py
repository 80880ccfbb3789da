"""The operator quorum: whose signatures make a settlement one that anchors take."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.base import Signer
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.settlements import OperatorSet
from clearinghouse.errors import Conflict, Unavailable


def collect_quorum(
    operators: Sequence[Signer], operator_set: OperatorSet, settlement_id: Hash32
) -> tuple[bytes, ...]:
    """Return as many signatures as an anchor asks for, sorted by signer.

    Raises
    ------
    Conflict
        ``operator_quorum_missing`` when fewer keys of the set are here than must sign.
    Unavailable
        ``operator_signer_failed`` when a key did not sign, whatever it is that keeps it.
    """
    signers = sorted(
        (signer for signer in operators if signer.address in operator_set.signers),
        key=lambda signer: signer.address,
    )[: operator_set.threshold]
    if len(signers) < operator_set.threshold:
        raise Conflict(
            "operator_quorum_missing",
            f"{operator_set.threshold} operator keys must sign, {len(signers)} are here",
        )
    try:
        return tuple(signer.sign_digest(settlement_id) for signer in signers)
    except Exception as error:  # a key may lie anywhere, and fail in as many ways
        raise Unavailable(
            "operator_signer_failed",
            f"an operator key did not sign, the next look tries again: {error!r}",
            settlement_id=settlement_id.hex(),
        ) from error
