"""Goal: kill -9 loses nothing that was acknowledged and doubles nothing, at whatever instant.

Method: the writer is killed at random, seeded instants while it acknowledges batches; the next one
sends everything again that was not acknowledged, with the same batch ids, and goes on. Batches that
were kept without an acknowledgement are thereby repeated. ``CRASH_KILLS=200`` is the nightly form.
"""

from __future__ import annotations

import os
import random

import pytest

from clearinghouse.store.lease import Lease
from tests.crash.auditor import Auditor
from tests.crash.conftest import start_ledger
from tests.crash.writer import Writer, WriterOptions
from tests.postgres import PostgresServer

KILLS = int(os.environ.get("CRASH_KILLS", "20")) // 2
"""Per database."""
SEED = 20_261_120
DELAY_SECONDS_MAX = 0.08
"""After the first acknowledgement: some dozen appends."""


def test_every_acknowledged_fill_is_there_once_when_the_writer_is_killed_again_and_again(
    url: str, auditor: Auditor
) -> None:
    instants = random.Random(SEED)
    acknowledged: dict[int, int] = {}
    first = 1
    for kill in range(KILLS):
        options = WriterOptions(
            first_number=first, jumping_clock=kill, lease=Lease(seconds=0.3, renew_seconds=0.05)
        )
        with Writer(url, options, acknowledged) as writer:
            writer.await_acknowledged(len(acknowledged) + 1)
            writer.listen(instants.uniform(0, DELAY_SECONDS_MAX))
            writer.kill()
        assert writer.refused == []
        auditor.check(acknowledged)
        while first in acknowledged:
            first += 1
    with Writer(url, WriterOptions(first_number=first), acknowledged) as writer:
        writer.await_acknowledged(len(acknowledged) + 1)
        standing = writer.stop()
    auditor.check(acknowledged)
    assert auditor.check_state() == standing


def test_every_acknowledged_fill_is_there_once_when_postgres_crashes_again_and_again() -> None:
    instants = random.Random(SEED)
    with PostgresServer().start() as server:
        server.execute("postgres", "CREATE DATABASE journal")
        url = start_ledger(server.url("journal"))
        with Writer(url) as writer:
            for _ in range(3):
                writer.await_acknowledged(len(writer.acknowledged) + 10)
                writer.listen(instants.uniform(0, DELAY_SECONDS_MAX))
                server.stop(immediate=True)  # no checkpoint, no word to anyone: as if it crashed
                server.start()
            writer.await_acknowledged(len(writer.acknowledged) + 10)
            standing = writer.stop()
        assert set(writer.refused) <= {"journal_unreachable"}
        with Auditor(url) as auditor:
            auditor.check(writer.acknowledged)
            assert auditor.check_state() == standing


def test_every_acknowledged_fill_is_there_once_when_connections_are_cut_again_and_again(
    postgres_server: PostgresServer, postgres_url: str, auditor: Auditor
) -> None:
    instants = random.Random(SEED)
    with Writer(postgres_url) as writer:
        for _ in range(20):
            writer.await_acknowledged(len(writer.acknowledged) + 1)
            writer.listen(instants.uniform(0, 0.02))
            postgres_server.execute(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = 'journal' AND state <> 'idle'",
            )
        writer.await_acknowledged(len(writer.acknowledged) + 10)
        standing = writer.stop()
    assert writer.refused == []  # nobody outside hears of a connection that was cut
    auditor.check(writer.acknowledged)
    assert auditor.check_state() == standing


@pytest.mark.parametrize("seed", range(2))
def test_state_is_the_reference_when_the_clock_jumps(url: str, auditor: Auditor, seed: int) -> None:
    with Writer(url, WriterOptions(jumping_clock=seed)) as writer:
        writer.await_acknowledged(100)
        standing = writer.stop()
    auditor.check(writer.acknowledged)
    assert auditor.check_state() == standing
