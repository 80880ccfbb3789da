"""Fail-over on PostgreSQL: from the leader's death to the standby's first durable answer."""

from __future__ import annotations

import time

from clearinghouse.api.client import ClearinghouseClient
from tests.benchmarks.acknowledge import Probe
from tests.benchmarks.children import Child
from tests.benchmarks.journals import write_market
from tests.benchmarks.market import INSTRUMENTS, Market
from tests.postgres import PostgresServer

_MODULE = "tests.benchmarks.server"
_FILLS_BEFORE = 100
"""Answered by the leader before it is killed."""


def failover_seconds(times: int, seed: int) -> list[float]:
    """Kill a leader so often; return the seconds until the standby had taken the next fill.

    The standby follows as a warm process, on a PostgreSQL server of the benchmark's own. All that
    the dead leader had answered must be there afterwards, once.
    """
    market = Market(2 * INSTRUMENTS, seed)
    with PostgresServer() as postgres:
        postgres.start()
        seconds = []
        for number in range(times):
            with postgres.database(f"failover{number}") as database:
                url = postgres.url(database)
                write_market(url, market)
                seconds.append(_once(url, market))
    return seconds


def _once(url: str, market: Market) -> float:
    with Child(_MODULE, url) as leader, Child(_MODULE, url, until="follows") as standby:
        with ClearinghouseClient(leader.target) as client:
            Probe(client, market).send_until(lambda: True, at_least=_FILLS_BEFORE)
        leader.kill()
        died = time.perf_counter()
        standby.hear("port")
        with ClearinghouseClient(standby.target) as client:
            Probe(client, market, first=_FILLS_BEFORE + 1).send()
        seconds = time.perf_counter() - died
        fills = standby.end()["fills"]
    assert fills == _FILLS_BEFORE + 1, f"{fills} fills survived, {_FILLS_BEFORE} were answered"
    return seconds
