"""Wait for conditions, never for time to pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

LOOK_SECONDS = 0.05
WAIT_SECONDS = 60.0


def until(what: str, condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> None:
    """Return when the condition holds; fail after ``seconds``."""
    pause = threading.Event()
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"not within {seconds} s: {what}"
        pause.wait(LOOK_SECONDS)
