"""Individually signed orders per second: every signature verified, every order recorded durably.

Members sign on machines of their own, so signing is not part of it; what the venue does to send
their orders ahead (``RegisterOrders``) is, on the same cores. Every order is new to the server.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.book.identifiers import Address
from clearinghouse.book.novation import ADMITTED
from clearinghouse.book.orders import Order, SignedOrder
from clearinghouse.commitment.orders import order_digests
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.store.journal import open_journal
from tests.benchmarks.children import Child, peak_rss_bytes, prepare
from tests.benchmarks.journals import append_entries, url_of
from tests.benchmarks.limits import recoveries_per_second
from tests.benchmarks.market import Market, opening_entries
from tests.benchmarks.result import MILLISECONDS, Limit, Result
from tests.builders import CLEARINGHOUSE_ID, VENUE

CALLS_UNDER_WAY = 3


@dataclass(frozen=True)
class Size:
    """What is sent."""

    orders: int = 160_000
    call_orders: int = 4_096
    """At most 16,384."""
    members: int = 10_000
    runs: int = 5
    seed: int = 1


def measure(size: Size = Size(), *, profile: bool = False) -> Result:
    """Return orders per second, and what recovering their signers alone would give."""
    prepare()
    market = Market(size.members, size.seed)
    addresses = [signer_address(key) for key in market.keys]
    signed = _signed_orders(market, addresses, size.orders)
    runs: list[float] = []
    latencies: list[float] = []
    used: list[float] = []
    ends = []
    with tempfile.TemporaryDirectory() as name:
        template = Path(name) / "template"
        template.mkdir()
        with open_journal(url_of(template)) as journal:
            append_entries(journal, opening_entries(market, addresses))
        for number in range(size.runs):
            directory = Path(name) / f"run{number}"
            shutil.copytree(template, directory)
            flags = ["--profile"] if profile else []
            with Child("tests.benchmarks.server", url_of(directory), *flags) as server:
                used.append(-time.process_time())
                seconds = _send(server.target, signed, size.call_orders, latencies)
                used[-1] += time.process_time()
                ends.append(server.end())
            runs.append(len(signed) / seconds)
            assert ends[-1]["orders"] == size.orders, "an order is missing, or recorded twice"
            shutil.rmtree(directory)
    server_rss_bytes = max(end["rss_bytes"] for end in ends)
    digests = order_digests(CLEARINGHOUSE_ID, [each.order for each in signed])
    recovered = recoveries_per_second(digests, [each.signature for each in signed])
    return Result(
        name="orders",
        unit="orders/s",
        runs=runs,
        latencies=[MILLISECONDS * each for each in latencies],
        percentiles_of=f"milliseconds from {size.call_orders:,} orders to their durable answer "
        f"with {CALLS_UNDER_WAY} calls under way",
        rss_bytes=server_rss_bytes + peak_rss_bytes(),
        limit=Limit("recovering the signers alone (secp256k1), all cores", recovered),
        seed=size.seed,
        details={
            "orders": size.orders,
            "call_orders": size.call_orders,
            "members": size.members,
            "server_rss_bytes": server_rss_bytes,
            "client_rss_bytes": peak_rss_bytes(),
            "server_cpu_seconds": statistics.median(end["cpu_seconds"] for end in ends),
            "client_cpu_seconds": statistics.median(used),
        },
        profile=ends[-1]["profile"],
    )


def _signed_orders(market: Market, addresses: list[Address], count: int) -> list[SignedOrder]:
    """Return orders in turn by all members, each with a nonce of its own."""
    placed = market.orders(range(market.members), addresses)
    orders: list[tuple[int, Order]] = []
    for number in range(count):
        index = number % len(placed)
        order = msgspec.structs.replace(placed[index], nonce=number)
        orders.append((index * market.members // len(placed), order))
    digests = order_digests(CLEARINGHOUSE_ID, [order for _, order in orders])
    return [
        SignedOrder(order, sign_digest(market.keys[member], digest.tobytes()))
        for (member, order), digest in zip(orders, digests, strict=True)
    ]


def _send(
    target: str, orders: list[SignedOrder], call_orders: int, latencies: list[float]
) -> float:
    """Send all orders over calls that overlap; return the seconds until the last answer."""
    with (
        ClearinghouseClient(target) as client,
        ThreadPoolExecutor(CALLS_UNDER_WAY) as threads,
    ):
        client.wait_until_ready()

        def call(start: int) -> float:
            begun = time.perf_counter()
            sent = orders[start : start + call_orders]
            receipt = client.register_orders(VENUE.address, sent)
            assert (np.frombuffer(receipt.reasons, np.uint8) == ADMITTED).all()
            return time.perf_counter() - begun

        started = time.perf_counter()
        latencies += threads.map(call, range(0, len(orders), call_orders))
        return time.perf_counter() - started
