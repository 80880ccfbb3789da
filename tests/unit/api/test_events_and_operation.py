"""Goal: cycles, events and the operator's calls arrive as they are recorded."""

from __future__ import annotations

import pytest

from clearinghouse.api.views import (
    CycleLeg,
    CycleReport,
    SettlementEvent,
)
from clearinghouse.book.entries import PhaseProven, SettlementProposed, SettlementSigned
from clearinghouse.book.identifiers import Hash32, InstrumentId
from clearinghouse.book.reference import Instrument
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import Conflict, Rejected, Unavailable
from clearinghouse.netting.metrics import NettingFigures
from tests.builders import (
    ALICE,
    BOB,
    CLEARINGHOUSE_ID,
    DAVE,
    HOME,
    USD,
    WAIT_SECONDS,
    Clearing,
)
from tests.unit.api.serving import FakeReports, Served, serving


def test_cycle_report_arrives_with_absent_gas_absent() -> None:
    figures = NettingFigures(2**70, 2**65, 10, 3)
    report = CycleReport(
        cycle=1,
        settlement_id=Hash32(b"\x01" * 32),
        outcome=Phase.COMMITTED,
        fills=5,
        positions=figures,
        cash=figures,
        bilateral=figures,
        crossings={USD: 17},
        legs=(CycleLeg(HOME, Phase.COMMITTED, prepare_gas=0, commit_gas=5, proofs_verified=2),),
    )
    reports = FakeReports()
    reports.reports[1] = report
    with serving(reports=reports) as served:
        assert served.client.get_cycle(1) == report
        with pytest.raises(Rejected) as refused:
            served.client.get_cycle(2)
    assert refused.value.reason == "CYCLE_UNKNOWN"


def test_events_are_streamed_from_a_sequence_on_and_as_they_come(
    clearing: Clearing, served: Served
) -> None:
    first = clearing.settle()
    sequence = clearing.read(lambda state: state.sequence)
    expected = [
        SettlementEvent(record.sequence, record.time_milliseconds, entry)
        for record, entry in zip(clearing.journal.records, clearing.journal.entries(), strict=True)
        if isinstance(entry, SettlementProposed | SettlementSigned | PhaseProven)
    ]
    assert [type(event.entry).__name__ for event in expected] == ["SettlementProposed"] + [
        "PhaseProven"
    ] * 3
    stream = served.client.stream_settlement_events()
    events = iter(stream)
    assert [next(events) for _ in range(4)] == expected
    clearing.trade(ALICE, BOB, 1, 100)
    second = clearing.propose()
    live = next(events)
    assert live.entry == second
    assert live.sequence == sequence + 3, "after the batch and the cut"
    stream.cancel()
    assert list(events) == []
    later = iter(served.client.stream_settlement_events(live.sequence))
    assert next(later) == live
    assert first.settlement_id != second.settlement_id


def test_events_end_with_a_reason_when_the_server_stops() -> None:
    with serving() as served:
        stream = served.client.stream_settlement_events()
        assert served.ports.journal_tail.following.wait(WAIT_SECONDS)  # type: ignore[attr-defined]
        served.server.stop(grace_seconds=WAIT_SECONDS)
        with pytest.raises(Unavailable) as ended:
            list(stream)
    assert ended.value.reason == "shutting_down"


def test_events_release_the_server_when_the_client_cancels() -> None:
    with serving() as served:
        tail = served.ports.journal_tail
        stream = served.client.stream_settlement_events()
        assert tail.following.wait(WAIT_SECONDS)  # type: ignore[attr-defined]
        stream.cancel()
        assert list(stream) == []
        assert tail.stopped.wait(WAIT_SECONDS)  # type: ignore[attr-defined]


def test_operator_sees_how_far_things_have_come(clearing: Clearing, served: Served) -> None:
    clearing.trade(ALICE, BOB, 1, 100)
    proposal = clearing.settle()
    clearing.trade(ALICE, BOB, 1, 100)
    clearing.trade(ALICE, BOB, 1, 100)
    status = served.operation.get_status()
    assert (status.sequence, status.journal_head) == clearing.journal.head()
    assert (status.cycle, status.fills, status.fills_since_cut) == (1, 3, 2)
    assert (status.in_flight, status.last_committed) == (None, proposal.settlement_id)
    assert (status.members, status.instruments, status.halted) == (3, 3, "")
    assert status.clearinghouse_id == CLEARINGHOUSE_ID
    second = clearing.propose()
    assert served.operation.get_status().in_flight == second.settlement_id


def test_operator_lists_registers_and_cuts(clearing: Clearing, served: Served) -> None:
    instrument = Instrument(InstrumentId(50), "SOL-PERP", USD, -2, 200_000)
    sequence = served.operation.create_instrument(instrument)
    assert clearing.read(lambda state: state.sequence) == sequence
    assert instrument in served.client.list_instruments()
    with pytest.raises(Conflict) as refused:
        served.operation.create_instrument(Instrument(InstrumentId(50), "SOL", USD, -2, 200_000))
    assert refused.value.reason == "INSTRUMENT_CONFLICT"
    assert served.operation.register_venue(DAVE.address, "Dave's") == sequence + 1
    assert clearing.read(lambda state: state.venues[DAVE.address]) == "Dave's"
    assert served.operation.cut_cycle() == 7
    with pytest.raises(Conflict) as refused:
        served.operation.cut_cycle()
    assert refused.value.reason == "settlement_in_flight"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\x1b[2Jb"])
def test_venue_is_refused_when_its_name_would_spoil_a_table(served: Served, name: str) -> None:
    with pytest.raises(Rejected) as refused:
        served.operation.register_venue(DAVE.address, name)
    assert refused.value.reason == "MALFORMED"
