"""A writer in a process of its own: the real sequencer on the real journal, under endless load.

Processes are forked from a server that has imported everything, so that a start takes milliseconds.
The parent kills it, stops it in the middle, or takes the disk away from it.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from sqlalchemy import event

from clearinghouse.errors import ClearingError, Conflict
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.store.journal import SqlJournal
from clearinghouse.store.lease import Lease
from clearinghouse.store.opening import open_database
from clearinghouse.store.standby import records_until_leading
from tests.builders import START_SECONDS, Clearing
from tests.crash.load import IN_FLIGHT_MAX, build_submission
from tests.crash.system_calls import refuse_flushes

WAIT_SECONDS = 30.0
SHORT_LEASE = Lease(seconds=0.6, renew_seconds=0.1)
_JUMP_MILLISECONDS = 10**9
"""A dozen days, back or forth."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class WriterOptions:
    """How a writer behaves."""

    lease: Lease = SHORT_LEASE
    first_number: int = 1
    """Of the batches it sends; it goes on from there without end."""
    jumping_clock: int | None = None
    """Seed of a clock that jumps with every batch."""
    pauses_at_append: int | None = None
    """Stop the process inside the transaction of this append, between insert and commit."""


@dataclass
class Writer:
    """A running writer and what it said so far."""

    url: str
    options: WriterOptions = field(default_factory=WriterOptions)
    acknowledged: dict[int, int] = field(default_factory=dict)
    """Sequence by number of batch."""
    refused: list[str] = field(default_factory=list)
    """Reasons, in order."""
    term: int = 0
    standing: tuple[int, bytes, bytes] | None = None
    """Sequence, head and state hash at its end in good order."""

    def __post_init__(self) -> None:
        self._pipe, child = _forks.Pipe()
        arguments = (child, self.url, self.options)
        self._process = _forks.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def listen(self, seconds: float) -> bool:
        """Take in what it says for so long; return whether it still lives."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            try:
                if self._pipe.poll(left):
                    self._hear(self._pipe.recv())
            except (EOFError, ConnectionResetError):
                return False
        return True

    def await_acknowledged(self, count: int) -> None:
        """Return once so many batches are acknowledged."""
        self._listen_until(lambda: len(self.acknowledged) >= count)

    def await_leading(self) -> None:
        """Return once it leads."""
        self._listen_until(lambda: self.term > 0)

    def await_refused(self, reason: str) -> None:
        """Return once a batch was refused for this reason."""
        self._listen_until(lambda: reason in self.refused)

    def kill(self) -> None:
        """Send SIGKILL, and return when it is gone and everything it said is taken in."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join(WAIT_SECONDS)
        if not self._pipe.closed:
            self.listen(WAIT_SECONDS)
            self._pipe.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def is_paused(self) -> bool:
        """Return whether SIGSTOP has taken effect."""
        with open(f"/proc/{self._process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def tell(self, command: str) -> None:
        """Have it do one of ``_COMMANDS``, or ``stop``."""
        self._pipe.send(command)

    def stop(self) -> tuple[int, bytes, bytes]:
        """Stop it in good order and return where its state stood."""
        self.tell("stop")
        self._listen_until(lambda: self.standing is not None)
        self.kill()
        assert self.standing is not None
        return self.standing

    def _listen_until(self, condition: Any) -> None:
        ends = time.monotonic() + WAIT_SECONDS
        while not condition():
            alive = self.listen(0.02)
            assert condition() or alive, f"the writer has ended: {self.refused[-3:]}"
            assert time.monotonic() < ends, f"it did not happen: {self.refused[-3:]}"

    def _hear(self, said: tuple[Any, ...]) -> None:
        match said:
            case "acknowledged", number, sequence:
                assert self.acknowledged.setdefault(number, sequence) == sequence
            case "refused", reason:
                self.refused.append(reason)
            case "leads", term:
                self.term = term
            case "stands", *standing:
                self.standing = tuple(standing)  # type: ignore[assignment]
            case _:
                raise AssertionError(said)


# -- in the child -------------------------------------------------------------------------------


def _run(parent: Connection, url: str, options: WriterOptions) -> None:
    database = open_database(url, lease=options.lease)
    with SqlJournal(database) as journal:
        ended = threading.Event()
        journal.leadership.on_lost = lambda error: ended.set()
        deque(records_until_leading(journal, ended), maxlen=0)
        if options.pauses_at_append is not None:
            _pause_inside(journal, options.pauses_at_append)
        parent.send(("leads", journal.leadership.term))
        clearing = Clearing(journal)  # type: ignore[arg-type]
        try:
            _send_without_end(parent, clearing, options, ended)
            state_hash = clearing.hash()
            head = journal.head()
            parent.send(("stands", *head, state_hash))
        except Conflict as error:
            parent.send(("refused", error.reason))
        finally:
            with suppress(ClearingError):
                clearing.close()


def _send_without_end(
    parent: Connection, clearing: Clearing, options: WriterOptions, ended: threading.Event
) -> None:
    """Send batches until told to stop, or until leadership is lost; what is refused is sent again.

    Raises
    ------
    Conflict
        ``leadership_lost``.
    """
    jumps = random.Random(options.jumping_clock)
    waiting: deque[tuple[int, Future[BatchReceipt]]] = deque()
    again: deque[int] = deque()
    following = options.first_number
    stopping = False
    while waiting or again or not stopping:
        if parent.poll():
            command = parent.recv()
            stopping = stopping or command == "stop"
            if command in _COMMANDS:
                _COMMANDS[command]()
        if len(waiting) < IN_FLIGHT_MAX and (again or not stopping):
            if again:
                number = again.popleft()
            else:
                number, following = following, following + 1
            if options.jumping_clock is not None:
                jump = jumps.randint(-_JUMP_MILLISECONDS, _JUMP_MILLISECONDS)
                clearing.clock.milliseconds = START_SECONDS * 1_000 + jump
            waiting.append((number, clearing.sequencer.submit_batch(*build_submission(number))))
            continue
        number, future = waiting.popleft()
        try:
            receipt = future.result(WAIT_SECONDS)
        except ClearingError as error:
            parent.send(("refused", error.reason))
            if isinstance(error, Conflict):
                raise
            again.append(number)
            ended.wait(0.01)
        else:
            parent.send(("acknowledged", number, receipt.sequence))


def _pause_inside(journal: SqlJournal, append: int) -> None:
    """Have the process stop itself with the rows inserted and the transaction open."""
    counted = 0

    @event.listens_for(journal.database.engine, "after_cursor_execute")
    def _count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal counted
        if statement.startswith("INSERT INTO journal"):
            counted += 1
            if counted == append:
                os.kill(os.getpid(), signal.SIGSTOP)


def _limit_files() -> None:
    """Let no file grow beyond what the log has now, nearly: writes fail with EFBIG."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sizes = [os.stat(f"/proc/self/fd/{name}").st_size for name in os.listdir("/proc/self/fd")
             if os.path.exists(f"/proc/self/fd/{name}")
             and os.readlink(f"/proc/self/fd/{name}").endswith("-wal")]  # fmt: skip
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) + 4_096, hard))


def _unlimit_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


_COMMANDS = {
    "fill disk": _limit_files,
    "free disk": _unlimit_files,
    "fail flushes": refuse_flushes,
}
