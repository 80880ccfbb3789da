"""Dispute games as an auditor finds them: by the factory's events, proven in synthetic states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from adapters.evm.reader import Log, UnverifiedStateProof
from adapters.opstack.audit import MESSAGE_PASSER
from adapters.opstack.games import GAME_CREATED, GameRoots
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import Header, VerifiedHeader, decode_header
from tests.unit.proofs.rollups.chains import NOW, ROLLUP, named, rollup_header
from tests.unit.proofs.rollups.games import (
    CANNON,
    CREATED_AT,
    GAME,
    HEADER,
    PASSER_ROOT,
    ROOT_CLAIM,
    GameWorld,
    state_word,
)

HEIGHT = 5_000
CREATED_IN = 20_999_000


class Nodes:
    """A node of the L1 in whose state a ``GameWorld`` lies, and one of the rollup."""

    def __init__(self, world: GameWorld) -> None:
        self.world = world
        self.logged = [self.created(GAME)]
        self.asked: list[tuple[int, int]] = []
        self.proven = 0
        self.rollup_header = HEADER

    def created(self, game: Address, game_type: int = CANNON) -> Log:
        topics = (GAME_CREATED, game.rjust(32, b"\x00"), game_type.to_bytes(32), ROOT_CLAIM)
        return Log(self.world.config.factory.address, topics, b"", CREATED_IN, Hash32(bytes(32)))

    def logs(self, emitter: Address, first_height: int, last_height: int) -> list[Log]:
        assert emitter == self.world.config.factory.address
        self.asked.append((first_height, last_height))
        return [log for log in self.logged if first_height <= log.height <= last_height]

    def code(self, contract: Address) -> bytes:
        return self.world.code if contract == GAME else b""

    def get_proof(
        self, account: Address, slots: Sequence[Hash32], height: int
    ) -> UnverifiedStateProof:
        self.proven += 1
        chain = self.world.chain
        return UnverifiedStateProof(
            chain.prove_account(account), tuple(chain.prove_slot(account, slot) for slot in slots)
        )

    def get_header_at(self, height: int) -> tuple[Header, bytes]:
        assert height == HEIGHT
        return decode_header(self.rollup_header), self.rollup_header

    def storage_root(self, account: Address, height: int) -> Hash32:
        assert (account, height) == (MESSAGE_PASSER, HEIGHT)
        return Hash32(PASSER_ROOT)


class Found:
    """The roots as they are found, and the L1 header that they are proven under."""

    def __init__(self) -> None:
        self.world = GameWorld()
        self.nodes = Nodes(self.world)
        self.roots = GameRoots(
            self.world.config,
            self.nodes,  # type: ignore[arg-type]
            self.nodes,  # type: ignore[arg-type]
            CREATED_IN - 5,
        )

    def l1(self, timestamp: int = NOW) -> VerifiedHeader:
        return self.world.chain.header(timestamp)

    def height(self, from_height: int = HEIGHT, timestamp: int = NOW) -> int | None:
        posted = self.roots.find_posted(self.l1(timestamp), from_height)
        return None if posted is None else posted.header.height


@pytest.fixture
def found() -> Found:
    return Found()


@pytest.mark.parametrize("from_height", [1, HEIGHT - 1, HEIGHT])
def test_game_proves_its_header_when_it_is_of_the_height_or_above(
    found: Found, from_height: int
) -> None:
    posted = found.roots.find_posted(found.l1(), from_height)
    assert posted is not None
    assert posted.header.chain_id == found.roots.chain_id == ROLLUP
    assert (posted.header.height, posted.header.block_hash) == (
        HEIGHT,
        decode_header(HEADER).block_hash,
    )
    assert posted.root_proof


def test_newest_is_the_highest_header_that_a_game_proves(found: Found) -> None:
    newest = found.roots.find_newest(found.l1())
    assert newest is not None
    assert newest.header.height == HEIGHT
    _undecided(found.world)
    assert found.roots.find_newest(replace(found.l1(), height=21_000_100)) is None


def test_nothing_is_found_when_all_games_are_below(found: Found) -> None:
    assert found.height(HEIGHT + 1) is None
    assert found.nodes.proven == 0


def test_events_are_read_once_and_in_pieces_when_l1_grows(found: Found) -> None:
    found.height()
    found.height()
    first = CREATED_IN - 5
    assert found.nodes.asked == [(first, 21_000_000)]
    assert found.l1().height - first < 10_000


def _undecided(world: GameWorld) -> None:
    world.game[0] = state_word(status=0)


def _lost(world: GameWorld) -> None:
    world.game[0] = state_word(status=1)


def _airgap(world: GameWorld) -> None:
    world.game[0] = state_word(resolved_at=NOW - 1)


@pytest.mark.parametrize("alter", [_undecided, _lost, _airgap])
def test_game_is_asked_again_with_the_next_l1_header_when_it_is_undecided(
    found: Found, alter: Callable[[GameWorld], None]
) -> None:
    alter(found.world)
    assert found.height() is None
    asked = found.nodes.proven
    assert found.height(1) is None
    assert found.nodes.proven == asked, "once per L1 header"
    found.world.game[0] = state_word()
    later = replace(found.l1(), height=21_000_100)
    posted = found.roots.find_posted(later, HEIGHT)
    assert posted is not None
    assert found.nodes.asked[-1] == (21_000_001, 21_000_100)


def _blacklisted(world: GameWorld) -> None:
    world.registry[world.blacklist_slot] = 1


def _retired(world: GameWorld) -> None:
    world.registry[6] = CREATED_AT << 32


def _not_respected(world: GameWorld) -> None:
    world.game[10] = 0


@pytest.mark.parametrize("alter", [_blacklisted, _retired, _not_respected])
def test_game_is_forgotten_when_it_never_proves_anything(
    found: Found, alter: Callable[[GameWorld], None]
) -> None:
    alter(found.world)
    assert found.height() is None
    assert found.roots._created == []


def test_strangers_are_passed_over_when_the_events_name_them(found: Found) -> None:
    found.nodes.logged = [
        found.nodes.created(named("no game at all")),
        found.nodes.created(GAME, game_type=1),
        found.nodes.created(GAME),
    ]
    assert found.height() == HEIGHT
    assert len(found.roots._created) == 1


def test_games_of_another_implementation_are_passed_over(found: Found) -> None:
    world = found.world
    world.code = world.code.replace(world.config.game_implementation, named("another"))
    assert found.height() is None
    assert found.roots._created == []


def test_disagreement_is_raised_when_our_node_has_another_block(found: Found) -> None:
    """L1 holds a root that our node's header does not give: one of them is not the rollup's."""
    found.nodes.rollup_header = rollup_header(state_root=b"\x66" * 32)
    with pytest.raises(ProofInvalid) as refused:
        found.height()
    assert refused.value.reason == "output_root_mismatch"
