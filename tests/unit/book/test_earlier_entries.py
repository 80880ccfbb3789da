"""A journal of the first release: the same facts, the same answers, the same reports.

``tests/vectors/journal_v1.json`` was written by that release (one entry per settlement, an object
per fill, orders by digest) together with what it said of its state at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clearinghouse.book.earlier_entries import (
    FirstBatchRecorded,
    FirstSettlementProposed,
    current_entries,
    decode_any_entry,
)
from clearinghouse.book.entries import (
    BatchRecorded,
    CycleCut,
    Entry,
    JournalRecord,
    SettlementProposed,
    encode_entry,
)
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import Fill, FillBatch, Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.errors import Conflict
from clearinghouse.intake.replay import replay
from clearinghouse.netting.metrics import FillFigures
from clearinghouse.settlement.rebuild import verify_committed_legs
from clearinghouse.settlement.reports import cycle_reports
from tests.builders import ALICE, BOB, Clearing, MemoryJournal
from tests.ledger import claims, filled, holdings, reasons_of, residuals, totals

VECTORS = Path(__file__).parents[2] / "vectors" / "journal_v1.json"


@cache
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(VECTORS.read_text())
    return loaded


def records() -> list[JournalRecord]:
    return [
        JournalRecord(
            sequence,
            each["time_milliseconds"],
            each["payload"].encode(),
            Hash32(bytes.fromhex(each["hash"])),
        )
        for sequence, each in enumerate(vectors()["records"], 1)
    ]


def keyed(mapping: dict[Any, Any]) -> dict[str, Any]:
    """Return a mapping with its keys as JSON has them; (chain, asset) is chain/asset."""
    return {
        "/".join(map(str, key)) if isinstance(key, tuple) else str(key): (
            keyed(value) if isinstance(value, dict) else value
        )
        for key, value in mapping.items()
    }


def facts_of(state: State) -> dict[str, Any]:
    """Return what the first release wrote down of its state, read off this one's."""
    held = {
        position: {number: list(holding) for number, holding in own.items()}
        for position, own in holdings(state).items()
    }
    return {
        "sequence": state.sequence,
        "head": state.head.hex(),
        "members": [member.hex() for member in state.members],
        "marks": keyed(state.marks),
        "holdings": keyed(held),
        "claims": keyed(claims(state)),
        "claims_total": keyed(totals(state, "claims")),
        "pending": keyed(totals(state, "pending")),
        "held": keyed(totals(state, "held")),
        "residuals": keyed(residuals(state)),
        "filled": {digest.hex(): lots for digest, lots in filled(state).items()},
        "deposits": {
            f"{chain}/{asset}": [
                queue.consumed,
                queue.consumed_hash.hex(),
                [[d.index, d.position, d.quanta, d.hash.hex()] for d in queue.unconsumed],
            ]
            for (chain, asset), queue in state.deposits.items()
        },
        "releases": [release.hex() for release in state.releases],
        "fill_count": state.fill_count,
        "cut_fill_count": state.cut_fill_count,
        "cycle": state.cycle,
        "in_flight": state.in_flight,
        "last_committed": state.last_committed.hex(),
        "leg_hashes": {str(chain): value.hex() for chain, value in state.leg_hashes.items()},
        "outcomes": {key.hex(): s.outcome.name for key, s in state.settlements.items()},
    }


def test_replay_gives_the_same_facts_when_an_earlier_release_wrote_the_journal() -> None:
    state = replay(records())
    expected = dict(vectors()["facts"])
    expected["holdings"] = {p: own for p, own in expected["holdings"].items() if own}
    for name, value in facts_of(state).items():
        assert value == expected[name], name
    assert len(state.batches) == len(expected["batches"])
    assert verify_committed_legs(state) == 3


