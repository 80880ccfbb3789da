"""A synthetic dispute game in the real layout, valid until a test alters a word of it."""

from __future__ import annotations

from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.anchor_layout import mapping_slot
from clearinghouse.proofs.rollups.dispute_game import (
    DisputeGames,
    GameProof,
    build_clone,
    game_uuid,
)
from clearinghouse.proofs.rollups.opstack import OutputPreimage
from tests.unit.proofs.rollups.chains import (
    NOW,
    ROLLUP,
    Chain,
    L1Account,
    named,
    rollup_header,
)

AIRGAP_SECONDS = 302_400
CANNON = 0
CREATED_AT = NOW - 900_000
RESOLVED_AT = NOW - AIRGAP_SECONDS - 1
GAME = named("game")
PASSER_ROOT = keccak256(b"message passer")
HEADER = rollup_header()
EXTRA_DATA = (5_000).to_bytes(32)
ROOT_CLAIM = keccak256(ZERO_HASH + keccak256(b"state") + PASSER_ROOT + keccak256(HEADER))
ARGUMENTS = named("proposer") + ROOT_CLAIM + keccak256(b"L1 head") + EXTRA_DATA


def state_word(
    created_at: int = CREATED_AT, resolved_at: int = RESOLVED_AT, status: int = 2
) -> int:
    """Return the first word of a game: its times, its status and the flag ``initialized``."""
    return created_at | resolved_at << 64 | status << 128 | 1 << 136


class GameWorld:
    """An L1 with a factory, a registry and one game; tests alter ``chain`` and prove again."""

    def __init__(self, arguments: bytes = ARGUMENTS, game_type: int = CANNON) -> None:
        self.chain = Chain({})
        self.config = DisputeGames(
            chain_id=ROLLUP,
            factory=self.chain.proxy("factory"),
            registry=self.chain.proxy("registry"),
            game_implementation=named("game implementation"),
            game_type=CANNON,
            airgap_seconds=AIRGAP_SECONDS,
        )
        self.code = build_clone(self.config.game_implementation, arguments)
        self.uuid = game_uuid(game_type, arguments[20:52], arguments[84:116])
        layout = self.config.layout
        self.game_id_slot = int.from_bytes(mapping_slot(self.uuid, layout.disputes_slot))
        self.blacklist_slot = int.from_bytes(
            mapping_slot(GAME.rjust(32, b"\x00"), layout.blacklist_slot)
        )
        self.factory[self.game_id_slot] = (
            game_type << 224 | CREATED_AT << 160 | int.from_bytes(GAME)
        )
        self.registry[layout.registry_factory_slot] = int.from_bytes(self.config.factory.address)
        self.registry[layout.retirement_slot] = CREATED_AT - 1 << 32 | CANNON
        self.chain.accounts[GAME] = L1Account(self.code)
        self.game[0] = state_word()
        self.game[layout.respected_slot] = 1

    @property
    def factory(self) -> dict[int, int]:
        return self.chain.accounts[self.config.factory.address].storage

    @property
    def registry(self) -> dict[int, int]:
        return self.chain.accounts[self.config.registry.address].storage

    @property
    def game(self) -> dict[int, int]:
        return self.chain.accounts[GAME].storage

    def prove(self) -> GameProof:
        """Return the proof of the state as it is now."""
        chain, config, layout = self.chain, self.config, self.config.layout
        factory, registry = config.factory.address, config.registry.address
        return GameProof(
            factory=chain.prove(config.factory),
            game_id_nodes=chain.prove_slot(factory, self.game_id_slot),
            registry=chain.prove(config.registry),
            registry_factory_nodes=chain.prove_slot(registry, layout.registry_factory_slot),
            blacklist_nodes=chain.prove_slot(registry, self.blacklist_slot),
            retirement_nodes=chain.prove_slot(registry, layout.retirement_slot),
            game_nodes=chain.prove_account(GAME),
            state_nodes=chain.prove_slot(GAME, 0),
            respected_nodes=chain.prove_slot(GAME, layout.respected_slot),
            code=self.code,
            preimage=OutputPreimage(Hash32(PASSER_ROOT), HEADER),
        )
