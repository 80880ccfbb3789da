"""Every known order as a row: what admission looks at, in an array that compiled code reads.

An order's number is its row: 0, 1, 2, ... in the order of the journal. Signed content that
admission does not need (fee rate, nonce, signature) stays in the journal alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.growth import grown
from clearinghouse.book.identifiers import Hash32, Position
from clearinghouse.book.orders import Order
from clearinghouse.book.ranges import INT64_MAX, UINT32_MAX
from clearinghouse.errors import check

ORDER_ROW = np.dtype(
    [
        ("quantity", np.int64),
        ("filled", np.int64),
        ("limit_price", np.int64),
        ("expiry", np.int64),
        ("position", np.uint32),
        ("instrument", np.uint32),
        ("venue", np.uint32),
        ("side", np.uint32),
    ]
)
"""Lots; lots; quanta a lot; seconds since the epoch; the member's position; the instrument's and
the venue's row in their tables; 0 buys and 1 sells."""

NO_ORDER = UINT32_MAX
"""Stands in a column of order numbers where no order is known."""


class OrderTable:
    """Orders by number, and their numbers by digest."""

    def __init__(self) -> None:
        self.rows: NDArray[Any] = np.zeros(0, ORDER_ROW)
        """At least as many as there are orders."""
        self.numbers: dict[Hash32, int] = {}
        self.digests: list[Hash32] = []

    def __len__(self) -> int:
        return len(self.digests)

    def has_room(self, count: int) -> bool:
        """Tell whether there are numbers for ``count`` more orders."""
        return len(self.digests) + count <= NO_ORDER

    def add(
        self, digest: Hash32, order: Order, position: Position, instrument: int, venue: int
    ) -> int:
        """Enter an order and return its number; a known one keeps its number and its fills."""
        known = self.numbers.get(digest)
        if known is not None:
            return known
        number = len(self.digests)
        check(number < NO_ORDER, "orders_exhausted", "an order number is below 2^32 - 1")
        self.rows = grown(self.rows, number + 1)
        # An expiry beyond 63 bits is as far away as one at the end of them.
        self.rows[number] = (
            order.quantity,
            0,
            order.limit_price,
            min(order.expiry, INT64_MAX),
            position,
            instrument,
            venue,
            int(order.side),
        )
        self.numbers[digest] = number
        self.digests.append(digest)
        return number

    def get(self, digest: Hash32) -> dict[str, int]:
        """Return the fields of an order's row; raise ``KeyError`` for an unknown digest."""
        row = self.rows[self.numbers[digest]]
        return {name: int(row[name]) for name in ORDER_ROW.names or ()}
