"""Cases whose best placement can be told by hand."""

from __future__ import annotations

import pytest

from clearinghouse.book.identifiers import ChainId, Position
from clearinghouse.errors import Corruption
from clearinghouse.netting.allocation import Allocation, allocate

Cells = dict[tuple[int, int], int]


def place(
    closing: dict[int, int],
    held: Cells,
    maximum: Cells,
    chains: tuple[int, ...] = (1, 2),
    unit_cost: Cells | None = None,
) -> Allocation:
    """Allocate with plain integers for positions and chains."""

    def cells(values: Cells) -> dict[tuple[Position, ChainId], int]:
        return {(Position(m), ChainId(c)): quanta for (m, c), quanta in values.items()}

    return allocate(
        {Position(m): quanta for m, quanta in closing.items()},
        cells(held),
        cells(maximum),
        [ChainId(c) for c in chains],
        None if unit_cost is None else cells(unit_cost),
    )


def test_allocate_keeps_every_claim_when_nothing_was_netted() -> None:
    held = {(0, 1): 7, (0, 2): 5, (1, 2): 9}
    result = place({0: 12, 1: 9}, held, {})
    assert result == Allocation(claims=held, residual={}, cost=0, moved_quanta=0)


def test_allocate_gives_the_loser_s_claim_to_the_winner_on_one_chain() -> None:
    result = place({0: 70, 1: 80}, {(0, 1): 100, (1, 1): 50}, {(1, 1): 1_000}, chains=(1,))
    assert result.claims == {(0, 1): 70, (1, 1): 80}
    assert (result.cost, result.moved_quanta) == (30, 30)


def test_allocate_carries_the_gain_when_no_limit_was_signed() -> None:
    """A claim without a limit grows by deposits only, so the vault stays the loser's."""
    result = place({0: 70, 1: 80}, {(0, 1): 100, (1, 1): 50}, {}, chains=(1,))
    assert result.claims == {(0, 1): 100, (1, 1): 50}
    assert result.residual == {0: -30, 1: 30}
    assert result.cost == 0


def test_allocate_lets_a_member_swap_chains_when_only_that_admits_the_winner() -> None:
    """The winner may only be paid on chain 2, where a third member makes room by moving to 1."""
    held = {(0, 1): 50, (1, 2): 50, (2, 2): 10}
    maximum = {(1, 1): 100, (2, 2): 100}
    result = place({0: 20, 1: 50, 2: 40}, held, maximum)
    assert result.claims == {(0, 1): 20, (1, 1): 30, (1, 2): 20, (2, 2): 40}
    assert result.residual == {}
    assert (result.cost, result.moved_quanta) == (60, 60)


def test_allocate_ranks_residual_above_any_cost() -> None:
    held = {(0, 1): 10, (1, 2): 10}
    dear = {(1, 1): 1_000_000}
    result = place({0: 0, 1: 20}, held, {(1, 1): 10}, unit_cost=dear)
    assert result.residual == {}
    assert result.cost == 10_000_000


def test_allocate_uses_the_preferred_chain_when_both_are_allowed() -> None:
    held = {(0, 1): 10, (0, 2): 10}
    everywhere = {(1, 1): 99, (1, 2): 99}
    result = place({0: 10, 1: 10}, held, everywhere, unit_cost={(1, 2): 0})
    assert result.claims == {(0, 1): 10, (1, 2): 10}
    assert (result.cost, result.moved_quanta) == (0, 10)


def test_allocate_never_moves_a_holder_whose_maximum_is_below_what_it_holds() -> None:
    held = {(0, 1): 40, (1, 2): 40}
    result = place({0: 40, 1: 40}, held, {(0, 1): 5, (1, 2): 5, (0, 2): 100, (1, 1): 100})
    assert result.claims == held


def test_allocate_funds_a_release_from_the_vault_where_others_hold() -> None:
    """Member 0 takes 30 out of chain 2, where it held nothing: its claim on chain 1 pays."""
    held = {(0, 1): 50, (0, 2): -30, (1, 2): 60}
    result = place({0: 20, 1: 60}, held, {(1, 1): 100})
    assert result.claims == {(0, 1): 20, (1, 1): 30, (1, 2): 30}


def test_allocate_returns_nothing_when_there_is_no_member() -> None:
    assert place({}, {}, {}) == Allocation({}, {}, 0, 0)


def test_allocate_is_exact_when_amounts_exceed_machine_words() -> None:
    large = 2**120
    result = place({0: 1, 1: 2 * large - 1}, {(0, 1): large, (1, 2): large}, {(1, 1): 2 * large})
    assert result.claims == {(0, 1): 1, (1, 1): large - 1, (1, 2): large}


@pytest.mark.parametrize(
    ("closing", "held", "chains", "reason"),
    [
        ({0: 11}, {(0, 1): 10}, (1,), "allocation_unbalanced"),
        ({0: -1, 1: 11}, {(0, 1): 10}, (1,), "allocation_closing_negative"),
        ({0: 10}, {(0, 3): 10}, (1,), "allocation_chain_unknown"),
        ({0: 10}, {(0, 1): 10}, (1, 1), "allocation_chain_repeated"),
        ({0: 10}, {(0, 1): 15, (0, 2): -5}, (1, 2), "allocation_vault_overdrawn"),
    ],
)
def test_allocate_refuses_when_the_cut_is_not_balanced(
    closing: dict[int, int], held: Cells, chains: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(Corruption) as caught:
        place(closing, held, {}, chains=chains)
    assert caught.value.reason == reason


def test_allocate_refuses_when_a_unit_cost_is_negative() -> None:
    with pytest.raises(Corruption) as caught:
        place({0: 10}, {(0, 1): 10}, {}, chains=(1,), unit_cost={(0, 1): -1})
    assert caught.value.reason == "allocation_cost_negative"
