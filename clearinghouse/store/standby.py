"""Follow a journal that somebody else writes, and take over when that leader is gone.

Both functions yield records to whoever folds them, so a standby's state is as warm as a leader's:
``replay(records_until_leading(journal, stop))`` returns the state from which to lead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import structlog

from clearinghouse.book.entries import JournalRecord
from clearinghouse.errors import Conflict, Unavailable
from clearinghouse.store.journal import SqlJournal, verify_tail

log = structlog.get_logger()

LOOK_SECONDS = 0.1
"""Between two tries to lead, and the longest wait for a notification."""


def records_until_leading(
    journal: SqlJournal, stop: threading.Event, first_sequence: int = 1
) -> Iterator[JournalRecord]:
    """Yield all records, those that the present leader writes too, until this process leads.

    Ends with ``journal.leadership`` acquired and the journal's last record yielded: nobody else
    can have written after it. Ends without leadership only when ``stop`` was set. While the
    database is away, it waits.

    Raises
    ------
    Corruption
        ``journal_unreadable``, ``journal_tail``.
    """
    following = first_sequence
    look_at = time.monotonic()
    while not stop.is_set():
        for record in _read_what_is_there(journal, following):
            yield record
            following = record.sequence + 1
        if time.monotonic() < look_at:
            _wait(journal, following, stop)
            continue
        look_at = time.monotonic() + LOOK_SECONDS
        if _try_to_lead(journal):
            verify_tail(journal)
            yield from journal.read(following)
            return


def follow_records(
    journal: SqlJournal, stop: threading.Event, first_sequence: int = 1
) -> Iterator[JournalRecord]:
    """Yield all records and wait for more until ``stop`` is set; for a replica that only reads.

    While the database is away, it waits.
    """
    following = first_sequence
    while not stop.is_set():
        for record in _read_what_is_there(journal, following):
            yield record
            following = record.sequence + 1
        _wait(journal, following, stop)


def _read_what_is_there(journal: SqlJournal, first_sequence: int) -> Iterator[JournalRecord]:
    try:
        yield from journal.read(first_sequence)
    except Unavailable as error:
        log.warning("standby.journal_away", error=str(error))


def _wait(journal: SqlJournal, following: int, stop: threading.Event) -> None:
    try:
        journal.wait_beyond(following - 1, LOOK_SECONDS)
    except Unavailable:
        stop.wait(LOOK_SECONDS)


def _try_to_lead(journal: SqlJournal) -> bool:
    try:
        journal.leadership.acquire()
    except Conflict as error:
        if error.reason != "journal_in_use":
            raise
        return False
    except Unavailable as error:
        log.warning("standby.journal_away", error=str(error))
        return False
    return True
