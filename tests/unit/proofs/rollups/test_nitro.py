"""Arbitrum Nitro: real assertions and a real Outbox entry, and everything that is not one."""

from __future__ import annotations

import dataclasses

import pytest
import rlp

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.l1_contract import L1Contract
from clearinghouse.proofs.rollups.nitro import (
    ASSERTION_CONFIRMED,
    AssertionProof,
    AssertionState,
    NitroOutbox,
    NitroRollup,
    OutboxProof,
    assertion_hash,
    assertion_slot,
    outbox_slot,
    verify_asserted_header,
    verify_outbox_header,
)
from clearinghouse.proofs.state import verify_account, verify_storage
from tests.unit.proofs.recordings import load_json, unhex
from tests.unit.proofs.rollups.accounts import storage_root_by_nodes
from tests.unit.proofs.rollups.chains import ROLLUP, Chain, named, rollup_header
from tests.unit.proofs.rollups.recordings import (
    SEPOLIA,
    as_verified,
    assertion,
    load_rrc7755,
    outbox,
    rollup_storage,
)


def refuse_assertion(config: NitroRollup, l1: VerifiedHeader, proof: AssertionProof) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_asserted_header(config, l1, proof)
    return refusal.value.reason


def refuse_outbox(config: NitroOutbox, l1: VerifiedHeader, proof: OutboxProof) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_outbox_header(config, l1, proof)
    return refusal.value.reason


# ------------------------------------------------------------------------------ recorded


def test_recorded_assertion_gives_the_header_when_it_is_confirmed() -> None:
    config, l1, proof = assertion("ArbitrumSepoliaProof")
    header = verify_asserted_header(config, l1, proof)
    assert header.block_hash == proof.after_state.block_hash
    assert (header.chain_id, header.height, header.timestamp) == (421_614, 117_201_326, 1737666884)


def test_recorded_rollup_state_is_proven_when_the_assertion_gave_its_root() -> None:
    """The whole path: L1 root, assertion, rollup header, an account and a word of the rollup."""
    config, l1, proof = assertion("ArbitrumSepoliaProof")
    header = verify_asserted_header(config, l1, proof)
    storage, slot, word = rollup_storage(load_rrc7755("arbitrum/rrc7755/ArbitrumSepoliaProof"))
    storage_root = storage_root_by_nodes(header.state_root, storage.account_nodes)
    assert verify_storage(storage_root, slot, storage.storage_nodes) == word


def test_recorded_invalid_header_is_refused_although_its_assertion_is_confirmed() -> None:
    """ArbitrumInvalidBlockHeaders: the header was cut down to a hash and a byte."""
    config, l1, proof = assertion("ArbitrumInvalidBlockHeaders")
    assert refuse_assertion(config, l1, proof) == "header_too_short"


def test_recorded_invalid_word_is_not_what_is_proven() -> None:
    """ArbitrumInvalidL1State claims a word that its own nodes contradict; only nodes count here."""
    config, l1, proof = assertion("ArbitrumInvalidL1State")
    recording = load_rrc7755("arbitrum/rrc7755/ArbitrumInvalidL1State")
    claimed = int(recording["dstL2StateRootProofParams"]["storageValue"], 16)
    account = verify_account(l1.state_root, config.rollup.address, proof.rollup.account_nodes)
    assert account is not None
    slot = assertion_slot(
        config, assertion_hash(proof.parent, proof.after_state, proof.inbox_accumulator)
    )
    proven = verify_storage(account.storage_root, slot, proof.node_nodes)
    assert proven != claimed
    assert verify_asserted_header(config, l1, proof).height == 109_030_540


def test_recorded_assertion_is_refused_when_anything_asserted_is_altered() -> None:
    config, l1, proof = assertion("ArbitrumSepoliaProof")
    after = proof.after_state
    for altered in (
        dataclasses.replace(after, block_hash=keccak256(b"another block")),
        dataclasses.replace(after, send_root=keccak256(b"another root")),
        dataclasses.replace(after, inbox_position=after.inbox_position + 1),
        dataclasses.replace(after, position_in_message=1),
        dataclasses.replace(after, machine_status=2),
        dataclasses.replace(after, end_history_root=keccak256(b"another history")),
    ):
        other = dataclasses.replace(proof, after_state=altered)
        assert refuse_assertion(config, l1, other) == "node_hash_mismatch"


