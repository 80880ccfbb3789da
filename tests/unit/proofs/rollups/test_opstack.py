"""OP Stack output roots: a real one, and oracles in the real layout."""

from __future__ import annotations

import dataclasses

import pytest

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rollups.l1_contract import L1ContractProof
from clearinghouse.proofs.rollups.opstack import (
    AnchorProof,
    AnchorRegistry,
    anchor_slot,
    output_root,
    verify_anchor_header,
    verify_output_header,
)
from clearinghouse.proofs.state import verify_storage
from tests.unit.proofs.recordings import load_json, unhex
from tests.unit.proofs.rollups.accounts import storage_root_by_nodes
from tests.unit.proofs.rollups.chains import (
    IMPLEMENTATION_WORD,
    NOW,
    ROLLUP,
    Chain,
)
from tests.unit.proofs.rollups.oracles import (
    HEADER,
    INDEX,
    LENGTH,
    PREIMAGE,
    PROPOSED_AT,
    OracleWorld,
)
from tests.unit.proofs.rollups.recordings import anchor, load_rrc7755, rollup_storage

# ------------------------------------------------------------------------------ recorded


def test_recorded_anchor_gives_the_header_when_its_output_root_is_on_l1() -> None:
    config, l1, proof = anchor("OPSepoliaProof")
    header = verify_anchor_header(config, l1, proof)
    assert header.height == 48
    assert header.block_hash == keccak256(proof.preimage.header_rlp)


def test_recorded_rollup_state_is_proven_when_the_anchor_gave_its_root() -> None:
    """The whole path: L1 root, output root, rollup header, an account and a word of the rollup."""
    config, l1, proof = anchor("OPSepoliaProof")
    header = verify_anchor_header(config, l1, proof)
    storage, slot, word = rollup_storage(load_rrc7755("op-stack/rrc7755/OPSepoliaProof"))
    storage_root = storage_root_by_nodes(header.state_root, storage.account_nodes)
    assert verify_storage(storage_root, slot, storage.storage_nodes) == word


def test_recorded_invalid_l2_root_is_refused() -> None:
    """OPInvalidL2StateRoot: the message passer's root differs by a bit."""
    config, l1, proof = anchor("OPInvalidL2StateRoot")
    with pytest.raises(ProofInvalid) as refusal:
        verify_anchor_header(config, l1, proof)
    assert refusal.value.reason == "output_root_mismatch"


def test_recorded_invalid_word_is_not_what_is_proven() -> None:
    """OPInvalidL1Storage claims a root that its own nodes contradict; only nodes count here."""
    config, l1, proof = anchor("OPInvalidL1Storage")
    recording = load_rrc7755("op-stack/rrc7755/OPInvalidL1Storage")
    claimed = unhex(recording["dstL2StateRootProofParams"]["storageValue"])
    header = verify_anchor_header(config, l1, proof)
    passer_root = proof.preimage.message_passer_storage_root
    assert output_root(header.state_root, passer_root, header.block_hash) != claimed


def test_recorded_anchor_is_refused_when_it_is_of_another_registry_or_l1_block() -> None:
    config, l1, proof = anchor("OPSepoliaProof")
    other_code, other_l1, _ = anchor("OPInvalidL1Storage")
    for wrong_config, wrong_l1, reason in (
        (other_code, l1, "code_hash_mismatch"),
        (config, other_l1, "node_hash_mismatch"),
        (dataclasses.replace(config, game_type=1), l1, "proof_extended"),
        (dataclasses.replace(config, anchors_slot=2), l1, "proof_extended"),
    ):
        with pytest.raises(ProofInvalid) as refusal:
            verify_anchor_header(wrong_config, wrong_l1, proof)
        assert refusal.value.reason == reason


