"""Laws of netting: order does not matter, and more hands can only net more."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from clearinghouse.netting.metrics import figures_of_fills

Fill = tuple[int, int, int, int, int]

fills = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 2),
        st.integers(1, 10**6),
        st.integers(1, 2**70),
    ),
    max_size=30,
)
"""(buyer, seller, instrument, lots, quanta); quanta exceed 64 bits."""

MARKS = {0: 1, 1: 10, 2: 100}
"""Quanta per lot. At one mark for all nets the value of nets can be compared."""


@settings(max_examples=200, deadline=None)
@given(fills, st.randoms(use_true_random=False))
def test_figures_do_not_depend_on_order_when_marks_are_given(
    traded: list[Fill], random: Random
) -> None:
    shuffled = list(traded)
    random.shuffle(shuffled)
    assert figures_of_fills(traded, MARKS) == figures_of_fills(shuffled, MARKS)


@settings(max_examples=200, deadline=None)
@given(fills)
def test_figures_match_a_plain_recount(traded: list[Fill]) -> None:
    figures = figures_of_fills(traded, MARKS)
    cash = [0] * 6
    lots = {(account, instrument): 0 for account in range(6) for instrument in MARKS}
    for buyer, seller, instrument, quantity, quanta in traded:
        cash[buyer] -= quanta
        cash[seller] += quanta
        lots[buyer, instrument] += quantity
        lots[seller, instrument] -= quantity
    assert figures.cash.net == sum(map(abs, cash))
    assert figures.cash.net_legs == sum(map(bool, cash))
    assert figures.positions.net == sum(abs(q) * MARKS[i] for (_, i), q in lots.items())
    assert figures.positions.net_legs == sum(map(bool, lots.values()))
    assert figures.cash.gross == figures.positions.gross == 2 * figures.bilateral.gross
    assert 0 <= figures.cash.efficiency_exact <= 1


@settings(max_examples=200, deadline=None)
@given(fills)
def test_multilateral_net_is_at_most_the_bilateral(traded: list[Fill]) -> None:
    """What nets within pairs nets within the whole too; a pair's net has two ends."""
    figures = figures_of_fills(traded, MARKS)
    assert figures.positions.net <= 2 * figures.bilateral.net


@settings(max_examples=200, deadline=None)
@given(fills, st.integers(0, 30))
def test_one_window_nets_at_least_as_much_as_two(traded: list[Fill], cut: int) -> None:
    whole = figures_of_fills(traded, MARKS)
    parts = figures_of_fills(traded[:cut], MARKS) + figures_of_fills(traded[cut:], MARKS)
    assert whole.cash.gross == parts.cash.gross
    assert whole.cash.net <= parts.cash.net
    assert whole.positions.net <= parts.positions.net
    assert whole.bilateral.net <= parts.bilateral.net
