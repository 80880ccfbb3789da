"""What SQLite refuses, in the words of ``clearinghouse.errors``.

Source: https://www.sqlite.org/rescode.html; extended codes carry the primary one in their low byte.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from clearinghouse.errors import ClearingError, Corruption, Unavailable

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""SQLITE_ERROR too: our statements are fixed, so a missing table or column is the file's fault."""
_TAKEN = {sqlite3.SQLITE_CONSTRAINT}


@contextmanager
def translating() -> Iterator[None]:
    """Raise our error for SQLite's, the cause kept.

    Raises
    ------
    Unavailable
        ``journal_locked`` after the busy timeout; ``journal_unwritable`` for a full disk, an I/O
        error, a missing directory or a missing permission.
    Corruption
        ``journal_unreadable`` for a file that is no journal; ``journal_gap`` when a sequence is
        taken, so that somebody else has written.
    """
    try:
        yield
    except DBAPIError as error:
        raise _translated(error.orig) from error
    except sqlite3.Error as error:
        raise _translated(error) from error


def _translated(cause: BaseException | None) -> ClearingError:
    extended = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    name = getattr(cause, "sqlite_errorname", "SQLITE_CORRUPT")
    code = extended & 0xFF
    if code in _LOCKED:
        return Unavailable(
            "journal_locked",
            f"another program holds the journal's lock ({cause}); end it, then repeat",
            code=name,
        )
    if code in _UNREADABLE:
        return Corruption(
            "journal_unreadable",
            f"the file is no journal of this program ({cause}); restore it from a replica",
            code=name,
        )
    if code in _TAKEN:
        return Corruption(
            "journal_gap", f"a sequence is taken ({cause}): stop the other writer", code=name
        )
    return Unavailable(
        "journal_unwritable",
        f"the journal cannot be written ({cause}); free space or repair the disk, then repeat",
        code=name,
    )
