"""Arrays that grow by doubling, so that appending costs the same however many rows there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 64


def grown(array: NDArray[Any], needed: int, fill: int = 0) -> NDArray[Any]:
    """Return ``array``, or a copy whose last axis has room for at least ``needed`` elements.

    New elements are ``fill``; for structured arrays that is zero in every field.
    """
    length = array.shape[-1]
    if needed <= length:
        return array
    larger = np.zeros((*array.shape[:-1], max(needed, 2 * length, _SMALLEST)), array.dtype)
    if fill:
        larger[..., length:] = fill
    larger[..., :length] = array
    return larger
