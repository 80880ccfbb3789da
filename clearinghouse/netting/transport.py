"""Choose on which chain each clearing member's closing claim lies, in arrays.

No token crosses a chain: every vault keeps its column total, and only who owns what part of it
changes. That is a transportation problem with bounds, members by chains, solved here exactly in
64-bit integers. Two goals rank one above the other:

1. the least *residual*, the sum over members of ``|closing - placed|``, carried to the next cycle
   where the members' signed limits leave no room;
2. the least number of quanta placed where their owner did not hold them before.

A cell (member, chain) is free of cost up to its *stay* (what the member holds there already) and
costs one for every quantum above, up to its *bound*. The residual is one more column, the *carry*,
that costs more than any detour over real chains. So each cell is a convex function with one kink.

Method
------
Each member first takes its own cheapest placement; then quanta move from over-full to under-full
columns. The dual has one price per column, and there are few of them (Ford and Fulkerson's
primal-dual method, seen from the columns):

1. Prices are the lengths of the cheapest paths from the over-full columns, whose arcs are the
   cheapest exchange that any member can make between two columns.
2. At these prices each cell has a *tight* range in which it may lie without loss. Within these
   ranges as much as possible moves from over-full to under-full columns: a maximum flow by Dinic's
   method, whose layers are columns and members in turn.
3. Then the cheapest path to every under-full column has become longer, and it starts again. Lengths
   are small integers, so prices change a few times, and each change costs a few passes over the
   members.

A last pass cancels cycles, so that the solution is basic and few claims change.

Guarantees
----------
- Optimal for both goals, in their order; the same on every machine, with or without machine code.
- Basic: the cells strictly between two of their breakpoints (0, stay, bound; the carry's only
  breakpoint is 0) form a forest over the members and the columns. So there are at most
  ``members + chains - 1`` of them when nothing is carried and ``members + chains`` otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.compiled import inlined, kernel, writable
from clearinghouse.errors import check
from clearinghouse.netting.transport_cells import NEVER, Column, Matrix, putting, taking
from clearinghouse.netting.transport_cycles import cancel_cycles
from clearinghouse.netting.transport_flow import Ranges, push_through_layers, set_layers

_DONE, _STUCK, _NOT_OPTIMAL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the claims of one asset lie after the cycle."""

    claims: Matrix
    """Quanta by member and chain."""
    residual: Column
    """Closing less what was placed, by member; positive is a credit carried to the next cycle.
    Sums to zero."""
    moved_quanta: int
    """Quanta placed beyond what their owner held on the chain."""


def place(closing: Column, held: Matrix, maximum: Matrix) -> Placement:
    """Place every member's closing claim of one asset on the chains.

    Parameters
    ----------
    closing
        Quanta to place, int64[members], each at least 0.
    held
        Claim before, plus deposits consumed, less releases: int64[members, chains]. A release
        pays no more than the member holds on its chain, so a cut gives nothing negative; were it
        so, its stay would be 0. The total on each chain is what its vault owes after.
    maximum
        Largest claim that the member signed for: int64[members, chains], negative where it signed
        for none. Such a claim grows by deposits only; what a member holds may stay even above its
        maximum.

    Raises
    ------
    Corruption
        When the input cannot come from a balanced cut: closings and holdings differ in total, the
        total reaches 2^63, a total on one chain is negative, or an amount is out of its range.
    """
    members, chains = held.shape
    check(
        closing.shape == (members,) and maximum.shape == held.shape,
        "allocation_shape",
        "give closings by member, holdings and maxima by member and chain",
    )
    totals = [_exact_sum(held[:, chain]) for chain in range(chains)]
    _check_balance(closing, totals)
    placed = np.zeros((members, chains + 1), np.int64)
    stay = np.ascontiguousarray(np.maximum(held, 0))
    bound = np.ascontiguousarray(np.maximum(stay, maximum))
    status = _solve(writable(closing), stay, bound, np.array([*totals, 0], np.int64), placed)
    check(status != _STUCK, "allocation_stuck", "a column cannot reach its total; report this")
    check(
        status != _NOT_OPTIMAL, "allocation_not_optimal", "a cheaper placement exists; report this"
    )
    claims = np.ascontiguousarray(placed[:, :chains])
    moved = int(np.maximum(claims - stay, 0).sum())
    return Placement(claims, placed[:, chains].copy(), moved)


def _exact_sum(amounts: Column) -> int:
    """Add up in two halves, so that no sum of fewer than 2^31 amounts wraps."""
    return (int((amounts >> 32).sum()) << 32) + int((amounts & 0xFFFFFFFF).sum())


def _check_balance(closing: Column, totals: list[int]) -> None:
    for chain, total in enumerate(totals):
        check(
            total >= 0,
            "allocation_vault_overdrawn",
            f"releases on chain column {chain} exceed its claims and deposits by {-total} quanta",
        )
    check(
        not len(closing) or int(closing.min()) >= 0,
        "allocation_closing_negative",
        "a member closes below zero; cover the shortfall first",
    )
    difference = _exact_sum(closing) - sum(totals)
    check(
        difference == 0,
        "allocation_unbalanced",
        f"closings exceed the vaults by {difference} quanta; nets must sum to zero",
    )
    check(sum(totals) <= INT64_MAX, "allocation_too_large", "an asset's claims stay below 2^63")


