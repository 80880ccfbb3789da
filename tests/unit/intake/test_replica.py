"""A replica that can no longer follow says so, whatever the cause."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.state import State
from clearinghouse.errors import Corruption
from clearinghouse.intake.replica import Replica


@pytest.mark.parametrize("error", [OSError("disk"), Corruption("journal_gap", "restore it")])
def test_replica_reports_a_fatal_error_when_the_journal_cannot_be_followed(
    error: Exception,
) -> None:
    heard: list[Exception] = []

    def follow(sequence: int, stop: threading.Event) -> Iterator[JournalRecord]:
        raise error
        yield

    replica = Replica(follow, State(), heard.append)
    replica.start()
    replica._thread.join(20)
    assert heard == [error]
    replica.close()
