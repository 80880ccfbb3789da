"""A clearinghouse in a process of its own that can kill itself at a named journal entry.

The process is SIGKILLed right before or right after the append of the entry, so whatever runs
between two stages of a settlement is cut off exactly there. Processes are forked from a server that
has imported everything, so that a start takes milliseconds and many crashes can be tried.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.app import Application, Standing
from clearinghouse.book.earlier_entries import EarlierEntry, decode_any_entry
from clearinghouse.book.entries import (
    Entry,
    JournalRecord,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.cli.logging import configure_logging
from clearinghouse.config import ServerSettings
from clearinghouse.intake.ports import Journal
from clearinghouse.store.journal import open_journal
from devnets.deployment import adapters_of, load_deployment

LOOPBACK = "127.0.0.1:0"
JOURNAL_NAME = "journal.sqlite"
LOG_NAME = "server.log"
WAIT_SECONDS = 60.0
"""Longest wait for a process; a hang fails instead of blocking."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class CrashPoint:
    """A stage of a settlement, as the journal names it, and on which side of its entry to die."""

    moment: Moment
    stage: str
    """``proposed``, ``signed``, an included action such as ``prepare``, or a proven phase."""
    chain_id: ChainId | None = None

    def __str__(self) -> str:
        place = "" if self.chain_id is None else f"@{self.chain_id}"
        return f"{self.moment}-{self.stage}{place}"


def stage_of(entry: Entry | EarlierEntry) -> tuple[str, ChainId | None]:
    """Return the stage that an entry stands for, and its chain."""
    match entry:
        case SettlementProposed():
            return "proposed", None
        case SettlementSigned():
            return "signed", None
        case TransactionIncluded():
            return entry.action, entry.chain_id
        case PhaseProven():
            return entry.phase.name, entry.chain_id
        case _:
            return "other", None


class CrashingJournal:
    """A journal whose process dies at the crash point."""

    def __init__(self, journal: Journal, point: CrashPoint) -> None:
        self._journal = journal
        self._point = point

    def append(self, records: Sequence[JournalRecord]) -> None:
        stages = [stage_of(decode_any_entry(record.payload)) for record in records]
        reached = (self._point.stage, self._point.chain_id) in stages
        if reached and self._point.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self._journal.append(records)
        if reached:
            os.kill(os.getpid(), signal.SIGKILL)

    def read(self, first_sequence: int = 1) -> Iterator[JournalRecord]:
        return self._journal.read(first_sequence)

    def find(self, sequence: int) -> JournalRecord | None:
        return self._journal.find(sequence)

    def head(self) -> tuple[int, Hash32]:
        return self._journal.head()


def _serve(directory: Path, point: CrashPoint | None, parent: Connection) -> None:
    """Run a clearinghouse until the parent says stop or is gone."""
    with (directory / LOG_NAME).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    configure_logging()
    settings = ServerSettings(
        deployment=directory,
        journal=f"sqlite:///{directory / JOURNAL_NAME}",
        listen=LOOPBACK,
        operation_listen=LOOPBACK,
        cycle_seconds=0,
        poll_seconds=0.05,
    )
    deployment = load_deployment(directory)
    with ExitStack() as opened:
        journal: Journal = opened.enter_context(open_journal(settings.journal_url))
        if point is not None:
            journal = CrashingJournal(journal, point)
        adapters = adapters_of(deployment, deployment.open_relayer())
        operators = deployment.open_operators()
        with Application(settings, deployment, journal, adapters, operators) as application:
            parent.send((application.server.port, application.server.operation_port))
            parent.recv()  # EOFError, and with it the end, when the parent is gone
        parent.send(application.standing())


class ForkedServer:
    """A running clearinghouse on the journal of a devnet's directory; a context manager."""

    def __init__(self, directory: Path, crash: CrashPoint | None = None) -> None:
        """Start it and return once it serves."""
        self._log_path = directory / LOG_NAME
        self._pipe, child = _forks.Pipe()
        self._process = _forks.Process(target=_serve, args=(directory, crash, child), daemon=True)
        self._opened = ExitStack()
        self._process.start()
        child.close()
        try:
            port, operation_port = self._receive()
        except BaseException:
            self.kill()
            raise
        self.target = f"127.0.0.1:{port}"
        self.client = self._opened.enter_context(ClearinghouseClient(self.target))
        self.operation = self._opened.enter_context(OperationClient(f"127.0.0.1:{operation_port}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL unless it has ended, and return when it is gone; idempotent."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join(WAIT_SECONDS)
        self._opened.close()
        self._pipe.close()

    @property
    def process_id(self) -> int:
        """Of the server."""
        assert self._process.pid is not None
        return self._process.pid

    def stop(self) -> Standing:
        """Stop it in good order and return where its state stood."""
        self._pipe.send("stop")
        standing: Standing = self._receive()
        self._process.join(WAIT_SECONDS)
        assert self._process.exitcode == 0, self._end_of_log()
        self.kill()
        return standing

    def wait_until_crashed(self) -> None:
        """Return when it has died at its crash point."""
        self._process.join(WAIT_SECONDS)
        assert self._process.exitcode == -signal.SIGKILL, self._end_of_log()
        self.kill()

    def _receive(self) -> Any:
        try:
            assert self._pipe.poll(WAIT_SECONDS), self._end_of_log()
            return self._pipe.recv()
        except EOFError:
            raise AssertionError(self._end_of_log()) from None

    def _end_of_log(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()[-20:]
        return "the server did not do as expected; its log ends:\n" + "\n".join(lines)
