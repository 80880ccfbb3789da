"""The one door to the tables: short transactions, under leadership where they write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from sqlalchemy import Connection, Engine

from clearinghouse.errors import Unavailable
from clearinghouse.store.faults import UNREACHABLE, translating
from clearinghouse.store.leadership import Leadership
from clearinghouse.store.lease import CHANNEL

RECONNECT_SECONDS = 3.0
"""How long a call goes on trying to reach PostgreSQL before it gives up."""
_PAUSE_SECONDS_FIRST = 0.02
_PAUSE_SECONDS_MAX = 0.5
_POLL_SECONDS = 0.05
"""Between looks for new entries where nobody notifies."""

_Result = TypeVar("_Result")


class Database:
    """An opened database; any number of threads may use it."""

    def __init__(
        self,
        engine: Engine,
        leadership: Leadership | None,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        """``leadership`` is None for those who only read."""
        self.engine = engine
        self.leadership = leadership
        self._reconnect_seconds = reconnect_seconds
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._listening = threading.Lock()
        self._news = threading.Condition()
        self._listener: psycopg.Connection[tuple[object, ...]] | None = None

    def read(self, look: Callable[[Connection], _Result]) -> _Result:
        """Run ``look`` in a transaction of its own, again when the connection was lost.

        Raises
        ------
        Unavailable
            ``journal_unreachable``, ``journal_locked``, ``journal_denied``.
        Corruption
            ``journal_unreadable``.
        """

        def once() -> _Result:
            with translating(), self.engine.connect() as connection, connection.begin():
                return look(connection)

        return self.reconnecting(once)

    def write(self, change: Callable[[Connection], None]) -> None:
        """Run ``change`` in one unit of work, durable on return, and only while we lead.

        Raises
        ------
        Unavailable
            ``journal_unreachable``: the outcome is unknown. Any other: nothing was kept.
        Conflict
            ``leadership_lost``: nothing was kept.
        Corruption
            ``journal_gap``, ``journal_unreadable``: nothing was kept.
        """
        leadership = self.require_leadership()
        with self._writing, translating(), self.engine.begin() as connection:
            leadership.guard(connection)
            change(connection)

    def write_repeatedly(self, change: Callable[[Connection], None]) -> None:
        """As ``write``, for a change that may be made twice: a lost connection is mended in here.

        Raises
        ------
        Unavailable
            ``journal_unreachable`` when PostgreSQL stayed away; others as ``write``.
        """
        lost = False

        def once() -> None:
            nonlocal lost
            if lost:
                self.await_outcome()  # or the second time would meet the first, half done
            lost = True
            self.write(change)

        self.reconnecting(once)

    def await_outcome(self) -> None:
        """Return once no unit of work of ours is in progress: then a look tells what was kept."""
        leadership = self.require_leadership()

        def once() -> None:
            with self._writing, translating(), self.engine.begin() as connection:
                leadership.await_outcome(connection)

        self.reconnecting(once)

    def require_leadership(self) -> Leadership:
        """Return our leadership; ``journal_read_only`` for those who only read."""
        if self.leadership is None:
            raise Unavailable("journal_read_only", "open the journal for writing to append to it")
        return self.leadership

    def reconnecting(self, operation: Callable[[], _Result]) -> _Result:
        """Repeat an operation that the lost connection cut off, with growing pauses, bounded."""
        give_up_at = time.monotonic() + self._reconnect_seconds
        pause_seconds = _PAUSE_SECONDS_FIRST
        while True:
            try:
                return operation()
            except Unavailable as error:
                if error.reason != UNREACHABLE or time.monotonic() + pause_seconds > give_up_at:
                    raise
            self._closed.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _PAUSE_SECONDS_MAX)

    def wait_for_news(self, timeout_seconds: float) -> None:
        """Return when something may have been appended, or after the timeout.

        PostgreSQL notifies; a replica of it, a connection pooler and SQLite do not, there it is a
        short pause. A notification may be missed or mean nothing: look at the journal afterwards.
        Of several threads one listens and wakes the others.
        """
        if self.engine.dialect.name != "postgresql":
            self._closed.wait(min(timeout_seconds, _POLL_SECONDS))
            return
        if not self._listening.acquire(blocking=False):
            with self._news:
                self._news.wait(timeout_seconds)
            return
        try:
            self._await_notification(timeout_seconds)
        finally:
            self._listening.release()
            with self._news:
                self._news.notify_all()

    def _await_notification(self, timeout_seconds: float) -> None:
        try:
            connection = self._listener = self._listener or self._listen()
            for _ in connection.notifies(timeout=timeout_seconds, stop_after=1):
                pass
        except psycopg.Error:
            self._stop_listening()
            self._closed.wait(min(timeout_seconds, _POLL_SECONDS))

    def close(self) -> None:
        """Release leadership and give the connections back."""
        self._closed.set()
        if self.leadership is not None:
            self.leadership.release()
        self._stop_listening()
        self.engine.dispose()

    def _listen(self) -> psycopg.Connection[tuple[object, ...]]:
        arguments, keywords = self.engine.dialect.create_connect_args(self.engine.url)
        connection = psycopg.connect(*arguments, **keywords, autocommit=True)
        try:
            connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _stop_listening(self) -> None:
        connection, self._listener = self._listener, None
        if connection is not None:
            connection.close()
