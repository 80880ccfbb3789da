"""Processes of a benchmark: started as modules, ended by the end of their standard input.

A child says what it has to say as JSON objects, one a line: the last one before it serves has its
port, and one more comes when it has ended. So it neither outlives its parent nor needs a file or a
port that anybody else knows.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from clearinghouse.compiled import warm_up

ROOT = Path(__file__).resolve().parent.parent.parent


class Child:
    """``python -m MODULE ARGUMENTS`` while the context lasts."""

    def __init__(self, module: str, *arguments: object, until: str = "port") -> None:
        """Start it and wait until it has said something that has the name ``until``."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: dict[str, Any] = {}
        """All that it has said."""
        self.hear(until)

    @property
    def target(self) -> str:
        """Where it serves."""
        return f"127.0.0.1:{self.said['port']}"

    def end(self) -> dict[str, Any]:
        """End it in good order; return what it said."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.hear("rss_bytes")
        self._reap()
        return self.said

    def kill(self) -> None:
        """End it as a crash would; harmless when it has ended."""
        self._process.kill()
        self._reap()

    def hear(self, until: str) -> None:
        """Wait until it has said something that has this name."""
        assert self._process.stdout is not None
        while until not in self.said:
            line = self._process.stdout.readline()
            if not line:
                self._reap()
                raise RuntimeError(f"{self._process.args!r} ended with {self._process.returncode}")
            self.said |= json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            self.kill()

    def _reap(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def prepare() -> None:
    """Make this process fit to be measured: machine code for what it has imported, a quiet log.

    Warnings go to standard error, for standard output is the parent's. With the variable
    ``BENCHMARKS_INTERPRETED`` set, nothing is compiled: for tests, which measure nothing and would
    wait for it.
    """
    if "BENCHMARKS_INTERPRETED" not in os.environ:
        warm_up()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whichever it is by then
    )


def report(said: dict[str, Any]) -> None:
    """Tell the parent, from within a child."""
    print(json.dumps(said), flush=True)


def wait_for_end() -> None:
    """Wait, within a child, until the parent ends it or is gone."""
    sys.stdin.read()


def peak_rss_bytes() -> int:
    """Return the greatest resident size of this process so far.

    Linux's own ``ru_maxrss`` outlives an exec, so it would give a child the size of its parent.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(kilobytes)
