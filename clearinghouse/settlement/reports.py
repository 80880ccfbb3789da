"""Cycle reports, read off the journal alone: what netting saved and what the legs cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from clearinghouse.book.entries import (
    BatchRecorded,
    GenesisRecorded,
    InstrumentListed,
    JournalRecord,
    PhaseProven,
    SettlementProposed,
    TransactionIncluded,
    decode_entry,
)
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId
from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.netting.metrics import NO_FILLS, FillFigures, figures_of_fills

NettedFill = tuple[Address, Address, InstrumentId, int, int]
"""(buyer, seller, instrument, quantity in lots, cash in quanta)."""


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
    reader = _Reader()
    for record in records:
        reader.take(record.sequence, decode_entry(record.payload))
    return list(reader.reports.values())


class _Reader:
    def __init__(self) -> None:
        self.reports: dict[Hash32, CycleReport] = {}
        self._home = ChainId(0)
        self._quotes: dict[InstrumentId, AssetId] = {}
        self._orders: dict[Hash32, tuple[Address, InstrumentId]] = {}
        self._fills: list[tuple[int, NettedFill]] = []
        self._cuts: dict[Hash32, int] = {}
        self._deadlines: dict[Hash32, int] = {}

    def take(self, sequence: int, entry: object) -> None:
        match entry:
            case GenesisRecorded():
                self._home = entry.genesis.home_chain_id
            case InstrumentListed():
                instrument = entry.instrument
                self._quotes[instrument.instrument_id] = instrument.quote_asset
            case BatchRecorded():
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

    def _take_batch(self, sequence: int, entry: BatchRecorded) -> None:
        for digest, signed in entry.orders:
            self._orders[digest] = (signed.order.member, signed.order.instrument)
        for fill in entry.fills:
            if fill.reason is Reason.ADMITTED:
                buyer, instrument = self._orders[fill.buy_order]
                seller, _ = self._orders[fill.sell_order]
                netted = (buyer, seller, instrument, fill.quantity, fill.cash)
                self._fills.append((sequence, netted))

    def _take_proposal(self, entry: SettlementProposed) -> None:
        settlement = entry.settlement
        fills = [fill for _, fill in self._fills]
        self._cuts[entry.settlement_id] = settlement.journal_count
        self._deadlines[entry.settlement_id] = settlement.prepare_deadline
        self.reports[entry.settlement_id] = CycleReport(
            cycle=settlement.cycle,
            settlement_id=entry.settlement_id,
            fills=len(fills),
            figures=self._figures(fills, {mark.instrument_id: mark.mark for mark in entry.marks}),
            crossing={crossing.asset_id: crossing.quanta for crossing in entry.crossings},
            legs={leg.chain_id: LegReport(leg.chain_id) for leg in entry.legs},
        )

    def _figures(self, fills: list[NettedFill], marks: dict[InstrumentId, int]) -> FillFigures:
        """Net each quote asset for itself; worths of different assets are added as they are."""
        total = NO_FILLS
        for asset in sorted(set(self._quotes.values())):
            total += figures_of_fills(
                (fill for fill in fills if self._quotes[fill[2]] == asset), marks
            )
        return total

    def _follow_home(self, report: CycleReport, entry: PhaseProven) -> None:
        if entry.phase is Phase.NONE and entry.timestamp > self._deadlines[report.settlement_id]:
            report.outcome = Phase.ABORTED  # home never can prepare it any more
        if entry.phase in (Phase.NONE, Phase.PREPARED):
            return
        if report.outcome is Phase.NONE and entry.phase is not Phase.ABORTED:
            cut = self._cuts[report.settlement_id]
            self._fills = [(sequence, fill) for sequence, fill in self._fills if sequence > cut]
        report.outcome = entry.phase
