"""Beside every chain somebody proves its final blocks to the others; what all of these share.

Nothing is proven that a crash could undo: the chain's state is on disk first, so a killed chain
that comes back never contradicts a signature.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod

from clearinghouse.errors import ClearingError, Unavailable
from devnets.anvil import Anvil

logger = logging.getLogger(__name__)

LOOK_SECONDS_MIN = 0.1
"""Blocks may come faster; then only some finalised headers are proven."""

CHECKPOINT_SHARE_MAX = 0.1
"""Of the time, spent on checkpoints: they grow with the chain, a few kilobytes with every block, so
after some hours proofs come less often rather than slow the machine."""


class FinalityService(ABC):
    """Follows one chain's finalised blocks in a thread, until something forbids it for good."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self._height = 0
        self._checkpoint_height = 0
        self._checkpoint_seconds = 0.0
        self._fault: ClearingError | None = None
        self._published = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="finality", daemon=True)

    @abstractmethod
    def _prove(self, final_height: int) -> int:
        """Publish what proves the newest final headers; return the greatest height proven so far.

        Raises
        ------
        Unavailable
            To look again later.
        ClearingError
            To stop for good.
        """

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop, if it was ever started; a second call does nothing."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait_for(self, height: int, timeout_seconds: float) -> None:
        """Return when a header of at least ``height`` is proven.

        Raises
        ------
        Unavailable
            ``attestation_missing`` at the time-out.
        ClearingError
            What made the service stop for good.
        """
        with self._published:
            reached = self._published.wait_for(
                lambda: self._height >= height or self._fault is not None, timeout_seconds
            )
            if self._fault is not None:
                raise self._fault
            if not reached:
                raise Unavailable(
                    "attestation_missing",
                    f"chain {self._anvil.name} has nothing proven from block {height} on after "
                    f"{timeout_seconds} s; is it halted?",
                    chain=self._anvil.name,
                    height=height,
                )

    def _follow(self) -> None:
        regular_seconds = max(LOOK_SECONDS_MIN, self._anvil.block_seconds / 2)
        while not self._closed.wait(
            max(regular_seconds, self._checkpoint_seconds / CHECKPOINT_SHARE_MAX)
        ):
            try:
                self._look()
            except Unavailable as error:
                logger.debug("chain %s: %s", self._anvil.name, error)
            except ClearingError as error:
                logger.error("finality of chain %s stops: %s", self._anvil.name, error)
                with self._published:
                    self._fault = error
                    self._published.notify_all()
                return

    def _look(self) -> None:
        final_height = self._anvil.height("finalized")
        if final_height > self._checkpoint_height:
            started = time.monotonic()
            self._anvil.checkpoint()
            self._checkpoint_seconds = time.monotonic() - started
            self._checkpoint_height = final_height
        proven = self._prove(final_height)
        with self._published:
            self._height = max(self._height, proven)
            self._published.notify_all()
