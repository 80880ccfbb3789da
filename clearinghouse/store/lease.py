"""Leadership over a PostgreSQL database: a lease with a fencing term, one row, one clock.

``leadership`` holds one row ``(holder, term, expires_at)``. All times in it are the database's own
(``clock_timestamp()``), so no two clocks are ever compared.

Why an old leader can never append
----------------------------------
Taking over is one statement (``_TAKE``). It updates the row, adds one to the term, and applies only
where the lease has expired. Every writing transaction begins with ``_HOLD`` or ``_RENEW``, which
lock the row, where holder *and term* are still ours, until that transaction ends. The two locks
exclude each other (``FOR SHARE`` against the ``FOR NO KEY UPDATE`` of an update), hence for a
transaction of term t and the take-over into term t+1 there are two orders and no third:

- The take-over committed first. Under READ COMMITTED our statement reads the newest committed row,
  or, where it had to wait for the take-over, re-evaluates its WHERE on the row as updated
  (PostgreSQL manual, 13.2.1). The term differs, no row comes back, we roll back.
- Our lock came first. The take-over waits until our transaction has committed or rolled back;
  whatever it appended is there before term t+1 begins, and the new leader, which reads the journal
  after taking over, sees it.

Expiry is not part of the argument: it only says when taking over is allowed. A leader that was
paused past its lease and found no successor is still the leader, and simply goes on.

When the process pauses between the check and the commit, its session idles in a transaction and the
take-over waits for its lock. ``idle_in_transaction_session_timeout`` (``Lease.idle_seconds``) ends
that: the server rolls back and closes the session, the successor goes on, and the late COMMIT of
the woken process meets a closed connection. A process paused in the middle of sending a statement
is not idle in that sense; ``transaction_timeout`` (``Lease.transaction_seconds``) bounds that case.
A process that died needs neither: its connection closes with it.

The same lock answers what became of a commit whose answer was lost: ``_AWAIT`` gets the row only
after the doubtful transaction has ended, and then the journal's head tells.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine, text

from clearinghouse.errors import ClearingError, Conflict
from clearinghouse.store.faults import translating
from clearinghouse.store.leadership import not_leading

log = structlog.get_logger()

CHANNEL = "clearinghouse_journal"
"""Of the notification that every append sends."""

_OURS = "journal = 'journal' AND holder = :holder AND term = :term"
_UNTIL = "clock_timestamp() + :seconds * interval '1 second'"

_TAKE = text(
    f"UPDATE leadership SET holder = :holder, term = term + 1, expires_at = {_UNTIL} "
    "WHERE journal = 'journal' AND (expires_at <= clock_timestamp() OR holder = :holder) "
    "RETURNING term"
)
"""Holders are unique per process, so taking twice mends a take whose answer was lost."""
_HOLD = text(f"SELECT pg_notify('{CHANNEL}', '') FROM leadership WHERE {_OURS} FOR SHARE")
_RENEW = text(
    f"UPDATE leadership SET expires_at = {_UNTIL} WHERE {_OURS} "
    f"RETURNING pg_notify('{CHANNEL}', '')"
)
_AWAIT = text(f"SELECT 1 FROM leadership WHERE {_OURS} FOR UPDATE")
_RELEASE = text(f"UPDATE leadership SET expires_at = clock_timestamp() WHERE {_OURS}")
_RIVAL = text(
    "SELECT holder, term, extract(epoch FROM expires_at - clock_timestamp()) FROM leadership"
)


@dataclass(frozen=True)
class Lease:
    """How long a silent leader stays one. Fail-over takes at most the first plus the third."""

    seconds: float = 1.5
    """After the last renewal."""
    renew_seconds: float = 0.3
    """Between renewals; several must fail before the lease is in danger."""
    idle_seconds: float = 1.0
    """For which a transaction may idle between two statements before the server ends it."""
    transaction_seconds: float = 10.0
    """For which a transaction may last at all; PostgreSQL 17 and later."""


class LeaseLeadership:
    """Leadership by lease; renewed by a thread while idle, and by the writing itself."""

    def __init__(self, engine: Engine, lease: Lease) -> None:
        self.on_lost: Callable[[Conflict], None] = lambda error: None
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._engine = engine
        self._lease = lease
        self._term = 0
        self._loss: Conflict | None = None
        self._renewed_at = 0.0
        self._released = threading.Event()
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def term(self) -> int:
        """The fencing term; 0 while this process does not lead."""
        return self._term

    def acquire(self) -> None:
        """Take the lease if it has expired, and keep it renewed from then on.

        A process that lost it never gets it back: what it believes may be ahead of the journal.
        """
        if self._loss is not None:
            raise self._loss
        if self._term:
            return
        values = {"holder": self.holder, "seconds": self._lease.seconds}
        before = time.monotonic()
        with translating(), self._engine.begin() as connection:
            term = connection.execute(_TAKE, values).scalar_one_or_none()
            rival = None if term is not None else connection.execute(_RIVAL).one()
        if rival is not None:
            raise Conflict(
                "journal_in_use",
                f"{rival[0]} leads this journal (term {rival[1]}, {float(rival[2]):.1f} s left); "
                "stop it, or open the journal read-only",
                holder=rival[0],
                term=rival[1],
            )
        self._renewed_at = before
        self._term = int(term or 0)
        self._released.clear()
        self._thread = threading.Thread(target=self._renew_for_ever, name="lease", daemon=True)
        self._thread.start()
        log.info("lease.acquired", term=self._term, holder=self.holder)

    def guard(self, connection: Connection) -> None:
        """Lock the row where it is still ours, renew when due; ``leadership_lost`` otherwise."""
        before = time.monotonic()
        due = before - self._renewed_at > self._lease.renew_seconds
        if connection.execute(_RENEW if due else _HOLD, self._values()).first() is None:
            raise self._lose()
        if due:  # should the transaction roll back, the next renewal is one period away
            self._renewed_at = before

    def await_outcome(self, connection: Connection) -> None:
        """Wait for the end of every transaction that passed ``guard``."""
        if connection.execute(_AWAIT, self._values()).first() is None:
            raise self._lose()

    def release(self) -> None:
        """Stop renewing and let the lease expire now."""
        with self._changing:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._released.set()
        if thread is not threading.current_thread():
            thread.join()
        if self._term:
            values = self._values()
            self._term = 0
            try:
                with translating(), self._engine.begin() as connection:
                    connection.execute(_RELEASE, values)
            except ClearingError as error:
                log.warning("lease.not_released", error=str(error))  # it expires by itself

    def _values(self) -> dict[str, object]:
        if not self._term:
            raise self._loss or not_leading()
        return {"holder": self.holder, "term": self._term, "seconds": self._lease.seconds}

    def _renew_for_ever(self) -> None:
        while not self._released.wait(self._lease.renew_seconds):
            if time.monotonic() - self._renewed_at < self._lease.renew_seconds / 2:
                continue  # an append has just done it
            try:
                self._renew()
            except Conflict:
                return
            except ClearingError as error:
                # Not the end: nobody leads in our place as long as nobody took over, and once
                # somebody did, the next guard says so.
                log.warning("lease.not_renewed", term=self._term, error=str(error))

    def _renew(self) -> None:
        before = time.monotonic()
        with translating(), self._engine.begin() as connection:
            if connection.execute(_RENEW, self._values()).first() is None:
                raise self._lose()
        self._renewed_at = before

    def _lose(self) -> Conflict:
        with self._changing:
            if self._loss is not None:
                return self._loss
            self._loss = Conflict(
                "leadership_lost",
                "another process took over this journal; nothing more can be written from here: "
                "end this process, and start it again to have it stand by",
                term=self._term,
                holder=self.holder,
            )
            self._term = 0
        self._released.set()
        log.error("lease.lost", **self._loss.attributes)
        self.on_lost(self._loss)
        return self._loss
