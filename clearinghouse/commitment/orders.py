"""EIP-712 digests of what members and venues sign.

Orders and rows of fills also have a form for many at once, which lays the words of all structs out
in one array and hashes them together; it gives the same digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import Fill, FillBatch, Order, PlacementLimit, Release
from clearinghouse.book.ranges import (
    INT64_MAX,
    UINT32_MAX,
    UINT64_MAX,
    require_bytes,
    require_range,
    require_uint32,
    require_uint64,
    require_uint128,
)
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.keccak_kernel import hash_messages
from clearinghouse.commitment.typed_data import (
    TYPED_PREFIX,
    address_word,
    domain_separator,
    typed_digest,
    word,
)

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
MANDATE_TYPE = (
    b"Mandate(address member,address delegate,address venue,uint32 instrument,"
    b"uint64 maximumOrderNotional,uint64 maximumTotalNotional,uint64 minimumSellPrice,"
    b"uint64 expiry,uint64 nonce)"
)
MANDATED_ORDERS_TYPE = (
    b"MandatedOrders(address venue,uint32 count,bytes members,bytes instruments,bytes sides,"
    b"bytes quantities,bytes limitPrices,bytes maxFeeRates,bytes expiries,bytes nonces)"
)
FILL_COLUMNS_TYPE = (
    b"FillColumns(address venue,bytes32 batchId,uint32 count,bytes buyOrders,bytes sellOrders,"
    b"bytes quantities,bytes cash)"
)
FILL_TYPE = b"Fill(bytes32 buyOrder,bytes32 sellOrder,uint64 quantity,uint64 cash)"
FILL_BATCH_TYPE = b"FillBatch(address venue,bytes32 batchId,Fill[] fills)" + FILL_TYPE

_ORDER_TYPE_HASH = keccak256(ORDER_TYPE)
_PLACEMENT_LIMIT_TYPE_HASH = keccak256(PLACEMENT_LIMIT_TYPE)
_RELEASE_TYPE_HASH = keccak256(RELEASE_TYPE)
_MANDATE_TYPE_HASH = keccak256(MANDATE_TYPE)
_MANDATED_ORDERS_TYPE_HASH = keccak256(MANDATED_ORDERS_TYPE)
_FILL_COLUMNS_TYPE_HASH = keccak256(FILL_COLUMNS_TYPE)
_FILL_TYPE_HASH = keccak256(FILL_TYPE)
_FILL_BATCH_TYPE_HASH = keccak256(FILL_BATCH_TYPE)

_ORDER_MAXIMA = np.array(
    [UINT32_MAX, 1, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX], np.uint64
)
"""Of the numbers of an order, in its order."""


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


def order_digests(clearinghouse_id: Hash32, orders: Sequence[Order]) -> NDArray[np.uint8]:
    """Return the digests (n, 32) of many orders; equal to ``order_digest`` of each, and raises so.

    Members and venues have 20 bytes.
    """
    try:
        numbers = np.array(
            [
                (o.instrument, o.side, o.quantity, o.limit_price, o.maximum_fee_rate, o.expiry,
                 o.nonce)
                for o in orders
            ],
            np.uint64,
        ).reshape(-1, 7)  # fmt: skip
    except (OverflowError, TypeError):
        numbers = np.full((len(orders), 7), UINT64_MAX, np.uint64)
    fits = (numbers <= _ORDER_MAXIMA).all()
    addresses = b"".join([o.member + o.venue for o in orders])
    if not fits or len(addresses) != 40 * len(orders):
        # Something is out of its range: the readable form finds it and says what.
        digests = b"".join([order_digest(clearinghouse_id, order) for order in orders])
        return np.frombuffer(digests, np.uint8).reshape(-1, 32)
    pairs = np.frombuffer(addresses, np.uint8).reshape(-1, 40)
    return _order_digests(clearinghouse_id, pairs[:, :20], numbers.T, pairs[:, 20:])


def mandated_order_digests(clearinghouse_id: Hash32, columns: MandatedOrders) -> NDArray[np.uint8]:
    """Return the digests (n, 32) that the orders of the columns have, as ``order_digest``."""
    members, *numbers = columns.arrays()
    venue = np.frombuffer(columns.venue, np.uint8)
    return _order_digests(clearinghouse_id, members, numbers, venue)


def _order_digests(
    clearinghouse_id: Hash32,
    members: NDArray[np.uint8],
    numbers: Sequence[NDArray[Any]] | NDArray[np.uint64],
    venues: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Hash orders given as columns; ``numbers`` are the seven of ``Order``, in its order."""
    words = np.zeros((len(members), 10, 32), np.uint8)
    words[:, 0] = np.frombuffer(_ORDER_TYPE_HASH, np.uint8)
    words[:, 1, 12:] = members
    for place, column in enumerate(numbers, start=2):
        words[:, place, 24:] = _big_endian(column)
    words[:, 9, 12:] = venues
    struct_hashes = hash_messages(words.reshape(-1, 320))
    preimages = np.empty((len(members), 66), np.uint8)
    preimages[:, :2] = np.frombuffer(TYPED_PREFIX, np.uint8)
    preimages[:, 2:34] = np.frombuffer(domain_separator(clearinghouse_id), np.uint8)
    preimages[:, 34:] = struct_hashes
    return hash_messages(preimages)


