"""The reference allocation against an independent solver, and the laws it promises.

The oracle is HiGHS on the same problem written as a linear program: it is solved twice, first for
the least residual, then with that fixed for the least cost, so it shares no weight, order or code
with the implementation. Amounts stay small enough that its floating point optimum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TypeVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from clearinghouse.book.identifiers import ChainId, Position
from tests.reference.allocation import DEFAULT_UNIT_COST, Allocation, allocate

Key = TypeVar("Key")
Cells = dict[tuple[Position, ChainId], int]


@dataclass(frozen=True)
class Problem:
    """One balanced cut of one asset."""

    closing: dict[Position, int]
    held: Cells
    maximum: Cells
    chains: list[ChainId]
    unit_cost: Cells

    def stay(self, cell: tuple[Position, ChainId]) -> int:
        return max(0, self.held.get(cell, 0))

    def bound(self, cell: tuple[Position, ChainId]) -> int:
        return max(self.stay(cell), self.maximum.get(cell, 0))

    def total(self, chain: ChainId) -> int:
        return sum(quanta for (_, c), quanta in self.held.items() if c == chain)

    def solve(self) -> Allocation:
        return allocate(self.closing, self.held, self.maximum, self.chains, self.unit_cost)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draw holdings, some of them overdrawn by a release, and closings of the same total."""
    members = [Position(m) for m in range(draw(st.integers(1, 7)))]
    chains = [ChainId(c) for c in draw(st.permutations(range(1, draw(st.integers(1, 4)) + 1)))]
    quanta = st.sampled_from([0, 0, 1, 2, 5, 10, 37, 1_000])
    cells = [(m, c) for m in members for c in chains]
    held = {cell: draw(quanta) for cell in cells}
    for member, chain in draw(st.lists(st.sampled_from(cells), max_size=2)):
        vault = sum(q for (_, c), q in held.items() if c == chain)
        own = sum(q for (m, _), q in held.items() if m == member)
        held[member, chain] -= draw(st.integers(0, min(vault, own)))
    closing = {m: sum(held[m, c] for c in chains) for m in members}
    for payer, payee in draw(st.lists(st.tuples(*[st.sampled_from(members)] * 2), max_size=8)):
        paid = draw(st.integers(0, closing[payer]))
        closing[payer] -= paid
        closing[payee] += paid
    limited = draw(st.lists(st.sampled_from(cells), unique=True))
    costed = draw(st.lists(st.sampled_from(cells), unique=True))
    return Problem(
        closing=closing,
        held=held,
        maximum={cell: draw(quanta) * 3 for cell in limited},
        chains=chains,
        unit_cost={cell: draw(st.integers(0, 4)) for cell in costed},
    )


@st.composite
def crowded_problems(draw: st.DrawFn) -> Problem:
    """Make many members with distinct amounts, where exchanges tangle and limits bind."""
    random = Random(draw(st.integers(0, 2**32)))
    members = [Position(m) for m in range(random.randrange(8, 30))]
    chains = [ChainId(c) for c in range(1, random.randrange(3, 6))]
    cells = [(m, c) for m in members for c in chains]
    held = {cell: random.randrange(100) for cell in cells if random.random() < 0.8}
    closing = {m: sum(held.get((m, c), 0) for c in chains) for m in members}
    for _ in range(3 * len(members)):
        payer, payee = random.choice(members), random.choice(members)
        paid = random.randrange(closing[payer] + 1)
        closing[payer] -= paid
        closing[payee] += paid
    return Problem(
        closing=closing,
        held=held,
        maximum={cell: random.randrange(300) for cell in cells if random.random() < 0.7},
        chains=chains,
        unit_cost={cell: random.choice([0, 1, 1, 2]) for cell in cells},
    )


