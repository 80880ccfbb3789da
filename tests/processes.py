"""Watch processes that a test did not start itself, so cannot wait for."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

PROC = Path("/proc")
LOOKS_MAX = 200
LOOK_SECONDS = 0.05


def is_running(process_id: int) -> bool:
    """Return whether the process exists and is more than an unread exit status."""
    if (PROC / "self" / "stat").exists():  # small containers have no ps
        try:
            shown = (PROC / str(process_id) / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return shown.rpartition(")")[2].split()[0] not in ("Z", "X")
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return shown != "" and not shown.startswith("Z")


def wait_until_gone(*process_ids: int) -> None:
    """Return when none of the processes runs; fail after ten seconds."""
    pause = threading.Event()
    for _ in range(LOOKS_MAX):
        if not any(is_running(process_id) for process_id in process_ids):
            return
        pause.wait(LOOK_SECONDS)
    raise AssertionError(f"still running: {[p for p in process_ids if is_running(p)]}")
