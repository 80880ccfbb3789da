"""Who may write a journal: at most one process at a time, whichever database holds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from clearinghouse.errors import Conflict, Unavailable
from clearinghouse.store.writer_lock import WriterLock


class Leadership(Protocol):
    """The right to append; at most one process has it."""

    on_lost: Callable[[Conflict], None]
    """Hears of ``leadership_lost``, from any thread, once. Fatal: the process must end."""

    @property
    def term(self) -> int:
        """How often the right has been taken, this time included; 0 while it is not ours."""
        ...

    def acquire(self) -> None:
        """Take the right, or keep it.

        Raises
        ------
        Conflict
            ``journal_in_use`` while somebody else has it.
        Unavailable
            When that cannot be found out now.
        """
        ...

    def guard(self, connection: Connection) -> None:
        """Inside a writing transaction, make sure that its commit comes before the next leader.

        Raises
        ------
        Conflict
            ``leadership_lost``: roll back and end the process.
        """
        ...

    def await_outcome(self, connection: Connection) -> None:
        """Return once no earlier transaction of ours is in progress any more.

        Raises
        ------
        Conflict
            ``leadership_lost``.
        """
        ...

    def release(self) -> None:
        """Let somebody else have it at once; idempotent."""
        ...


class FileLeadership:
    """Leadership over a SQLite file, by a lock that dies with the process.

    The operating system holds the lock, not a clock, so it cannot be lost: no terms, no fencing.
    """

    def __init__(self, journal: Path) -> None:
        self.on_lost: Callable[[Conflict], None] = lambda error: None
        self._journal = journal
        self._lock: WriterLock | None = None

    @property
    def term(self) -> int:
        """1 while the lock is ours."""
        return 0 if self._lock is None else 1

    def acquire(self) -> None:
        """Take the lock; ``journal_in_use`` when another process has it."""
        if self._lock is None:
            self._lock = WriterLock(self._journal)

    def guard(self, connection: Connection) -> None:
        """Nothing to do: the lock is ours until ``release``."""
        if self._lock is None:
            raise not_leading()

    def await_outcome(self, connection: Connection) -> None:
        """Nothing to do: SQLite runs in this process."""

    def release(self) -> None:
        """Close the lock file."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


def not_leading() -> Unavailable:
    """Return what a writer hears that has not acquired leadership."""
    return Unavailable("journal_read_only", "acquire leadership before writing")
