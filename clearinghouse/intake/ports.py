"""What intake needs from the world, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import Reason


class Journal(Protocol):
    """The durable, hash-chained list of entries; the only truth."""

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Write all records in one unit of work; durable on return.

        Raises
        ------
        Unavailable
            ``journal_unwritable`` or ``journal_locked``: nothing of the call was kept.
        Corruption
            ``journal_gap`` when the records do not follow the last one.
        """
        ...

    def read(self, first_sequence: int = 1) -> Iterator[JournalRecord]:
        """Yield the records from ``first_sequence`` on."""
        ...

    def find(self, sequence: int) -> JournalRecord | None:
        """Return one record, reading no other; None when there is none of that sequence."""
        ...

    def head(self) -> tuple[int, Hash32]:
        """Return the last sequence and hash; (0, zero) when empty."""
        ...


class Clock(Protocol):
    """The only source of time."""

    def now_milliseconds(self) -> int:
        """Milliseconds since the epoch."""
        ...


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """The answer to a batch, given once it is durable; the same again for the same batch."""

    sequence: int
    """Of the batch's journal entry."""
    reasons: tuple[Reason, ...]
    """One per fill, in order."""


@dataclass(frozen=True, slots=True)
class ColumnsReceipt:
    """The answer to a batch of columns; as ``BatchReceipt`` otherwise."""

    sequence: int
    reasons: bytes
    """``REASON_CODE`` of each fill, in order."""


@dataclass(frozen=True, slots=True)
class OrdersReceipt:
    """The answer to orders that were sent ahead of their fills."""

    sequence: int
    """Up to which the orders are recorded."""
    numbers: bytes
    """Order numbers in order, 4 bytes each, little-endian; 2^32 - 1 where it was refused."""
    reasons: bytes
    """``REASON_CODE`` of each order, in order; ``ADMITTED`` where it has a number."""