def least_by_highs(problem: Problem) -> tuple[int, int]:
    """Return (sum of |residual|, cost) of the linear program's optimum."""
    members, chains = sorted(problem.closing), problem.chains
    cells = [(m, c) for m in members for c in chains]
    size, carried = len(cells), 2 * len(members)
    # Columns: quanta that stay, quanta beyond, residual above zero, residual below zero.
    bounds = [(0, problem.stay(cell)) for cell in cells]
    bounds += [(0, problem.bound(cell) - problem.stay(cell)) for cell in cells]
    bounds += [(0, None)] * carried
    equal = np.zeros((len(members) + len(chains) + 1, 2 * size + carried))
    for index, (member, chain) in enumerate(cells):
        for column in (index, size + index):
            equal[members.index(member), column] = 1
            equal[len(members) + chains.index(chain), column] = 1
    for index in range(len(members)):
        equal[index, 2 * size + index] = 1
        equal[index, 2 * size + len(members) + index] = -1
    residual = np.concatenate([np.zeros(2 * size), np.ones(carried)])
    costs = [problem.unit_cost.get(cell, DEFAULT_UNIT_COST) for cell in cells]
    cost = np.concatenate([np.zeros(size), costs, np.zeros(carried)])
    right = [problem.closing[m] for m in members] + [problem.total(c) for c in chains]
    first = linprog(residual, A_eq=equal[:-1], b_eq=right, bounds=bounds, method="highs")
    assert first.status == 0, first.message
    least = round(first.fun)
    equal[-1] = residual
    second = linprog(cost, A_eq=equal, b_eq=[*right, least], bounds=bounds, method="highs")
    assert second.status == 0, second.message
    return least, round(second.fun)


@settings(max_examples=150, deadline=None)
@given(problems() | crowded_problems())
def test_allocation_costs_what_an_independent_solver_finds(problem: Problem) -> None:
    result = problem.solve()
    least_residual, least_cost = least_by_highs(problem)
    assert sum(abs(quanta) for quanta in result.residual.values()) == least_residual
    assert result.cost == least_cost


@settings(max_examples=100, deadline=None)
@given(problems() | crowded_problems())
def test_allocation_is_within_its_bounds_and_keeps_every_total(problem: Problem) -> None:
    result = problem.solve()
    for cell, quanta in result.claims.items():
        assert 0 < quanta <= problem.bound(cell)
    for chain in problem.chains:
        placed = sum(q for (_, c), q in result.claims.items() if c == chain)
        assert placed == problem.total(chain)
    for member, closing in problem.closing.items():
        placed = sum(q for (m, _), q in result.claims.items() if m == member)
        assert closing - placed == result.residual.get(member, 0)
    assert sum(result.residual.values()) == 0
    beyond = {cell: max(0, q - problem.stay(cell)) for cell, q in result.claims.items()}
    assert result.moved_quanta == sum(beyond.values())
    assert result.cost == sum(
        quanta * problem.unit_cost.get(cell, DEFAULT_UNIT_COST) for cell, quanta in beyond.items()
    )


@settings(max_examples=150, deadline=None)
@given(problems() | crowded_problems())
def test_allocation_is_basic(problem: Problem) -> None:
    """The cells between their breakpoints hold no cycle, so they are few."""
    result = problem.solve()
    carry = ChainId(0)
    free = [
        (member, chain)
        for member in problem.closing
        for chain in problem.chains
        if 0 < (quanta := result.claims.get((member, chain), 0)) < problem.bound((member, chain))
        and quanta != problem.stay((member, chain))
    ]
    free += [(member, carry) for member in result.residual]
    root: dict[tuple[str, int], tuple[str, int]] = {}

    def find(node: tuple[str, int]) -> tuple[str, int]:
        while node in root:
            node = root[node]
        return node

    for member, chain in free:
        ends = find(("member", member)), find(("chain", chain))
        assert ends[0] != ends[1], f"{free} holds a cycle"
        root[ends[0]] = ends[1]
    columns = len(problem.chains) + bool(result.residual)
    assert len(free) <= len(problem.closing) + columns - 1


@settings(max_examples=100, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_allocation_does_not_depend_on_the_order_of_its_input(
    problem: Problem, random: Random
) -> None:
    def shuffled(values: dict[Key, int]) -> dict[Key, int]:
        items = list(values.items())
        random.shuffle(items)
        return dict(items)

    assert problem.solve() == allocate(
        shuffled(problem.closing),
        shuffled(problem.held),
        shuffled(problem.maximum),
        problem.chains[::-1],
        shuffled(problem.unit_cost),
    )


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(2, 10**30))
def test_allocation_scales_with_its_amounts(problem: Problem, factor: int) -> None:
    """All amounts times k place everything times k, far beyond 64 bits too."""

    def scaled(values: dict[Key, int]) -> dict[Key, int]:
        return {key: quanta * factor for key, quanta in values.items()}

    small = problem.solve()
    large = allocate(
        scaled(problem.closing),
        scaled(problem.held),
        scaled(problem.maximum),
        problem.chains,
        problem.unit_cost,
    )
    assert large.cost == small.cost * factor
    assert large.claims == scaled(small.claims)
    assert large.residual == scaled(small.residual)
