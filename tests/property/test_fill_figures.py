"""Netting figures from columns against the readable ones, fill by fill."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.netting.fill_figures import FillTable, figures_of_columns
from clearinghouse.netting.metrics import NO_FILLS, FillFigures, figures_of_fills

ASSETS = (0, 0, 1, 1)
"""Quote asset of each instrument."""

amounts = st.one_of(
    st.integers(0, 50), st.integers(0, 2**40), st.sampled_from([2**60 - 1, 2**62, 2**63 - 1])
)
fills = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 4),
        st.integers(0, len(ASSETS) - 1),
        amounts.map(lambda lots: max(lots, 1)),
        amounts,
    ),
    max_size=25,
)
Fills = list[tuple[int, int, int, int, int]]


def table_of(listed: Fills) -> FillTable:
    columns = zip(*listed, strict=True) if listed else [()] * 5
    return FillTable(*(np.array(column, np.int64) for column in columns))


def expected(listed: Fills, marks: list[int]) -> FillFigures:
    figures = NO_FILLS
    for asset in sorted(set(ASSETS)):
        own = [fill for fill in listed if ASSETS[fill[2]] == asset]
        figures += figures_of_fills(own, dict(enumerate(marks)))
    return figures


@given(fills, st.lists(amounts, min_size=len(ASSETS), max_size=len(ASSETS)))
def test_figures_of_columns_are_those_of_the_fills_when_numbers_are_any(
    listed: Fills, marks: list[int]
) -> None:
    figures = figures_of_columns(
        table_of(listed), np.array(ASSETS, np.int64), np.array(marks, np.int64)
    )
    assert figures == expected(listed, marks)
    for part in (figures.positions, figures.cash, figures.bilateral):
        assert {type(value) for value in (part.gross, part.net, part.net_legs)} == {int}
