"""The open streams: how many there may be, and how they learn that the server is about to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clearinghouse.errors import Unavailable


class Lifetime:
    """Counts the open streams and runs their callbacks once, when the server stops.

    A stream holds a worker thread for as long as it is open. So streams have a limit of their own
    below the number of threads, and unary calls always find one.
    """

    def __init__(self, maximum_streams: int) -> None:
        self._maximum_streams = maximum_streams
        self._lock = threading.Lock()
        self._stopping = False
        self._callbacks: set[Callable[[], None]] = set()

    @property
    def is_stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping

    @contextmanager
    def streaming(self, on_stop: Callable[[], None]) -> Iterator[None]:
        """Have ``on_stop`` called if the server stops meanwhile, at once if it already does.

        Raises
        ------
        Unavailable
            ``too_many_streams``.
        """
        with self._lock:
            if len(self._callbacks) >= self._maximum_streams:
                raise Unavailable(
                    "too_many_streams",
                    f"{self._maximum_streams} streams are open; share one, or try again later",
                    maximum=self._maximum_streams,
                )
            self._callbacks.add(on_stop)
            stopping = self._stopping
        if stopping:
            on_stop()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.discard(on_stop)

    def stop(self) -> None:
        """Tell every open stream; idempotent."""
        with self._lock:
            self._stopping = True
            callbacks = list(self._callbacks)
        for on_stop in callbacks:
            on_stop()


def shutting_down() -> Unavailable:
    """Return what a stream ends with when the server stops under it."""
    return Unavailable(
        "shutting_down", "the server is stopping; connect again and send what was not answered"
    )
