"""A bounded queue in lanes, one per kind of sender, so that who sends much delays only itself.

A group is filled in turns, one command from every lane that has one, the lanes in the order of
their last turn. A lane that is full refuses; the others go on.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from clearinghouse.errors import Unavailable

Item = TypeVar("Item")


class Lanes(Generic[Item]):
    """Commands by lane; any number of threads put, one takes."""

    def __init__(self, lane_limit: int, group_limit: int, group_weight: int) -> None:
        """Bound a lane to ``lane_limit`` items.

        A group has at most ``group_limit`` items and ends with the one that brings its weight to
        ``group_weight``.
        """
        self._lane_limit = lane_limit
        self._group_limit = group_limit
        self._group_weight = group_weight
        self._lanes: OrderedDict[Hashable, deque[tuple[Item, int]]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, lane: Hashable, item: Item, weight: int = 1) -> None:
        """Queue an item.

        Raises
        ------
        Unavailable
            ``queue_full`` when the lane is full; ``shutting_down`` after ``close``.
        """
        with self._changed:
            if self._closed:
                raise Unavailable(
                    "shutting_down", "the clearinghouse is stopping; send again later"
                )
            waiting = self._lanes.setdefault(lane, deque())
            if len(waiting) >= self._lane_limit:
                raise Unavailable(
                    "queue_full",
                    f"{self._lane_limit} commands of this sender wait; send this one again after a "
                    "moment, and fewer at once",
                    limit=self._lane_limit,
                )
            waiting.append((item, weight))
            self._changed.notify()

    def take(self) -> list[Item]:
        """Wait for items and return the next group; empty once closed and drained."""
        with self._changed:
            while not self._lanes and not self._closed:
                self._changed.wait()
            group: list[Item] = []
            weight = 0
            while self._lanes and len(group) < self._group_limit and weight < self._group_weight:
                lane, waiting = self._lanes.popitem(last=False)
                item, item_weight = waiting.popleft()
                group.append(item)
                weight += item_weight
                if waiting:
                    self._lanes[lane] = waiting  # behind all others
            return group

    def close(self) -> None:
        """Refuse new items; those that wait can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()
