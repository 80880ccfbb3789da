"""Choose on which chain each clearing member's closing claim lies; slow, of any size, in dicts.

The model of ``clearinghouse.netting.transport``, which places as well but may choose another of
several placements that cost the same.

No token crosses a chain: every vault keeps its column total, and only who owns what part of it
changes. That is a transportation problem with bounds, members by chains, and this module solves it
exactly in integers. Two goals rank one above the other:

1. the least *residual*, the sum over members of ``|closing - placed|``, carried to the next cycle
   where the members' signed limits leave no room;
2. the least cost of the quanta placed where their owner did not hold them before.

Each (member, chain) cell costs nothing up to the *stay capacity* (what the member holds there
already) and a unit cost beyond it, up to the member's bound. The residual is one more column, the
*carry*, that costs more than any detour over real chains. So every cell, the carry included, is a
convex function with one kink, and one rule serves them all.

The method is successive shortest paths on the graph of columns. Each member first takes its own
cheapest placement, ignoring the column totals; then quanta move from over-full to under-full
columns along the cheapest path, whose arcs are the cheapest exchange that some member can make
between two columns. There are few chains, so a path is short and the cost lies in the heaps that
find the cheapest member. Among paths of equal cost the one with fewest arcs goes first, which
bounds the number of pushes as in Edmonds and Karp (1972). A last pass cancels cycles.

Guarantees
----------
- Optimal for both goals, in their order; independent of the order of the input mappings.
- Basic: the cells strictly between two of their breakpoints (0, stay capacity, bound; the carry's
  only breakpoint is 0) form a forest over the members and the columns. So there are at most
  ``members + chains - 1`` of them when nothing is carried and ``members + chains`` otherwise.
- Cells at a breakpoint are a claim that stays as it was, one that ends, or one at its bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from clearinghouse.book.identifiers import ChainId, Position
from clearinghouse.errors import check
from tests.reference.forest import CellForest

DEFAULT_UNIT_COST = 1
"""Cost of one quantum placed beyond the stay capacity, where the caller gives no other."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where the claims of one asset lie after the cycle."""

    claims: dict[tuple[Position, ChainId], int]
    """Quanta per (member, chain), ordered by member and chain; zeros are left out."""
    residual: dict[Position, int]
    """Closing less what was placed, in quanta; positive is a credit carried to the next cycle.
    Sums to zero; zeros are left out."""
    cost: int
    """Unit costs of the quanta placed beyond the stay capacities; the residual is not in it."""
    moved_quanta: int
    """Quanta placed beyond the stay capacities, whatever they cost."""


def allocate(
    closing: Mapping[Position, int],
    held: Mapping[tuple[Position, ChainId], int],
    maximum: Mapping[tuple[Position, ChainId], int],
    chains: Sequence[ChainId],
    unit_cost: Mapping[tuple[Position, ChainId], int] | None = None,
) -> Allocation:
    """Place every member's closing claim of one asset on the chains.

    Parameters
    ----------
    closing
        Quanta to place per member, at least 0. A member that only appears in ``held`` closes at 0.
    held
        Claim before, plus deposits consumed, less releases, in quanta. It may be negative where a
        release is paid from a vault in which the member holds less; its stay capacity is then 0.
    maximum
        Largest claim that the member signed for on a chain. Without an entry a claim grows by
        deposits only; what a member holds may stay even above its maximum.
    chains
        All chains of the settlement. The total of ``held`` on each is what its vault owes after.
    unit_cost
        Cost per quantum beyond the stay capacity, at least 0; 0 where the member prefers the chain,
        ``DEFAULT_UNIT_COST`` without an entry.

    Raises
    ------
    Corruption
        When the input cannot come from a balanced cut: closings and holdings differ in total, a
        total on one chain is negative, or an amount is out of its range.
    """
    board = _Board(closing, held, maximum, chains, unit_cost or {})
    board.place_rows()
    board.balance_columns()
    board.cancel_cycles()
    return board.allocation()


