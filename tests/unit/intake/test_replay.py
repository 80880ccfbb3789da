"""Folding the journal: the same state again, or the first sequence that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from clearinghouse.book.entries import (
    Entry,
    GenesisRecorded,
    JournalRecord,
    VenueRegistered,
    encode_entry,
)
from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.commitment.journal import record_hash
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import Corruption
from clearinghouse.intake.replay import replay
from tests.builders import ALICE, BOB, VENUE, Clearing, build_genesis


def chain(payloads: list[bytes]) -> list[JournalRecord]:
    records, before = [], ZERO_HASH
    for sequence, payload in enumerate(payloads, 1):
        before = record_hash(before, sequence, 5, payload)
        records.append(JournalRecord(sequence, 5, payload, before))
    return records


@pytest.fixture(scope="module")
def recorded() -> Iterator[Clearing]:
    """A journal with one of everything that members and chains do."""
    clearing = Clearing().start(ALICE, BOB)
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.release(ALICE, 50)
    clearing.settle()
    clearing.trade(ALICE, BOB, 10, 105)
    yield clearing
    clearing.close()


def corruption(records: list[JournalRecord]) -> Corruption:
    with pytest.raises(Corruption) as caught:
        replay(records)
    return caught.value


def test_replay_gives_the_running_state_when_the_journal_is_whole(recorded: Clearing) -> None:
    state = replay(recorded.journal.read())
    assert state_hash(state) == recorded.hash()
    assert (state.sequence, state.head) == recorded.journal.head()


def test_replay_gives_an_empty_state_when_there_is_no_entry() -> None:
    assert replay([]).sequence == 0


def test_replay_gives_each_earlier_state_when_cut_short(recorded: Clearing) -> None:
    hashes = {
        state_hash(replay(recorded.journal.records[:length]))
        for length in range(len(recorded.journal.records) + 1)
    }
    assert len(hashes) == len(recorded.journal.records) + 1


def test_replay_names_the_sequence_when_any_record_is_altered(recorded: Clearing) -> None:
    for index, record in enumerate(recorded.journal.records):
        records = list(recorded.journal.records)
        records[index] = msgspec.structs.replace(record, payload=record.payload + b" ")
        error = corruption(records)
        assert (error.reason, error.attributes["sequence"]) == ("journal_hash", index + 1)


def test_replay_names_the_gap_when_any_record_but_the_last_is_missing(recorded: Clearing) -> None:
    for index in range(len(recorded.journal.records) - 1):
        records = list(recorded.journal.records)
        del records[index]
        error = corruption(records)
        assert (error.reason, error.attributes["expected"]) == ("journal_gap", index + 1)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b"\xff", b'{"type":"no_such_entry"}', b'{"type":"venue_registered"}'],
)
def test_replay_raises_corruption_when_payload_is_no_entry(payload: bytes) -> None:
    error = corruption(chain([encode_entry(GenesisRecorded(build_genesis())), payload]))
    assert (error.reason, error.attributes["sequence"]) == ("journal_entry", 2)


def test_replay_raises_corruption_when_an_entry_contradicts_the_ones_before() -> None:
    genesis: Entry = GenesisRecorded(build_genesis())
    assert corruption(chain([encode_entry(genesis)] * 2)).reason == "genesis_twice"


def test_entries_decode_to_what_was_encoded_when_read_back(recorded: Clearing) -> None:
    entries = recorded.journal.entries()
    assert {type(entry).__name__ for entry in entries} >= {
        "GenesisRecorded",
        "InstrumentListed",
        "VenueRegistered",
        "DepositFinalised",
        "PlacementLimitAccepted",
        "ReleaseAccepted",
        "BatchRecorded",
        "SettlementProposed",
        "PhaseProven",
    }
    for entry, record in zip(entries, recorded.journal.records, strict=True):
        assert encode_entry(entry) == record.payload


def test_entries_decode_when_a_later_release_added_a_field() -> None:
    payload = encode_entry(VenueRegistered(VENUE.address, "v"))[:-1] + b',"added_later":1}'
    state = replay(chain([encode_entry(GenesisRecorded(build_genesis())), payload]))
    assert state.venues == {VENUE.address: "v"}