def test_recorded_assertion_is_refused_when_the_contract_or_its_code_is_another() -> None:
    config, l1, proof = assertion("ArbitrumSepoliaProof")
    for contract in (
        dataclasses.replace(config.rollup, address=named("another rollup")),
        dataclasses.replace(config.rollup, code_hash=keccak256(b"other code")),
    ):
        other = dataclasses.replace(config, rollup=contract)
        assert refuse_assertion(other, l1, proof) in ("node_hash_mismatch", "code_hash_mismatch")


def test_recorded_assertion_is_refused_when_the_slot_is_of_another_version() -> None:
    config, l1, proof = assertion("ArbitrumSepoliaProof")
    before_bold = dataclasses.replace(config, assertions_slot=118)
    assert refuse_assertion(before_bold, l1, proof) == "node_hash_mismatch"


def test_recorded_assertion_is_refused_when_the_l1_header_is_another() -> None:
    config, _, proof = assertion("ArbitrumSepoliaProof")
    _, other_l1, _ = assertion("ArbitrumInvalidL1State")
    assert refuse_assertion(config, other_l1, proof) == "node_hash_mismatch"


def test_recorded_outbox_gives_the_header_when_it_keeps_its_hash() -> None:
    config, l1_rlp, proof = outbox()
    header = verify_outbox_header(config, as_verified(SEPOLIA, l1_rlp), proof)
    recording = load_json("arbitrum/broadcaster/l2_storage_proof_block_207673361.json")
    assert header.height == int(recording["blockNumber"], 16) == 207_673_361
    assert header.block_hash == unhex(recording["blockHash"])
    account = verify_account(
        header.state_root,
        Address(unhex(recording["account"])),
        rlp.decode(unhex(recording["rlpAccountProof"])),
    )
    assert account is not None
    nodes = rlp.decode(unhex(recording["rlpStorageProof"]))
    slot = Hash32(unhex(recording["slot"]))
    word = verify_storage(account.storage_root, slot, nodes)
    assert word == int(recording["slotValue"], 16)


def test_recorded_outbox_is_refused_when_the_header_is_another() -> None:
    config, l1_rlp, proof = outbox()
    l1 = as_verified(SEPOLIA, l1_rlp)
    fields = rlp.decode(proof.header_rlp)
    fields[3] = keccak256(b"another state")
    same_send_root = dataclasses.replace(proof, header_rlp=rlp.encode(fields))
    assert refuse_outbox(config, l1, same_send_root) == "block_not_confirmed"
    fields[12] = keccak256(b"another send root")
    other_send_root = dataclasses.replace(proof, header_rlp=rlp.encode(fields))
    assert refuse_outbox(config, l1, other_send_root) == "node_hash_mismatch"
    fields[12] = b"no root"
    no_send_root = dataclasses.replace(proof, header_rlp=rlp.encode(fields))
    assert refuse_outbox(config, l1, no_send_root) == "send_root_missing"


def test_recorded_outbox_is_refused_when_an_implementation_is_claimed() -> None:
    config, l1_rlp, proof = outbox()
    l1 = as_verified(SEPOLIA, l1_rlp)
    claimed = dataclasses.replace(
        proof, outbox=dataclasses.replace(proof.outbox, implementation_nodes=proof.root_nodes)
    )
    assert refuse_outbox(config, l1, claimed) == "not_a_proxy"


# ----------------------------------------------------------------- synthetic, real layouts

SEND_ROOT = keccak256(b"sent")
NITRO_HEADER = rollup_header(extra_data=SEND_ROOT)
AFTER = AssertionState(keccak256(NITRO_HEADER), SEND_ROOT, 77, 0, 1, keccak256(b"history"))
PARENT, INBOX = keccak256(b"parent"), keccak256(b"inbox")


class AssertionWorld:
    """An L1 with a BoLD rollup proxy and one assertion."""

    def __init__(self, after: AssertionState = AFTER, status: int = ASSERTION_CONFIRMED) -> None:
        self.chain = Chain({})
        self.config = NitroRollup(ROLLUP, self.chain.proxy("rollup"))
        self.after = after
        slot = assertion_slot(self.config, assertion_hash(PARENT, after, INBOX))
        self.slot = int.from_bytes(slot)
        created_at_block, is_first_child = 9_000_000, 1
        node = created_at_block << 128 | is_first_child << 192 | status << 200
        self.storage[self.slot] = node if status else 0

    @property
    def storage(self) -> dict[int, int]:
        return self.chain.accounts[self.config.rollup.address].storage

    def prove(self, header_rlp: bytes = NITRO_HEADER) -> AssertionProof:
        return AssertionProof(
            rollup=self.chain.prove(self.config.rollup),
            node_nodes=self.chain.prove_slot(self.config.rollup.address, self.slot),
            parent=PARENT,
            after_state=self.after,
            inbox_accumulator=INBOX,
            header_rlp=header_rlp,
        )

    def refuse(self, header_rlp: bytes = NITRO_HEADER) -> str:
        return refuse_assertion(self.config, self.chain.header(), self.prove(header_rlp))


