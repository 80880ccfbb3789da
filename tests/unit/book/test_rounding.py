"""Divisions of money, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest

from clearinghouse.book.rounding import divide_half_even, divide_up


@pytest.mark.parametrize("denominator", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("numerator", range(-25, 26))
def test_divisions_equal_exact_fractions_when_small(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert divide_up(numerator, denominator) == ceil(exact)
    assert divide_half_even(numerator, denominator) == round(exact)


@pytest.mark.parametrize(
    ("numerator", "expected"), [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)]
)
def test_divide_half_even_goes_to_the_even_when_in_the_middle(
    numerator: int, expected: int
) -> None:
    assert divide_half_even(numerator, 2) == expected


def test_divide_half_even_is_exact_when_beyond_floating_point() -> None:
    numerator, denominator = 3**80 + 1, 7**20
    exact = Fraction(numerator, denominator)
    assert divide_half_even(numerator, denominator) == round(exact) != round(float(exact))
    assert divide_up(numerator, denominator) == ceil(exact) != ceil(float(exact))
