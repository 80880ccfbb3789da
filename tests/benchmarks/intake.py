"""Fills per second through the whole path: signed, sent, verified, admitted, durable, answered.

The clearinghouse is a process of its own on a SQLite journal; the venue is this process. Fills are
matched beforehand, as a venue's engine would have; hashing, signing and sending them is part of
what is measured, on the same cores. Every run starts from a copy of one journal with all members
and orders in it, and ends when the last batch is answered.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.book.columns import FillColumns, FillRows
from clearinghouse.book.orders import REASON_CODE, Reason
from clearinghouse.commitment.orders import order_digests
from clearinghouse.errors import ClearingError
from tests.benchmarks.children import Child, peak_rss_bytes, prepare
from tests.benchmarks.journals import url_of, write_market
from tests.benchmarks.market import (
    ORDERS_PER_MEMBER,
    Market,
    build_columns,
    build_rows,
    sign_columns,
    sign_rows,
)
from tests.benchmarks.result import MILLISECONDS, Limit, Result
from tests.builders import CLEARINGHOUSE_ID

IN_FLIGHT = 4
"""Batches that the venue sends before it has read their answers."""

Batch = FillColumns | FillRows
Sign = Callable[[Any], bytes]


@dataclass(frozen=True)
class Size:
    """What is sent."""

    form: str = "columns"
    """Or ``rows``."""
    fills: int = 10_000_000
    batch_fills: int = 65_536
    """At most 65,536 as columns and 8,192 as rows."""
    members: int = 10_000
    runs: int = 5
    seed: int = 1


COLUMNS = Size()
ROWS = Size("rows", fills=2_000_000, batch_fills=8_192)


@dataclass
class Sent:
    """One run, as the venue saw it."""

    fills: int
    seconds: float
    latencies: list[float]
    """Seconds from the moment a batch was ready to be sent to its answer, one per batch."""
    cpu_seconds: float
    """Processor time of the venue."""

    @property
    def rate(self) -> float:
        """Fills per second."""
        return self.fills / self.seconds


def measure(size: Size, *, profile: bool = False) -> Result:
    """Return fills per second of the whole path, and of the bare pipeline beside it."""
    prepare()
    market = Market(size.members, size.seed)
    batches, sign = _batches_of(market, size)
    runs: list[Sent] = []
    with tempfile.TemporaryDirectory() as name:
        template = Path(name) / "template"
        template.mkdir()
        write_market(url_of(template), market)
        flags = ["--profile"] if profile else []
        ends = []
        for number in range(size.runs):
            directory = Path(name) / f"run{number}"
            shutil.copytree(template, directory)
            with Child("tests.benchmarks.server", url_of(directory), *flags) as server:
                runs.append(send(server.target, batches, sign))
                ends.append(server.end())
            check_all_admitted(ends[-1], size.fills)
            journal_bytes = sum(path.stat().st_size for path in directory.iterdir())
            shutil.rmtree(directory)
        orders = ORDERS_PER_MEMBER * size.members
        with Child("tests.benchmarks.bare_server", name, "--orders", orders) as bare:
            limit = send(bare.target, batches, lambda batch: bytes(65))
            bare.end()
    server_rss_bytes = max(end["rss_bytes"] for end in ends)
    return Result(
        name=f"intake --form {size.form}",
        unit="fills/s",
        runs=[run.rate for run in runs],
        latencies=[MILLISECONDS * each for run in runs for each in run.latencies],
        percentiles_of=f"milliseconds from a batch of {size.batch_fills:,} fills to its durable "
        f"answer with {IN_FLIGHT} batches under way",
        rss_bytes=server_rss_bytes + peak_rss_bytes(),
        limit=Limit(_limit_name(size.form), limit.rate),
        seed=size.seed,
        details={
            "fills": size.fills,
            "batch_fills": size.batch_fills,
            "members": size.members,
            "orders": orders,
            "server_rss_bytes": server_rss_bytes,
            "client_rss_bytes": peak_rss_bytes(),
            "server_cpu_seconds": statistics.median(end["cpu_seconds"] for end in ends),
            "client_cpu_seconds": statistics.median(run.cpu_seconds for run in runs),
            "journal_bytes": journal_bytes,
        },
        profile=ends[-1]["profile"],
    )


def _limit_name(form: str) -> str:
    what = "np.add.at" if form == "columns" else "protobuf parsing"
    return f"the same messages over gRPC, {what} and one SQLite commit per batch, nothing else"


def _batches_of(market: Market, size: Size) -> tuple[list[Batch], Sign]:
    counts = [
        min(size.batch_fills, size.fills - start)
        for start in range(0, size.fills, size.batch_fills)
    ]
    fills = [market.fills(batch, count) for batch, count in enumerate(counts)]
    if size.form == "columns":
        return [build_columns(each, batch) for batch, each in enumerate(fills)], sign_columns
    digests = digests_of(market)
    return [build_rows(each, batch, digests) for batch, each in enumerate(fills)], sign_rows


def digests_of(market: Market) -> NDArray[np.uint8]:
    """Return the digests of all orders by number: (orders, 32)."""
    return order_digests(CLEARINGHOUSE_ID, market.orders(range(market.members), market.addresses))


def send(target: str, batches: list[Batch], sign: Sign, in_flight: int = IN_FLIGHT) -> Sent:
    """Stream batches in one form to a server, a few ahead of the answers; check every answer."""
    places = threading.Semaphore(in_flight)
    begun: list[float] = []
    latencies: list[float] = []

    def submissions() -> Iterator[Any]:
        for batch in batches:
            places.acquire()
            begun.append(time.perf_counter())
            signature = sign(batch)
            if isinstance(batch, FillColumns):
                yield batch, signature
            else:
                yield batch, (), signature

    with ClearinghouseClient(target) as client:
        client.wait_until_ready()
        stream = (
            client.stream_columns
            if isinstance(batches[0], FillColumns)
            else (client.stream_batches)
        )
        started, used = time.perf_counter(), time.process_time()
        for batch, receipt in zip(batches, stream(submissions()), strict=True):
            latencies.append(time.perf_counter() - begun[len(latencies)])
            places.release()
            if isinstance(receipt, ClearingError):
                raise receipt
            admitted = _admitted(receipt.reasons)
            assert admitted == batch.count, f"{batch.count - admitted} fills were refused"
        seconds, used = time.perf_counter() - started, time.process_time() - used
    return Sent(sum(batch.count for batch in batches), seconds, latencies, used)


def _admitted(reasons: bytes | tuple[Reason, ...]) -> int:
    if isinstance(reasons, bytes):
        return reasons.count(REASON_CODE[Reason.ADMITTED])
    return reasons.count(Reason.ADMITTED)


def check_all_admitted(end: dict[str, Any], fills: int) -> None:
    """Make sure that the ledger has every fill once: a rate of lost fills is no rate."""
    assert end["fills"] == fills, f"{end['fills']} fills in the ledger, {fills} were sent"
