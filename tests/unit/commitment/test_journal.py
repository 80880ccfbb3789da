"""The journal's hash chain: any change to what was recorded shows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from eth_utils import keccak

from clearinghouse.book.entries import JournalRecord
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.journal import record_hash, verify_record
from clearinghouse.errors import Corruption

RECORD = JournalRecord(1, 1_700, b"payload", record_hash(ZERO_HASH, 1, 1_700, b"payload"))


def test_record_hash_preimage_is_the_documented_one_when_first() -> None:
    preimage = bytes(32) + bytes(7) + b"\x01" + (1_700).to_bytes(8, "big") + b"payload"
    assert RECORD.hash == keccak(preimage)


def test_verify_record_passes_when_next_in_the_chain() -> None:
    verify_record(ZERO_HASH, 1, RECORD)
    following = JournalRecord(2, 0, b"", record_hash(RECORD.hash, 2, 0, b""))
    verify_record(RECORD.hash, 2, following)


def test_verify_record_raises_gap_when_sequence_is_not_the_expected() -> None:
    for expected in (0, 2):
        with pytest.raises(Corruption) as caught:
            verify_record(ZERO_HASH, expected, RECORD)
        assert caught.value.reason == "journal_gap"


@pytest.mark.parametrize(
    "change",
    [{"payload": b"payloae"}, {"time_milliseconds": 1_701}, {"hash": Hash32(b"\x01" * 32)}],
)
def test_verify_record_raises_hash_when_record_was_altered(change: dict[str, Any]) -> None:
    with pytest.raises(Corruption) as caught:
        verify_record(ZERO_HASH, 1, msgspec.structs.replace(RECORD, **change))
    assert caught.value.reason == "journal_hash"


def test_verify_record_raises_hash_when_history_before_it_was_altered() -> None:
    with pytest.raises(Corruption) as caught:
        verify_record(Hash32(b"\x01" * 32), 1, RECORD)
    assert caught.value.reason == "journal_hash"
