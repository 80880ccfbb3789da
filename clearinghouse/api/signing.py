"""Signing what venues and members send, with a key at hand."""

from __future__ import annotations

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import FillBatch, Order, PlacementLimit, Release, SignedOrder
from clearinghouse.commitment.orders import (
    fill_batch_digest,
    order_digest,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.signatures import sign_digest


def sign_order(private_key: bytes, clearinghouse_id: Hash32, order: Order) -> SignedOrder:
    """Return the order with its member's signature."""
    return SignedOrder(order, sign_digest(private_key, order_digest(clearinghouse_id, order)))


def sign_fill_batch(private_key: bytes, clearinghouse_id: Hash32, batch: FillBatch) -> bytes:
    """Return the venue's signature over a batch."""
    return sign_digest(private_key, fill_batch_digest(clearinghouse_id, batch))


def sign_placement_limit(
    private_key: bytes, clearinghouse_id: Hash32, limit: PlacementLimit
) -> bytes:
    """Return the member's signature over a placement limit."""
    return sign_digest(private_key, placement_limit_digest(clearinghouse_id, limit))


def sign_release(private_key: bytes, clearinghouse_id: Hash32, release: Release) -> bytes:
    """Return the member's signature over a release request."""
    return sign_digest(private_key, release_digest(clearinghouse_id, release))
