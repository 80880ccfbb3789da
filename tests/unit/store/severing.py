"""A proxy before PostgreSQL that loses a connection at the one moment that matters: the commit.

It stands on a Unix socket of its own and passes everything on, until it is armed: then the next
COMMIT meets what ``Moment`` says.
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import WAIT_SECONDS

_SOCKET_NAME = ".s.PGSQL.5432"


class Moment(Enum):
    """What becomes of the COMMIT and of its answer."""

    BEFORE = "the server never hears of it: its session ends"
    AFTER = "the server commits; the answer is lost"
    LATE = "the client loses the connection at once; the server hears of it when released"
    NEVER = "the client loses the connection at once; the server's session stays open"


class SeveringProxy:
    """Passes bytes between clients and one server."""

    def __init__(self, directory: Path, server_directory: Path) -> None:
        self.directory = directory
        self.severed = threading.Event()
        """Set once the armed moment has come."""
        self.released = threading.Event()
        """Set by the test to let a ``LATE`` commit through."""
        self._server = str(server_directory / _SOCKET_NAME)
        self._moment: Moment | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / _SOCKET_NAME))
        self._listener.listen()
        self._listener.settimeout(0.05)
        self._start(self._accept)

    def arm(self, moment: Moment) -> None:
        """Let the next COMMIT meet this."""
        self.severed.clear()
        self.released.clear()
        self._moment = moment

    def close(self) -> None:
        """Cut everything."""
        self._stopping.set()
        self.released.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
        self._listener.close()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._start(self._pass_on, client)

    def _pass_on(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, selectors.DefaultSelector() as ready:
            try:
                server.connect(self._server)
                ready.register(client, selectors.EVENT_READ, server)
                ready.register(server, selectors.EVENT_READ, client)
                while not self._stopping.is_set():
                    for key, _ in ready.select(0.05):
                        source: socket.socket = key.fileobj  # type: ignore[assignment]
                        received = source.recv(1 << 16)
                        if not received:
                            return
                        if source is client and b"COMMIT" in received and self._moment:
                            self._sever(received, client, server)
                            return
                        key.data.sendall(received)
            except OSError:
                return  # one side is gone: both are

    def _sever(self, commit: bytes, client: socket.socket, server: socket.socket) -> None:
        moment, self._moment = self._moment, None
        if moment is Moment.AFTER:
            server.sendall(commit)
            server.recv(1 << 16)
        client.close()
        self.severed.set()
        if moment is Moment.LATE:
            self.released.wait(WAIT_SECONDS)
            server.sendall(commit)
            server.recv(1 << 16)
        elif moment is Moment.NEVER:
            self._stopping.wait(WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
