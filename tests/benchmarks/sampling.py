"""Where the processor time goes: a sampling profiler of all Python threads of this process.

Every few milliseconds each thread's own processor clock is read, and what it has used since the
last look is put down to the Python function on top of its stack and, cumulated, to every function
below. So waiting costs nothing, native code counts for the function that calls it, and what no
Python thread used (gRPC's own threads) is a line of its own.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from types import FrameType
from typing import Any

from clearinghouse.compiled import Kernel

INTERVAL_SECONDS = 0.002
SHOWN = 15


class Sampler:
    """Samples between ``start`` and ``stop``."""

    def __init__(self) -> None:
        self._own: Counter[str] = Counter()
        self._with_callees: Counter[str] = Counter()
        self._clocks: dict[int, int] = {}
        """Nanoseconds of processor time at the last look, by thread."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._started = 0.0

    def start(self) -> None:
        """Begin."""
        self._started = time.process_time()
        self._thread.start()

    def stop(self) -> list[dict[str, Any]]:
        """End, and return the functions with the most processor time of their own, in seconds."""
        self._stop.set()
        self._thread.join()
        total = time.process_time() - self._started
        elsewhere = total - sum(self._own.values()) / 1e9
        lines = [
            {
                "function": place,
                "own_seconds": round(own / 1e9, 3),
                "with_callees_seconds": round(self._with_callees[place] / 1e9, 3),
                "own_share": round(own / 1e9 / total, 3),
            }
            for place, own in self._own.most_common(SHOWN)
        ]
        lines.append(
            {
                "function": "threads that are not Python's, and the sampler",
                "own_seconds": round(elsewhere, 3),
                "with_callees_seconds": round(elsewhere, 3),
                "own_share": round(elsewhere / total, 3),
            }
        )
        return sorted(lines, key=lambda line: -float(line["own_seconds"]))

    def _run(self) -> None:
        me = threading.get_ident()
        while not self._stop.wait(INTERVAL_SECONDS):
            native_ids = {each.ident: each.native_id for each in threading.enumerate()}
            for thread, frame in sys._current_frames().items():
                native_id = native_ids.get(thread)
                if thread != me and native_id is not None:
                    self._look(native_id, frame)

    def _look(self, thread: int, frame: FrameType) -> None:
        try:
            clock = time.clock_gettime_ns(_clock_of(thread))
        except OSError:  # it has just ended
            return
        used = clock - self._clocks.get(thread, clock)
        self._clocks[thread] = clock
        if not used:
            return
        self._own[_place_of(frame)] += used
        seen: set[str] = set()
        walked: FrameType | None = frame
        while walked is not None:
            seen.add(_place_of(walked))
            walked = walked.f_back
        for place in seen:
            self._with_callees[place] += used


def _clock_of(native_id: int) -> int:
    """Return Linux's id of a thread's processor clock.

    ``time.pthread_getcpuclockid`` gives the same, but crashes when the thread has ended meanwhile.
    """
    per_thread, scheduled = 4, 2
    return (~native_id << 3) | per_thread | scheduled


def _place_of(frame: FrameType) -> str:
    code = frame.f_code
    if code is Kernel.__call__.__code__:
        return f"compiled {frame.f_locals['self'].__qualname__}"
    path = "/".join(code.co_filename.split("/")[-2:])
    return f"{code.co_qualname} ({path}:{code.co_firstlineno})"
