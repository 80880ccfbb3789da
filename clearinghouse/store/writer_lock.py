"""At most one writer per journal, across processes.

The lock is an exclusive transaction, held open, on a second, empty SQLite file beside the journal.
SQLite takes it from the operating system on every platform, and the system takes it back when the
process dies, however it dies; a lock on the journal itself would keep readers out.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from clearinghouse.errors import Conflict
from clearinghouse.store.faults import translating


class WriterLock:
    """Held from construction until ``release`` or the end of the process.

    Raises
    ------
    Conflict
        ``journal_in_use`` when somebody else holds it.
    Unavailable
        ``journal_unwritable`` when the lock file cannot be made.
    """

    def __init__(self, journal: Path) -> None:
        path = journal.with_name(journal.name + ".lock")
        with translating():
            self._connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                self._connection.close()
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                raise Conflict(
                    "journal_in_use",
                    f"another process writes {journal}; stop it, or open the journal read-only",
                    journal=str(journal),
                ) from error

    def release(self) -> None:
        """Let another writer open the journal; idempotent."""
        self._connection.close()
