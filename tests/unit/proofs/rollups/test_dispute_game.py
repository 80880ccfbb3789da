"""Dispute games, all synthetic: no real one is recorded; the layouts are real, the words ours."""

from __future__ import annotations

import dataclasses

import pytest
from eth_abi.abi import encode

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.dispute_game import (
    GameLayout,
    build_clone,
    decode_clone,
    game_uuid,
    verify_game_header,
)
from clearinghouse.proofs.rollups.opstack import OutputPreimage
from tests.unit.proofs.rollups.chains import IMPLEMENTATION_WORD, NOW, named, rollup_header
from tests.unit.proofs.rollups.games import (
    AIRGAP_SECONDS,
    ARGUMENTS,
    CREATED_AT,
    GAME,
    HEADER,
    PASSER_ROOT,
    GameWorld,
    state_word,
)


def refuse(world: GameWorld, **parts: object) -> str:
    """Return why the world's proof, with some parts replaced, is refused."""
    proof = dataclasses.replace(world.prove(), **parts)
    with pytest.raises(ProofInvalid) as refusal:
        verify_game_header(world.config, world.chain.header(), proof)
    return refusal.value.reason


def verify(world: GameWorld, timestamp: int = NOW) -> VerifiedHeader:
    return verify_game_header(world.config, world.chain.header(timestamp), world.prove())


def test_game_gives_the_header_when_its_defender_won() -> None:
    header = verify(GameWorld())
    assert header.block_hash == keccak256(HEADER)
    assert (header.chain_id, header.height, header.state_root) == (10, 5_000, keccak256(b"state"))


def test_game_gives_the_header_when_its_type_is_an_argument_too() -> None:
    """The factory since 1.3 puts the type before the extra data and game arguments after it."""
    arguments = ARGUMENTS[:84] + bytes(4) + ARGUMENTS[84:] + b"prestate, vm, registry, ..."
    world = GameWorld()
    world.code = build_clone(world.config.game_implementation, arguments)
    world.chain.accounts[GAME].code = world.code
    world.config = dataclasses.replace(world.config, layout=GameLayout(extra_data_byte=88))
    assert verify(world).height == 5_000


@pytest.mark.parametrize("status", [0, 1])
def test_game_is_refused_when_it_is_undecided_or_its_challenger_won(status: int) -> None:
    world = GameWorld()
    world.game[0] = state_word(status=status)
    assert refuse(world) == "game_not_defended"


def test_game_is_refused_when_the_airgap_is_not_over() -> None:
    world = GameWorld()
    world.game[0] = state_word(resolved_at=NOW - AIRGAP_SECONDS)
    assert refuse(world) == "airgap_not_over"
    assert verify(world, NOW + 1).height == 5_000


def test_game_is_refused_when_it_is_blacklisted() -> None:
    world = GameWorld()
    world.registry[world.blacklist_slot] = 1
    assert refuse(world) == "game_blacklisted"


def test_game_is_refused_when_it_is_retired() -> None:
    world = GameWorld()
    world.registry[6] = CREATED_AT << 32
    assert refuse(world) == "game_retired"


def test_game_is_refused_when_the_factory_did_not_make_it() -> None:
    world = GameWorld()
    world.factory[world.game_id_slot] = 0
    assert refuse(world) == "game_not_registered"


def test_game_is_refused_when_it_is_of_another_type() -> None:
    """The factory made it as permissioned game 1; games are named by type, claim and data."""
    world = GameWorld(game_type=1)
    world.game_id_slot = GameWorld().game_id_slot  # where a game of type 0 would be
    assert refuse(world) == "game_not_registered"


def test_game_is_refused_when_its_type_was_not_respected() -> None:
    world = GameWorld()
    world.game[10] = 0
    assert refuse(world) == "game_not_respected"


def test_game_reads_the_flag_at_its_byte_when_a_layout_packs_it() -> None:
    world = GameWorld()
    world.config = dataclasses.replace(
        world.config, layout=GameLayout(respected_slot=0, respected_byte=18)
    )
    assert refuse(world) == "game_not_respected"
    world.game[0] |= 1 << 8 * 18
    assert verify(world).height == 5_000


@pytest.mark.parametrize("upgraded", ["factory", "registry"])
def test_game_is_refused_when_a_proxy_was_upgraded(upgraded: str) -> None:
    """Another version may keep other things in these slots."""
    world = GameWorld()
    getattr(world, upgraded)[IMPLEMENTATION_WORD] += 1
    assert refuse(world) == "implementation_mismatch"


def test_game_is_refused_when_it_runs_another_implementation() -> None:
    world = GameWorld()
    world.code = build_clone(named("another game"), ARGUMENTS)
    world.chain.accounts[GAME].code = world.code
    assert refuse(world) == "game_implementation_mismatch"


