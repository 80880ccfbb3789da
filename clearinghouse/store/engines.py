"""Connections: one URL names a SQLite file or a PostgreSQL database, and the rest follows.

Durability is a setting of every connection that writes. SQLite: WAL with ``synchronous=FULL``, one
fsync of the log per commit. PostgreSQL: ``synchronous_commit`` at least ``on``; whether a commit
also waits for another machine is the server's ``synchronous_standby_names``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from clearinghouse.errors import Conflict, Rejected, Unavailable

_CONNECT_PARAMETERS = {
    "connect_timeout": "5",
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""So that a silent network is noticed in seconds; libpq's own default is a quarter of an hour.
What the URL says wins."""

_WEAK_COMMITS = {"off", "local", "remote_write"}
"""Values of ``synchronous_commit`` under which an answered commit can be lost."""


def parse_url(url: str) -> URL:
    """Return the URL of a journal, with the driver of this program filled in.

    Raises
    ------
    Rejected
        ``JOURNAL_URL_INVALID`` for anything but a SQLite file and a PostgreSQL database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _invalid("what was given") from None  # it may hold a password: do not repeat it
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        if not parsed.database:
            raise _invalid(repr(parsed.render_as_string()))
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise _invalid(repr(parsed.render_as_string()))
    return parsed


def _invalid(shown: str) -> Rejected:
    return Rejected(
        "JOURNAL_URL_INVALID",
        f"a journal is sqlite:///FILE or postgresql://USER@HOST/DATABASE, was {shown}",
    )


def build_sqlite_engine(path: Path, *, read_only: bool, busy_timeout_milliseconds: int) -> Engine:
    """Return an engine for a file; nothing is opened yet."""
    url = URL.create(
        "sqlite",
        database=path.as_uri(),
        query={"mode": "ro" if read_only else "rwc", "uri": "true"},
    )
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # Transactions are begun below: the driver's own implicit BEGIN comes too late for reads.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={busy_timeout_milliseconds}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
            return
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise Unavailable(
                "journal_unwritable",
                f"the file system of {path} offers no shared memory (mode {mode}); "
                "keep the journal on a local disk",
                mode=mode,
            )
        connection.execute("PRAGMA synchronous=FULL")
        # On macOS fsync leaves data in the drive's cache; elsewhere this changes nothing.
        connection.execute("PRAGMA fullfsync=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def build_postgres_engine(
    url: URL, *, read_only: bool, timeouts_milliseconds: Mapping[str, int]
) -> Engine:
    """Return an engine for a database; nothing is opened yet.

    ``timeouts_milliseconds`` are settings of PostgreSQL by name; one that the server is too old to
    know is left out.
    """
    defaults = {name: value for name, value in _CONNECT_PARAMETERS.items() if name not in url.query}
    settings = {
        **{name: str(value) for name, value in timeouts_milliseconds.items()},
        "default_transaction_read_only": "on" if read_only else "off",
        "default_transaction_isolation": "read committed",
    }
    wanted = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
    configure = (
        f"SELECT set_config(name, value, false) FROM (VALUES {wanted}) AS wanted (name, value) "
        "WHERE name IN (SELECT name FROM pg_settings)"
    )
    engine = create_engine(url.update_query_dict(defaults), pool_size=8, max_overflow=24)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute(configure)
        (commit,) = connection.execute("SHOW synchronous_commit").fetchone()
        if commit in _WEAK_COMMITS and not read_only:
            connection.execute("SET synchronous_commit = on")
        connection.commit()

    return engine


def require_durable(connection: Connection) -> None:
    """Check that PostgreSQL keeps what it acknowledges, and that it takes writes at all.

    Raises
    ------
    Conflict
        ``journal_not_durable`` when the server is configured to lose data.
    Unavailable
        ``journal_unwritable`` for a server that only follows another.
    """
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
        raise Unavailable(
            "journal_unwritable",
            "this PostgreSQL server follows another; name the primary, for example with several "
            "hosts and target_session_attrs=read-write in the URL",
        )
    for setting in ("fsync", "full_page_writes"):
        if connection.exec_driver_sql(f"SHOW {setting}").scalar_one() != "on":
            raise Conflict(
                "journal_not_durable",
                f"PostgreSQL runs with {setting}=off and would lose acknowledged fills; set it on",
                setting=setting,
            )
