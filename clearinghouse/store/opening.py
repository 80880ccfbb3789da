"""Open a database: SQLite for one machine, PostgreSQL for several, by one URL.

A SQLite file is locked by whoever opens it for writing, at once. A PostgreSQL database is opened
by any number of processes; each may write once it has acquired leadership. Migrations run here,
in one transaction, when nobody else can be writing.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from clearinghouse.errors import Conflict
from clearinghouse.store.database import Database
from clearinghouse.store.engines import (
    build_postgres_engine,
    build_sqlite_engine,
    parse_url,
    require_durable,
)
from clearinghouse.store.faults import translating
from clearinghouse.store.leadership import FileLeadership, Leadership
from clearinghouse.store.lease import Lease, LeaseLeadership
from clearinghouse.store.schema import VERSIONS, migrate, read_version, require_current

BUSY_TIMEOUT_MILLISECONDS = 5_000
"""How long the database waits for a lock that a foreign program holds."""

_SCHEMA_LOCK = 0x636C656172
"""Of ``pg_advisory_xact_lock``: two servers that start at once migrate one after the other."""
_LIVE = text("SELECT holder FROM leadership WHERE expires_at > clock_timestamp()")


def open_database(
    url: str,
    *,
    read_only: bool = False,
    busy_timeout_milliseconds: int = BUSY_TIMEOUT_MILLISECONDS,
    lease: Lease = Lease(),  # noqa: B008 - frozen
) -> Database:
    """Open what ``url`` names, creating or migrating its tables unless ``read_only``.

    Raises
    ------
    Rejected
        ``JOURNAL_URL_INVALID`` for anything but a SQLite file or a PostgreSQL database.
    Conflict
        ``journal_in_use`` when another process writes the SQLite file, or leads the PostgreSQL
        database whose schema must be migrated; ``journal_version``, ``journal_not_durable``.
    Unavailable
        ``journal_unwritable``, ``journal_locked``, ``journal_unreachable``, ``journal_denied``.
    Corruption
        ``journal_unreadable`` when it is no journal.
    """
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        database = _build_sqlite(parsed, read_only, busy_timeout_milliseconds)
        prepare = require_current if read_only else migrate
    else:
        database = _build_postgres(parsed, read_only, busy_timeout_milliseconds, lease)
        prepare = require_current if read_only else _prepare_postgres
    try:
        with translating(), database.engine.begin() as connection:
            prepare(connection)
    except BaseException:
        database.close()
        raise
    return database


def _build_sqlite(url: URL, read_only: bool, busy_timeout_milliseconds: int) -> Database:
    path = Path(url.database or "").resolve()
    leadership: Leadership | None = None
    if not read_only:
        leadership = FileLeadership(path)
        leadership.acquire()
    engine = build_sqlite_engine(
        path, read_only=read_only, busy_timeout_milliseconds=busy_timeout_milliseconds
    )
    return Database(engine, leadership)


def _build_postgres(
    url: URL, read_only: bool, lock_timeout_milliseconds: int, lease: Lease
) -> Database:
    engine = build_postgres_engine(
        url,
        read_only=read_only,
        timeouts_milliseconds={
            "lock_timeout": lock_timeout_milliseconds,
            "idle_in_transaction_session_timeout": round(lease.idle_seconds * 1_000),
            "transaction_timeout": round(lease.transaction_seconds * 1_000),
        },
    )
    return Database(engine, None if read_only else LeaseLeadership(engine, lease))


def _prepare_postgres(connection: Connection) -> None:
    require_durable(connection)
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
    version = read_version(connection)
    if version and version != VERSIONS[-1]:
        holder = connection.execute(_LIVE).scalar_one_or_none()
        if holder is not None:
            raise Conflict(
                "journal_in_use",
                f"{holder} leads this journal with schema {version}; stop it, then start this "
                "release, which migrates",
                holder=holder,
                version=version,
            )
    migrate(connection)
