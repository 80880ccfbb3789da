"""A running clearinghouse and its clients: in this process, or as ``clearinghouse serve``.

``tests.e2e.crashing_server`` has the third kind, which is killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from adapters.base import ChainAdapter
from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.app import Application
from clearinghouse.book.identifiers import ChainId
from clearinghouse.config import ServerSettings
from clearinghouse.intake.ports import Journal
from devnets.demo.server_process import ServerProcess
from devnets.harness import Devnet
from tests.e2e.crashing_server import LOOPBACK


class Server(Protocol):
    """Whatever serves: a process, or an application in this one."""

    client: ClearinghouseClient
    operation: OperationClient


class LocalServer:
    """An application in this process, on a journal and adapters of the test's choosing."""

    def __init__(
        self, devnet: Devnet, journal: Journal, adapters: Mapping[ChainId, ChainAdapter]
    ) -> None:
        """Start it; the caller keeps journal and adapters."""
        deployment = devnet.deployment
        settings = ServerSettings(
            deployment=devnet.directory,
            listen=LOOPBACK,
            operation_listen=LOOPBACK,
            cycle_seconds=0,
            poll_seconds=0.05,
        )
        with ExitStack() as started:
            self.application = started.enter_context(
                Application(settings, deployment, journal, adapters, deployment.open_operators())
            )
            api = self.application.server
            self.client = started.enter_context(ClearinghouseClient(f"127.0.0.1:{api.port}"))
            self.operation = started.enter_context(
                OperationClient(f"127.0.0.1:{api.operation_port}")
            )
            self._started = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._started.close()


class ServedProcess:
    """The clients of a ``clearinghouse serve`` that runs on its own."""

    def __init__(self, process: ServerProcess) -> None:
        self.client = ClearinghouseClient(process.target)
        self.operation = OperationClient(process.operation_target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self.operation.close()
