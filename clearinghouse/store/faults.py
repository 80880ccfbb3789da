"""What SQLite and PostgreSQL refuse, in the words of ``clearinghouse.errors``.

Sources: https://www.sqlite.org/rescode.html; extended codes carry the primary one in their low
byte. https://www.postgresql.org/docs/current/errcodes-appendix.html; the first two characters are
the class.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from clearinghouse.errors import ClearingError, Corruption, Unavailable

UNREACHABLE = "journal_unreachable"
"""The one fault after which an outcome is unknown: the answer to a commit may have been lost."""

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""SQLITE_ERROR too: our statements are fixed, so a missing table or column is the file's fault."""
_TAKEN = {sqlite3.SQLITE_CONSTRAINT}

_LOCKED_STATES = {"55P03", "40001", "40P01"}
"""lock_not_available, serialization_failure, deadlock_detected: rolled back, nothing was kept."""
_LOST_CLASSES = {"08", "57"}
"""Connection exceptions and operator intervention: the server, or this session of it, is gone.
57014 (query_canceled) too: whoever cancels a statement of ours leaves its outcome to be looked
up."""
_LOST_STATES = {"25P03", "25P04", "53300"}
"""idle_in_transaction_session_timeout, transaction_timeout, too_many_connections."""
_DENIED_CLASSES = {"28", "3D", "3F"}
"""Authorisation, database name, schema name."""
_UNREADABLE_CLASSES = {"XX", "42", "F0"}
"""Internal errors (damaged pages, damaged indexes), and 42: our statements are fixed, so a missing
table or column is the database's fault."""


@contextmanager
def translating() -> Iterator[None]:
    """Raise our error for the database's, the cause kept.

    Raises
    ------
    Unavailable
        ``journal_locked`` after a lock was waited for in vain; ``journal_unwritable`` for a full
        disk, an I/O error, a missing directory or permission; ``journal_unreachable`` when the
        connection to PostgreSQL was lost or never was; ``journal_denied`` for wrong credentials.
    Corruption
        ``journal_unreadable`` for what is no journal; ``journal_gap`` when a sequence is
        taken, so that somebody else has written.
    """
    try:
        yield
    except DBAPIError as error:
        raise _translated(error.orig) from error
    except PoolTimeout as error:
        raise _unreachable(error, "no connection of the pool came free") from error
    except (sqlite3.Error, psycopg.Error) as error:
        raise _translated(error) from error


def _translated(cause: BaseException | None) -> ClearingError:
    if isinstance(cause, psycopg.Error):
        return _translated_from_postgres(cause)
    return _translated_from_sqlite(cause)


def _translated_from_sqlite(cause: BaseException | None) -> ClearingError:
    extended = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    name = getattr(cause, "sqlite_errorname", "SQLITE_CORRUPT")
    code = extended & 0xFF
    if code in _LOCKED:
        return _locked(cause, name)
    if code in _UNREADABLE:
        return _unreadable(cause, name)
    if code in _TAKEN:
        return _taken(cause, name)
    return _unwritable(cause, name)


def _translated_from_postgres(cause: psycopg.Error) -> ClearingError:
    code = cause.sqlstate
    if code is None:
        return _unreachable(cause, "none")  # the connection broke, or was refused
    if code in _LOCKED_STATES:
        return _locked(cause, code)
    if code in _LOST_STATES or code[:2] in _LOST_CLASSES:
        return _unreachable(cause, code)
    if code[:2] in _DENIED_CLASSES or code == "42501":
        return Unavailable(
            "journal_denied",
            f"PostgreSQL lets the journal's user do nothing here ({_line(cause)}); correct the "
            "URL, its password file, or the grants",
            code=code,
        )
    if code[:2] == "23":
        return _taken(cause, code)
    if code[:2] in _UNREADABLE_CLASSES:
        return _unreadable(cause, code)
    return _unwritable(cause, code)  # 25006 read only, 53100 disk full, 58030 I/O, and the rest


def _locked(cause: BaseException | None, code: str) -> Unavailable:
    return Unavailable(
        "journal_locked",
        f"another program holds the journal's lock ({_line(cause)}); end it, then repeat",
        code=code,
    )


def _unreadable(cause: BaseException | None, code: str) -> Corruption:
    return Corruption(
        "journal_unreadable",
        f"this is no journal of this program, or a damaged one ({_line(cause)}); restore it from "
        "a replica",
        code=code,
    )


def _taken(cause: BaseException | None, code: str) -> Corruption:
    return Corruption(
        "journal_gap", f"a sequence is taken ({_line(cause)}): stop the other writer", code=code
    )


def _unwritable(cause: BaseException | None, code: str) -> Unavailable:
    return Unavailable(
        "journal_unwritable",
        f"the journal cannot be written ({_line(cause)}); free space or repair the disk, then "
        "repeat",
        code=code,
    )


def _unreachable(cause: BaseException | None, code: str) -> Unavailable:
    return Unavailable(
        UNREACHABLE,
        f"the journal's database does not answer ({_line(cause)}); restore the connection, then "
        "repeat",
        code=code,
    )


def _line(cause: BaseException | None) -> str:
    """Return the first line: PostgreSQL adds the statement's position and hints."""
    return str(cause).strip().partition("\n")[0]
