"""Every member's position in every instrument it trades: rows, chained per member.

Margin looks at all rows of one member, so a chain per member serves both to find a row and to sum
over them. Rows are put in the order of (member, instrument) at every committed cut, which also
drops empty ones and brings a member's rows together in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.growth import grown
from clearinghouse.book.identifiers import Position

HOLDING_ROW = np.dtype(
    [
        ("quantity", np.int64),
        ("basis", np.int64),
        ("position", np.uint32),
        ("instrument", np.uint32),
        ("next", np.int64),
    ]
)
"""Lots, signed; quanta, see ``clearinghouse.book.state``; the member's position; the instrument's
row; the member's next row or -1."""


class HoldingTable:
    """Holdings in rows; ``heads`` has the first row of every position, or -1."""

    def __init__(self) -> None:
        self.rows: NDArray[Any] = np.zeros(0, HOLDING_ROW)
        self.count = 0
        self.heads: NDArray[np.int64] = np.full(0, -1, np.int64)

    def reserve(self, positions: int, rows: int) -> None:
        """Make room for all positions and for ``rows`` more rows: compiled code cannot."""
        self.heads = grown(self.heads, positions, -1)
        self.rows = grown(self.rows, self.count + rows)

    def copied(self) -> HoldingTable:
        """Return a copy of the rows in use."""
        copy = HoldingTable()
        copy.rows, copy.count, copy.heads = self.used().copy(), self.count, self.heads.copy()
        return copy

    def used(self) -> NDArray[Any]:
        """Return the rows in use, as a view."""
        return self.rows[: self.count]

    def of(self, position: Position) -> Iterator[tuple[int, int, int]]:
        """Yield (instrument row, quantity, basis) of a member, in the order of its first fills."""
        row = int(self.heads[position]) if position < len(self.heads) else -1
        while row >= 0:
            held = self.rows[row]
            yield int(held["instrument"]), int(held["quantity"]), int(held["basis"])
            row = int(held["next"])

    def compact(self) -> None:
        """Sort the rows by member and instrument, drop the empty ones, and chain them anew."""
        rows = self.used()
        rows = rows[(rows["quantity"] != 0) | (rows["basis"] != 0)]
        rows = rows[np.lexsort((rows["instrument"], rows["position"]))]
        self.count = len(rows)
        positions = rows["position"].astype(np.int64)
        successors = np.arange(1, self.count + 1)
        is_last = np.append(positions[1:] != positions[:-1], True)[: self.count]
        rows["next"] = np.where(is_last, -1, successors)
        self.rows = rows
        self.heads = np.full(len(self.heads), -1, np.int64)
        # Backwards, so that the first row of a member is the one that stays.
        self.heads[positions[::-1]] = np.arange(self.count - 1, -1, -1)
