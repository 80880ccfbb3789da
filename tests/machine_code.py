"""Kernels both ways: as the interpreter runs them and as machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from clearinghouse.compiled import interpreted, warm_up

Result = TypeVar("Result")


def on_both_paths(call: Callable[[], Result]) -> Result:
    """Return what ``call`` returns, the same with and without machine code."""
    if not warm_up():
        pytest.skip("numba is not installed: there is one path only")
    with interpreted():
        slow = call()
    fast = call()
    assert fast == slow
    return fast
