"""Snapshots are taken again after one could not be, whatever the cause."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from clearinghouse.book.entries import VenueRegistered
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.errors import Unavailable
from clearinghouse.intake import snapshots as snapshots_module
from clearinghouse.intake.snapshots import SnapshotTaker
from tests.builders import VENUE, WAIT_SECONDS, Clearing


class FailingStore:
    """Refuses the first save with ``error``, and keeps the sequences of those after it."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.saved: list[int] = []
        self.is_saved = threading.Event()

    def save(self, sequence: int, head: Hash32, state_hash: Hash32, payload: bytes) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error
        self.saved.append(sequence)
        self.is_saved.set()

    def find_newest(self, at_or_below: int | None = None) -> None:
        return None


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing()
    yield clearing
    clearing.close()


@pytest.mark.parametrize("error", [OSError("disk"), Unavailable("journal_unwritable", "later")])
def test_snapshot_is_saved_at_the_next_look_when_one_could_not_be(
    clearing: Clearing, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(snapshots_module, "LOOK_SECONDS", 0.01)
    store = FailingStore(error)
    taker = SnapshotTaker(clearing.sequencer.reading, store, entries_between=1)
    sequence = clearing.record(VenueRegistered(Address(VENUE.address), "a venue"))
    taker.start()
    assert store.is_saved.wait(WAIT_SECONDS), "the thread went on"
    taker.close()
    assert store.saved == [sequence]
