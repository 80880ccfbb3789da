"""How long a start takes: replaying a whole journal, taking up a snapshot, failing over.

The journal is honest and holds so many fills. A replay reads, checks the hash chain, decodes and
applies every entry. A start from a snapshot is measured twice: the state alone, and a server
process from its first instruction to its first answer.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearinghouse.book.snapshot import ENCODING, encode_state
from clearinghouse.book.state import State
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.intake.snapshots import restore
from clearinghouse.store.journal import open_journal
from clearinghouse.store.snapshots import SnapshotStore
from tests.benchmarks.children import Child, peak_rss_bytes, prepare
from tests.benchmarks.failover import failover_seconds
from tests.benchmarks.journals import url_of, write_market
from tests.benchmarks.limits import calling, chain_reading_seconds
from tests.benchmarks.market import Market
from tests.benchmarks.result import Limit, Result
from tests.benchmarks.sampling import Sampler


@dataclass(frozen=True)
class Size:
    """What is recovered."""

    fills: int = 10_000_000
    batch_fills: int = 65_536
    members: int = 10_000
    runs: int = 5
    failovers: int = 3
    """0 leaves them out."""
    seed: int = 1


def measure(size: Size = Size(), *, profile: bool = False) -> Result:
    """Return the seconds of a replay without a snapshot; the rest is in the details."""
    prepare()
    market = Market(size.members, size.seed)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        url = url_of(directory)
        write_market(url, market, size.fills, size.batch_fills)
        with open_journal(url, read_only=True) as journal:
            sampler = Sampler() if profile else None
            if sampler is not None:
                sampler.start()
            runs, state = _timed(lambda: restore(journal.read), size.runs)
            sampled = [] if sampler is None else sampler.stop()
            entries = state.sequence
        assert state.fill_count == size.fills
        limit = statistics.median(chain_reading_seconds(url) for _ in range(3))
        details = {
            "fills": size.fills,
            "entries": entries,
            "members": size.members,
            "journal_bytes": sum(path.stat().st_size for path in directory.iterdir()),
            **_from_snapshot(url, state, size.runs),
        }
    rss_bytes = peak_rss_bytes()
    if size.failovers:
        seconds = failover_seconds(size.failovers, size.seed)
        details["failover_seconds"] = seconds
        details["failover_median_seconds"] = statistics.median(seconds)
    return Result(
        name="recovery",
        unit="s",
        runs=runs,
        latencies=runs,
        percentiles_of="seconds of the runs",
        rss_bytes=rss_bytes,
        limit=Limit("reading the journal and checking its hash chain alone", limit),
        seed=size.seed,
        details=details,
        profile=sampled,
    )


def _from_snapshot(url: str, state: State, runs: int) -> dict[str, Any]:
    payload = encode_state(state)
    with open_journal(url) as journal:
        snapshots = SnapshotStore(journal.database, ENCODING)
        snapshots.save(state.sequence, state.head, keccak256(payload), payload)
        seconds, again = _timed(lambda: restore(journal.read, snapshots), runs)
        assert encode_state(again) == payload, "the snapshot is of another state"
    return {
        "snapshot_bytes": len(payload),
        "snapshot_runs": seconds,
        "snapshot_seconds": statistics.median(seconds),
        "server_start_seconds": statistics.median(_server_start(url) for _ in range(runs)),
    }


def _server_start(url: str) -> float:
    """Return the seconds until a new process answers, the interpreter's start included."""
    started = time.perf_counter()
    with Child("tests.benchmarks.server", url) as server:
        with calling(server.target) as call:
            call()
        seconds = time.perf_counter() - started
        server.end()
    return seconds


def _timed(act: Callable[[], State], runs: int) -> tuple[list[float], State]:
    """Return the seconds of every run and the last state; one at a time is in memory."""
    seconds = []
    state = State()
    for _ in range(runs):
        del state
        gc.collect()
        started = time.perf_counter()
        state = act()
        seconds.append(time.perf_counter() - started)
    return seconds, state
