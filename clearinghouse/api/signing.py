"""Signing what venues and members send, with a key at hand."""

from __future__ import annotations

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import FillBatch, Order, PlacementLimit, Release, SignedOrder
from clearinghouse.commitment.orders import (
    fill_columns_digest,
    fill_rows_digest,
    mandate_digest,
    mandated_orders_digest,
    order_digest,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.signatures import sign_digest, signer_address


def sign_order(private_key: bytes, clearinghouse_id: Hash32, order: Order) -> SignedOrder:
    """Return the order with its member's signature."""
    return SignedOrder(order, sign_digest(private_key, order_digest(clearinghouse_id, order)))


def sign_order_as_delegate(
    private_key: bytes, clearinghouse_id: Hash32, order: Order
) -> SignedOrder:
    """Return the order with the signature of its member's delegate; it needs a mandate."""
    signature = sign_digest(private_key, order_digest(clearinghouse_id, order))
    return SignedOrder(order, signature, signer_address(private_key))


def sign_mandate(private_key: bytes, clearinghouse_id: Hash32, mandate: Mandate) -> bytes:
    """Return the member's signature over a mandate."""
    return sign_digest(private_key, mandate_digest(clearinghouse_id, mandate))


def sign_fill_batch(
    private_key: bytes, clearinghouse_id: Hash32, batch: FillBatch | FillRows
) -> bytes:
    """Return the venue's signature over a batch, in either form."""
    rows = FillRows.of(batch) if isinstance(batch, FillBatch) else batch
    return sign_digest(private_key, fill_rows_digest(clearinghouse_id, rows))


def sign_fill_columns(private_key: bytes, clearinghouse_id: Hash32, columns: FillColumns) -> bytes:
    """Return the venue's signature over fills as columns."""
    return sign_digest(private_key, fill_columns_digest(clearinghouse_id, columns))


def sign_mandated_orders(
    private_key: bytes, clearinghouse_id: Hash32, columns: MandatedOrders
) -> bytes:
    """Return the venue's signature over its members' orders."""
    return sign_digest(private_key, mandated_orders_digest(clearinghouse_id, columns))


def sign_placement_limit(
    private_key: bytes, clearinghouse_id: Hash32, limit: PlacementLimit
) -> bytes:
    """Return the member's signature over a placement limit."""
    return sign_digest(private_key, placement_limit_digest(clearinghouse_id, limit))


def sign_release(private_key: bytes, clearinghouse_id: Hash32, release: Release) -> bytes:
    """Return the member's signature over a release request."""
    return sign_digest(private_key, release_digest(clearinghouse_id, release))
