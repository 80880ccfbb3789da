"""Goal: every fault of a database has one of our names, and the name says what is known after it.

Method: the drivers' own exceptions, made from the codes in the databases' manuals.
"""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from clearinghouse.errors import ClearingError, Corruption, Unavailable
from clearinghouse.store.faults import translating


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what happened")
    error.sqlite_errorcode = code
    error.sqlite_errorname = f"CODE_{code}"
    return error


def translated(cause: Exception) -> ClearingError:
    with pytest.raises(ClearingError) as refused, translating():
        raise cause
    assert refused.value.__cause__ is cause
    return refused.value


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_BUSY, "journal_locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "journal_locked"),
        (sqlite3.SQLITE_LOCKED, "journal_locked"),
        (sqlite3.SQLITE_FULL, "journal_unwritable"),
        (sqlite3.SQLITE_IOERR_FSYNC, "journal_unwritable"),
        (sqlite3.SQLITE_IOERR_WRITE, "journal_unwritable"),
        (sqlite3.SQLITE_CANTOPEN, "journal_unwritable"),
        (sqlite3.SQLITE_READONLY, "journal_unwritable"),
        (sqlite3.SQLITE_CORRUPT, "journal_unreadable"),
        (sqlite3.SQLITE_NOTADB, "journal_unreadable"),
        (sqlite3.SQLITE_ERROR, "journal_unreadable"),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, "journal_gap"),
    ],
)
def test_fault_has_its_reason_when_sqlite_raises(code: int, reason: str) -> None:
    error = translated(sqlite_error(code))
    assert error.reason == reason
    assert error.attributes == {"code": f"CODE_{code}"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("LockNotAvailable", "journal_locked"),
        ("SerializationFailure", "journal_locked"),
        ("DeadlockDetected", "journal_locked"),
        ("DiskFull", "journal_unwritable"),
        ("IoError", "journal_unwritable"),
        ("OutOfMemory", "journal_unwritable"),
        ("ReadOnlySqlTransaction", "journal_unwritable"),
        ("AdminShutdown", "journal_unreachable"),
        ("CrashShutdown", "journal_unreachable"),
        ("CannotConnectNow", "journal_unreachable"),
        ("ConnectionFailure", "journal_unreachable"),
        ("QueryCanceled", "journal_unreachable"),
        ("TooManyConnections", "journal_unreachable"),
        ("IdleInTransactionSessionTimeout", "journal_unreachable"),
        ("InvalidPassword", "journal_denied"),
        ("InvalidCatalogName", "journal_denied"),
        ("InsufficientPrivilege", "journal_denied"),
        ("UndefinedTable", "journal_unreadable"),
        ("DataCorrupted", "journal_unreadable"),
        ("IndexCorrupted", "journal_unreadable"),
        ("UniqueViolation", "journal_gap"),
    ],
)
def test_fault_has_its_reason_when_postgres_raises(name: str, reason: str) -> None:
    cause: psycopg.Error = getattr(psycopg.errors, name)("first line\nLINE 1: a statement")
    error = translated(cause)
    assert error.reason == reason
    assert error.attributes == {"code": cause.sqlstate}
    assert "first line" in error.message
    assert "statement" not in error.message
    gone = isinstance(error, Unavailable)
    assert gone != isinstance(error, Corruption)


def test_fault_is_unreachable_when_the_connection_gives_no_code() -> None:
    assert translated(psycopg.OperationalError("server closed")).reason == "journal_unreachable"
    assert translated(PoolTimeout("no connection")).reason == "journal_unreachable"


def test_fault_is_that_of_the_driver_when_sqlalchemy_wraps_it() -> None:
    wrapped = DBAPIError("INSERT", {}, psycopg.errors.DiskFull("full"))
    assert translated(wrapped).reason == "journal_unwritable"
