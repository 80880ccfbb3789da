"""The journal's hash chain: one hash stands for everything that was ever recorded."""

from __future__ import annotations

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Corruption


def record_hash(before: Hash32, sequence: int, time_milliseconds: int, payload: bytes) -> Hash32:
    """Return ``keccak256(before (32) || sequence (8) || time (8) || payload)``.

    ``before`` is zero for entry 1. The payload comes last, so the preimage has one reading.
    """
    return keccak256(
        before + sequence.to_bytes(8, "big") + time_milliseconds.to_bytes(8, "big") + payload
    )


def verify_record(before: Hash32, expected_sequence: int, record: JournalRecord) -> None:
    """Check that a record is the next one of the chain.

    Raises
    ------
    Corruption
        ``journal_gap`` or ``journal_hash`` with the sequence: restore the journal from a replica.
    """
    if record.sequence != expected_sequence:
        raise Corruption(
            "journal_gap",
            f"entry {expected_sequence} is missing; restore the journal from a replica",
            expected=expected_sequence,
            sequence=record.sequence,
        )
    computed = record_hash(before, record.sequence, record.time_milliseconds, record.payload)
    if computed != record.hash:
        raise Corruption(
            "journal_hash",
            f"entry {record.sequence} was altered; restore the journal from a replica",
            sequence=record.sequence,
        )
