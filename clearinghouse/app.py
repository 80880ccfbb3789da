"""The only place that wires everything: a journal, the sequencer, chains, keys and gRPC."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from adapters.auditing import RollupAuditor
from adapters.base import ChainAdapter, Signer
from clearinghouse.api.ports import Ports
from clearinghouse.api.server import build_server
from clearinghouse.api.views import CycleLeg, CycleReport
from clearinghouse.book.entries import Entry, GenesisRecorded
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.reference import Asset, Chain, Genesis, VaultAsset
from clearinghouse.book.snapshot import ENCODING
from clearinghouse.book.state import State
from clearinghouse.clock import SystemClock
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.config import ServerSettings
from clearinghouse.errors import Conflict, Rejected
from clearinghouse.intake.ports import Journal
from clearinghouse.intake.replay import replay
from clearinghouse.intake.replica import Replica
from clearinghouse.intake.sequencer import Sequencer
from clearinghouse.intake.snapshots import (
    Snapshots,
    SnapshotTaker,
    find_snapshot_state,
    restore,
)
from clearinghouse.metrics import MetricsServer, render_metrics
from clearinghouse.settlement.coordinator import Coordinator, Schedule
from clearinghouse.settlement.keep_alive import KeepAlive
from clearinghouse.settlement.reports import CycleReader, LegReport
from clearinghouse.settlement.rollup_audit import RollupAudits
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.snapshots import SnapshotStore
from clearinghouse.store.standby import follow_records, records_until_leading
from devnets.auditors import auditors_of
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
        auditors: Sequence[RollupAuditor] = (),
        snapshots: Snapshots | None = None,
        state: State | None = None,
    ) -> None:
        """Replay the journal, then serve; ``resources`` are closed last.

        ``state`` is the journal's where it is replayed already.

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
            self.sequencer = Sequencer(
                journal, SystemClock(), self._report_writable, on_fatal, snapshots, state
            )
            if snapshots is not None:
                taker = SnapshotTaker(self.sequencer.reading, snapshots)
                taker.start()
                started.callback(taker.close)
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
            trusting_seconds = deployment.trusting_seconds
            keep_alive = KeepAlive(
                adapters, deployment.followed, trusting_seconds, on_fatal=on_fatal
            )
            audits = RollupAudits(auditors, on_fatal=on_fatal)
            for work in (keep_alive, audits):
                work.start()
                started.callback(work.close)
            if settings.metrics_listen:
                metrics = MetricsServer(
                    settings.metrics_listen,
                    lambda: render_metrics(keep_alive.ages, trusting_seconds, audits.standings),
                )
                started.callback(metrics.close)
                metrics.start()
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
        return _standing_of(self.sequencer.reading)


def _standing_of(reading: Callable[[], AbstractContextManager[State]]) -> Standing:
    with reading() as state:
        return Standing(state.sequence, state.head, state_hash(state))


class JournalCycleReports:
    """Answers questions about cycles from the journal; meets ``api.ports.CycleReports``.

    The first question reads the whole journal, each later one only what has been added.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = CycleReader()
        self._reading = threading.Lock()

    def get_cycle(self, cycle: int) -> CycleReport:
        """Return the report of a cycle; ``CYCLE_UNKNOWN`` when it was never cut."""
        with self._reading:
            self._reader.follow(self._journal.read(self._reader.next_sequence))
            for report in self._reader.reports.values():
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


class ReplicaApplication:
    """A server that follows another's journal and answers questions; a context manager."""

    def __init__(
        self,
        settings: ServerSettings,
        journal: SqlJournal,
        snapshots: Snapshots,
        resources: ExitStack | None = None,
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """Read what is there, then serve; raises as ``Application``."""
        with resources or ExitStack() as started:
            self.replica = Replica(
                lambda first, stop: follow_records(journal, stop, first),
                restore(journal.read, snapshots),
                on_fatal,
            )
            ports = Ports(self.replica, self.replica, self.replica, JournalCycleReports(journal))
            self.server = build_server(ports, settings.listen, settings.operation_listen)
            self.replica.start()
            started.callback(self.replica.close)
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
        """Stop serving and following."""
        self._started.close()

    def standing(self) -> Standing:
        """Return how far the replica has read."""
        return _standing_of(self.replica.reading)


def open_application(
    settings: ServerSettings,
    on_fatal: Callable[[Exception], None] = lambda error: None,
    stop: threading.Event | None = None,
) -> Application | ReplicaApplication | None:
    """Open everything that the settings name and start; see ``Application``.

    Where another process leads the journal, which only PostgreSQL allows, this one stands by: it
    follows the journal and returns when it has taken over, or None when ``stop`` was set before.
    """
    stop = stop or threading.Event()
    deployment = load_deployment(settings.deployment)
    with ExitStack() as opened:
        journal = open_journal(settings.journal_url, read_only=settings.read_only, lead=False)
        opened.callback(journal.close)
        snapshots = SnapshotStore(journal.database, ENCODING)
        if settings.read_only:
            return ReplicaApplication(settings, journal, snapshots, opened.pop_all(), on_fatal)
        journal.leadership.on_lost = on_fatal
        state = find_snapshot_state(snapshots)
        first = state.sequence + 1 if state else 1
        state = replay(records_until_leading(journal, stop, first), state)
        if stop.is_set():
            return None
        adapters = adapters_of(deployment, deployment.open_relayer())
        operators = deployment.open_operators()
        auditors = auditors_of(deployment, adapters)
        return Application(
            settings,
            deployment,
            journal,
            adapters,
            operators,
            opened.pop_all(),
            on_fatal,
            auditors,
            snapshots,
            state,
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
