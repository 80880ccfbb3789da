"""Batches as columns: one byte string per field, so that a fill costs no Python object.

A column holds one element per row, back to back; numbers are little-endian and unsigned. The bytes
are what travels, what is signed and what the journal keeps; ``arrays`` looks at them as NumPy does,
without a copy. Lengths are checked when a value is made, so whoever has one can rely on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.orders import Fill, FillBatch, Order, Side
from clearinghouse.book.ranges import require_bytes, require_range, require_uint64
from clearinghouse.errors import Rejected

_BYTE = np.dtype("u1")
_UINT32 = np.dtype("<u4")
_UINT64 = np.dtype("<u8")
_ADDRESS = np.dtype(("u1", (20,)))
_HASH = np.dtype(("u1", (32,)))
_SIDES = (Side.BUY, Side.SELL)


class _Columns(msgspec.Struct, frozen=True):
    """What all batches of columns have in common: a venue, and columns of one length."""

    WIDTHS: ClassVar[dict[str, np.dtype[Any]]] = {}
    """The element type of each column, in the order of ``arrays``."""

    venue: Address
    """Who signs the batch."""

    def __post_init__(self) -> None:
        """Raise ``Rejected`` (``MALFORMED``) unless every column has the same number of rows."""
        require_bytes("venue", self.venue, 20)
        count = self.count
        for name, dtype in self.WIDTHS.items():
            column = getattr(self, name)
            if len(column) != count * dtype.itemsize:
                raise Rejected(
                    "MALFORMED",
                    f"{name.replace('_', ' ')} must have {dtype.itemsize} bytes for each of "
                    f"{count} rows, had {len(column)}",
                    name=name,
                    length=len(column),
                    expected=count * dtype.itemsize,
                )

    @property
    def count(self) -> int:
        """Number of rows, by the first column."""
        name, dtype = next(iter(self.WIDTHS.items()))
        return len(getattr(self, name)) // dtype.itemsize

    def array(self, name: str) -> NDArray[Any]:
        """Return one column as a read-only array: (n,), or (n, width) uint8 for bytes."""
        return np.frombuffer(getattr(self, name), self.WIDTHS[name])

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return all columns, in the order of the fields."""
        return tuple(self.array(name) for name in self.WIDTHS)


class FillColumns(_Columns, frozen=True):
    """Fills of numbered orders, signed by their venue: 24 bytes a fill.

    ``arrays``: buyers' order numbers (uint32), sellers' (uint32), lots (uint64), quanta (uint64).
    """

    WIDTHS: ClassVar[dict[str, np.dtype[Any]]] = {
        "buy_orders": _UINT32,
        "sell_orders": _UINT32,
        "quantities": _UINT64,
        "cash": _UINT64,
    }

    batch_id: Hash32
    """Makes a repetition harmless; shared with row batches."""
    buy_orders: bytes
    sell_orders: bytes
    quantities: bytes
    cash: bytes

    def __post_init__(self) -> None:
        """Check the batch id as well; raises as the parent."""
        super().__post_init__()
        require_bytes("batch id", self.batch_id, 32)

    @classmethod
    def of(
        cls,
        venue: Address,
        batch_id: Hash32,
        buy_orders: ArrayLike,
        sell_orders: ArrayLike,
        quantities: ArrayLike,
        cash: ArrayLike,
    ) -> FillColumns:
        """Return columns of anything that NumPy takes; ``Rejected`` where a number does not fit."""
        return cls(
            venue,
            batch_id,
            packed("buy orders", buy_orders, _UINT32),
            packed("sell orders", sell_orders, _UINT32),
            packed("quantities", quantities, _UINT64),
            packed("cash", cash, _UINT64),
        )


