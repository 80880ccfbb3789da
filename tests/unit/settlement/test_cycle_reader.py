"""``CycleReader``: reading a journal in parts gives what reading it at once gives."""

from __future__ import annotations

from clearinghouse.book.settlements import Phase
from clearinghouse.settlement.reports import CycleReader, cycle_reports
from tests.builders import ALICE, BOB, Clearing


def test_cycle_reader_reports_the_same_when_it_reads_in_parts() -> None:
    clearing = Clearing().start(ALICE, BOB)
    try:
        clearing.trade(ALICE, BOB, 3, 1_000)
        clearing.settle()
        clearing.trade(BOB, ALICE, 2, 1_010)
        clearing.prove(clearing.propose(), Phase.ABORTED)
        clearing.trade(ALICE, BOB, 1, 990)
        clearing.settle()
    finally:
        clearing.close()
    records = clearing.journal.records
    reader = CycleReader()
    for count in range(len(records) + 1):
        reader.follow(clearing.journal.records[reader.next_sequence - 1 : count])
        assert reader.next_sequence == count + 1
        assert list(reader.reports.values()) == cycle_reports(records[:count])
    fills = [report.fills for report in reader.reports.values()]
    assert fills == [1, 1, 2]  # the aborted cycle's fill is cut again


def test_cycle_reader_knows_every_order_when_there_are_more_than_its_first_arrays_hold() -> None:
    clearing = Clearing().start(ALICE, BOB)
    try:
        for _ in range(40):
            clearing.trade(ALICE, BOB, 1, 1_000)
        clearing.trade(BOB, ALICE, 40, 1_000)
        clearing.settle()
    finally:
        clearing.close()
    (report,) = cycle_reports(clearing.journal.records)
    assert report.fills == 41
    assert report.figures.positions.net_legs == 0
