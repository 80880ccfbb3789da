"""A read replica: the state of a journal that another process writes, for questions only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.state import State
from clearinghouse.errors import Unavailable
from clearinghouse.intake.replay import replay

Follow = Callable[[int, threading.Event], Iterator[JournalRecord]]
"""Yields records from a sequence on, then new ones, until the event is set."""


class Replica:
    """Follows the journal in a thread of its own; every command is refused with ``read_only``."""

    def __init__(self, follow: Follow, state: State, on_fatal: Callable[[Exception], None]) -> None:
        """Go on from ``state``; ``on_fatal`` hears why it cannot be followed any more."""
        self.follow = follow
        self._state = state
        self._on_fatal = on_fatal
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)

    def start(self) -> None:
        """Follow until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the record that is being applied."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def reading(self) -> Iterator[State]:
        """Hold the state still; it may be a moment behind the leader's."""
        with self._lock:
            yield self._state

    def _run(self) -> None:
        try:
            for record in self.follow(self._state.sequence + 1, self._stop):
                with self._lock:
                    replay([record], self._state)
        except Exception as error:  # noqa: BLE001 - a thread that died in silence answers with old news
            self._on_fatal(error)

    def _refuse(self, *_arguments: object) -> NoReturn:
        raise Unavailable("read_only", "this server answers questions only; send it to the leader")

    submit_batch = _refuse
    submit_columns = _refuse
    register_orders = _refuse
    register_mandated_orders = _refuse
    register_mandates = _refuse
    accept_placement_limits = _refuse
    accept_release = _refuse
    create_instrument = _refuse
    register_venue = _refuse
    request_cut = _refuse
