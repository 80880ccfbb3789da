"""The machine's clock, behind the Protocol through which everything reads time."""

from __future__ import annotations

import time


class SystemClock:
    """Wall-clock time; meets ``clearinghouse.intake.ports.Clock``."""

    def now_milliseconds(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000
