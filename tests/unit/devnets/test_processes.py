"""Processes of a group die with it: on close, and when what started them is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devnets.processes import ProcessGroup
from tests.processes import wait_until_gone

IDLE = [sys.executable, "-c", "import sys, threading; threading.Event().wait()"]


def test_close_kills_what_runs_when_it_was_never_told_to_stop(tmp_path: Path) -> None:
    group = ProcessGroup()
    with (tmp_path / "log").open("wb") as log:
        processes = [group.start(IDLE, log) for _ in range(2)]
    group.close()
    assert [process.wait() for process in processes] == [-signal.SIGKILL] * 2


def test_start_logs_both_streams_when_the_process_writes(tmp_path: Path) -> None:
    group = ProcessGroup()
    command = [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"]
    with (tmp_path / "log").open("wb") as log:
        assert group.start(command, log).wait() == 0
    group.close()
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_group_is_gone_when_its_starter_is_killed(ending: signal.Signals, tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert starter.stdout is not None
    process_ids = [int(word) for word in starter.stdout.readline().split()]
    starter.send_signal(ending)
    starter.wait()
    starter.stdout.close()
    assert len(process_ids) == 3
    wait_until_gone(*process_ids)


_STARTER = f"""
import sys, threading
from pathlib import Path
from devnets.processes import ProcessGroup
group = ProcessGroup()
log = Path(sys.argv[1]).open("wb")
started = [group.start({IDLE!r}, log).pid for _ in range(2)]
print(*started, group._watchdog.pid, flush=True)
threading.Event().wait()
"""
