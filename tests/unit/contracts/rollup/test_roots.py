"""Root contracts inside an EVM, on recorded and on synthetic L1 states.

Every proof is also given to the Python twin: both take it, or both refuse it for the same cause.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from adapters.evm.rollup_proofs import (
    build_anchor_proof,
    build_assertion_proof,
    build_game_proof,
    build_outbox_proof,
    build_output_proof,
    l1_contract_argument,
)
from adapters.opstack.deployment import plan_game_root
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.dispute_game import verify_game_header
from clearinghouse.proofs.rollups.nitro import verify_asserted_header, verify_outbox_header
from clearinghouse.proofs.rollups.opstack import verify_anchor_header, verify_output_header
from tests.unit.contracts.evm import Contract, Evm, Reverted
from tests.unit.contracts.rollup.anvil_state import AnvilState
from tests.unit.proofs.rollups import recordings
from tests.unit.proofs.rollups.chains import IMPLEMENTATION_WORD, NOW
from tests.unit.proofs.rollups.games import CREATED_AT, GameWorld, state_word
from tests.unit.proofs.rollups.oracles import OracleWorld


def prove(root: Contract, l1: VerifiedHeader, proof: bytes) -> tuple[int, bytes, bytes, int]:
    """Return height, hash, state root and time that the root contract proves."""
    height, block_hash, state_root, timestamp = root.call(
        "proveHeader", l1.state_root, l1.timestamp, proof
    )
    return height, block_hash, state_root, timestamp


def refuse(root: Contract, l1: VerifiedHeader, proof: bytes) -> str:
    """Return the error with which the root contract refuses a proof."""
    with pytest.raises(Reverted) as refusal:
        prove(root, l1, proof)
    return refusal.value.error.name


def facts(header: VerifiedHeader) -> tuple[int, bytes, bytes, int]:
    return header.height, header.block_hash, header.state_root, header.timestamp


# ------------------------------------------------------------------------------ recorded


def deploy_anchor_root(chain: Evm, name: str) -> tuple[Contract, VerifiedHeader, Any]:
    config, l1, proof = recordings.anchor(name)
    registry = l1_contract_argument(config.registry)
    root = chain.deploy("AnchorRegistryRoot", registry, config.game_type, config.anchors_slot)
    return root, l1, proof


def deploy_assertion_root(chain: Evm, name: str) -> tuple[Contract, VerifiedHeader, Any]:
    config, l1, proof = recordings.assertion(name)
    rollup = l1_contract_argument(config.rollup)
    return chain.deploy("AssertionRoot", rollup, config.assertions_slot), l1, proof


def deploy_outbox_root(chain: Evm) -> Contract:
    config, _, _ = recordings.outbox()
    return chain.deploy("OutboxRoot", l1_contract_argument(config.outbox), config.roots_slot)


def test_recorded_anchor_is_proven_in_the_evm_as_in_python(chain: Evm) -> None:
    config, l1, proof = recordings.anchor("OPSepoliaProof")
    root, _, _ = deploy_anchor_root(chain, "OPSepoliaProof")
    expected = facts(verify_anchor_header(config, l1, proof))
    assert prove(root, l1, build_anchor_proof(proof)) == expected


def test_recorded_invalid_l2_root_is_refused_in_the_evm(chain: Evm) -> None:
    root, l1, proof = deploy_anchor_root(chain, "OPInvalidL2StateRoot")
    assert refuse(root, l1, build_anchor_proof(proof)) == "OutputRootMismatch"


def test_recorded_assertion_is_proven_in_the_evm_as_in_python(chain: Evm) -> None:
    config, l1, proof = recordings.assertion("ArbitrumSepoliaProof")
    root, _, _ = deploy_assertion_root(chain, "ArbitrumSepoliaProof")
    expected = facts(verify_asserted_header(config, l1, proof))
    assert prove(root, l1, build_assertion_proof(proof)) == expected


def test_recorded_invalid_header_is_refused_in_the_evm(chain: Evm) -> None:
    """ArbitrumInvalidBlockHeaders: its assertion is confirmed, its header cut down to one field."""
    root, l1, proof = deploy_assertion_root(chain, "ArbitrumInvalidBlockHeaders")
    assert refuse(root, l1, build_assertion_proof(proof)) == "HeaderFieldCount"


def test_recorded_invalid_word_changes_nothing_in_the_evm(chain: Evm) -> None:
    """ArbitrumInvalidL1State states a word beside its proof; the contract reads the proof's own."""
    config, l1, proof = recordings.assertion("ArbitrumInvalidL1State")
    root, _, _ = deploy_assertion_root(chain, "ArbitrumInvalidL1State")
    expected = facts(verify_asserted_header(config, l1, proof))
    assert prove(root, l1, build_assertion_proof(proof)) == expected


def test_recorded_assertion_is_refused_in_the_evm_when_it_is_of_another_l1_block(
    chain: Evm,
) -> None:
    root, l1, proof = deploy_assertion_root(chain, "ArbitrumSepoliaProof")
    _, other_l1, other = recordings.assertion("ArbitrumInvalidL1State")
    assert refuse(root, other_l1, build_assertion_proof(proof)) == "NodeHashMismatch"
    foreign = dataclasses.replace(proof, node_nodes=other.node_nodes)
    assert refuse(root, l1, build_assertion_proof(foreign)) == "NodeHashMismatch"


