"""Deposits are credited when they are final and proven, in the anchor's order, each once (P11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from clearinghouse.book.entries import DepositFinalised
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.settlement.deposits import DepositWatcher
from tests.builders import ALICE, BOB
from tests.unit.settlement.world import CHAINS, DOLLAR, HOME, SPOKE, SettlementWorld


@pytest.fixture
def world() -> Iterator[SettlementWorld]:
    world = SettlementWorld()
    yield world
    world.close()


def deposit(world: SettlementWorld, quanta: int, member: object = ALICE) -> None:
    world.adapters[SPOKE].submit_deposit(DOLLAR, quanta, member.address)  # type: ignore[attr-defined]


def credited(world: SettlementWorld) -> list[int]:
    entries = world.clearing.journal.entries()
    return [entry.quanta for entry in entries if isinstance(entry, DepositFinalised)]


def test_deposit_is_credited_when_it_is_final_and_not_before(world: SettlementWorld) -> None:
    deposit(world, 500)
    assert world.watchers[SPOKE].step() == 0, "no header is attested yet"
    world.advance(1)
    assert world.watchers[SPOKE].step() == 0, "the attested header is older than the deposit"
    world.advance(2)
    assert world.watchers[SPOKE].step() == 1
    entry = world.clearing.journal.entries()[-1]
    assert isinstance(entry, DepositFinalised)
    assert (entry.chain_id, entry.index, entry.member, entry.quanta, entry.total) == (
        SPOKE,
        0,
        ALICE.address,
        500,
        500,
    )
    header = world.adapters[SPOKE].find_finalised_header()
    assert header is not None
    assert (entry.height, entry.block_hash) == (header.height, header.block_hash)


def test_deposits_are_credited_once_when_looked_at_again_or_after_a_restart(
    world: SettlementWorld,
) -> None:
    deposit(world, 500)
    deposit(world, 300, BOB)
    world.advance(3)
    assert world.watchers[SPOKE].step() == 2
    assert world.watchers[SPOKE].step() == 0
    deposit(world, 7)
    world.advance(3)
    world.restart()
    assert world.watchers[SPOKE].step() == 1
    assert world.watchers[SPOKE].step() == 0
    assert credited(world) == [500, 300, 7]


def test_deposits_are_credited_once_when_two_watchers_race(world: SettlementWorld) -> None:
    deposit(world, 500)
    world.advance(3)
    first = world.watchers[SPOKE]
    world.start()
    assert (first.step(), world.watchers[SPOKE].step()) == (1, 0)
    assert credited(world) == [500]


def test_watcher_credits_only_its_own_chain_when_others_have_deposits(
    world: SettlementWorld,
) -> None:
    deposit(world, 500)
    world.advance(3)
    assert [world.watchers[chain].step() for chain in CHAINS] == [0, 1, 0]


def test_deposit_lost_in_a_reorganisation_was_never_credited(world: SettlementWorld) -> None:
    deposit(world, 500)
    world.advance(1)
    assert world.watchers[SPOKE].step() == 0
    world.network.chains[SPOKE].reorganise(2)
    world.advance(4)
    assert world.watchers[SPOKE].step() == 0
    assert credited(world) == []


def test_step_raises_when_the_node_is_away_and_credits_when_it_is_back(
    world: SettlementWorld,
) -> None:
    deposit(world, 500)
    world.advance(3)
    world.network.chains[SPOKE].unreachable = True
    with pytest.raises(Unavailable):
        world.watchers[SPOKE].step()
    world.network.chains[SPOKE].unreachable = False
    assert world.watchers[SPOKE].step() == 1


def test_watcher_stops_and_tells_when_finality_is_violated(world: SettlementWorld) -> None:
    world.advance(3)
    watcher = world.watchers[SPOKE]
    assert watcher.step() == 0
    world.network.equivocate(SPOKE, world.network.chains[SPOKE].finalised().height)
    with pytest.raises(ChainFault):
        watcher.step()
    watcher.start()
    watcher._thread.join(20)
    assert not watcher._thread.is_alive(), "it does not go on below a broken finality"
    assert [(chain, fault.reason) for chain, fault in world.violations] == [
        (SPOKE, "finality_violated")
    ]
    watcher.close()


def follow_broken_finality(
    world: SettlementWorld, on_violated: Callable[[ChainId, ChainFault], None]
) -> list[Exception]:
    """Run a watcher of a chain that equivocates until it ends; return what it called fatal."""
    world.advance(3)
    fatal: list[Exception] = []
    watcher = DepositWatcher(
        world.clearing.sequencer, world.adapters[SPOKE], 0.01, on_violated, fatal.append
    )
    watcher.step()
    world.network.equivocate(SPOKE, world.network.chains[SPOKE].finalised().height)
    watcher.start()
    watcher._thread.join(20)
    assert not watcher._thread.is_alive()
    return fatal


def test_watcher_tells_again_when_a_broken_finality_could_not_be_recorded(
    world: SettlementWorld,
) -> None:
    told: list[ChainId] = []

    def record(chain_id: ChainId, fault: ChainFault) -> None:
        told.append(chain_id)
        if len(told) < 3:
            raise Unavailable("queue_full", "send it again after a moment")

    assert follow_broken_finality(world, record) == []
    assert told == [SPOKE] * 3


def test_watcher_reports_a_fatal_error_when_telling_of_a_broken_finality_fails(
    world: SettlementWorld,
) -> None:
    bug = KeyError("bug")

    def fail(chain_id: ChainId, fault: ChainFault) -> None:
        raise bug

    assert follow_broken_finality(world, fail) == [bug]


def test_watcher_stops_when_it_is_closed(world: SettlementWorld) -> None:
    watcher = world.watchers[HOME]
    watcher.start()
    watcher.close()
    assert not watcher._thread.is_alive()
