"""A maximum flow within tight ranges (Dinic's method): layers are columns and members in turn.

Over-full columns have a positive excess, under-full ones a negative; quanta move from the first to
the second by exchanges of members between two of their cells. ``rows`` are the members who can make
one, ``ranges`` how far each of their cells may go: int64[rows, columns, (low, high)].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearinghouse.compiled import inlined
from clearinghouse.netting.transport_cells import Column, Matrix

Ranges = NDArray[np.int64]


@inlined
def set_layers(
    rows: Column,
    ranges: Ranges,
    placed: Matrix,
    excess: Column,
    column_layer: Column,
    row_layer: Column,
) -> bool:
    """Number the layers, over-full columns first; return whether an under-full one is reached.

    A member has the layer of the first column that it can take from. Columns beyond the layer of
    the nearest under-full column stay out (-1).
    """
    columns = len(excess)
    for column in range(columns):
        column_layer[column] = 0 if excess[column] > 0 else -1
    row_layer[: len(rows)] = -1
    for layer in range(columns):
        grown, reached = False, False
        for index in range(len(rows)):
            if row_layer[index] >= 0:
                continue
            row, gives = rows[index], False
            for column in range(columns):
                if column_layer[column] == layer:
                    gives = gives or placed[row, column] > ranges[index, column, 0]
            if not gives:
                continue
            row_layer[index] = layer
            for column in range(columns):
                takes = placed[row, column] < ranges[index, column, 1]
                if column_layer[column] < 0 and takes:
                    column_layer[column] = layer + 1
                    grown = True
                    reached = reached or excess[column] < 0
        if reached or not grown:
            return reached
    return False


@inlined
def push_through_layers(
    rows: Column,
    ranges: Ranges,
    placed: Matrix,
    excess: Column,
    column_layer: Column,
    row_layer: Column,
) -> None:
    """Saturate every way through the layers, column by column and member by member.

    ``tried[a, b]`` is how far the members were looked through for an exchange from a to b; an
    exchange that ended does not come back within these layers.
    """
    columns = len(excess)
    tried = np.zeros((columns, columns), np.int64)
    is_dead = np.zeros(columns, np.bool_)
    path = np.empty(columns + 1, np.int64)
    through = np.empty(columns + 1, np.int64)
    for start in range(columns):
        length, path[0] = 0, start
        while excess[start] > 0 and not is_dead[start]:
            here = path[length]
            if excess[here] < 0:
                _push(rows, ranges, placed, excess, path, through, length)
                length = 0
                continue
            found = False
            for there in range(columns):
                if column_layer[there] != column_layer[here] + 1 or is_dead[there]:
                    continue
                index = tried[here, there]
                while index < len(rows) and not (
                    row_layer[index] == column_layer[here]
                    and placed[rows[index], here] > ranges[index, here, 0]
                    and placed[rows[index], there] < ranges[index, there, 1]
                ):
                    index += 1
                tried[here, there] = index
                if index < len(rows):
                    through[length] = index
                    length += 1
                    path[length] = there
                    found = True
                    break
            if not found:
                is_dead[here] = True
                length = max(0, length - 1)


@inlined
def _push(
    rows: Column,
    ranges: Ranges,
    placed: Matrix,
    excess: Column,
    path: Column,
    through: Column,
    length: int,
) -> None:
    """Move as much along a path as its ends need and its cells allow."""
    quanta = min(excess[path[0]], -excess[path[length]])
    for step in range(length):
        index = through[step]
        row, source, target = rows[index], path[step], path[step + 1]
        quanta = min(quanta, placed[row, source] - ranges[index, source, 0])
        quanta = min(quanta, ranges[index, target, 1] - placed[row, target])
    for step in range(length):
        row = rows[through[step]]
        placed[row, path[step]] -= quanta
        placed[row, path[step + 1]] += quanta
    excess[path[0]] -= quanta
    excess[path[length]] += quanta
