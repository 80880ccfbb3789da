"""The last pass of the transportation problem: a basic solution, without cycles of free cells."""

from __future__ import annotations

import numpy as np

from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.compiled import inlined
from clearinghouse.netting.transport_cells import Matrix, is_free, putting, taking


@inlined
def _find_path(row: int, column: int, edges: Matrix, count: int, cells: Matrix) -> int:
    """Write the cells of the forest's path from a column back to a member; return how many.

    ``edges`` are the forest's (member, column) cells; there are fewer than three times the columns.
    """
    columns = len(cells) // 2
    entry, before = np.full(columns, -1, np.int64), np.full(columns, -1, np.int64)
    for edge in range(count):
        if edges[edge, 0] == row:
            entry[edges[edge, 1]] = edge
    grown = True
    while grown and entry[column] < 0:
        grown = False
        for edge in range(count):
            if entry[edges[edge, 1]] >= 0:
                for onward in range(count):
                    if edges[onward, 0] == edges[edge, 0] and entry[edges[onward, 1]] < 0:
                        entry[edges[onward, 1]], before[edges[onward, 1]] = onward, edge
                        grown = True
    length, here = 0, column
    while entry[here] >= 0:
        cells[length] = edges[entry[here]]
        length += 1
        if before[here] < 0:
            break
        cells[length] = edges[before[here]]
        length += 1
        here = edges[before[here], 1]
    return length


@inlined
def _push_around(
    cells: Matrix,
    length: int,
    placed: Matrix,
    stay: Matrix,
    bound: Matrix,
    residual_cost: int,
) -> bool:
    """Add to every other cell of a cycle and take from the rest, up to the nearest breakpoint.

    Returns whether that cost nothing, as around a cycle of free cells in an optimal placement.
    """
    cost, quanta = 0, INT64_MAX
    for step in range(length):
        row, column = cells[step, 0], cells[step, 1]
        here = placed[row, column]
        if step % 2 == 0:
            cost += putting(here, column, stay[row], bound[row], residual_cost)
            if column < len(stay[row]):
                is_stay = here < stay[row, column]
                quanta = min(quanta, (stay if is_stay else bound)[row, column] - here)
            elif here < 0:
                quanta = min(quanta, -here)
        else:
            cost += taking(here, column, stay[row], residual_cost)
            if column < len(stay[row]):
                is_stay = here <= stay[row, column]
                quanta = min(quanta, here if is_stay else here - stay[row, column])
            elif here > 0:
                quanta = min(quanta, here)
    for step in range(length):
        placed[cells[step, 0], cells[step, 1]] += -quanta if step % 2 else quanta
    return cost == 0


@inlined
def _keep_free(edges: Matrix, count: int, placed: Matrix, stay: Matrix, bound: Matrix) -> int:
    """Drop the cells of the forest that have met a breakpoint; return how many are left."""
    kept = 0
    for edge in range(count):
        row, column = edges[edge, 0], edges[edge, 1]
        if is_free(placed[row, column], column, stay[row], bound[row]):
            edges[kept] = edges[edge]
            kept += 1
    return kept


@inlined
def _keep_joints(edges: Matrix, count: int) -> int:
    """Drop members with a single cell, on which no cycle can lie; return how many are left."""
    kept = 0
    for edge in range(count):
        for other in range(count):
            if edges[other, 0] == edges[edge, 0] and other != edge:
                edges[kept] = edges[edge]
                kept += 1
                break
    return kept


@inlined
def cancel_cycles(placed: Matrix, stay: Matrix, bound: Matrix, residual_cost: int) -> bool:
    """Leave no cycle of free cells; return whether none had a gain.

    Both directions around such a cycle cost nothing in an optimal placement, so quanta may be
    pushed around it until a cell meets a breakpoint. A forest in which every member joins two
    columns or more has fewer members than columns, so the one kept here stays small.
    """
    members, columns = placed.shape
    edges = np.empty((3 * columns, 2), np.int64)
    cells = np.empty((2 * columns + 1, 2), np.int64)
    path = cells[1:]
    count = 0
    for row in range(members):
        free = 0
        for column in range(columns):
            free += is_free(placed[row, column], column, stay[row], bound[row])
        if free < 2:
            continue
        for column in range(columns):
            while is_free(placed[row, column], column, stay[row], bound[row]):
                length = _find_path(row, column, edges, count, path)
                if length == 0:
                    edges[count, 0], edges[count, 1] = row, column
                    count += 1
                    break
                cells[0, 0], cells[0, 1] = row, column
                if not _push_around(cells, length + 1, placed, stay, bound, residual_cost):
                    return False
                count = _keep_free(edges, count, placed, stay, bound)
        count = _keep_joints(edges, count)
    return True