def test_limits_are_the_same_when_an_earlier_release_recorded_them() -> None:
    state = replay(records())
    expected = vectors()["facts"]["placement_limits"]
    assert str(2**128 - 1) in {maximum for maximum, _ in expected.values()}
    for key, (maximum, nonce) in expected.items():
        member, chain, asset = key.split("/")
        limit = state.find_limit(bytes.fromhex(member), (int(chain), int(asset)))  # type: ignore[arg-type]
        assert limit is not None
        assert (limit.maximum_quanta, limit.nonce) == (int(maximum), nonce)


def test_reports_are_the_same_when_an_earlier_release_wrote_the_journal() -> None:
    def numbers(figures: FillFigures) -> list[list[int]]:
        return [
            [part.gross, part.net, part.gross_legs, part.net_legs]
            for part in (figures.positions, figures.cash, figures.bilateral)
        ]

    reports = [
        [r.cycle, r.fills, numbers(r.figures), keyed(dict(r.crossing)), r.outcome.name]
        for r in cycle_reports(records())
    ]
    assert reports == vectors()["facts"]["reports"]
    assert reports[-1][-1] == Phase.COMMITTED.name


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """A server of this release on that journal."""
    journal = MemoryJournal()
    journal.records += records()
    clearing = Clearing(journal)
    clearing._numbers = 10_000
    yield clearing
    clearing.close()


def first_batches() -> list[FirstBatchRecorded]:
    entries = [decode_any_entry(record.payload) for record in records()]
    return [entry for entry in entries if isinstance(entry, FirstBatchRecorded)]


def test_repeated_batch_gets_its_first_answer_when_an_earlier_release_gave_it(
    clearing: Clearing,
) -> None:
    answers = vectors()["facts"]["batches"]
    for entry in first_batches():
        fills = tuple(Fill(f.buy_order, f.sell_order, f.quantity, f.cash) for f in entry.fills)
        batch = FillBatch(entry.venue, entry.batch_id, fills)
        submit = clearing.sequencer.submit_batch
        receipt = clearing.get(submit(batch, [], entry.signature))
        expected_sequence, expected_reasons = answers[entry.batch_id.hex()]
        assert receipt.sequence == expected_sequence
        assert receipt.reasons == tuple(map(Reason, expected_reasons))
    assert len(clearing.journal.records) == vectors()["facts"]["sequence"]
    other, own = clearing.submit([], entry_orders(), entry.batch_id), entry
    with pytest.raises(Conflict) as caught:
        clearing.get(other)
    assert caught.value.attributes["batch_id"] == own.batch_id.hex()


def entry_orders() -> list[Any]:
    return [signed for _, signed in first_batches()[0].orders]


def test_clearing_goes_on_when_an_earlier_release_wrote_the_journal(clearing: Clearing) -> None:
    assert clearing.trade(ALICE, BOB, 1, 100) is Reason.ADMITTED
    clearing.clock.advance(100)
    clearing.settle()
    assert clearing.read(verify_committed_legs) == 3
    assert clearing.read(residuals) == {}
    expected = clearing.hash()
    clearing.restart()
    assert clearing.hash() == expected


def test_earlier_entries_say_the_same_in_the_words_of_this_release() -> None:
    state, kinds = State(), set()
    for record in records():
        entry = decode_any_entry(record.payload)
        said = current_entries(entry, state.orders.numbers)
        if isinstance(entry, FirstBatchRecorded):
            assert [type(each) for each in said] == [BatchRecorded]
            batch = said[0]
            assert isinstance(batch, BatchRecorded)
            assert reasons_of(batch) == [fill.reason for fill in entry.fills]
            assert batch.columns.quantities.tolist() == [fill.quantity for fill in entry.fills]
        elif isinstance(entry, FirstSettlementProposed):
            assert [type(each) for each in said] == [CycleCut, SettlementProposed]
        else:
            assert said == (entry,)
        kinds.add(type(entry))
        again: list[Entry] = [msgspec.json.decode(encode_entry(e), type=type(e)) for e in said]
        assert again == list(said)
        state = replay([record], state)
    assert {FirstBatchRecorded, FirstSettlementProposed} < kinds
