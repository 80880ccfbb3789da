"""Audits are kept going: one that cannot be done stops no other and comes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from adapters.auditing import AuditStanding
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.settlement.rollup_audit import RollupAudits

FIRST, SECOND = ChainId(902), ChainId(903)


class CountingAuditor:
    """Finds one true attestation with every step, while its chains answer."""

    def __init__(self, rollup: ChainId) -> None:
        self.rollup = rollup
        self.standing = AuditStanding(rollup, pending=0, true=0, false=0, unprovable=0)
        self.failure: Exception | None = None
        self.stepped = Event()

    def step(self) -> None:
        self.stepped.set()
        if self.failure is not None:
            raise self.failure
        self.standing = replace(self.standing, true=self.standing.true + 1)


@pytest.fixture
def auditors() -> tuple[CountingAuditor, CountingAuditor]:
    return CountingAuditor(FIRST), CountingAuditor(SECOND)


Auditors = tuple[CountingAuditor, CountingAuditor]


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable("chain_unreachable", "its node is away"),
        ChainFault("transaction_reverted", "its client is not convinced"),
    ],
)
def test_other_audits_go_on_when_one_cannot_be_done(auditors: Auditors, failure: Exception) -> None:
    auditors[0].failure = failure
    audits = RollupAudits(auditors)
    audits.look()
    assert [standing.true for standing in audits.standings] == [0, 1]
    auditors[0].failure = None
    audits.look()
    assert [(s.rollup, s.true) for s in audits.standings] == [(FIRST, 1), (SECOND, 2)]


def test_look_raises_when_an_auditor_is_at_fault(auditors: Auditors) -> None:
    """Only expected errors are waited out; anything else is a fault of ours and must show."""
    auditors[0].failure = KeyError("a bug")
    with pytest.raises(KeyError):
        RollupAudits(auditors).look()


def test_thread_tells_of_its_end_when_an_auditor_is_at_fault(auditors: Auditors) -> None:
    auditors[1].failure = KeyError("a bug")
    told, heard = list[Exception](), Event()

    def hear(error: Exception) -> None:
        told.append(error)
        heard.set()

    audits = RollupAudits(auditors, look_seconds=0.001, on_fatal=hear)
    audits.start()
    assert heard.wait(10)
    audits.close()
    assert told == [auditors[1].failure]


@pytest.fixture
def running(auditors: Auditors) -> Iterator[RollupAudits]:
    audits = RollupAudits(auditors, look_seconds=0.001)
    audits.start()
    yield audits
    audits.close()


def test_auditors_step_without_being_asked_when_the_thread_runs(
    running: RollupAudits, auditors: Auditors
) -> None:
    for _ in range(3):
        for auditor in auditors:
            auditor.stepped.clear()
            assert auditor.stepped.wait(10)


def test_thread_ends_when_it_is_closed(running: RollupAudits, auditors: Auditors) -> None:
    running.close()
    running.close()
    assert not running._thread.is_alive()
    before = auditors[0].standing
    running.look()
    assert auditors[0].standing == before
