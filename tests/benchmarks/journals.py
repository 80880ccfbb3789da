"""Journals on disk for benchmarks to start from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from clearinghouse.book.entries import Entry, JournalRecord, encode_entry
from clearinghouse.book.snapshot import ENCODING, encode_state
from clearinghouse.book.state import State
from clearinghouse.commitment.journal import record_hash
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.snapshots import SnapshotStore
from tests.benchmarks.market import (
    Market,
    batch_entries,
    opening_entries,
    order_entries,
    probe_entry,
    reference_entries,
)
from tests.builders import START_SECONDS

_GROUP_ENTRIES = 1_024


def url_of(directory: Path) -> str:
    """Return the journal's URL in a directory."""
    return f"sqlite:///{directory / 'journal.sqlite'}"


def append_entries(journal: SqlJournal, entries: Iterable[Entry]) -> None:
    """Chain and append entries as they are, many to a unit of work."""
    records = _records(journal, entries)
    while group := list(islice(records, _GROUP_ENTRIES)):
        journal.append(group)


def _records(journal: SqlJournal, entries: Iterable[Entry]) -> Iterator[JournalRecord]:
    sequence, head = journal.head()
    for entry in entries:
        payload = encode_entry(entry)
        sequence += 1
        head = record_hash(head, sequence, 1_000 * START_SECONDS, payload)
        yield JournalRecord(sequence, 1_000 * START_SECONDS, payload, head)


def write_market(url: str, market: Market, fills: int = 0, batch_fills: int = 65_536) -> None:
    """Write an honest journal: reference data, deposits, limits, orders and batches."""
    with open_journal(url) as journal:
        append_entries(journal, opening_entries(market, market.addresses))
        append_entries(journal, order_entries(market, market.addresses))
        append_entries(journal, [probe_entry(market, market.addresses)])
        append_entries(journal, batch_entries(market, fills, batch_fills))


def write_state(url: str, state: State, entries: Iterable[Entry] = ()) -> None:
    """Write a state that no journal led to, as a snapshot where one would have led to it.

    The journal holds the reference data and ``entries``, and nothing of what else the state has.
    """
    with open_journal(url) as journal:
        append_entries(journal, reference_entries())
        append_entries(journal, entries)
        state.sequence, state.head = journal.head()
        payload = encode_state(state)
        store = SnapshotStore(journal.database, ENCODING)
        store.save(state.sequence, state.head, keccak256(payload), payload)
