"""Placement in arrays against two other solvers, and the laws it promises.

The oracles are the slow reference, for any size, and HiGHS on the same problem written as a linear
program, while amounts are small enough that its floating point optimum is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearinghouse.book.identifiers import ChainId, Position
from clearinghouse.netting.transport import Placement, place
from tests.machine_code import on_both_paths
from tests.property.test_allocation import Problem, crowded_problems, least_by_highs, problems
from tests.reference.allocation import allocate

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]

cuts = (problems() | crowded_problems()).map(lambda problem: replace(problem, unit_cost={}))


def arrays_of(problem: Problem) -> Arrays:
    """Return closings, holdings and maxima; a missing maximum is -1."""
    members, chains = sorted(problem.closing), sorted(problem.chains)
    return (
        np.array([problem.closing[m] for m in members]),
        np.array([[problem.held.get((m, c), 0) for c in chains] for m in members]),
        np.array([[problem.maximum.get((m, c), -1) for c in chains] for m in members]),
    )


def problem_of(arrays: Arrays) -> Problem:
    closing, held, maximum = arrays
    chains = [ChainId(c) for c in range(held.shape[1])]
    cells = [(Position(m), c) for m in range(len(closing)) for c in chains]
    return Problem(
        closing={Position(m): int(quanta) for m, quanta in enumerate(closing)},
        held={(m, c): int(held[m, c]) for m, c in cells},
        maximum={(m, c): int(maximum[m, c]) for m, c in cells if maximum[m, c] >= 0},
        chains=chains,
        unit_cost={},
    )


def solved(arrays: Arrays) -> Placement:
    def call() -> tuple[list[list[int]], list[int], int]:
        result = place(*arrays)
        return result.claims.tolist(), result.residual.tolist(), result.moved_quanta

    claims, residual, moved = on_both_paths(call)
    return Placement(np.array(claims), np.array(residual), moved)


def carried(placement: Placement) -> int:
    return sum(abs(int(quanta)) for quanta in placement.residual)


@settings(max_examples=200)
@given(cuts)
def test_placement_costs_what_two_other_solvers_find(problem: Problem) -> None:
    result = solved(arrays_of(problem))
    assert (carried(result), result.moved_quanta) == least_by_highs(problem)
    reference = problem.solve()
    assert carried(result) == sum(abs(quanta) for quanta in reference.residual.values())
    assert result.moved_quanta == reference.cost


@settings(max_examples=200)
@given(cuts)
def test_placement_is_within_its_bounds_and_keeps_every_total(problem: Problem) -> None:
    assert_lawful(arrays_of(problem), solved(arrays_of(problem)))


@settings(max_examples=200)
@given(cuts)
def test_placement_is_basic(problem: Problem) -> None:
    assert_basic(arrays_of(problem), solved(arrays_of(problem)))


@given(problems(), st.integers(2, 2**62 // 10_000))
def test_placement_scales_with_its_amounts(problem: Problem, factor: int) -> None:
    """All amounts times k place everything times k, up to the end of 63 bits."""
    closing, held, maximum = arrays_of(problem)
    factor = min(factor, (2**63 - 1) // max(1, 2 * int(np.abs(held).sum()), int(maximum.max())))
    small = solved((closing, held, maximum))
    scaled = np.where(maximum < 0, maximum, maximum * factor)
    large = solved((closing * factor, held * factor, scaled))
    assert (large.claims == small.claims * factor).all()
    assert (large.residual == small.residual * factor).all()
    assert large.moved_quanta == small.moved_quanta * factor


def crowds() -> Iterator[object]:
    """Yield cuts of 400 members in which many placements cost the same or every limit binds."""
    random = np.random.default_rng(11)
    members, chains = 400, 5
    everywhere = np.full((members, chains), 10**12)
    nowhere = np.full((members, chains), -1)
    amounts = random.integers(0, 10**6, (members, chains))
    own = np.arange(members) % chains
    alone = np.where(own[:, None] == np.arange(chains), amounts + 1, 0)
    onward = np.where((own[:, None] + 1) % chains == np.arange(chains), 500_000, -1)
    one_chain = np.where(np.arange(chains) == 2, amounts, 0)
    ones = np.ones((members, chains), np.int64)
    huge = random.integers(0, 2**62 // (members * chains), (members, chains))
    for name, held, maximum in (
        ("scattered", amounts, np.where(random.random(amounts.shape) < 0.5, amounts * 2, -1)),
        ("no limits", amounts, nowhere),
        ("all limits", amounts, everywhere),
        ("all on one chain", one_chain, everywhere),
        ("each allowed on the next chain only", alone, onward),
        ("unit amounts", ones, 2 * ones),
        ("huge amounts", huge, (huge * 1.3).astype(np.int64)),
        ("empty", 0 * ones, everywhere),
    ):
        closing = held.sum(axis=1)
        for _ in range(2):
            paid = (closing * random.random(members)).astype(np.int64)
            closing = closing - paid + paid[random.permutation(members)]
        yield pytest.param((closing, held, maximum), id=name)


@pytest.mark.parametrize("arrays", [*crowds()])
def test_placement_is_as_cheap_as_the_reference_when_members_are_many(arrays: Arrays) -> None:
    result = solved(arrays)
    assert_lawful(arrays, result)
    assert_basic(arrays, result)
    problem = problem_of(arrays)
    reference = allocate(problem.closing, problem.held, problem.maximum, problem.chains)
    assert carried(result) == sum(abs(quanta) for quanta in reference.residual.values())
    assert result.moved_quanta == reference.cost


def assert_lawful(arrays: Arrays, result: Placement) -> None:
    closing, held, maximum = arrays
    bound = np.maximum(np.maximum(held, 0), maximum)
    assert ((result.claims >= 0) & (result.claims <= bound)).all()
    assert (result.claims.sum(axis=0) == held.sum(axis=0)).all()
    assert (result.claims.sum(axis=1) + result.residual == closing).all()
    assert result.residual.sum() == 0
    beyond = np.maximum(result.claims - np.maximum(held, 0), 0)
    assert result.moved_quanta == beyond.sum()


def assert_basic(arrays: Arrays, result: Placement) -> None:
    """The cells between their breakpoints hold no cycle, so they are few."""
    _, held, maximum = arrays
    stay = np.maximum(held, 0)
    bound = np.maximum(stay, maximum)
    is_free = (result.claims > 0) & (result.claims < bound) & (result.claims != stay)
    is_free = np.column_stack([is_free, result.residual != 0])
    root: dict[tuple[str, int], tuple[str, int]] = {}

    def find(node: tuple[str, int]) -> tuple[str, int]:
        while node in root:
            node = root[node]
        return node

    for member, column in np.argwhere(is_free).tolist():
        ends = find(("member", member)), find(("column", column))
        assert ends[0] != ends[1], f"a cycle passes member {member}"
        root[ends[0]] = ends[1]
    columns = held.shape[1] + bool(result.residual.any())
    assert is_free.sum() <= len(held) + columns - 1
