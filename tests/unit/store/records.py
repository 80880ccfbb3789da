"""Chains of journal records for the tests of this folder."""

from __future__ import annotations

from clearinghouse.book.entries import JournalRecord, VenueRegistered, encode_entry
from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32
from clearinghouse.commitment.journal import record_hash

TIME_MILLISECONDS = 1_800_000_000_000


def build_records(
    count: int, head: tuple[int, Hash32] = (0, ZERO_HASH), name: str = "a venue"
) -> list[JournalRecord]:
    """Return ``count`` records that follow ``head``."""
    sequence, before = head
    records = []
    for _ in range(count):
        sequence += 1
        venue = Address(sequence.to_bytes(20, "big"))
        payload = encode_entry(VenueRegistered(venue, name))
        before = record_hash(before, sequence, TIME_MILLISECONDS, payload)
        records.append(JournalRecord(sequence, TIME_MILLISECONDS, payload, before))
    return records