# ---- first, each member for itself ----


@inlined
def _place_rows(
    closing: Column, stay: Matrix, bound: Matrix, totals: Column, placed: Matrix
) -> None:
    """Give every member its cheapest placement, on chains that are not full yet where it can."""
    members, chains = stay.shape
    room = totals.copy()
    for row in range(members):
        left = closing[row]
        for limit in (stay, bound):
            for is_open in (True, False):
                for column in range(chains):
                    put = min(left, limit[row, column] - placed[row, column])
                    if is_open:
                        put = min(put, max(0, room[column]))
                    placed[row, column] += put
                    room[column] -= put
                    left -= put
        placed[row, chains] = left


# ---- prices ----


@inlined
def _cheapest_exchanges(
    placed: Matrix, stay: Matrix, bound: Matrix, residual_cost: int, exchange: Matrix
) -> None:
    """Write the cost of the cheapest exchange of any member between each two columns."""
    members, columns = placed.shape
    put = np.empty(columns, np.int64)
    exchange[:] = NEVER
    for row in range(members):
        for column in range(columns):
            put[column] = putting(placed[row, column], column, stay[row], bound[row], residual_cost)
        for source in range(columns):
            take = taking(placed[row, source], source, stay[row], residual_cost)
            if take < NEVER:
                for target in range(columns):
                    cost = take + put[target]
                    if source != target and cost < exchange[source, target]:
                        exchange[source, target] = cost


@inlined
def _set_prices(exchange: Matrix, excess: Column, prices: Column) -> bool:
    """Write each column's distance from the over-full ones.

    Bellman and Ford's, because taking a quantum back has a negative cost. Returns whether an
    under-full column can be reached.
    """
    columns = len(excess)
    for column in range(columns):
        prices[column] = 0 if excess[column] > 0 else NEVER
    improved = True
    while improved:
        improved = False
        for source in range(columns):
            for target in range(columns):
                cost = exchange[source, target]
                length = prices[source] + cost
                if prices[source] < NEVER and cost < NEVER and length < prices[target]:
                    prices[target] = length
                    improved = True
    return bool(((excess < 0) & (prices < NEVER)).any())


@inlined
def _set_ranges(
    prices: Column,
    placed: Matrix,
    stay: Matrix,
    bound: Matrix,
    residual_cost: int,
    largest: int,
    rows: Column,
    ranges: Ranges,
) -> int:
    """Find the members who can exchange without loss; return how many.

    Writes their numbers to ``rows`` and the tight range of each of their cells to ``ranges``, by
    member in the order of ``rows``. A cell whose marginal cost is not the price has a range of one
    point.
    """
    members, columns = placed.shape
    count = 0
    for row in range(members):
        put, take = NEVER, NEVER
        for column in range(columns):
            here = placed[row, column]
            cost = putting(here, column, stay[row], bound[row], residual_cost) - prices[column]
            put = min(put, cost)
            cost = taking(here, column, stay[row], residual_cost) + prices[column]
            take = min(take, cost)
        if put + take != 0:
            continue
        rows[count] = row
        for column in range(columns):
            slope, here = put + prices[column], placed[row, column]
            low, high = here, here
            if column == columns - 1:
                if slope == residual_cost:
                    low, high = 0, largest
                elif slope == -residual_cost:
                    low, high = -largest, 0
            elif slope == 0:
                low, high = 0, stay[row, column]
            elif slope == 1:
                low, high = stay[row, column], bound[row, column]
            ranges[count, column, 0] = low
            ranges[count, column, 1] = high
        count += 1
    return count


# ---- all of it ----


@kernel(
    sample=lambda: (
        *(np.zeros(0, np.int64), np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64)),
        *(np.zeros(0, np.int64), np.zeros((0, 0), np.int64)),
    )
)
def _solve(closing: Column, stay: Matrix, bound: Matrix, totals: Column, placed: Matrix) -> int:
    """Fill ``placed``, int64[members, chains + 1] with the carry last; return what came of it."""
    members, columns = placed.shape
    # A cycle visits a column once and gains at most one there, so this much ranks one quantum of
    # residual above every rearrangement of claims.
    residual_cost = columns + 1
    _place_rows(closing, stay, bound, totals, placed)
    excess, largest = -totals, 0
    for row in range(members):
        largest += closing[row]
        for column in range(columns):
            excess[column] += placed[row, column]
    exchange = np.empty((columns, columns), np.int64)
    prices, column_layer = np.empty(columns, np.int64), np.empty(columns, np.int64)
    rows, row_layer = np.empty(members, np.int64), np.empty(members, np.int64)
    ranges = np.empty((members, columns, 2), np.int64)
    while excess.any():
        _cheapest_exchanges(placed, stay, bound, residual_cost, exchange)
        if not _set_prices(exchange, excess, prices):
            return _STUCK
        count = _set_ranges(prices, placed, stay, bound, residual_cost, largest, rows, ranges)
        able, is_longer = rows[:count], False
        while set_layers(able, ranges, placed, excess, column_layer, row_layer):
            push_through_layers(able, ranges, placed, excess, column_layer, row_layer)
            is_longer = True
        if not is_longer:
            return _STUCK
    return _DONE if cancel_cycles(placed, stay, bound, residual_cost) else _NOT_OPTIMAL
