"""A clearinghouse without chains in a process of its own: the API, the sequencer and a journal.

``python -m tests.benchmarks.server URL`` serves a journal until its standard input ends, as soon as
nobody else writes it. It is wired as ``clearinghouse.app`` wires it, except that settlements which
are cut are answered at once, by entries that chains would have proven.
"""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import ExitStack
from typing import Any, cast

from clearinghouse.api.ports import Ports
from clearinghouse.api.server import build_server
from clearinghouse.app import JournalCycleReports
from clearinghouse.book.entries import PhaseProven
from clearinghouse.book.identifiers import ZERO_HASH, ChainId
from clearinghouse.book.settlements import Phase
from clearinghouse.book.snapshot import ENCODING
from clearinghouse.clock import SystemClock
from clearinghouse.intake.replay import replay
from clearinghouse.intake.sequencer import Sequencer
from clearinghouse.intake.snapshots import SnapshotTaker, find_snapshot_state
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.settlement.coordinator import Coordinator, Schedule
from clearinghouse.store.journal import SqlJournal
from clearinghouse.store.opening import open_database
from clearinghouse.store.snapshots import SnapshotStore
from clearinghouse.store.standby import records_until_leading
from tests.benchmarks.children import (
    peak_rss_bytes,
    prepare,
    report,
    wait_for_end,
)
from tests.benchmarks.market import CHAINS
from tests.benchmarks.sampling import Sampler

LOOPBACK = "127.0.0.1:0"


class _Home:
    """As much of an adapter as a cut looks at: a chain whose time passes."""

    def __init__(self, chain_id: ChainId) -> None:
        self.chain_id = chain_id

    def find_finalised_header(self) -> VerifiedHeader:
        return VerifiedHeader(self.chain_id, 1, ZERO_HASH, ZERO_HASH, self.hint_time())

    def hint_time(self) -> int:
        return int(time.time())


class SettledAtOnce:
    """Cuts as the coordinator does; then every chain answers, home first."""

    def __init__(self, sequencer: Sequencer, outcome: Phase) -> None:
        home = cast(Any, _Home(CHAINS[0]))
        self._sequencer = sequencer
        self._outcome = outcome
        self._coordinator = Coordinator(sequencer, {CHAINS[0]: home}, [], Schedule(600, 900, 0, 1))

    def request_cut(self) -> int:
        """Cut a cycle and have it committed or aborted on every chain."""
        cycle = self._coordinator.request_cut()
        with self._sequencer.reading() as state:
            settlement_id = state.in_flight
        assert settlement_id is not None
        for height, chain in enumerate(CHAINS, start=1):
            proven = PhaseProven(
                settlement_id, chain, self._outcome, height, ZERO_HASH, int(time.time())
            )
            self._sequencer.record(lambda state, proven=proven: proven).result()  # type: ignore[misc]
        return cycle

    def close(self) -> None:
        """Stop the coordinator's threads."""
        self._coordinator.close()


def main() -> None:
    """Serve until standard input ends; see ``tests.benchmarks.children`` for what is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--outcome", choices=("committed", "aborted"), default="aborted")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    prepare()
    sampler = Sampler() if arguments.profile else None
    with ExitStack() as started:
        sequencer = _start(started, arguments.url, Phase[arguments.outcome.upper()])
        if sampler is not None:
            sampler.start()
        started_at = time.process_time()
        wait_for_end()
        cpu_seconds = time.process_time() - started_at
        profile = [] if sampler is None else sampler.stop()
    with sequencer.reading() as state:
        standing = {"fills": state.fill_count, "orders": len(state.orders)}
    report({"profile": profile, "cpu_seconds": cpu_seconds, **standing})
    report({"rss_bytes": peak_rss_bytes()})


def _start(started: ExitStack, url: str, outcome: Phase) -> Sequencer:
    """Follow the journal until it may be written, then serve."""
    journal = started.enter_context(SqlJournal(open_database(url)))
    report({"follows": url})
    snapshots = SnapshotStore(journal.database, ENCODING)
    state = find_snapshot_state(snapshots)
    first_sequence = 1 if state is None else state.sequence + 1
    state = replay(records_until_leading(journal, threading.Event(), first_sequence), state)
    sequencer = Sequencer(journal, SystemClock(), snapshots=snapshots, state=state)
    taker = SnapshotTaker(sequencer.reading, snapshots)
    taker.start()
    started.callback(taker.close)
    started.callback(sequencer.close)
    coordinator = SettledAtOnce(sequencer, outcome)
    started.callback(coordinator.close)
    ports = Ports(sequencer, sequencer, coordinator, JournalCycleReports(journal))
    server = build_server(ports, LOOPBACK, LOOPBACK)
    server.start()
    started.callback(server.stop)
    report({"port": server.port, "operation_port": server.operation_port})
    return sequencer


if __name__ == "__main__":
    main()