def _big_endian(numbers: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes (n, 8) of unsigned integers."""
    return numbers.astype(">u8").view(np.uint8).reshape(-1, 8)


def mandate_digest(clearinghouse_id: Hash32, mandate: Mandate) -> Hash32:
    """Return what a member signs to let a delegate order for it; raises as ``order_digest``."""
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _MANDATE_TYPE_HASH
            + address_word(require_bytes("member", mandate.member, 20))
            + address_word(require_bytes("delegate", mandate.delegate, 20))
            + address_word(require_bytes("venue", mandate.venue, 20))
            + word(require_uint32("instrument", mandate.instrument))
            + word(require_uint64("maximum order notional", mandate.maximum_order_notional))
            + word(require_uint64("maximum total notional", mandate.maximum_total_notional))
            + word(require_uint64("minimum sell price", mandate.minimum_sell_price))
            + word(require_uint64("expiry", mandate.expiry))
            + word(require_uint64("nonce", mandate.nonce))
        ),
    )


def mandated_orders_digest(clearinghouse_id: Hash32, columns: MandatedOrders) -> Hash32:
    """Return what a venue signs for orders under its mandates: ``bytes`` members by their hash."""
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _MANDATED_ORDERS_TYPE_HASH
            + address_word(columns.venue)
            + word(columns.count)
            + b"".join([keccak256(getattr(columns, name)) for name in columns.WIDTHS])
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


def fill_columns_digest(clearinghouse_id: Hash32, columns: FillColumns) -> Hash32:
    """Return what a venue signs for fills as columns: ``bytes`` members by their hash."""
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _FILL_COLUMNS_TYPE_HASH
            + address_word(columns.venue)
            + columns.batch_id
            + word(columns.count)
            + b"".join([keccak256(getattr(columns, name)) for name in columns.WIDTHS])
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
    return _batch_digest(clearinghouse_id, batch, fills)


def fill_rows_digest(clearinghouse_id: Hash32, rows: FillRows) -> Hash32:
    """Return the same for a batch in its packed form, all fills hashed together."""
    buy_orders, sell_orders, quantities, cash = rows.arrays()
    words = np.zeros((rows.count, 5, 32), np.uint8)
    words[:, 0] = np.frombuffer(_FILL_TYPE_HASH, np.uint8)
    words[:, 1] = buy_orders
    words[:, 2] = sell_orders
    words[:, 3, 24:] = _big_endian(quantities)
    words[:, 4, 24:] = _big_endian(cash)
    fills = hash_messages(words.reshape(-1, 160)).tobytes()
    return _batch_digest(clearinghouse_id, rows, fills)


def _batch_digest(
    clearinghouse_id: Hash32, batch: FillBatch | FillRows, fill_hashes: bytes
) -> Hash32:
    return typed_digest(
        clearinghouse_id,
        keccak256(
            _FILL_BATCH_TYPE_HASH
            + address_word(require_bytes("venue", batch.venue, 20))
            + require_bytes("batch id", batch.batch_id, 32)
            + keccak256(fill_hashes)
        ),
    )
