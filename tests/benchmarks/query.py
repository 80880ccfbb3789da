"""What a question costs at size: a member's account, the branch of a claim, a cycle's report.

The server holds so many members with a claim on every vault, and has committed a cycle of so many
fills. Questions are asked one at a time, about members drawn at random; the first question about a
leg builds its tree, the following ones find it.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.book.entries import Entry
from tests.benchmarks.children import Child, peak_rss_bytes, prepare
from tests.benchmarks.journals import url_of, write_state
from tests.benchmarks.limits import calling
from tests.benchmarks.market import (
    ASSETS,
    CHAINS,
    Market,
    batch_entries,
    dense_state,
    order_entries,
    probe_entry,
)
from tests.benchmarks.result import MILLISECONDS, Limit, Result, percentile, summary_of


@dataclass(frozen=True)
class Size:
    """What is asked about."""

    members: int = 100_000
    fills: int = 1_000_000
    batch_fills: int = 65_536
    questions: int = 500
    """Of each kind, per run."""
    reports: int = 5
    """Questions about the cycle, in all."""
    runs: int = 5
    seed: int = 1


def measure(size: Size = Size(), *, profile: bool = False) -> Result:
    """Return the milliseconds of a question about a member; the others are in the details."""
    prepare()
    market = Market(size.members, size.seed)
    with tempfile.TemporaryDirectory() as name:
        url = url_of(Path(name))
        _write(url, market, size)
        flags = ["--outcome", "committed", *(["--profile"] if profile else [])]
        with Child("tests.benchmarks.server", url, *flags) as server:
            members, others = _ask(server, market, size)
            with calling(server.target) as call:
                trips = [call() for _ in range(size.questions)]
            end = server.end()
    every = [each for run in members for each in run]
    return Result(
        name="query",
        unit="ms",
        runs=[MILLISECONDS * percentile(run, 50) for run in members],
        latencies=[MILLISECONDS * each for each in every],
        percentiles_of="milliseconds of a question about one member",
        rss_bytes=end["rss_bytes"] + peak_rss_bytes(),
        limit=Limit("one empty gRPC call", MILLISECONDS * percentile(trips, 50)),
        seed=size.seed,
        details={
            "members": size.members,
            "fills": size.fills,
            "questions": len(every),
            "server_rss_bytes": end["rss_bytes"],
            **others,
        },
        profile=end["profile"],
    )


def _write(url: str, market: Market, size: Size) -> None:
    """Write the state, and a journal with the entries that a cycle's report is read from."""
    addresses = market.addresses
    entries: Iterator[Entry] = itertools.chain(
        order_entries(market, addresses),
        [probe_entry(market, addresses)],
        batch_entries(market, size.fills, size.batch_fills),
    )
    write_state(url, dense_state(market, size.fills), entries)


def _ask(server: Child, market: Market, size: Size) -> tuple[list[list[float]], dict[str, Any]]:
    """Return the seconds of questions about members, by run, and figures of the others."""
    random = np.random.default_rng([size.seed, 2])
    with (
        ClearinghouseClient(server.target) as client,
        OperationClient(f"127.0.0.1:{server.said['operation_port']}") as operation,
    ):
        cycle = operation.cut_cycle()

        def ask_member() -> float:
            member = market.addresses[random.integers(market.members)]
            return _seconds(lambda: client.get_member(member))

        def ask_branch() -> float:
            member = market.addresses[random.integers(market.members)]
            chain, asset = CHAINS[random.integers(len(CHAINS))], ASSETS[0]
            return _seconds(lambda: client.get_claim_branch(member, chain, asset))

        def ask_report() -> float:
            return _seconds(lambda: _check_report(client.get_cycle(cycle).fills, size.fills))

        members = [[ask_member() for _ in range(size.questions)] for _ in range(size.runs)]
        first = [
            _seconds(lambda chain=chain: client.get_claim_branch(  # type: ignore[misc]
                market.addresses[0], chain, ASSETS[0]
            ))
            for chain in CHAINS
        ]  # fmt: skip
        branches = [ask_branch() for _ in range(size.runs * size.questions)]
        reports = [ask_report() for _ in range(size.reports)]
    return members, {
        "claim_branch_ms": summary_of(branches),
        "first_claim_branch_ms": MILLISECONDS * statistics.median(first),
        "cycle_report_ms": summary_of(reports),
    }


def _check_report(reported: int, fills: int) -> None:
    assert reported == fills, f"the report has {reported} fills"


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
