"""Fold the journal: the one way to the state, at start-up and after a failure alike."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clearinghouse.book.earlier_entries import decode_any_entry
from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.commitment.journal import verify_record
from clearinghouse.errors import Corruption


def replay(records: Iterable[JournalRecord], state: State | None = None) -> State:
    """Return the state after all records; every link of the hash chain is checked.

    ``state`` is where they go on from, nothing by default; it is changed in place.

    Raises
    ------
    Corruption
        Naming the first sequence that is missing, altered or contradicts the ones before it.
    """
    state = State() if state is None else state
    for record in records:
        verify_record(state.head, state.sequence + 1, record)
        try:
            entry = decode_any_entry(record.payload)
        except msgspec.DecodeError as error:
            raise Corruption(
                "journal_entry",
                f"entry {record.sequence} cannot be read by this release: {error}",
                sequence=record.sequence,
            ) from error
        state.sequence, state.head = record.sequence, record.hash
        apply(state, entry)
    return state
