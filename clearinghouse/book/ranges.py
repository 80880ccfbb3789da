"""Range checks: every number that reaches a signature or a contract passes one of these.

Python's integers are unbounded while the contracts' are not, so a value, and a sum of values, that
is fine here can overflow there. Nothing is signed before it was checked (invariant P12).
"""

from __future__ import annotations

from clearinghouse.errors import Rejected

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
UINT128_MAX = 2**128 - 1
INT64_MAX = 2**63 - 1
"""The ledger's running totals stay at or below it, so they fit any database's integer."""


def require_range(name: str, value: int, low: int, high: int) -> int:
    """Return ``value`` if ``low <= value <= high``.

    Raises
    ------
    Rejected
        ``OUT_OF_RANGE`` with the name, the value and the bounds.
    """
    if not low <= value <= high:
        raise Rejected(
            "OUT_OF_RANGE",
            f"{name} must lie in [{low}, {high}], was {value}",
            name=name,
            value=value,
            low=low,
            high=high,
        )
    return value


def require_uint32(name: str, value: int) -> int:
    """Return ``value`` if it fits 32 unsigned bits, else raise ``Rejected``."""
    return require_range(name, value, 0, UINT32_MAX)


def require_uint64(name: str, value: int) -> int:
    """Return ``value`` if it fits 64 unsigned bits, else raise ``Rejected``."""
    return require_range(name, value, 0, UINT64_MAX)


def require_uint128(name: str, value: int) -> int:
    """Return ``value`` if it fits 128 unsigned bits, else raise ``Rejected``."""
    return require_range(name, value, 0, UINT128_MAX)


def require_quanta(name: str, value: int) -> int:
    """Return ``value`` if it is a ledger amount, 0 .. 2^63 - 1, else raise ``Rejected``."""
    return require_range(name, value, 0, INT64_MAX)


def require_bytes(name: str, value: bytes, length: int) -> bytes:
    """Return ``value`` if it is exactly ``length`` bytes long.

    Raises
    ------
    Rejected
        ``MALFORMED`` with the name and both lengths.
    """
    if len(value) != length:
        raise Rejected(
            "MALFORMED",
            f"{name} must be {length} bytes long, was {len(value)}",
            name=name,
            length=len(value),
            expected=length,
        )
    return value
