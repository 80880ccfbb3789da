"""A forest of (member, chain) cells, to find the cycles that a basic solution must not have."""

from __future__ import annotations

from collections import deque


class CellForest:
    """Cells as edges between members (rows) and columns; no edge added may close a cycle."""

    def __init__(self) -> None:
        self._columns_of: dict[int, set[int]] = {}
        self._rows_of: dict[int, set[int]] = {}

    def add(self, row: int, column: int) -> None:
        """Join a member and a column that no path connects yet."""
        self._columns_of.setdefault(row, set()).add(column)
        self._rows_of.setdefault(column, set()).add(row)

    def discard(self, row: int, column: int) -> None:
        """Drop a cell, if it is in the forest."""
        self._columns_of.get(row, set()).discard(column)
        self._rows_of.get(column, set()).discard(row)

    def prune(self) -> None:
        """Forget members with fewer than two cells: no later cycle can pass through them."""
        for row in [row for row, columns in self._columns_of.items() if len(columns) < 2]:
            for column in self._columns_of.pop(row):
                self._rows_of[column].discard(row)

    def path(self, row: int, column: int) -> list[tuple[int, int]] | None:
        """Return the cells from a row to a column, breadth first; None when not connected."""
        reached: dict[int, list[tuple[int, int]]] = {
            c: [(row, c)] for c in sorted(self._columns_of.get(row, ()))
        }
        queue = deque(reached)
        while queue:
            here = queue.popleft()
            if here == column:
                return reached[here]
            for other in sorted(self._rows_of.get(here, ())):
                for there in sorted(self._columns_of[other]):
                    if there not in reached:
                        reached[there] = [*reached[here], (other, here), (other, there)]
                        queue.append(there)
        return None
