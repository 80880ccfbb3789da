"""Range checks (invariant P12): both ends pass, one beyond does not, and the name is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clearinghouse.book.ranges import (
    require_bytes,
    require_quanta,
    require_range,
    require_uint32,
    require_uint64,
    require_uint128,
)
from clearinghouse.errors import Rejected

CHECKS = [
    (require_uint32, 2**32 - 1),
    (require_uint64, 2**64 - 1),
    (require_uint128, 2**128 - 1),
    (require_quanta, 2**63 - 1),
]


@pytest.mark.parametrize(("check", "top"), CHECKS)
def test_check_returns_value_when_at_either_end(check: Callable[..., int], top: int) -> None:
    assert check("margin", 0) == 0
    assert check("margin", top) == top


@pytest.mark.parametrize(("check", "top"), CHECKS)
def test_check_raises_with_name_and_bounds_when_one_beyond(
    check: Callable[..., int], top: int
) -> None:
    for value in (-1, top + 1):
        with pytest.raises(Rejected, match=f"margin must lie in .*, was {value}") as caught:
            check("margin", value)
        assert caught.value.reason == "OUT_OF_RANGE"
        assert caught.value.attributes == {"name": "margin", "value": value, "low": 0, "high": top}


def test_require_range_keeps_to_its_bounds_when_they_are_given() -> None:
    assert require_range("chain id", 1, 1, 1) == 1
    for value in (0, 2):
        with pytest.raises(Rejected, match="chain id"):
            require_range("chain id", value, 1, 1)


def test_require_bytes_passes_only_when_the_length_is_exact() -> None:
    assert require_bytes("member", b"ab", 2) == b"ab"
    for value in (b"", b"a", b"abc"):
        with pytest.raises(Rejected) as caught:
            require_bytes("member", value, 2)
        assert caught.value.reason == "MALFORMED"
        assert caught.value.attributes == {"name": "member", "length": len(value), "expected": 2}
