"""Produce a chain's blocks at its pace, and stop doing so when the chain is halted.

Blocks come from here and not from anvil's own interval mining because that cannot be resumed at
a fraction of a second.
"""

from __future__ import annotations

import contextlib
import threading
import time

from clearinghouse.errors import Unavailable
from devnets.anvil import Anvil


class BlockProducer:
    """Mines one block per interval in a thread of its own, while not halted."""

    def __init__(self, anvil: Anvil, block_seconds: float) -> None:
        self._anvil = anvil
        self._block_seconds = block_seconds
        self._halted = False
        self._closed = threading.Event()
        self._mining = threading.Lock()
        self._thread = threading.Thread(target=self._produce, name="block producer", daemon=True)

    @property
    def is_halted(self) -> bool:
        return self._halted

    def start(self) -> None:
        self._thread.start()

    def halt(self) -> None:
        """Return when no further block will come, while the node still answers."""
        with self._mining:
            self._halted = True

    def resume(self) -> None:
        self._halted = False

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _produce(self) -> None:
        """Mine on a fixed schedule; a late block does not make the next one late."""
        due = time.monotonic()
        while not self._closed.is_set():
            due = max(due + self._block_seconds, time.monotonic())
            if self._closed.wait(due - time.monotonic()):
                return
            with self._mining:
                if not self._halted:
                    self._mine()

    def _mine(self) -> None:
        # A node that is killed or busy misses a block; the next one is due soon.
        with contextlib.suppress(Unavailable):
            self._anvil.mine()
