"""Goal: of two writers one writes, the other takes over in time, and a late one does no harm.

Method: two processes on one PostgreSQL database; the leader is killed, or stopped past its lease
and woken again, at random instants and at the worst one, between its insert and its commit.
"""

from __future__ import annotations

import random
import signal
import time

import pytest

from clearinghouse.store.lease import Lease
from tests.crash.auditor import Auditor
from tests.crash.writer import Writer, WriterOptions
from tests.waiting import until

FAILOVER_SECONDS_MAX = 10.0
"""On a busy machine; an idle one needs the lease's 1.5 s and some milliseconds."""
LEASE = WriterOptions(lease=Lease())
"""The default: a shorter one runs out by itself where other work delays the disk."""


def test_standby_acknowledges_in_time_when_the_leader_is_killed(
    postgres_url: str, auditor: Auditor
) -> None:
    with Writer(postgres_url, LEASE) as leader:
        leader.await_acknowledged(50)
        with Writer(postgres_url, LEASE) as standby:  # sends the same batches from the first
            standby.listen(0.3)
            assert standby.term == 0
            leader.kill()
            killed_at = time.monotonic()
            standby.await_acknowledged(1)
            seconds = time.monotonic() - killed_at
            assert seconds <= FAILOVER_SECONDS_MAX
            standby.await_acknowledged(len(leader.acknowledged) + 50)
            standing = standby.stop()
    print(f"fail-over: {seconds:.2f} s")
    assert standby.term == leader.term + 1
    for number, sequence in leader.acknowledged.items():  # repeated, and answered the same
        assert standby.acknowledged[number] == sequence
    auditor.check(standby.acknowledged)
    assert auditor.check_state() == standing


@pytest.mark.parametrize("seed", range(2))
def test_paused_leader_is_refused_when_it_wakes_after_its_lease(
    postgres_url: str, auditor: Auditor, seed: int
) -> None:
    instants = random.Random(seed)
    with Writer(postgres_url, LEASE) as old, Writer(postgres_url, LEASE) as new:
        until("one leads", lambda: old.listen(0.05) and new.listen(0.05) and old.term + new.term)
        leader, standby = (old, new) if old.term else (new, old)
        leader.await_acknowledged(20)
        leader.listen(instants.uniform(0, 0.05))
        leader.signal(signal.SIGSTOP)
        standby.await_acknowledged(20)
        leader.signal(signal.SIGCONT)
        leader.await_refused("leadership_lost")
        standby.await_acknowledged(40)
        standing = standby.stop()
    assert standby.term == leader.term + 1
    auditor.check(leader.acknowledged)
    auditor.check(standby.acknowledged)
    assert auditor.check_state() == standing


def test_paused_append_is_not_committed_when_the_leader_stops_between_insert_and_commit(
    postgres_url: str, auditor: Auditor
) -> None:
    with Writer(postgres_url, WriterOptions(lease=Lease(), pauses_at_append=5)) as leader:
        until("it is paused", lambda: leader.listen(0.02) and leader.is_paused())
        with Writer(postgres_url, LEASE) as standby:
            standby.await_acknowledged(20)
            leader.signal(signal.SIGCONT)
            leader.await_refused("leadership_lost")
            standby.await_acknowledged(40)
            standing = standby.stop()
    auditor.check(leader.acknowledged)
    auditor.check(standby.acknowledged)
    assert auditor.check_state() == standing