def test_game_is_refused_when_the_registry_judges_another_factory() -> None:
    world = GameWorld()
    world.registry[1] += 1
    assert refuse(world) == "registry_of_another_factory"


def test_game_is_refused_when_its_slots_are_of_another_layout() -> None:
    world = GameWorld()
    proof = world.prove()
    world.config = dataclasses.replace(world.config, layout=GameLayout(disputes_slot=102))
    with pytest.raises(ProofInvalid):
        verify_game_header(world.config, world.chain.header(), proof)


def test_game_is_refused_when_the_code_is_not_its_own() -> None:
    """A clone of the right implementation, for a claim that the factory knows, elsewhere."""
    world = GameWorld()
    world.chain.accounts[GAME].code = build_clone(world.config.game_implementation, b"x" * 116)
    assert refuse(world) == "code_hash_mismatch"


def test_game_is_refused_when_it_does_not_exist() -> None:
    world = GameWorld()
    del world.chain.accounts[GAME]
    nodes = world.chain.prove_account(GAME)
    whole = GameWorld()
    proof = dataclasses.replace(
        whole.prove(),
        factory=world.chain.prove(world.config.factory),
        registry=world.chain.prove(world.config.registry),
        game_nodes=nodes,
    )
    with pytest.raises(ProofInvalid) as refusal:
        verify_game_header(world.config, world.chain.header(), proof)
    assert refusal.value.reason == "account_absent"


def test_game_is_refused_when_the_header_is_of_another_block() -> None:
    other = OutputPreimage(PASSER_ROOT, rollup_header(height=5_001))
    assert refuse(GameWorld(), preimage=other) == "output_root_mismatch"
    wrong_passer = OutputPreimage(keccak256(b"another"), HEADER)
    assert refuse(GameWorld(), preimage=wrong_passer) == "output_root_mismatch"


def test_game_is_refused_when_the_l1_header_is_another() -> None:
    world = GameWorld()
    proof = world.prove()
    world.game[0] = state_word(status=1)
    with pytest.raises(ProofInvalid) as refusal:
        verify_game_header(world.config, world.chain.header(), proof)
    assert refusal.value.reason == "node_hash_mismatch"


@pytest.mark.parametrize(
    "part",
    [
        "game_id_nodes",
        "registry_factory_nodes",
        "blacklist_nodes",
        "retirement_nodes",
        "game_nodes",
        "state_nodes",
        "respected_nodes",
    ],
)
def test_game_is_refused_when_a_part_is_cut_short(part: str) -> None:
    world = GameWorld()
    nodes = getattr(world.prove(), part)
    assert refuse(world, **{part: nodes[:-1]}) == "proof_truncated"


CLONE = build_clone(named("game implementation"), ARGUMENTS)


@pytest.mark.parametrize(
    "code",
    [
        b"",
        CLONE[:99],
        CLONE[:-1],
        CLONE + b"\x00",
        b"\x00" + CLONE[1:],  # another head
        CLONE[:54] + b"\x00\x75" + CLONE[56:],  # another count of arguments in the code
        CLONE[:64] + b"\x72" + CLONE[65:],  # PUSH19
        CLONE[:97] + b"\xfd" + CLONE[98:],  # reverts where a clone returns
        CLONE[:-2] + b"\x00\x75",  # another count at the end
        CLONE[:98] + CLONE[99:],  # an argument byte is missing
        CLONE + bytes(2**16),
    ],
)
def test_clone_is_refused_when_a_byte_is_not_as_the_factory_makes_it(code: bytes) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_clone(code)
    assert refusal.value.reason == "clone_malformed"
    assert refuse(GameWorld(), code=code) == "clone_malformed"


def test_clone_is_refused_when_its_arguments_end_before_the_extra_data() -> None:
    world = GameWorld()
    short = build_clone(world.config.game_implementation, ARGUMENTS[:115])
    assert refuse(world, code=short) == "clone_malformed"


def test_clone_is_read_as_published_code_has_it() -> None:
    """A Solady clone with one argument word, as public proxy detectors list it."""
    code = bytes.fromhex(
        "36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff"
        "593da1005b363d3d373d3d3d3d610016806062363936013d73" + "bb" * 20 + ""
        "5af43d3d93803e606057fd5bf3e127ce638293fa123be79c25782a5652581db2340016"
    )
    clone = decode_clone(code)
    assert clone.implementation == b"\xbb" * 20
    assert clone.arguments.hex() == "e127ce638293fa123be79c25782a5652581db234"


def test_uuid_is_the_hash_of_the_abi_encoding() -> None:
    claim, data = keccak256(b"claim"), (77).to_bytes(32)
    assert game_uuid(8, claim, data) == keccak256(
        encode(["uint32", "bytes32", "bytes"], [8, claim, data])
    )
