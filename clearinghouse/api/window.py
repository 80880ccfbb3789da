"""The batches of a stream that are on their way: decided in parallel, answered in order, bounded.

The bound is what makes a stream safe: a client that sends faster than it is answered, or that does
not read its answers, fills the window, the server stops reading, and HTTP/2 flow control holds the
client back.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Window(Generic[Item]):
    """A bounded first-in first-out queue that can end (drain first) or close (drop all)."""

    def __init__(self, limit: int, limit_bytes: int) -> None:
        """Bound the number of items and what their requests weigh; one of any weight fits."""
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._items: deque[tuple[Item, int]] = deque()
        self._reserved = 0
        self._bytes = 0
        """Of the items and of the reserved places."""
        self._ended = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def reserve(self, weight_bytes: int) -> bool:
        """Wait for a free place; return False when the window has ended instead.

        A place is reserved *before* a batch is submitted, so that whatever was submitted is also
        answered. Every True must be followed by one ``put`` or ``release`` of the same weight.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._fits(weight_bytes))
            if self._ended:
                return False
            self._reserved += 1
            self._bytes += weight_bytes
            return True

    def _fits(self, weight_bytes: int) -> bool:
        count = len(self._items) + self._reserved
        return not count or (
            count < self._limit and self._bytes + weight_bytes <= self._limit_bytes
        )

    def put(self, item: Item, weight_bytes: int) -> None:
        """Fill a reserved place."""
        with self._changed:
            self._reserved -= 1
            self._items.append((item, weight_bytes))
            self._changed.notify_all()

    def release(self, weight_bytes: int) -> None:
        """Give a reserved place back: nothing was submitted for it."""
        with self._changed:
            self._reserved -= 1
            self._bytes -= weight_bytes
            self._changed.notify_all()

    def take(self) -> Item | None:
        """Wait for the oldest item; return None when the window has ended and is empty.

        Raises
        ------
        BaseException
            What ``end`` was given, after the last item.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or (self._ended and not self._reserved))
            if self._items:
                item, weight_bytes = self._items.popleft()
                self._bytes -= weight_bytes
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            return None

    def end(self, error: BaseException | None = None) -> None:
        """Take no more reservations; what is in it is still answered. The first end counts."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def close(self) -> None:
        """End, and drop what is in it: nobody listens any more."""
        with self._changed:
            self._ended, self._error = True, None
            self._items.clear()
            self._changed.notify_all()
