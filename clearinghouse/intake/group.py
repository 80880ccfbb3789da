"""The entries of one unit of work, and how batches and orders enter it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from clearinghouse.book.earlier_entries import current_entries, decode_any_entry
from clearinghouse.book.entries import BatchRecorded, Entry, JournalRecord, encode_entry
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import REASON_CODE, Reason
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.commitment.journal import record_hash
from clearinghouse.errors import Conflict, Corruption, Rejected
from clearinghouse.intake.ports import Journal, OrdersReceipt
from clearinghouse.intake.registration import require_running


class Group:
    """The entries of one unit of work, chained and applied as they are added."""

    def __init__(self, state: State, time_milliseconds: int) -> None:
        self.state = state
        self.time_milliseconds = time_milliseconds
        self.records: list[JournalRecord] = []

    def add(self, entry: Entry, *, applied: bool = False) -> int:
        """Chain an entry and apply it, unless its effects are there; return its sequence."""
        payload = encode_entry(entry)
        sequence = self.state.sequence + 1
        digest = record_hash(self.state.head, sequence, self.time_milliseconds, payload)
        self.records.append(
            JournalRecord(sequence, self.time_milliseconds, payload, digest, self.state.head)
        )
        self.state.sequence, self.state.head = sequence, digest
        if not applied:
            apply(self.state, entry)
        return sequence

    @property
    def time_seconds(self) -> int:
        """Of the group: every command in it is decided at the same time."""
        return self.time_milliseconds // 1000

    def find(self, sequence: int) -> JournalRecord | None:
        """Return a record of this group, None for one that is older."""
        index = sequence - self.records[0].sequence if self.records else -1
        return self.records[index] if index >= 0 else None


def decide_batch(
    group: Group,
    journal: Journal,
    key: tuple[Address, Hash32],
    digest: Hash32,
    admit: Callable[[], BatchRecorded],
) -> tuple[BatchRecorded, int]:
    """Record a batch and return its entry and sequence; for a repetition, the first ones."""
    state = group.state
    known = state.batches.get(key)
    if known is not None:
        entry = _recorded_batch(group, journal, known)
        if entry.digest != digest:
            raise Conflict(
                "BATCH_CONFLICT",
                "this batch id was used with other content; take a new id",
                batch_id=key[1].hex(),
            )
        return entry, known
    require_running(state)
    require_venue(state.venues, key[0])
    entry = admit()
    sequence = group.add(entry, applied=True)
    state.batches[key] = sequence
    return entry, sequence


def _recorded_batch(group: Group, journal: Journal, sequence: int) -> BatchRecorded:
    record = group.find(sequence) or journal.find(sequence)
    numbers = group.state.orders.numbers
    for entry in current_entries(decode_any_entry(record.payload), numbers) if record else ():
        if isinstance(entry, BatchRecorded):
            return entry
    raise Corruption("batch_missing", f"entry {sequence} is no batch", sequence=sequence)


def orders_receipt(
    state: State, digests: Sequence[Hash32], refused: Mapping[Hash32, Reason]
) -> OrdersReceipt:
    """Return numbers and reasons of orders that are entered, or refused for a reason."""
    known = state.orders.numbers
    numbers = [known.get(digest, NO_ORDER) for digest in digests]
    codes = bytes(
        REASON_CODE[Reason.ADMITTED if digest in known else refused[digest]] for digest in digests
    )
    return OrdersReceipt(state.sequence, np.array(numbers, "<u4").tobytes(), codes)


def require_venue(venues: Mapping[Address, str], venue: Address) -> None:
    """Refuse with ``VENUE_UNKNOWN`` what a key sends that nobody registered."""
    if venue not in venues:
        raise Rejected("VENUE_UNKNOWN", "have the operator register this venue's key", venue=venue)
