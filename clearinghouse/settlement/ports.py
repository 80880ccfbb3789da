"""What settlement needs of the rest of the process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Protocol

from clearinghouse.book.entries import Entry
from clearinghouse.book.state import State


class Writer(Protocol):
    """The sequencer, as settlement uses it."""

    def record(self, decide: Callable[[State], Entry | None]) -> Future[int]:
        """Record what ``decide`` returns; resolves to the sequence, 0 when it returned None.

        ``decide`` runs in the writer's thread while everybody else waits, so it only compares.
        """
        ...

    def reading(self) -> AbstractContextManager[State]:
        """Hold the state still; be brief, intake waits."""
        ...