class _Board:
    """Cells by [column][row]; columns are the chains in ascending order, then the carry.

    A cell holds ``placed`` quanta and has the breakpoints ``low <= middle <= high``; a quantum
    costs ``slope_below`` under the middle and ``slope_above`` over it.
    """

    def __init__(
        self,
        closing: Mapping[Position, int],
        held: Mapping[tuple[Position, ChainId], int],
        maximum: Mapping[tuple[Position, ChainId], int],
        chains: Sequence[ChainId],
        unit_cost: Mapping[tuple[Position, ChainId], int],
    ) -> None:
        self.chains = sorted(chains)
        self.members = sorted({*closing, *(position for position, _ in held)})
        _check_input(closing, held, self.chains)
        self.carry = len(self.chains)
        self.columns = range(self.carry + 1)
        self.closing = [closing.get(position, 0) for position in self.members]
        self.low: list[list[int]] = []
        self.middle: list[list[int]] = []
        self.high: list[list[int]] = []
        self.slope_above: list[list[int]] = []
        self.total: list[int] = []
        for chain in self.chains:
            cells = [(position, chain) for position in self.members]
            holdings = [held.get(cell, 0) for cell in cells]
            stays = [max(0, quanta) for quanta in holdings]
            bounds = [max(stay, maximum.get(c, 0)) for c, stay in zip(cells, stays, strict=True)]
            costs = [unit_cost.get(cell, DEFAULT_UNIT_COST) for cell in cells]
            check(min(costs, default=0) >= 0, "allocation_cost_negative", "give unit costs >= 0")
            self._add_column([0] * len(cells), stays, bounds, costs, sum(holdings))
        # A cycle visits a column once and gains at most the largest unit cost there, so this much
        # ranks one quantum of residual above every rearrangement of claims.
        residual_cost = 1 + (self.carry + 1) * max(
            (max(costs, default=0) for costs in self.slope_above), default=0
        )
        unbounded = 1 + sum(self.closing) + sum(sum(bounds) for bounds in self.high)
        size = len(self.members)
        self._add_column(
            [-unbounded] * size, [0] * size, [unbounded] * size, [residual_cost] * size, 0
        )
        self.slope_below = [0] * self.carry + [-residual_cost]
        self.placed = [[0] * size for _ in self.columns]
        self._exchanges: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def _add_column(
        self, low: list[int], middle: list[int], high: list[int], slope: list[int], total: int
    ) -> None:
        self.low.append(low)
        self.middle.append(middle)
        self.high.append(high)
        self.slope_above.append(slope)
        self.total.append(total)

    # ---- the marginal cost of one quantum, and for how many quanta it holds ----

    def _putting(self, column: int, row: int) -> tuple[int, int] | None:
        """Return (cost, room) of adding to a cell; None at its upper bound."""
        placed, middle = self.placed[column][row], self.middle[column][row]
        if placed < middle:
            return self.slope_below[column], middle - placed
        high = self.high[column][row]
        return (self.slope_above[column][row], high - placed) if placed < high else None

    def _taking(self, column: int, row: int) -> tuple[int, int] | None:
        """Return (cost, room) of taking from a cell; None at its lower bound."""
        placed, middle = self.placed[column][row], self.middle[column][row]
        if placed > middle:
            return -self.slope_above[column][row], placed - middle
        low = self.low[column][row]
        return (-self.slope_below[column], placed - low) if placed > low else None

    def _exchange(self, source: int, target: int, row: int) -> tuple[int, int] | None:
        """Return (cost, room) of moving a member's quanta between two columns."""
        taking = self._taking(source, row)
        if taking is None:
            return None
        putting = self._putting(target, row)
        if putting is None:
            return None
        return taking[0] + putting[0], min(taking[1], putting[1])

    # ---- first, each member for itself ----

    def place_rows(self) -> None:
        """Give every member its cheapest placement, whatever the column totals say."""
        for row, closing in enumerate(self.closing):
            left = closing
            for column in range(self.carry):
                put = min(left, self.middle[column][row])
                self.placed[column][row] = put
                left -= put
            if left:
                for column in sorted(range(self.carry), key=lambda c: self.slope_above[c][row]):
                    put = min(left, self.high[column][row] - self.placed[column][row])
                    self.placed[column][row] += put
                    left -= put
                self.placed[self.carry][row] = left

    # ---- then the columns ----

    def balance_columns(self) -> None:
        """Move quanta along cheapest paths until every column has its total."""
        pairs = [(a, b) for a in self.columns for b in self.columns if a != b]
        for source, target in pairs:
            offers = []
            for row in range(len(self.members)):
                exchange = self._exchange(source, target, row)
                if exchange is not None:
                    offers.append((exchange[0], row))
            heapify(offers)
            self._exchanges[source, target] = offers
        excess = [sum(self.placed[c]) - self.total[c] for c in self.columns]
        while any(excess):
            path = self._cheapest_path(excess)
            quanta = min(excess[path[0][0]], -excess[path[-1][1]])
            for source, target, row in path:
                exchange = self._exchange(source, target, row)
                assert exchange is not None
                quanta = min(quanta, exchange[1])
            for source, target, row in path:
                self._move(source, target, row, quanta)
            excess[path[0][0]] -= quanta
            excess[path[-1][1]] += quanta

    def _move(self, source: int, target: int, row: int, quanta: int) -> None:
        """Move a member's quanta and offer again what its new marginal costs allow."""
        before = self._marginals(source, row), self._marginals(target, row)
        self.placed[source][row] -= quanta
        self.placed[target][row] += quanta
        for column, marginals in zip((source, target), before, strict=True):
            if self._marginals(column, row) != marginals:
                for other in self.columns:
                    if other != column:
                        self._offer(column, other, row)
                        self._offer(other, column, row)

    def _marginals(self, column: int, row: int) -> tuple[int | None, int | None]:
        putting, taking = self._putting(column, row), self._taking(column, row)
        return putting and putting[0], taking and taking[0]

    def _offer(self, source: int, target: int, row: int) -> None:
        exchange = self._exchange(source, target, row)
        if exchange is not None:
            heappush(self._exchanges[source, target], (exchange[0], row))

    def _best_offer(self, source: int, target: int) -> tuple[int, int] | None:
        """Return (cost, row) of the cheapest exchange; offers that no longer hold are dropped."""
        offers = self._exchanges[source, target]
        while offers:
            cost, row = offers[0]
            exchange = self._exchange(source, target, row)
            if exchange is not None and exchange[0] == cost:
                return cost, row
            heappop(offers)
        return None

    def _cheapest_path(self, excess: list[int]) -> list[tuple[int, int, int]]:
        """Return (source, target, row) arcs from an over-full to an under-full column.

        Bellman-Ford, because taking a quantum back has a negative cost. Lengths are compared as
        (cost, arcs), so no cycle is free and every parent chain ends at an over-full column.
        """
        arcs = [
            (source, target, *offer)
            for source in self.columns
            for target in self.columns
            if source != target and (offer := self._best_offer(source, target)) is not None
        ]
        length: dict[int, tuple[int, int]] = {c: (0, 0) for c in self.columns if excess[c] > 0}
        parent: dict[int, tuple[int, int, int]] = {}
        improved = True
        while improved:
            improved = False
            for source, target, cost, row in arcs:
                if source in length:
                    reach = (length[source][0] + cost, length[source][1] + 1)
                    if target not in length or reach < length[target]:
                        length[target] = reach
                        parent[target] = (source, target, row)
                        improved = True
        targets = [c for c in self.columns if excess[c] < 0 and c in length]
        check(bool(targets), "allocation_stuck", "a column cannot reach its total; report this")
        path = [parent[min(targets, key=lambda c: (length[c], c))]]
        while path[-1][0] in parent:
            path.append(parent[path[-1][0]])
        return path[::-1]

    # ---- last, a basic solution ----

    def cancel_cycles(self) -> None:
        """Leave no cycle of cells that are strictly between their breakpoints.

        Both directions around such a cycle cost nothing in an optimal placement, so quanta may
        be pushed around it until a cell meets a breakpoint. Members with one free cell lie on no
        cycle and are left out, so the forest kept here is as small as the number of chains.
        """
        forest = CellForest()
        for row in range(len(self.members)):
            free = [column for column in self.columns if self._is_free(column, row)]
            if len(free) < 2:
                continue
            for column in free:
                while self._is_free(column, row):
                    cycle = forest.path(row, column)
                    if cycle is None:
                        forest.add(row, column)
                        break
                    self._push_around([(row, column), *cycle], forest)
            forest.prune()

    def _is_free(self, column: int, row: int) -> bool:
        placed = self.placed[column][row]
        return placed != self.middle[column][row] and (
            self.low[column][row] < placed < self.high[column][row]
        )

    def _push_around(self, cycle: list[tuple[int, int]], forest: CellForest) -> None:
        """Add to every other cell of a cycle and take from the rest, up to a breakpoint."""
        rooms, cost = [], 0
        for index, (row, column) in enumerate(cycle):
            step = self._taking(column, row) if index % 2 else self._putting(column, row)
            assert step is not None
            cost += step[0]
            rooms.append(step[1])
        check(cost == 0, "allocation_not_optimal", "a cheaper placement exists; report this")
        for index, (row, column) in enumerate(cycle):
            self.placed[column][row] += -min(rooms) if index % 2 else min(rooms)
            if not self._is_free(column, row):
                forest.discard(row, column)

    def allocation(self) -> Allocation:
        """Read the result off the board."""
        claims, cost, moved = {}, 0, 0
        for row, position in enumerate(self.members):
            for column, chain in enumerate(self.chains):
                placed = self.placed[column][row]
                beyond = max(0, placed - self.middle[column][row])
                moved += beyond
                cost += beyond * self.slope_above[column][row]
                if placed:
                    claims[position, chain] = placed
        carried = zip(self.members, self.placed[self.carry], strict=True)
        return Allocation(claims, {m: quanta for m, quanta in carried if quanta}, cost, moved)


def _check_input(
    closing: Mapping[Position, int],
    held: Mapping[tuple[Position, ChainId], int],
    chains: Sequence[ChainId],
) -> None:
    check(
        len(set(chains)) == len(chains),
        "allocation_chain_repeated",
        "list every chain of the settlement once",
    )
    totals = dict.fromkeys(chains, 0)
    for (position, chain), quanta in held.items():
        check(
            chain in totals,
            "allocation_chain_unknown",
            f"member {position} holds claims on chain {chain}, which the settlement leaves out",
        )
        totals[chain] += quanta
    for chain, total in totals.items():
        check(
            total >= 0,
            "allocation_vault_overdrawn",
            f"releases on chain {chain} exceed its claims and deposits by {-total} quanta",
        )
    for position, quanta in closing.items():
        check(
            quanta >= 0,
            "allocation_closing_negative",
            f"member {position} closes at {quanta} quanta; cover the shortfall first",
        )
    difference = sum(closing.values()) - sum(totals.values())
    check(
        difference == 0,
        "allocation_unbalanced",
        f"closings exceed the vaults by {difference} quanta; nets must sum to zero",
    )