def test_recorded_assertion_is_refused_in_the_evm_when_it_is_cut_short(chain: Evm) -> None:
    root, l1, proof = deploy_assertion_root(chain, "ArbitrumSepoliaProof")
    for cut in range(len(proof.node_nodes)):
        short = dataclasses.replace(proof, node_nodes=proof.node_nodes[:cut])
        assert refuse(root, l1, build_assertion_proof(short)) == "ProofTruncated"


def test_recorded_outbox_is_proven_in_the_evm_as_in_python(chain: Evm) -> None:
    config, l1_rlp, proof = recordings.outbox()
    l1 = recordings.as_verified(recordings.SEPOLIA, l1_rlp)
    expected = facts(verify_outbox_header(config, l1, proof))
    assert prove(deploy_outbox_root(chain), l1, build_outbox_proof(proof)) == expected


# ----------------------------------------------------- synthetic, in an anvil's own state


def put(chain: Evm, world: GameWorld | OracleWorld) -> AnvilState:
    """Put a world into the anvil's state, from which it is proven then."""
    state = AnvilState(chain, world.chain)
    world.chain = state
    return state


def deploy_game_root(chain: Evm, world: GameWorld) -> Contract:
    plan = plan_game_root(world.config)
    return chain.deploy(plan.artifact, *plan.arguments)


def test_synthetic_game_is_proven_in_the_evm_as_in_python(chain: Evm) -> None:
    """The layouts of DisputeGameFactory, AnchorStateRegistry 3 and FaultDisputeGame, words ours."""
    world = GameWorld()
    l1 = put(chain, world)
    proof = world.prove()
    expected = facts(verify_game_header(world.config, l1.header(), proof))
    root = deploy_game_root(chain, world)
    assert prove(root, l1.header(), build_game_proof(proof)) == expected


def _undecided(world: GameWorld) -> None:
    world.game[0] = state_word(status=0)


def _challenger_won(world: GameWorld) -> None:
    world.game[0] = state_word(status=1)


def _airgap_not_over(world: GameWorld) -> None:
    world.game[0] = state_word(resolved_at=NOW - 1)


def _blacklisted(world: GameWorld) -> None:
    world.registry[world.blacklist_slot] = 1


def _retired(world: GameWorld) -> None:
    world.registry[6] = CREATED_AT << 32


def _unregistered(world: GameWorld) -> None:
    world.factory[world.game_id_slot] = 0


def _not_respected(world: GameWorld) -> None:
    world.game[10] = 0


def _upgraded(world: GameWorld) -> None:
    world.registry[IMPLEMENTATION_WORD] += 1


def _another_factory(world: GameWorld) -> None:
    world.registry[1] += 1


def _malformed(world: GameWorld) -> None:
    world.code = world.code[:-1] + b"\x00"


@pytest.mark.parametrize(
    ("alter", "reason", "error"),
    [
        (_undecided, "game_not_defended", "GameNotDefended"),
        (_challenger_won, "game_not_defended", "GameNotDefended"),
        (_airgap_not_over, "airgap_not_over", "AirgapNotOver"),
        (_blacklisted, "game_blacklisted", "GameBlacklisted"),
        (_retired, "game_retired", "GameRetired"),
        (_unregistered, "game_not_registered", "GameNotRegistered"),
        (_not_respected, "game_not_respected", "GameNotRespected"),
        (_upgraded, "implementation_mismatch", "ImplementationMismatch"),
        (_another_factory, "registry_of_another_factory", "RegistryOfAnotherFactory"),
        (_malformed, "clone_malformed", "CloneMalformed"),
    ],
)
def test_synthetic_game_is_refused_in_the_evm_as_in_python(
    chain: Evm, alter: Callable[[GameWorld], None], reason: str, error: str
) -> None:
    world = GameWorld()
    alter(world)
    l1 = put(chain, world)
    proof = world.prove()
    with pytest.raises(ProofInvalid) as refusal:
        verify_game_header(world.config, l1.header(), proof)
    assert refusal.value.reason == reason
    assert refuse(deploy_game_root(chain, world), l1.header(), build_game_proof(proof)) == error


def deploy_output_root(chain: Evm, world: OracleWorld) -> Contract:
    oracle = l1_contract_argument(world.config.oracle)
    return chain.deploy(
        "OutputOracleRoot", oracle, world.config.outputs_slot, world.config.finalization_seconds
    )


def test_synthetic_output_is_proven_in_the_evm_as_in_python(chain: Evm) -> None:
    """The layout of L2OutputOracle, words ours."""
    world = OracleWorld()
    l1 = put(chain, world)
    proof = world.prove()
    root = deploy_output_root(chain, world)
    expected = facts(verify_output_header(world.config, l1.header(), proof))
    assert prove(root, l1.header(), build_output_proof(proof)) == expected
    early = dataclasses.replace(l1.header(), timestamp=NOW - 1)
    assert refuse(root, early, build_output_proof(proof)) == "OutputNotFinal"


def test_synthetic_output_is_refused_in_the_evm_when_it_was_deleted(chain: Evm) -> None:
    world = OracleWorld()
    world.storage[3] = world.index
    l1 = put(chain, world)
    proof = build_output_proof(world.prove())
    assert refuse(deploy_output_root(chain, world), l1.header(), proof) == "OutputDeleted"
