"""EIP-712 digests of what members and venues sign."""

from __future__ import annotations

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import Fill, FillBatch, Order, PlacementLimit, Release
from clearinghouse.book.ranges import (
    INT64_MAX,
    require_bytes,
    require_range,
    require_uint32,
    require_uint64,
    require_uint128,
)
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.typed_data import address_word, typed_digest, word

ORDER_TYPE = (
    b"Order(address member,uint32 instrument,uint8 side,uint64 quantity,uint64 limitPrice,"
    b"uint32 maxFeeRate,uint64 expiry,uint64 nonce,address venue)"
)
PLACEMENT_LIMIT_TYPE = (
    b"PlacementLimit(address member,uint256 chainId,uint32 assetId,uint128 maximumQuanta,"
    b"uint64 nonce)"
)
RELEASE_TYPE = (
    b"Release(address member,uint256 chainId,uint32 assetId,uint64 quanta,uint64 nonce,"
    b"uint64 expiry)"
)
FILL_TYPE = b"Fill(bytes32 buyOrder,bytes32 sellOrder,uint64 quantity,uint64 cash)"
FILL_BATCH_TYPE = b"FillBatch(address venue,bytes32 batchId,Fill[] fills)" + FILL_TYPE

_ORDER_TYPE_HASH = keccak256(ORDER_TYPE)
_PLACEMENT_LIMIT_TYPE_HASH = keccak256(PLACEMENT_LIMIT_TYPE)
_RELEASE_TYPE_HASH = keccak256(RELEASE_TYPE)
_FILL_TYPE_HASH = keccak256(FILL_TYPE)
_FILL_BATCH_TYPE_HASH = keccak256(FILL_BATCH_TYPE)


def order_digest(clearinghouse_id: Hash32, order: Order) -> Hash32:
    """Return what the member signs; it is also the order's identifier in fills.

    Raises
    ------
    Rejected
        ``OUT_OF_RANGE`` or ``MALFORMED`` naming the field that does not fit its type.
    """
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _ORDER_TYPE_HASH
            + address_word(require_bytes("member", order.member, 20))
            + word(require_uint32("instrument", order.instrument))
            + word(require_range("side", order.side, 0, 1))
            + word(require_uint64("quantity", order.quantity))
            + word(require_uint64("limit price", order.limit_price))
            + word(require_uint32("maximum fee rate", order.maximum_fee_rate))
            + word(require_uint64("expiry", order.expiry))
            + word(require_uint64("nonce", order.nonce))
            + address_word(require_bytes("venue", order.venue, 20))
        ),
    )


def placement_limit_digest(clearinghouse_id: Hash32, limit: PlacementLimit) -> Hash32:
    """Return what a member signs to accept claims on a chain; raises as ``order_digest``."""
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _PLACEMENT_LIMIT_TYPE_HASH
            + address_word(require_bytes("member", limit.member, 20))
            + word(require_range("chain id", limit.chain_id, 1, INT64_MAX))
            + word(require_uint32("asset id", limit.asset_id))
            + word(require_uint128("maximum quanta", limit.maximum_quanta))
            + word(require_uint64("nonce", limit.nonce))
        ),
    )


def release_digest(clearinghouse_id: Hash32, release: Release) -> Hash32:
    """Return what a member signs to be paid out; raises as ``order_digest``."""
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _RELEASE_TYPE_HASH
            + address_word(require_bytes("member", release.member, 20))
            + word(require_range("chain id", release.chain_id, 1, INT64_MAX))
            + word(require_uint32("asset id", release.asset_id))
            + word(require_uint64("quanta", release.quanta))
            + word(require_uint64("nonce", release.nonce))
            + word(require_uint64("expiry", release.expiry))
        ),
    )


def _fill_hash(fill: Fill) -> Hash32:
    return keccak256(
        _FILL_TYPE_HASH
        + require_bytes("buy order", fill.buy_order, 32)
        + require_bytes("sell order", fill.sell_order, 32)
        + word(require_uint64("quantity", fill.quantity))
        + word(require_uint64("cash", fill.cash))
    )


def fill_batch_digest(clearinghouse_id: Hash32, batch: FillBatch) -> Hash32:
    """Return what a venue signs for a batch; it also tells one content of a batch id from another.

    Raises as ``order_digest``.
    """
    fills = b"".join(_fill_hash(fill) for fill in batch.fills)
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _FILL_BATCH_TYPE_HASH
            + address_word(require_bytes("venue", batch.venue, 20))
            + require_bytes("batch id", batch.batch_id, 32)
            + keccak256(fills)
        ),
    )
