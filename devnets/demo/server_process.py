"""``clearinghouse serve`` as a process of its own, started and stopped by the demo."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from clearinghouse.errors import Unavailable

READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class LastWords:
    """What the server says of its journal and state when it has stopped in good order."""

    sequence: int
    head: str
    state_hash: str


class ServerProcess:
    """A running server; a context manager that stops it."""

    def __init__(self, deployment: Path, *options: str) -> None:
        """Start the server on free ports and wait until it serves.

        Raises
        ------
        Unavailable
            ``server_not_started`` with the end of its log.
        """
        self._log_path = deployment / "server.log"
        ready_path = deployment / "server.json"
        ready_path.unlink(missing_ok=True)
        command = [
            *(sys.executable, "-m", "clearinghouse.cli.main", "serve"),
            *("--deployment", str(deployment), "--ready-file", str(ready_path)),
            *("--listen", "127.0.0.1:0", "--operation-listen", "127.0.0.1:0"),
            *("--cycle-seconds", "0", *options),
        ]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL
            )
        try:
            ready = self._wait_until_ready(ready_path)
        except BaseException:
            self._process.kill()
            self._process.communicate()
            raise
        self.target: str = ready["listen"]
        self.operation_target: str = ready["operation_listen"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def process_id(self) -> int:
        """Of the server."""
        return self._process.pid

    def stop(self) -> LastWords:
        """Ask the server to stop and return its last words.

        Raises
        ------
        Unavailable
            ``server_failed`` when it did not stop in good order.
        """
        self._process.send_signal(signal.SIGTERM)
        try:
            said, _ = self._process.communicate(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            raise Unavailable("server_failed", self._end_of_log("did not stop")) from error
        if self._process.returncode != 0 or not said.strip():
            raise Unavailable(
                "server_failed", self._end_of_log(f"exited with {self._process.returncode}")
            )
        return LastWords(**json.loads(said.splitlines()[-1]))

    def _wait_until_ready(self, ready_path: Path) -> dict[str, str]:
        pause = threading.Event()
        for _ in range(int(READY_SECONDS_MAX / 0.05)):
            if ready_path.exists():
                ready: dict[str, str] = json.loads(ready_path.read_text())
                return ready
            if self._process.poll() is not None:
                break
            pause.wait(0.05)
        raise Unavailable("server_not_started", self._end_of_log("did not start"))

    def _end_of_log(self, what: str) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()[-12:]
        return f"the server {what}; the end of {self._log_path}:\n" + "\n".join(lines)
