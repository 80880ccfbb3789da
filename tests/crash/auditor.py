"""What must hold after every crash, checked from the journal alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from clearinghouse.book.earlier_entries import decode_any_entry
from clearinghouse.book.entries import BatchRecorded, JournalRecord
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.journal import verify_record
from clearinghouse.store.journal import open_journal
from tests.builders import ALICE, BOB, Clearing, MemoryJournal
from tests.crash.load import IN_FLIGHT_MAX, batch_id, expected_holding


class Auditor:
    """Reads the journal from where it stopped the last time, beside a writer too."""

    def __init__(self, url: str) -> None:
        self._journal = open_journal(url, read_only=True)
        self._records: list[JournalRecord] = []
        self._recorded: dict[Hash32, int] = {}
        """Sequence by batch id."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.close()

    def check(self, acknowledged: Mapping[int, int]) -> None:
        """Check the chain, that no batch is there twice, and that every acknowledged one is."""
        before = self._records[-1].hash if self._records else ZERO_HASH
        for record in self._journal.read(len(self._records) + 1):
            verify_record(before, len(self._records) + 1, record)
            before = record.hash
            self._records.append(record)
            entry = decode_any_entry(record.payload)
            if isinstance(entry, BatchRecorded):
                assert entry.batch_id not in self._recorded
                self._recorded[entry.batch_id] = record.sequence
        for number, sequence in acknowledged.items():
            assert self._recorded.get(batch_id(number)) == sequence, number

    def check_state(self) -> tuple[int, bytes, bytes]:
        """Replay, compare with the sum of what was recorded, and return where the state stands."""
        last = len(self._recorded) + 2 * IN_FLIGHT_MAX  # beyond that no writer can have been
        recorded = [n for n in range(1, last + 1) if batch_id(n) in self._recorded]
        assert len(recorded) == len(self._recorded)
        memory = MemoryJournal()
        memory.records = list(self._records)
        clearing = Clearing(memory)
        try:
            assert clearing.holding(ALICE) == expected_holding(recorded)
            lots, basis = clearing.holding(BOB)
            assert (-lots, -basis) == expected_holding(recorded)
            return (*memory.head(), clearing.hash())
        finally:
            clearing.close()
