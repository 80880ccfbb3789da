"""Work that is done again and again beside settling, in a thread of its own."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class PeriodicWork(ABC):
    """Looks, waits, and looks again until ``close``."""

    def __init__(
        self, name: str, look_seconds: float, on_fatal: Callable[[Exception], None]
    ) -> None:
        """``on_fatal`` hears of an error that nobody expected, after which nothing looks again."""
        self._name = name
        self._look_seconds = look_seconds
        self._on_fatal = on_fatal
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def look(self) -> None:
        """Do once what is due. Expected errors are the work's own to report."""

    @property
    def is_closing(self) -> bool:
        """Whether to stop at the next occasion."""
        return self._stop.is_set()

    def start(self) -> None:
        """Look until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Stop after what is being done; a second call does nothing."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self.is_closing:
                self.look()
                self._stop.wait(self._look_seconds)
        except Exception as error:  # noqa: BLE001 - a thread that died in silence watches nothing
            log.critical("periodic_work.failed", work=self._name, error=repr(error))
            self._on_fatal(error)
