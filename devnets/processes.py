"""Start chain processes so that none outlives the process that started it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from devnets import watchdog


class ProcessGroup:
    """Processes that die together, at the latest when this process does."""

    def __init__(self) -> None:
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(watchdog.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            process_group=0,
        )

    def start(self, command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
        """Start ``command`` in the group, its output in ``log``: a full pipe would block it."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=self._watchdog.pid,
        )

    def close(self) -> None:
        """Kill what is left of the group and return when its watchdog is gone."""
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        self._watchdog.wait()
