"""The only place that wires everything: a journal, the sequencer, chains, keys and gRPC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from adapters.base import ChainAdapter, Signer
from clearinghouse.api.ports import Ports
from clearinghouse.api.server import build_server
from clearinghouse.api.views import CycleLeg, CycleReport
from clearinghouse.book.entries import Entry, GenesisRecorded
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.reference import Asset, Chain, Genesis, VaultAsset
from clearinghouse.book.state import State
from clearinghouse.clock import SystemClock
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.config import ServerSettings
from clearinghouse.errors import Conflict, Rejected
from clearinghouse.intake.ports import Journal
from clearinghouse.intake.sequencer import Sequencer
from clearinghouse.settlement.coordinator import Coordinator, Schedule
from clearinghouse.settlement.keep_alive import KeepAlive
from clearinghouse.settlement.reports import LegReport, cycle_reports
from clearinghouse.store.journal import open_journal
from devnets.deployment import Deployment, adapters_of, load_deployment


@dataclass(frozen=True)
class Standing:
    """Where the journal and the state stood when the application had stopped."""

    sequence: int
    head: Hash32
    state_hash: Hash32


class Application:
    """A running clearinghouse; a context manager that stops it."""

    def __init__(
        self,
        settings: ServerSettings,
        deployment: Deployment,
        journal: Journal,
        adapters: Mapping[ChainId, ChainAdapter],
        operators: Sequence[Signer],
        resources: ExitStack | None = None,
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """Replay the journal, then serve; ``resources`` are closed last.

        ``on_fatal`` hears of what must stop the process: data that contradicts itself, or a thread
        that cannot go on.

        Raises
        ------
        Corruption
            When the journal contradicts itself.
        Conflict
            ``genesis_mismatch`` when the journal is of another deployment.
        Unavailable
            ``address_in_use``, or what the journal raises.
        """
        self._health: Callable[[bool], None] = lambda writable: None
        with resources or ExitStack() as started:
            self.sequencer = Sequencer(journal, SystemClock(), self._report_writable, on_fatal)
            started.callback(self.sequencer.close)
            self.sequencer.record(lambda state: _genesis_entry(state, deployment)).result()
            schedule = Schedule(
                deployment.prepare_deadline_seconds,
                deployment.decide_by_seconds,
                settings.cycle_seconds,
                settings.poll_seconds,
            )
            self.coordinator = Coordinator(self.sequencer, adapters, operators, schedule, on_fatal)
            ports = Ports(
                self.sequencer, self.sequencer, self.coordinator, JournalCycleReports(journal)
            )
            self.server = build_server(ports, settings.listen, settings.operation_listen)
            self._health = self.server.set_serving
            self.coordinator.start()
            started.callback(self.coordinator.close)
            keep_alive = KeepAlive(adapters, deployment.followed, deployment.trusting_seconds)
            keep_alive.start()
            started.callback(keep_alive.close)
            for adapter in adapters.values():
                started.callback(adapter.close)  # first, so that nobody waits for inclusion
            self.server.start()
            started.callback(self.server.stop)
            self._started = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, finish what was taken, and stop the writer; a second call does nothing."""
        self._started.close()

    def _report_writable(self, writable: bool) -> None:
        """Turn health NOT_SERVING while the journal cannot be written."""
        self._health(writable)

    def standing(self) -> Standing:
        """Return where the state stands; ask after ``close`` for the last word."""
        with self.sequencer.reading() as state:
            return Standing(state.sequence, state.head, state_hash(state))


class JournalCycleReports:
    """Answers questions about cycles from the journal; meets ``api.ports.CycleReports``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def get_cycle(self, cycle: int) -> CycleReport:
        """Return the report of a cycle; ``CYCLE_UNKNOWN`` when it was never cut."""
        for report in cycle_reports(self._journal.read()):
            if report.cycle == cycle:
                return CycleReport(
                    cycle=report.cycle,
                    settlement_id=report.settlement_id,
                    outcome=report.outcome,
                    fills=report.fills,
                    positions=report.figures.positions,
                    cash=report.figures.cash,
                    bilateral=report.figures.bilateral,
                    crossings=report.crossing,
                    legs=tuple(_cycle_leg(leg) for _, leg in sorted(report.legs.items())),
                )
        raise Rejected("CYCLE_UNKNOWN", f"cycle {cycle} was never cut", cycle=cycle)


def _cycle_leg(leg: LegReport) -> CycleLeg:
    return CycleLeg(
        chain_id=leg.chain_id,
        phase=leg.phase,
        prepare_gas=leg.gas.get("prepare"),
        commit_gas=leg.gas.get("commit"),
        abort_gas=leg.gas.get("abort"),
        finalize_gas=leg.gas.get("finalize"),
        update_gas=leg.gas.get("update"),
        proofs_verified=leg.proofs_verified,
    )


def open_application(
    settings: ServerSettings, on_fatal: Callable[[Exception], None] = lambda error: None
) -> Application:
    """Open everything that the settings name and start; see ``Application``."""
    deployment = load_deployment(settings.deployment)
    with ExitStack() as opened:
        journal = open_journal(settings.journal_url)
        opened.callback(journal.close)
        adapters = adapters_of(deployment, deployment.open_relayer())
        operators = deployment.open_operators()
        return Application(
            settings, deployment, journal, adapters, operators, opened.pop_all(), on_fatal
        )


def genesis_of(deployment: Deployment) -> Genesis:
    """Return what a deployment says, as the first entry of its journal."""
    known = {asset.asset_id: asset for asset in deployment.assets}
    return Genesis(
        clearinghouse_id=deployment.clearinghouse_id,
        home_chain_id=deployment.home,
        chains=tuple(
            Chain(
                chain_id=chain.chain_id,
                name=chain.name,
                anchor=chain.configuration.anchor,
                assets=tuple(
                    VaultAsset(
                        asset_id=asset_id,
                        token=token,
                        token_units_per_quantum=chain.configuration.units_per_quantum[asset_id],
                        minimum_deposit_quanta=known[asset_id].minimum_deposit_quanta,
                    )
                    for asset_id, token in sorted(chain.configuration.tokens.items())
                ),
            )
            for chain in deployment.chains
        ),
        assets=tuple(
            Asset(asset.asset_id, asset.symbol, asset.quantum_decimals)
            for asset in deployment.assets
        ),
        operator_set=deployment.operator_set,
        windows=deployment.windows,
        house=deployment.house,
    )


def _genesis_entry(state: State, deployment: Deployment) -> Entry | None:
    genesis = genesis_of(deployment)
    if state.genesis is None:
        return GenesisRecorded(genesis)
    if state.genesis != genesis:
        raise Conflict(
            "genesis_mismatch",
            "this journal is of another deployment; name another with --journal, or move it away",
            journal=state.genesis.clearinghouse_id.hex(),
            deployment=genesis.clearinghouse_id.hex(),
        )
    return None
