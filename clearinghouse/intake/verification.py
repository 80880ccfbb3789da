"""Where signatures are checked: before the queue, in the caller's thread, each order once.

Recovery of a secp256k1 key (about 33 us) releases the interpreter lock, so callers verify in
parallel while the sequencer stays single-threaded. What passes is typed as verified and is not
looked at again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import (
    FillBatch,
    Order,
    PlacementLimit,
    Reason,
    Release,
    SignedOrder,
)
from clearinghouse.commitment.orders import (
    fill_batch_digest,
    order_digest,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.signatures import recover_signer
from clearinghouse.errors import Rejected

MAXIMUM_BATCH_FILLS = 8_192
MAXIMUM_BATCH_ORDERS = 2 * MAXIMUM_BATCH_FILLS
"""A fill names two orders, so a batch never needs more."""

_REMEMBERED_ORDERS = 1 << 17


@dataclass(frozen=True, slots=True)
class VerifiedBatch:
    """A batch whose venue's signature holds, with the verdict on every order that came along."""

    batch: FillBatch
    digest: Hash32
    signature: bytes
    orders: dict[Hash32, SignedOrder]
    """Orders with a good signature, by digest."""
    refused: dict[Hash32, Reason]
    """Orders without, by the digest that fills name."""


class Verifier:
    """Checks signatures for one clearinghouse and remembers the orders that passed."""

    def __init__(self, clearinghouse_id: Hash32) -> None:
        self._clearinghouse_id = clearinghouse_id
        self._seen: OrderedDict[tuple[Hash32, bytes], None] = OrderedDict()
        self._lock = threading.Lock()

    def verify_batch(
        self, batch: FillBatch, orders: Sequence[SignedOrder], signature: bytes
    ) -> VerifiedBatch:
        """Check the venue's signature over the batch and each order's own.

        A bad order does not spoil the batch: the fills that name it are refused with its reason.

        Raises
        ------
        Rejected
            ``BATCH_TOO_LARGE``, ``SIGNATURE_INVALID`` or ``SIGNATURE_MALLEABLE`` for the batch
            itself, ``OUT_OF_RANGE`` for a field that no signature can cover.
        """
        if len(batch.fills) > MAXIMUM_BATCH_FILLS or len(orders) > MAXIMUM_BATCH_ORDERS:
            raise Rejected(
                "BATCH_TOO_LARGE",
                f"send at most {MAXIMUM_BATCH_FILLS} fills and {MAXIMUM_BATCH_ORDERS} orders at "
                f"once, was {len(batch.fills)} and {len(orders)}",
                fills=len(batch.fills),
                orders=len(orders),
            )
        if not batch.fills and not orders:
            raise Rejected("BATCH_EMPTY", "a batch brings at least one fill or order")
        digest = fill_batch_digest(self._clearinghouse_id, batch)
        _require_signer("venue", batch.venue, digest, signature)
        good: dict[Hash32, SignedOrder] = {}
        refused: dict[Hash32, Reason] = {}
        for signed in orders:
            order_hash = order_digest(self._clearinghouse_id, signed.order)
            reason = self._check_order(order_hash, signed)
            if reason is None:
                good[order_hash] = signed
                refused.pop(order_hash, None)
            elif order_hash not in good:
                refused[order_hash] = reason
        return VerifiedBatch(batch, digest, signature, good, refused)

    def verify_placement_limit(self, limit: PlacementLimit, signature: bytes) -> Hash32:
        """Check a member's signature on a limit; return its digest. Raises as ``verify_batch``."""
        digest = placement_limit_digest(self._clearinghouse_id, limit)
        _require_signer("member", limit.member, digest, signature)
        return digest

    def verify_release(self, release: Release, signature: bytes) -> Hash32:
        """Check a member's signature on a release; return its digest."""
        digest = release_digest(self._clearinghouse_id, release)
        _require_signer("member", release.member, digest, signature)
        return digest

    def _check_order(self, digest: Hash32, signed: SignedOrder) -> Reason | None:
        key = (digest, signed.signature)
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
                return None
        if not _is_well_formed(signed.order):
            return Reason.ORDER_MALFORMED
        try:
            _require_signer("member", signed.order.member, digest, signed.signature)
        except Rejected as error:
            return Reason(error.reason)
        with self._lock:
            self._seen[key] = None
            if len(self._seen) > _REMEMBERED_ORDERS:
                self._seen.popitem(last=False)
        return None


def _is_well_formed(order: Order) -> bool:
    return 0 < order.quantity < 2**63 and 0 <= order.limit_price < 2**63


def _require_signer(role: str, expected: bytes, digest: bytes, signature: bytes) -> None:
    signer = recover_signer(digest, signature)
    if signer != expected:
        raise Rejected(
            "SIGNATURE_INVALID",
            f"the signature is not the {role}'s; sign the EIP-712 digest with the key of "
            f"0x{expected.hex()}",
            expected=expected.hex(),
            recovered=signer.hex(),
        )