def test_recorded_withdrawal_is_proven_when_its_output_has_the_recorded_parts() -> None:
    """OP Mainnet withdrawal 4529: the output's message passer root holds what was sent."""
    recording = load_json("op-stack/opmainnet-withdrawal-4529.json")
    parts = recording["outputRootProof"]
    assert int(parts["version"], 16) == 0
    withdrawal = recording["withdrawal"]
    data = unhex(withdrawal["data"])
    words = b"".join(
        (
            int(withdrawal["nonce"]).to_bytes(32),
            unhex(withdrawal["sender"]).rjust(32, b"\x00"),
            unhex(withdrawal["target"]).rjust(32, b"\x00"),
            int(withdrawal["value"]).to_bytes(32),
            int(withdrawal["gasLimit"]).to_bytes(32),
            (192).to_bytes(32),
            len(data).to_bytes(32),
            data + bytes(-len(data) % 32),
        )
    )
    sent_slot = keccak256(keccak256(words) + bytes(32))
    passer_root = Hash32(unhex(parts["messagePasserStorageRoot"]))
    nodes = [unhex(node) for node in recording["withdrawalProof"]]
    assert verify_storage(passer_root, sent_slot, nodes) == 1


# ----------------------------------------------------------------- synthetic, real layouts


def refuse(world: OracleWorld, timestamp: int = NOW) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_output_header(world.config, world.chain.header(timestamp), world.prove())
    return refusal.value.reason


def test_synthetic_output_gives_the_header_when_it_is_final() -> None:
    world = OracleWorld()
    header = verify_output_header(world.config, world.chain.header(), world.prove())
    assert (header.height, header.block_hash) == (5_000, keccak256(HEADER))


def test_synthetic_output_is_refused_when_it_can_still_be_deleted() -> None:
    assert refuse(OracleWorld(), NOW - 1) == "output_not_final"


def test_synthetic_output_is_refused_when_it_was_deleted_but_its_words_remain() -> None:
    """deleteL2Outputs only shortens the array."""
    world = OracleWorld()
    world.storage[3] = INDEX
    assert refuse(world) == "output_deleted"
    world.storage[3] = 0
    assert refuse(world) == "output_deleted"


@pytest.mark.parametrize("index", [LENGTH, 2**255, 2**256 + INDEX, -1])
def test_synthetic_output_is_refused_when_its_index_is_past_the_end(index: int) -> None:
    """An index that wraps around could otherwise name any slot of the contract."""
    assert refuse(OracleWorld(index)) == "output_deleted"


def test_synthetic_output_is_refused_when_it_was_proposed_for_another_block() -> None:
    world = OracleWorld()
    world.storage[world.time_slot] = PROPOSED_AT | 4_999 << 128
    assert refuse(world) == "output_height_mismatch"


def test_synthetic_output_is_refused_when_its_root_is_of_another_block() -> None:
    world = OracleWorld()
    world.storage[world.root_slot] ^= 1
    assert refuse(world) == "output_root_mismatch"


def test_synthetic_output_is_refused_when_the_oracle_was_upgraded() -> None:
    world = OracleWorld()
    world.storage[IMPLEMENTATION_WORD] += 1
    assert refuse(world) == "implementation_mismatch"
    world.storage[IMPLEMENTATION_WORD] = 0
    assert refuse(world) == "implementation_mismatch"


def test_synthetic_output_is_refused_when_the_slots_are_of_another_layout() -> None:
    world = OracleWorld()
    config = dataclasses.replace(world.config, outputs_slot=4)
    with pytest.raises(ProofInvalid):
        verify_output_header(config, world.chain.header(), world.prove())


def test_synthetic_anchor_is_refused_when_the_registry_keeps_none() -> None:
    """A mapping's default is no root: nothing hashes to zero."""
    chain = Chain({})
    config = AnchorRegistry(ROLLUP, chain.proxy("registry"), game_type=0)
    nodes = chain.prove_slot(config.registry.address, anchor_slot(config))
    proof = AnchorProof(chain.prove(config.registry), nodes, PREIMAGE)
    with pytest.raises(ProofInvalid) as refusal:
        verify_anchor_header(config, chain.header(), proof)
    assert refusal.value.reason == "output_root_mismatch"


def test_synthetic_anchor_is_refused_when_the_registry_does_not_exist() -> None:
    chain = Chain({})
    chain.proxy("someone else")
    config = AnchorRegistry(ROLLUP, chain.proxy("registry"), game_type=0)
    del chain.accounts[config.registry.address]
    absent = L1ContractProof(chain.prove_account(config.registry.address), ())
    with pytest.raises(ProofInvalid) as refusal:
        verify_anchor_header(config, chain.header(), AnchorProof(absent, (), PREIMAGE))
    assert refusal.value.reason == "account_absent"
