"""The only divisions of money. The direction of rounding is in the name."""

from __future__ import annotations


def divide_up(numerator: int, denominator: int) -> int:
    """Return the least integer not below ``numerator / denominator``; ``denominator > 0``."""
    return -(-numerator // denominator)


def divide_half_even(numerator: int, denominator: int) -> int:
    """Return the nearest integer to the quotient, ties to even; ``denominator > 0``."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        return quotient + 1
    return quotient