def test_synthetic_assertion_gives_the_header_when_it_is_confirmed() -> None:
    world = AssertionWorld()
    header = verify_asserted_header(world.config, world.chain.header(), world.prove())
    assert header.block_hash == keccak256(NITRO_HEADER)


@pytest.mark.parametrize("status", [0, 1, 3])
def test_synthetic_assertion_is_refused_when_it_is_unknown_or_pending(status: int) -> None:
    assert AssertionWorld(status=status).refuse() == "assertion_not_confirmed"


@pytest.mark.parametrize("machine_status", [0, 2])
def test_synthetic_assertion_is_refused_when_its_machine_did_not_finish(
    machine_status: int,
) -> None:
    after = dataclasses.replace(AFTER, machine_status=machine_status)
    assert AssertionWorld(after).refuse() == "machine_not_finished"


def test_synthetic_assertion_is_refused_when_the_header_is_not_the_asserted_one() -> None:
    other = rollup_header(height=5_001, extra_data=SEND_ROOT)
    assert AssertionWorld().refuse(other) == "asserted_block_mismatch"
    sent_more = dataclasses.replace(AFTER, send_root=keccak256(b"sent more"))
    assert AssertionWorld(sent_more).refuse() == "asserted_send_root_mismatch"


def test_synthetic_assertion_is_refused_when_the_rollup_was_upgraded() -> None:
    world = AssertionWorld()
    world.config = dataclasses.replace(
        world.config,
        rollup=dataclasses.replace(world.config.rollup, implementation=named("version 4")),
    )
    assert world.refuse() == "implementation_mismatch"


def test_assertion_state_is_refused_when_a_number_does_not_fit() -> None:
    after = dataclasses.replace(AFTER, inbox_position=2**64)
    with pytest.raises(ProofInvalid) as refusal:
        assertion_hash(PARENT, after, INBOX)
    assert refusal.value.reason == "assertion_malformed"


def test_synthetic_outbox_is_refused_when_it_keeps_nothing() -> None:
    chain = Chain({})
    config = NitroOutbox(ROLLUP, chain.proxy("outbox"))
    address = config.outbox.address
    slot = outbox_slot(config, SEND_ROOT)
    proof = OutboxProof(chain.prove(config.outbox), chain.prove_slot(address, slot), NITRO_HEADER)
    assert refuse_outbox(config, chain.header(), proof) == "block_not_confirmed"
    chain.accounts[address].storage[int.from_bytes(slot)] = int.from_bytes(keccak256(NITRO_HEADER))
    proof = OutboxProof(chain.prove(config.outbox), chain.prove_slot(address, slot), NITRO_HEADER)
    assert verify_outbox_header(config, chain.header(), proof).height == 5_000


@pytest.mark.parametrize(("height", "state_root"), [(0, keccak256(b"state")), (5, bytes(32))])
def test_header_is_refused_when_its_height_or_state_root_is_zero(
    height: int, state_root: bytes
) -> None:
    """L1 would not hold such a block; the client refuses it all the same."""
    chain = Chain({})
    config = NitroOutbox(ROLLUP, chain.proxy("outbox"))
    header = rollup_header(height, state_root, SEND_ROOT)
    slot = outbox_slot(config, SEND_ROOT)
    address = config.outbox.address
    chain.accounts[address].storage[int.from_bytes(slot)] = int.from_bytes(keccak256(header))
    proof = OutboxProof(chain.prove(config.outbox), chain.prove_slot(address, slot), header)
    assert refuse_outbox(config, chain.header(), proof) == "header_zero"


def test_l1_contract_is_refused_when_it_names_nothing() -> None:
    code_hash = keccak256(b"code")
    for arguments in (
        (Address(bytes(20)), code_hash, None),
        (named("a"), Hash32(bytes(32)), None),
        (named("a"), code_hash, Address(bytes(20))),
    ):
        with pytest.raises(ValueError, match="zero"):
            L1Contract(*arguments)
