"""Light clients are updated while nothing settles, before they would expire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.base import ClientStatus
from adapters.simulated.adapter import SimulatedChainAdapter
from adapters.simulated.keys import simulated_key
from adapters.simulated.network import SimulatedNetwork
from clearinghouse.book.identifiers import ChainId
from clearinghouse.settlement.keep_alive import KeepAlive, find_age, update_client

HOME, SPOKE, OTHER = ChainId(31_001), ChainId(31_002), ChainId(31_003)
FOLLOWED = {HOME: (SPOKE, OTHER), SPOKE: (HOME,), OTHER: (HOME,)}
TRUSTING_SECONDS = 4_000
DUE_SECONDS = 1_000


class World:
    """Three simulated chains whose clients are only as new as somebody makes them."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork(11)
        account = simulated_key(11, "relayer").address
        self.adapters: dict[ChainId, SimulatedChainAdapter] = {
            chain_id: self.network.adapter(chain_id, account) for chain_id in FOLLOWED
        }
        self.advance()

    def advance(self, seconds: int = 0, halted: ChainId | None = None) -> None:
        """Move all clocks, mine and attest; a halted chain does nothing."""
        for chain_id, chain in self.network.chains.items():
            if chain_id != halted:
                chain.advance_time(seconds)
                chain.mine(5)
                self.network.attest(chain_id)

    def keep_alive(self, *expiring: ChainId) -> KeepAlive:
        lasting = dict.fromkeys(expiring or FOLLOWED, TRUSTING_SECONDS)
        return KeepAlive(self.adapters, FOLLOWED, lasting, look_seconds=0.01)

    def height(self, on_chain: ChainId, followed: ChainId) -> int:
        return self.adapters[on_chain].hint_client_height(followed)


@pytest.fixture
def world() -> World:
    return World()


def test_every_client_is_updated_when_it_never_was(world: World) -> None:
    keep_alive = world.keep_alive()
    keep_alive.look()
    ages = keep_alive.ages
    assert [age.age_seconds for age in ages] == [None] * 4
    for on_chain, others in FOLLOWED.items():
        for followed in others:
            header = world.adapters[followed].find_finalised_header()
            assert header is not None
            assert world.height(on_chain, followed) == header.height


def test_client_is_left_alone_when_it_is_young(world: World) -> None:
    keep_alive = world.keep_alive()
    keep_alive.look()
    before = world.height(HOME, SPOKE)
    world.advance(seconds=DUE_SECONDS // 2)
    keep_alive.look()
    assert world.height(HOME, SPOKE) == before
    world.advance(seconds=DUE_SECONDS)
    keep_alive.look()
    (age, *_) = keep_alive.ages
    assert (age.on_chain, age.followed) == (HOME, SPOKE)
    assert age.age_seconds is not None
    assert age.age_seconds >= DUE_SECONDS
    assert world.height(HOME, SPOKE) > before


def test_client_is_left_alone_when_its_kind_never_expires(world: World) -> None:
    keep_alive = world.keep_alive(HOME)
    keep_alive.look()
    assert world.height(SPOKE, HOME) > 0
    assert world.height(OTHER, HOME) > 0
    assert world.height(HOME, SPOKE) == 0
    watched = [(age.on_chain, age.followed) for age in keep_alive.ages]
    assert watched == [(HOME, SPOKE), (HOME, OTHER), (SPOKE, HOME), (OTHER, HOME)]


def test_others_are_updated_when_one_chain_does_not_answer(world: World) -> None:
    world.network.chains[SPOKE].unreachable = True
    world.keep_alive().look()
    assert world.height(HOME, OTHER) > 0
    assert world.height(OTHER, HOME) > 0
    world.network.chains[SPOKE].unreachable = False
    assert world.height(HOME, SPOKE) == 0
    world.keep_alive().look()
    assert world.height(HOME, SPOKE) > 0


def test_frozen_client_is_reported_and_not_touched_when_it_is_due(world: World) -> None:
    keep_alive = world.keep_alive()
    keep_alive.look()
    before = world.height(HOME, SPOKE)
    world.network.chains[HOME].state.clients[SPOKE].status = ClientStatus.FROZEN
    world.advance(seconds=2 * DUE_SECONDS)
    keep_alive.look()
    (age, *_) = keep_alive.ages
    assert age.state.status is ClientStatus.FROZEN
    assert world.height(HOME, SPOKE) == before


def test_nothing_is_sent_when_the_client_holds_the_newest_header(world: World) -> None:
    assert len(update_client(world.adapters, HOME, SPOKE)) == 1
    assert update_client(world.adapters, HOME, SPOKE) == []


def test_age_counts_from_the_followed_chains_header_when_that_chain_halts(world: World) -> None:
    update_client(world.adapters, HOME, SPOKE)
    young = find_age(world.adapters, HOME, SPOKE).age_seconds
    world.advance(seconds=500, halted=SPOKE)
    old = find_age(world.adapters, HOME, SPOKE).age_seconds
    assert young is not None
    assert old is not None
    assert old >= young + 500


@pytest.fixture
def running(world: World) -> Iterator[KeepAlive]:
    keep_alive = world.keep_alive()
    keep_alive.start()
    yield keep_alive
    keep_alive.close()


def test_thread_ends_when_it_is_closed(running: KeepAlive) -> None:
    running.close()
    assert not running._thread.is_alive()
