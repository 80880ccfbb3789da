"""How long one fill waits for its durable answer: idle, at half of the maximum load, during a cut.

One client sends one signed fill at a time (``SubmitColumns``). The load comes from another process
and another venue, at half of the rate that the server answers when it is sent as much as it takes.
The cut is of a cycle at size, in which every member has a claim on every vault.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.book.novation import ADMITTED
from tests.benchmarks.children import Child, peak_rss_bytes, prepare
from tests.benchmarks.journals import url_of, write_market, write_state
from tests.benchmarks.limits import calling, committing
from tests.benchmarks.market import Market, build_columns, dense_state, sign_columns
from tests.benchmarks.result import MILLISECONDS, Limit, Result, percentile, summary_of
from tests.builders import OTHER_VENUE

_TURN_FILLS = 20
_ENTRY_BYTES = 512
"""About what the journal keeps of a batch of one fill."""


@dataclass(frozen=True)
class Size:
    """What is sent, and what is cut."""

    fills: int = 400
    """Single fills per run, and under load."""
    members: int = 10_000
    load_seconds: float = 4.0
    """For which the maximum load is looked for, and half of it kept up."""
    cut_members: int = 100_000
    cut_fills: int = 1_000_000
    runs: int = 5
    """Of the idle server, and cuts."""
    seed: int = 1


class Probe:
    """Sends one fill after the other."""

    def __init__(self, client: ClearinghouseClient, market: Market, first: int = 1) -> None:
        """``first`` numbers the first batch; a number sent twice is answered, not repeated."""
        self._client = client
        self._fill = market.probe
        self._sent = first - 1

    def send(self) -> float:
        """Send a fill; return the seconds until its answer."""
        self._sent += 1
        columns = build_columns(self._fill, self._sent, OTHER_VENUE.address, b"probe")
        signature = sign_columns(columns, OTHER_VENUE.key)
        started = time.perf_counter()
        receipt = self._client.submit_columns(columns, signature)
        seconds = time.perf_counter() - started
        assert receipt.reasons == bytes([ADMITTED])
        return seconds

    def send_until(self, ended: Callable[[], bool], at_least: int = 1) -> list[float]:
        """Send until the condition holds."""
        seconds: list[float] = []
        while len(seconds) < at_least or not ended():
            seconds.append(self.send())
        return seconds


def measure(size: Size = Size(), *, profile: bool = False) -> Result:
    """Return the idle latency; the two others are in the details."""
    prepare()
    with tempfile.TemporaryDirectory() as name:
        idle, commits, trips, loaded, end = _without_cut(Path(name), size, profile)
        cut = _during_cut(Path(name), size)
    every = [each for run in idle for each in run]
    limit = percentile(commits, 50) + percentile(trips, 50)
    return Result(
        name="acknowledge",
        unit="ms",
        runs=[MILLISECONDS * percentile(run, 50) for run in idle],
        latencies=[MILLISECONDS * each for each in every],
        percentiles_of="milliseconds to the durable answer to one fill, idle server",
        rss_bytes=end["rss_bytes"] + peak_rss_bytes(),
        limit=Limit("one empty gRPC call and one durable SQLite commit", MILLISECONDS * limit),
        seed=size.seed,
        details={
            "fills": len(every),
            "commit_ms": summary_of(commits),
            "empty_call_ms": summary_of(trips),
            **loaded,
            **cut,
        },
        profile=end["profile"],
    )


def _without_cut(
    directory: Path, size: Size, profile: bool
) -> tuple[list[list[float]], list[float], list[float], dict[str, Any], dict[str, Any]]:
    """Return idle runs, commits, empty calls, the figures under load, and the server's words."""
    market = Market(size.members, size.seed)
    write_market(url_of(directory), market)
    flags = ["--profile"] if profile else []
    arguments = ["--members", size.members, "--seed", size.seed, "--rate"]
    with (
        Child("tests.benchmarks.server", url_of(directory), *flags) as server,
        ClearinghouseClient(server.target) as client,
    ):
        probe = Probe(client, market)
        probe.send_until(lambda: True, at_least=50)
        idle, commits, trips = _idle(server, probe, directory / "commits.sqlite", size)
        with Child("tests.benchmarks.load", server.target, *arguments, 0, until="sending") as load:
            threading.Event().wait(size.load_seconds)
            maximum = load.end()["rate"]
        with Child(
            "tests.benchmarks.load", server.target, *arguments, maximum / 2, until="sending"
        ) as load:
            until = time.perf_counter() + size.load_seconds
            busy = probe.send_until(lambda: time.perf_counter() > until, size.fills)
            half = load.end()["rate"]
        end = server.end()
    return (
        idle,
        commits,
        trips,
        {
            "maximum_load_fills_per_second": maximum,
            "at_half_load_fills": len(busy),
            "half_load_fills_per_second": half,
            "at_half_load_ms": summary_of(busy),
        },
        end,
    )


def _idle(
    server: Child, probe: Probe, path: Path, size: Size
) -> tuple[list[list[float]], list[float], list[float]]:
    """Return the seconds of fills by run, of commits, and of empty calls.

    They take turns every few fills, so that all three meet the same moods of the disk.
    """
    idle: list[list[float]] = []
    commits: list[float] = []
    trips: list[float] = []
    with committing(path, _ENTRY_BYTES) as commit, calling(server.target) as call:
        for _ in range(size.runs):
            run: list[float] = []
            while len(run) < size.fills:
                turn = range(min(_TURN_FILLS, size.fills - len(run)))
                run += [probe.send() for _ in turn]
                commits += [commit() for _ in turn]
                trips += [call() for _ in turn]
            idle.append(run)
    return idle, commits, trips


def _during_cut(directory: Path, size: Size) -> dict[str, Any]:
    """Return latencies while cycles are being cut, and idle on the same server."""
    market = Market(size.cut_members, size.seed)
    at_size = directory / "cut"
    at_size.mkdir()
    write_state(url_of(at_size), dense_state(market, size.cut_fills))
    with (
        Child("tests.benchmarks.server", url_of(at_size)) as server,
        ClearinghouseClient(server.target) as client,
        OperationClient(f"127.0.0.1:{server.said['operation_port']}") as operation,
    ):
        probe = Probe(client, market)
        probe.send_until(lambda: True, at_least=50)
        idle = probe.send_until(lambda: True, size.fills)
        busy: list[float] = []
        cut_seconds: list[float] = []

        def cut() -> None:
            started = time.perf_counter()
            operation.cut_cycle()
            cut_seconds.append(time.perf_counter() - started)

        for number in range(size.runs):
            cutting = threading.Thread(target=cut)
            cutting.start()
            busy += probe.send_until(lambda: not cutting.is_alive())  # noqa: B023 - joined below
            cutting.join()
            assert len(cut_seconds) == number + 1, "the cut failed"
        end = server.end()
    ratio = percentile(busy, 99) / percentile(idle, 99)
    return {
        "idle_at_size_ms": summary_of(idle),
        "during_cut_ms": summary_of(busy),
        "during_cut_fills": len(busy),
        "during_cut_p99_to_idle": ratio,
        "cut_seconds": cut_seconds,
        "cut_server_rss_bytes": end["rss_bytes"],
    }
