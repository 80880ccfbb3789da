"""Cycle reports, read off the journal alone: what netting saved and what the legs cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from clearinghouse.book.earlier_entries import current_entries, decode_any_entry
from clearinghouse.book.entries import (
    BatchRecorded,
    Entry,
    GenesisRecorded,
    InstrumentListed,
    JournalRecord,
    MandatedOrdersRecorded,
    OrdersRecorded,
    PhaseProven,
    RecordedOrder,
    SettlementProposed,
    TransactionIncluded,
)
from clearinghouse.book.growth import grown
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId
from clearinghouse.book.novation import ADMITTED
from clearinghouse.book.orders import Order
from clearinghouse.book.settlements import Phase
from clearinghouse.netting.fill_figures import FillTable, figures_of_columns
from clearinghouse.netting.metrics import FillFigures

_NO_FILLS = FillTable(*(np.zeros(0, np.int64) for _ in FillTable._fields))


@dataclass
class LegReport:
    """One chain's part of a cycle."""

    chain_id: ChainId
    phase: Phase = Phase.NONE
    """As last proven."""
    gas: dict[str, int] = field(default_factory=dict)
    """By prepare, commit, abort, finalize and update; absent where nothing ran from here."""
    proofs_verified: int = 0
    """Counter-proofs that the anchor verified."""


@dataclass
class CycleReport:
    """One cycle: the fills since the last committed cut, and the settlement of their nets."""

    cycle: int
    settlement_id: Hash32
    fills: int
    figures: FillFigures
    crossing: dict[AssetId, int]
    """Quanta that separate clearinghouses, one per chain, would have to bridge."""
    legs: dict[ChainId, LegReport]
    outcome: Phase = Phase.NONE
    """Home's proven decision; NONE while it is open."""


def cycle_reports(records: Iterable[JournalRecord]) -> list[CycleReport]:
    """Return a report per cut, in order. An aborted cycle's fills stand in the next one again."""
    reader = CycleReader()
    reader.follow(records)
    return list(reader.reports.values())


class CycleReader:
    """Reads a journal once and goes on where it stopped; for one thread at a time."""

    def __init__(self) -> None:
        self.reports: dict[Hash32, CycleReport] = {}
        """By settlement, in the order of the cuts."""
        self.next_sequence = 1
        """Of the record that ``follow`` goes on with."""
        self._home = ChainId(0)
        self._instruments: dict[InstrumentId, int] = {}
        """Their numbers, in the order of listing."""
        self._quotes: list[AssetId] = []
        self._numbers: dict[Hash32, int] = {}
        self._members: dict[Address, int] = {}
        self._owners = np.zeros(0, np.int64)
        """Of every order, by its number: the member's number. It grows ahead of the orders."""
        self._listed = np.zeros(0, np.int64)
        """Of every order, likewise: the instrument's number."""
        self._fills: list[tuple[int, FillTable]] = []
        """Admitted fills by the sequence of their batch."""
        self._cuts: dict[Hash32, int] = {}
        self._deadlines: dict[Hash32, int] = {}

    def follow(self, records: Iterable[JournalRecord]) -> None:
        """Read on, from ``next_sequence``."""
        for record in records:
            for current in current_entries(decode_any_entry(record.payload), self._numbers):
                self._take(record.sequence, current)
            self.next_sequence = record.sequence + 1

    def _take(self, sequence: int, entry: Entry) -> None:
        match entry:
            case GenesisRecorded():
                self._home = entry.genesis.home_chain_id
            case InstrumentListed():
                self._instruments[entry.instrument.instrument_id] = len(self._instruments)
                self._quotes.append(entry.instrument.quote_asset)
            case OrdersRecorded():
                self._take_orders(entry.orders)
            case MandatedOrdersRecorded():
                self._take_mandated(entry)
            case BatchRecorded():
                self._take_orders(entry.orders)
                self._take_batch(sequence, entry)
            case SettlementProposed():
                self._take_proposal(entry)
            case PhaseProven():
                report = self.reports[entry.settlement_id]
                report.legs[entry.chain_id].phase = entry.phase
                if entry.chain_id == self._home:
                    self._follow_home(report, entry)
            case TransactionIncluded():
                leg = self.reports[entry.settlement_id].legs[entry.chain_id]
                action = entry.action.split("_")[0]
                leg.gas[action] = leg.gas.get(action, 0) + entry.gas_used
                leg.proofs_verified += entry.proofs_verified

    def _take_orders(self, orders: Iterable[RecordedOrder]) -> None:
        for recorded in orders:
            self._take_order(recorded.digest, recorded.signed.order)

    def _take_mandated(self, entry: MandatedOrdersRecorded) -> None:
        for index, order in enumerate(entry.orders.orders()):
            if entry.reasons[index] == ADMITTED:
                self._take_order(Hash32(entry.digests[32 * index : 32 * index + 32]), order)

    def _take_order(self, digest: Hash32, order: Order) -> None:
        if digest not in self._numbers:
            number = self._numbers[digest] = len(self._numbers)
            self._owners = grown(self._owners, number + 1)
            self._listed = grown(self._listed, number + 1)
            self._owners[number] = self._members.setdefault(order.member, len(self._members))
            self._listed[number] = self._instruments[order.instrument]

    def _take_batch(self, sequence: int, entry: BatchRecorded) -> None:
        fills = entry.columns
        admitted = fills.reasons == ADMITTED
        if not admitted.any():
            return
        buys, sells = fills.buys[admitted], fills.sells[admitted]
        table = FillTable(
            self._owners[buys],
            self._owners[sells],
            self._listed[buys],
            fills.quantities[admitted].astype(np.int64),
            fills.cash[admitted].astype(np.int64),
        )
        self._fills.append((sequence, table))

    def _take_proposal(self, entry: SettlementProposed) -> None:
        settlement = entry.settlement
        cut = [fills for sequence, fills in self._fills if sequence <= settlement.journal_count]
        fills = FillTable(*(np.concatenate(column) for column in zip(_NO_FILLS, *cut, strict=True)))
        marks = np.zeros(len(self._instruments), np.int64)
        for mark in entry.marks:
            marks[self._instruments[mark.instrument_id]] = mark.mark
        self._cuts[entry.settlement_id] = settlement.journal_count
        self._deadlines[entry.settlement_id] = settlement.prepare_deadline
        self.reports[entry.settlement_id] = CycleReport(
            cycle=settlement.cycle,
            settlement_id=entry.settlement_id,
            fills=len(fills.cash),
            figures=figures_of_columns(fills, np.array(self._quotes, np.int64), marks),
            crossing={crossing.asset_id: crossing.quanta for crossing in entry.crossings},
            legs={leg.chain_id: LegReport(leg.chain_id) for leg in entry.legs},
        )

    def _follow_home(self, report: CycleReport, entry: PhaseProven) -> None:
        if entry.phase is Phase.NONE and entry.timestamp > self._deadlines[report.settlement_id]:
            report.outcome = Phase.ABORTED  # home never can prepare it any more
        if entry.phase in (Phase.NONE, Phase.PREPARED):
            return
        if report.outcome is Phase.NONE and entry.phase is not Phase.ABORTED:
            cut = self._cuts[report.settlement_id]
            self._fills = [(sequence, fill) for sequence, fill in self._fills if sequence > cut]
        report.outcome = entry.phase
