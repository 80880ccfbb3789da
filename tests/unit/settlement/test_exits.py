"""Exits that members ask for on chain: proven, held, answered in their order, each by a leg."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.simulated.adapter import SimulatedChainAdapter
from clearinghouse.book.entries import AnchorFrozen, ExitRequested
from clearinghouse.book.identifiers import ChainId
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import Conflict, Unavailable
from clearinghouse.intake.registration import require_running
from tests.builders import ALICE, BOB, CAROL, Account
from tests.unit.settlement.world import CHAINS, DOLLAR, HOME, SPOKE, SettlementWorld


@pytest.fixture
def world() -> Iterator[SettlementWorld]:
    """Alice holds 1,000 on the spoke and 500 on home, Bob 1,000 on the spoke, all settled once."""
    world = SettlementWorld()
    world.fund(ALICE, SPOKE, 1_000)
    world.fund(BOB, SPOKE, 1_000)
    world.fund(ALICE, HOME, 500)
    settle(world)
    yield world
    world.close()


def settle(world: SettlementWorld) -> int:
    cycle = world.coordinator.request_cut()
    world.drive(lambda: world.settlement(cycle).outcome in (Phase.COMMITTED, Phase.FINAL))
    world.drive(lambda: world.settlement(cycle).is_closed(), seconds=100)
    return cycle


def ask(world: SettlementWorld, member: Account, quanta: int, chain: ChainId = SPOKE) -> None:
    adapter: SimulatedChainAdapter = world.network.adapter(chain, member.address)
    adapter.submit_request_exit(DOLLAR, quanta)


def look(world: SettlementWorld) -> None:
    world.advance(3)
    for chain in CHAINS:
        world.watchers[chain].step()


def answers(world: SettlementWorld, cycle: int) -> list[tuple[int, bool]]:
    releases = world.settlement(cycle).proposal.releases
    return [(release.quanta, release.is_exit) for release in releases]


def collateral(world: SettlementWorld, member: Account) -> int:
    position = world.clearing.position(member)
    return int(world.clearing.read(lambda state: state.collateral(position, DOLLAR)))


def test_exit_is_recorded_once_and_held_when_it_is_final(world: SettlementWorld) -> None:
    ask(world, ALICE, 300)
    look(world)
    look(world)
    entries = [e for e in world.clearing.journal.entries() if isinstance(e, ExitRequested)]
    assert [(e.chain_id, e.index, e.member, e.quanta) for e in entries] == [
        (SPOKE, 0, ALICE.address, 300)
    ]
    assert collateral(world, ALICE) == 1_500 - 300


def test_exits_are_answered_in_order_with_what_is_there_when_a_cycle_commits(
    world: SettlementWorld,
) -> None:
    ask(world, BOB, 5_000)
    ask(world, ALICE, 300)
    ask(world, CAROL, 7)  # owns nothing
    look(world)
    assert collateral(world, BOB) == 0
    cycle = settle(world)
    assert answers(world, cycle) == [(1_000, True), (300, True), (0, True)]
    leg = next(leg for leg in world.settlement(cycle).proposal.legs if leg.chain_id == SPOKE)
    assert leg.assets[0].exit_cursor == 3
    assert (collateral(world, ALICE), collateral(world, BOB)) == (1_200, 0)
    assert world.clearing.claims(ALICE, DOLLAR) == {HOME: 500, SPOKE: 700}
    assert world.clearing.read(lambda state: state.exits[(SPOKE, DOLLAR)].answered) == 3


def test_exit_leaves_the_margin_when_its_member_holds_a_position(world: SettlementWorld) -> None:
    world.trade(ALICE, BOB, 10, 600)
    ask(world, ALICE, 1_000)
    look(world)
    cycle = settle(world)
    assert answers(world, cycle) == [(1_500 - 600, True)], "a tenth of 6,000 stays"


def test_same_exits_are_answered_again_when_a_settlement_aborts(world: SettlementWorld) -> None:
    ask(world, ALICE, 300)
    look(world)
    first = world.coordinator.request_cut()
    assert answers(world, first) == [(300, True)]
    world.network.chains[SPOKE].halted = True
    world.drive(lambda: world.settlement(first).outcome is Phase.ABORTED, seconds=100)
    assert collateral(world, ALICE) == 1_200
    world.resume(SPOKE)
    world.drive(lambda: world.settlement(first).is_closed(), seconds=100)
    second = settle(world)
    assert answers(world, second) == [(300, True)]


def test_state_is_the_same_when_exits_are_replayed(world: SettlementWorld) -> None:
    ask(world, ALICE, 300)
    look(world)
    settle(world)
    before = world.clearing.hash()
    world.restart()
    assert world.clearing.hash() == before


def test_idle_clearinghouse_cuts_when_half_the_stall_time_has_passed(
    world: SettlementWorld,
) -> None:
    def cycles() -> int:
        return world.clearing.read(lambda state: state.cycle)

    stall_seconds = world.clearing.read(lambda state: state.get_genesis().windows.stall_seconds)
    schedule = type(world.coordinator._schedule)(200, 400, 1, 0.01)
    world.restart(schedule)
    before = cycles()
    world.advance(3, seconds=5)
    world.step()
    assert cycles() == before, "there is nothing to settle"
    world.advance(3, seconds=stall_seconds // 2)
    world.drive(lambda: cycles() > before)


def test_clearing_halts_when_an_anchor_is_proven_frozen(world: SettlementWorld) -> None:
    windows = world.clearing.read(lambda state: state.get_genesis().windows)
    ask(world, ALICE, 300)
    adapter = world.adapters[SPOKE]
    for seconds, act in (
        (windows.grace_seconds, adapter.submit_warn),
        (windows.freeze_delay_seconds, adapter.submit_freeze),
    ):
        world.advance(3, seconds=seconds)
        act()
    look(world)
    look(world)
    frozen = [e for e in world.clearing.journal.entries() if isinstance(e, AnchorFrozen)]
    assert [entry.chain_id for entry in frozen] == [SPOKE]
    with pytest.raises(Conflict) as refused:
        world.coordinator.request_cut()
    assert refused.value.reason == "anchor_frozen"
    with pytest.raises(Unavailable) as unavailable:
        world.clearing.read(require_running)
    assert unavailable.value.reason == "anchor_frozen"