class FillRows(_Columns, frozen=True):
    """Fills of orders named by digest, signed by their venue: the packed form of ``FillBatch``.

    ``arrays``: buyers' digests (n, 32), sellers' digests (n, 32), lots (uint64), quanta (uint64).
    """

    WIDTHS: ClassVar[dict[str, np.dtype[Any]]] = {
        "buy_orders": _HASH,
        "sell_orders": _HASH,
        "quantities": _UINT64,
        "cash": _UINT64,
    }

    batch_id: Hash32
    buy_orders: bytes
    sell_orders: bytes
    quantities: bytes
    cash: bytes

    def __post_init__(self) -> None:
        """Check the batch id as well; raises as the parent."""
        super().__post_init__()
        require_bytes("batch id", self.batch_id, 32)

    @classmethod
    def of(cls, batch: FillBatch) -> FillRows:
        """Pack a batch; ``Rejected`` names the field that does not fit its type."""
        fills = batch.fills
        return cls(
            batch.venue,
            batch.batch_id,
            b"".join([require_bytes("buy order", fill.buy_order, 32) for fill in fills]),
            b"".join([require_bytes("sell order", fill.sell_order, 32) for fill in fills]),
            b"".join([_uint64("quantity", fill.quantity) for fill in fills]),
            b"".join([_uint64("cash", fill.cash) for fill in fills]),
        )

    def rows(self) -> Iterator[tuple[Hash32, Hash32, int, int]]:
        """Yield the fields of ``Fill``, one tuple per fill."""
        return zip(
            _hashes(self.buy_orders),
            _hashes(self.sell_orders),
            self.array("quantities").tolist(),
            self.array("cash").tolist(),
            strict=True,
        )

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Unpack, one object per fill: for tests and tools, not for the ledger's path."""
        return tuple(Fill(*row) for row in self.rows())


class MandatedOrders(_Columns, frozen=True):
    """Orders that a venue places for members who gave it a mandate; the venue alone signs.

    ``arrays``: members (n, 20), instruments (uint32), sides (uint8, 0 buys and 1 sells), lots,
    limit prices (uint64), fee rates (uint32), expiries and nonces (uint64).
    """

    WIDTHS: ClassVar[dict[str, np.dtype[Any]]] = {
        "members": _ADDRESS,
        "instruments": _UINT32,
        "sides": _BYTE,
        "quantities": _UINT64,
        "limit_prices": _UINT64,
        "maximum_fee_rates": _UINT32,
        "expiries": _UINT64,
        "nonces": _UINT64,
    }

    members: bytes
    instruments: bytes
    sides: bytes
    quantities: bytes
    limit_prices: bytes
    maximum_fee_rates: bytes
    expiries: bytes
    nonces: bytes

    def __post_init__(self) -> None:
        """Check the sides as well; raises as the parent."""
        super().__post_init__()
        require_range("side", max(self.sides, default=0), 0, 1)

    @classmethod
    def of(cls, venue: Address, orders: Sequence[Order]) -> MandatedOrders:
        """Pack orders that all name ``venue``; ``Rejected`` where a number does not fit."""
        for order in orders:
            if order.venue != venue:
                raise Rejected("VENUE_MISMATCH", "columns hold the orders of one venue")
        return cls(
            venue,
            b"".join([require_bytes("member", order.member, 20) for order in orders]),
            packed("instruments", [order.instrument for order in orders], _UINT32),
            packed("sides", [order.side for order in orders], _BYTE),
            packed("quantities", [order.quantity for order in orders], _UINT64),
            packed("limit prices", [order.limit_price for order in orders], _UINT64),
            packed("fee rates", [order.maximum_fee_rate for order in orders], _UINT32),
            packed("expiries", [order.expiry for order in orders], _UINT64),
            packed("nonces", [order.nonce for order in orders], _UINT64),
        )

    def orders(self) -> list[Order]:
        """Unpack, one object per order."""
        members = [Address(self.members[i : i + 20]) for i in range(0, len(self.members), 20)]
        numbers = [self.array(name).tolist() for name in self.WIDTHS if name != "members"]
        return [
            Order(
                member, instrument, _SIDES[side], quantity, price, rate, expiry, nonce, self.venue
            )
            for member, instrument, side, quantity, price, rate, expiry, nonce in zip(
                members, *numbers, strict=True
            )
        ]


def packed(name: str, values: ArrayLike, dtype: np.dtype[Any]) -> bytes:
    """Return numbers as a column's bytes.

    Raises
    ------
    Rejected
        ``OUT_OF_RANGE`` with the first that does not fit; NumPy would wrap it around in silence.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        # Integers of both signs beyond 63 bits have no NumPy type in common: look at each.
        array = np.asarray(values, dtype=object)
        if not all(type(value) is int for value in array.flat):
            raise Rejected("OUT_OF_RANGE", f"{name} must be integers", name=name)
    if array.size:
        for value in (int(array.min()), int(array.max())):
            require_range(name, value, 0, int(np.iinfo(dtype).max))
    return array.astype(dtype).tobytes()


def _uint64(name: str, value: int) -> bytes:
    return require_uint64(name, value).to_bytes(8, "little")


def _hashes(column: bytes) -> list[Hash32]:
    return [Hash32(column[i : i + 32]) for i in range(0, len(column), 32)]
