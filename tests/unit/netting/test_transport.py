"""Cases whose best placement can be told by hand."""

from __future__ import annotations

import numpy as np
import pytest

from clearinghouse.errors import Corruption
from clearinghouse.netting.transport import place
from tests.machine_code import on_both_paths

Rows = list[list[int]]

LARGEST = 2**63 - 1
UNSIGNED = -1


def placed(closing: list[int], held: Rows, maximum: Rows) -> tuple[Rows, list[int], int]:
    """Return claims by member and chain, residuals and the quanta moved."""

    def call() -> tuple[Rows, list[int], int]:
        chains = len(held[0]) if held else 0
        result = place(
            np.array(closing, np.int64),
            np.array(held, np.int64).reshape(len(held), chains),
            np.array(maximum, np.int64).reshape(len(held), chains),
        )
        return result.claims.tolist(), result.residual.tolist(), result.moved_quanta

    return on_both_paths(call)


def test_place_keeps_every_claim_when_nothing_was_netted() -> None:
    held = [[7, 5], [0, 9]]
    assert placed([12, 9], held, [[UNSIGNED] * 2] * 2) == (held, [0, 0], 0)


def test_place_gives_the_loser_s_claim_to_the_winner_on_one_chain() -> None:
    assert placed([70, 80], [[100], [50]], [[UNSIGNED], [1_000]]) == ([[70], [80]], [0, 0], 30)


def test_place_carries_the_gain_when_no_limit_was_signed() -> None:
    """A claim without a limit grows by deposits only, so the vault stays the loser's."""
    result = placed([70, 80], [[100], [50]], [[UNSIGNED], [UNSIGNED]])
    assert result == ([[100], [50]], [-30, 30], 0)


def test_place_carries_only_what_exceeds_a_limit_when_one_binds() -> None:
    assert placed([70, 80], [[100], [50]], [[UNSIGNED], [60]]) == ([[90], [60]], [-20, 20], 10)


def test_place_lets_a_member_swap_chains_when_only_that_admits_the_winner() -> None:
    """The winner may only be paid on chain 0, where a third member makes room for it on chain 1."""
    held = [[50, 0], [0, 50], [0, 10]]
    maximum = [[UNSIGNED] * 2, [100, UNSIGNED], [UNSIGNED, 100]]
    claims = [[20, 0], [30, 20], [0, 40]]
    assert placed([20, 50, 40], held, maximum) == (claims, [0, 0, 0], 60)


def test_place_ranks_residual_above_any_detour() -> None:
    """One quantum reaches the winner only if every other member moves one: better than carrying."""
    chains = 6
    eye, down = np.eye(chains + 1, chains, dtype=int), np.eye(chains + 1, chains, -1, dtype=int)
    closing = [0] + [1] * chains
    claims = down.tolist()  # everyone one chain further left, the winner on the last
    assert placed(closing, eye.tolist(), (2 * down - 1).tolist()) == (claims, [0] * 7, chains)


def test_place_never_moves_a_holder_whose_maximum_is_below_what_it_holds() -> None:
    held = [[40, 0], [0, 40]]
    assert placed([40, 40], held, [[5, 100], [100, 5]]) == (held, [0, 0], 0)


def test_place_funds_a_release_from_the_vault_where_others_hold() -> None:
    """Member 0 takes 30 out of chain 1, where it held nothing: its claim on chain 0 pays."""
    maximum = [[UNSIGNED] * 2, [100, UNSIGNED]]
    claims = [[20, 0], [30, 30]]
    assert placed([20, 60], [[50, -30], [0, 60]], maximum) == (claims, [0, 0], 30)


def test_place_returns_nothing_when_there_is_no_member_or_no_chain() -> None:
    assert placed([], [], []) == ([], [], 0)
    assert placed([0, 0], [[], []], [[], []]) == ([[], []], [0, 0], 0)


def test_place_is_exact_when_amounts_are_as_large_as_they_may_be() -> None:
    half = LARGEST // 2
    maximum = [[UNSIGNED] * 2, [LARGEST, UNSIGNED]]
    result = placed([1, LARGEST - 1], [[half, 0], [0, half + 1]], maximum)
    assert result == ([[1, 0], [half - 1, half + 1]], [0, 0], half - 1)


def test_place_carries_exactly_when_a_whole_vault_has_nowhere_to_go() -> None:
    result = placed([0, LARGEST], [[LARGEST], [0]], [[UNSIGNED], [UNSIGNED]])
    assert result == ([[LARGEST], [0]], [-LARGEST, LARGEST], 0)


@pytest.mark.parametrize(
    ("closing", "held", "reason"),
    [
        ([11], [[10]], "allocation_unbalanced"),
        ([-1, 11], [[10], [0]], "allocation_closing_negative"),
        ([10], [[15, -5]], "allocation_vault_overdrawn"),
        ([LARGEST, 1], [[LARGEST, 0], [0, 1]], "allocation_too_large"),
        ([LARGEST, LARGEST, 2], [[LARGEST], [LARGEST], [2]], "allocation_too_large"),
        ([1, 2, 3], [[3], [3]], "allocation_shape"),
    ],
)
def test_place_refuses_when_the_cut_is_not_balanced(
    closing: list[int], held: Rows, reason: str
) -> None:
    with pytest.raises(Corruption) as caught:
        placed(closing, held, [[UNSIGNED] * len(row) for row in held])
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("status", "reason"), [(1, "allocation_stuck"), (2, "allocation_not_optimal")]
)
def test_place_stops_when_the_solver_doubts_itself(
    monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    monkeypatch.setattr("clearinghouse.netting.transport._solve", lambda *arguments: status)
    with pytest.raises(Corruption) as caught:
        place(np.array([1]), np.array([[1]]), np.array([[UNSIGNED]]))
    assert caught.value.reason == reason
