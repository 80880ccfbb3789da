"""A cell of the transportation problem: what one quantum more or less costs in it.

A cell is a member's claim on a chain: free of cost up to its stay, one for every quantum above, up
to its bound. The last column is the carry, the member's residual, which has neither.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearinghouse.compiled import inlined

Column = NDArray[np.int64]
Matrix = NDArray[np.int64]

NEVER = 1 << 40
"""Cost of an exchange that nobody can make; real ones stay below three times the residual's."""


@inlined
def putting(placed: int, column: int, stay: Column, bound: Column, residual_cost: int) -> int:
    """Return the cost of one more quantum in a cell."""
    if column == len(stay):
        return residual_cost if placed >= 0 else -residual_cost
    if placed < stay[column]:
        return 0
    return 1 if placed < bound[column] else NEVER


@inlined
def taking(placed: int, column: int, stay: Column, residual_cost: int) -> int:
    """Return the cost of one quantum less in a cell."""
    if column == len(stay):
        return residual_cost if placed <= 0 else -residual_cost
    if placed > stay[column]:
        return -1
    return 0 if placed > 0 else NEVER


@inlined
def is_free(placed: int, column: int, stay: Column, bound: Column) -> bool:
    """Tell whether a cell lies strictly between two of its breakpoints."""
    if column == len(stay):
        return placed != 0
    return bool(0 < placed < bound[column] and placed != stay[column])
