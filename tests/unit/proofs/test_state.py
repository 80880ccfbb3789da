"""Account and storage proofs from real chains, and what ``verify_slot`` binds."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
import rlp

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.state import (
    EMPTY_CODE_HASH,
    Account,
    StateProof,
    verify_account,
    verify_slot,
    verify_storage,
)
from clearinghouse.proofs.trie import EMPTY_ROOT, verify_inclusion_or_absence
from tests.unit.proofs.recordings import (
    RECORDED_PROOFS,
    WETH,
    RecordedProof,
    load_json,
    portal_offers,
    unhex,
)
from tests.unit.proofs.tries import (
    account_leaf,
    build_secure_trie,
    build_trie,
    honest_nodes,
    storage_leaf,
)

UNION_PROOF = "eth-getproof/sepolia-electra-union/account_proof_7167040.json"


def account_of(proof: RecordedProof) -> Account:
    """Return the proven account; an absent one as nodes report it, with nothing in it."""
    account = verify_account(proof.state_root, proof.address, proof.account_nodes)
    return account or Account(0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)


def test_recorded_proof_shows_absence_when_the_account_never_existed() -> None:
    (proof,) = RECORDED_PROOFS["goerli-herodotus"]()
    assert len(proof.account_nodes) == 7
    assert verify_account(proof.state_root, proof.address, proof.account_nodes) is None


@pytest.mark.parametrize("name", RECORDED_PROOFS)
def test_recorded_proof_gives_the_recorded_values_when_verified(name: str) -> None:
    for proof in RECORDED_PROOFS[name]():
        account = account_of(proof)
        assert proof.nonce in (None, account.nonce)
        assert proof.balance in (None, account.balance)
        assert proof.code_hash in (None, account.code_hash)
        assert proof.storage_root in (None, account.storage_root)
        for storage in proof.storage:
            assert verify_storage(account.storage_root, storage.slot, storage.nodes) == storage.word


@pytest.mark.parametrize("name", RECORDED_PROOFS)
def test_recorded_proof_is_truncated_when_it_is_any_proper_prefix(name: str) -> None:
    for proof in RECORDED_PROOFS[name]():
        account = account_of(proof)
        for cut in range(len(proof.account_nodes)):
            with pytest.raises(ProofInvalid) as refusal:
                verify_account(proof.state_root, proof.address, proof.account_nodes[:cut])
            assert refusal.value.reason == "proof_truncated"
        for storage in proof.storage:
            for cut in range(len(storage.nodes)):
                with pytest.raises(ProofInvalid) as refusal:
                    verify_storage(account.storage_root, storage.slot, storage.nodes[:cut])
                assert refusal.value.reason == "proof_truncated"


@pytest.mark.parametrize("name", RECORDED_PROOFS)
def test_recorded_proof_is_refused_when_another_account_or_slot_is_meant(name: str) -> None:
    """A foreign proof either fails or, where it shows absence, uses fewer nodes and so fails."""
    for proof in RECORDED_PROOFS[name]():
        account = account_of(proof)
        stranger = Address(bytes(19) + b"\x2a")
        with pytest.raises(ProofInvalid):
            verify_account(proof.state_root, stranger, proof.account_nodes)
        with pytest.raises(ProofInvalid):
            verify_account(account.code_hash, proof.address, proof.account_nodes)
        for storage in proof.storage:
            if len(storage.nodes) > 1:
                with pytest.raises(ProofInvalid):
                    verify_storage(account.storage_root, keccak256(storage.slot), storage.nodes)


def test_portal_proof_is_truncated_when_it_was_offered_for_an_inner_node() -> None:
    whole, branch, root = portal_offers()
    storage_root = account_of(whole).storage_root
    assert account_of(branch) == account_of(root) == account_of(whole)
    assert len(whole.storage[0].nodes) > len(branch.storage[0].nodes) > len(root.storage[0].nodes)
    for part in (branch, root):
        with pytest.raises(ProofInvalid) as refusal:
            verify_storage(storage_root, part.storage[0].slot, part.storage[0].nodes)
        assert refusal.value.reason == "proof_truncated"


def union_proof() -> tuple[Hash32, bytes, list[bytes], bytes]:
    """Return the recording's root, key, nodes and leaf.

    It names no address, so the account's key is read off the nodes themselves.
    """
    nodes = [unhex(node) for node in load_json(UNION_PROOF)]
    update = load_json("beacon-light-client/sepolia-electra-union/finality_update_7167040.json")
    state_root = Hash32(unhex(update["finalized_header"]["execution"]["state_root"]))
    nibbles = ""
    for node, child in pairwise(nodes):
        nibbles += f"{rlp.decode(node).index(keccak256(child)):x}"
    prefix, leaf = rlp.decode(nodes[-1])
    path = prefix.hex()
    nibbles += path[1:] if path[0] == "3" else path[2:]
    return state_root, bytes.fromhex(nibbles), nodes, leaf


def test_union_proof_fits_the_finalised_root_when_its_address_is_not_recorded() -> None:
    state_root, trie_key, nodes, leaf = union_proof()
    assert keccak256(nodes[0]) == state_root
    assert verify_inclusion_or_absence(state_root, trie_key, nodes) == leaf
    assert len(rlp.decode(leaf)) == 4
    for cut in range(len(nodes)):
        with pytest.raises(ProofInvalid) as refusal:
            verify_inclusion_or_absence(state_root, trie_key, nodes[:cut])
        assert refusal.value.reason == "proof_truncated"


# A chain of our own: a contract with two words, beside accounts that make the trie branch.
CHAIN = ChainId(31337)
ANCHOR = Address(b"\x0a" * 20)
CODE_HASH = keccak256(b"the anchor's code")
SLOT, EMPTY_SLOT = Hash32((3).to_bytes(32)), Hash32((9).to_bytes(32))
WORD = 2**255 + 17
STORAGE = build_secure_trie({SLOT: storage_leaf(WORD), bytes(32): storage_leaf(1)})
ACCOUNTS = build_secure_trie(
    {
        ANCHOR: account_leaf(1, 0, STORAGE.root_hash, CODE_HASH),
        b"\x0b" * 20: account_leaf(1, 0, STORAGE.root_hash, keccak256(b"another code")),
        b"\x0c" * 20: account_leaf(7, 10**21, EMPTY_ROOT, EMPTY_CODE_HASH),
    }
)
HEADER = VerifiedHeader(
    chain_id=CHAIN,
    height=100,
    block_hash=keccak256(b"block"),
    state_root=Hash32(ACCOUNTS.root_hash),
    timestamp=1_700_000_000,
)


def proof_of(address: bytes, slot: bytes) -> StateProof:
    return StateProof(
        account_nodes=honest_nodes(ACCOUNTS, keccak256(address)),
        storage_nodes=honest_nodes(STORAGE, keccak256(slot)),
    )


def refuse(address: Address, code_hash: Hash32, slot: Hash32, proof: StateProof) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_slot(HEADER, address, code_hash, slot, proof)
    return refusal.value.reason


def test_verify_slot_gives_the_word_when_everything_fits() -> None:
    assert verify_slot(HEADER, ANCHOR, CODE_HASH, SLOT, proof_of(ANCHOR, SLOT)) == WORD


def test_verify_slot_gives_zero_when_the_slot_is_proven_absent() -> None:
    assert verify_slot(HEADER, ANCHOR, CODE_HASH, EMPTY_SLOT, proof_of(ANCHOR, EMPTY_SLOT)) == 0


def test_verify_slot_gives_zero_when_the_storage_is_empty() -> None:
    holder = Address(b"\x0c" * 20)
    nodes = honest_nodes(ACCOUNTS, keccak256(holder))
    proof = StateProof(nodes, ())
    assert verify_slot(HEADER, holder, EMPTY_CODE_HASH, SLOT, proof) == 0
    with pytest.raises(ProofInvalid) as refusal:
        verify_slot(HEADER, holder, EMPTY_CODE_HASH, SLOT, StateProof(nodes, (b"\x80",)))
    assert refusal.value.reason == "proof_extended"


def test_verify_slot_refuses_when_the_account_is_absent() -> None:
    nobody = Address(b"\x0d" * 20)
    assert refuse(nobody, CODE_HASH, SLOT, proof_of(nobody, SLOT)) == "account_absent"


def test_verify_slot_refuses_when_the_code_is_another() -> None:
    impostor = Address(b"\x0b" * 20)
    assert refuse(impostor, CODE_HASH, SLOT, proof_of(impostor, SLOT)) == "code_hash_mismatch"
    replaced = keccak256(b"the code before the upgrade")
    assert refuse(ANCHOR, replaced, SLOT, proof_of(ANCHOR, SLOT)) == "code_hash_mismatch"


def test_verify_slot_refuses_when_a_part_proves_something_else() -> None:
    proof = proof_of(ANCHOR, SLOT)
    other_address = dataclasses.replace(
        proof, account_nodes=proof_of(b"\x0b" * 20, SLOT).account_nodes
    )
    other_slot = dataclasses.replace(proof, storage_nodes=proof_of(ANCHOR, bytes(32)).storage_nodes)
    swapped = StateProof(proof.storage_nodes, proof.account_nodes)
    nothing = StateProof((), ())
    for foreign in (other_address, other_slot, swapped, nothing):
        assert refuse(ANCHOR, CODE_HASH, SLOT, foreign) in (
            "node_hash_mismatch",
            "proof_truncated",
        )


def test_verify_slot_refuses_when_the_header_is_older() -> None:
    stale = dataclasses.replace(HEADER, state_root=keccak256(b"an older state"))
    with pytest.raises(ProofInvalid) as refusal:
        verify_slot(stale, ANCHOR, CODE_HASH, SLOT, proof_of(ANCHOR, SLOT))
    assert refusal.value.reason == "node_hash_mismatch"


@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (rlp.encode([b"\x01", b"", EMPTY_ROOT]), "account_malformed"),
        (rlp.encode([b"\x01", b"", EMPTY_ROOT, EMPTY_CODE_HASH, b""]), "account_malformed"),
        (rlp.encode([b"\x01", b"", EMPTY_ROOT[1:], EMPTY_CODE_HASH]), "account_malformed"),
        (rlp.encode([b"\x01", b"", EMPTY_ROOT, b""]), "account_malformed"),
        (rlp.encode([b"\x01", b"", EMPTY_ROOT, [EMPTY_CODE_HASH]]), "rlp_too_deep"),
        (rlp.encode([b"\x00", b"", EMPTY_ROOT, EMPTY_CODE_HASH]), "rlp_not_an_integer"),
        (rlp.encode([b"\x01" * 9, b"", EMPTY_ROOT, EMPTY_CODE_HASH]), "rlp_not_an_integer"),
        (rlp.encode([b"", b"\x01" * 33, EMPTY_ROOT, EMPTY_CODE_HASH]), "rlp_not_an_integer"),
        (account_leaf(1, 0, EMPTY_ROOT, EMPTY_CODE_HASH) + b"\x00", "rlp_trailing_bytes"),
        (rlp.encode(b"not a list"), "rlp_not_a_list"),
    ],
)
def test_verify_account_refuses_when_the_leaf_is_no_account(leaf: bytes, reason: str) -> None:
    trie = build_secure_trie({WETH: leaf})
    with pytest.raises(ProofInvalid) as refusal:
        verify_account(trie.root_hash, WETH, honest_nodes(trie, keccak256(WETH)))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (rlp.encode(b""), "storage_value_malformed"),
        (rlp.encode(b"\x00\x01"), "rlp_not_an_integer"),
        (rlp.encode(b"\x01" * 33), "rlp_not_an_integer"),
        (rlp.encode([b"\x01"]), "rlp_too_deep"),
        (b"\x81\x01", "rlp_not_canonical"),
        (b"\x01\x01", "rlp_trailing_bytes"),
    ],
)
def test_verify_storage_refuses_when_the_leaf_is_no_word(leaf: bytes, reason: str) -> None:
    trie = build_trie({keccak256(SLOT): leaf})
    with pytest.raises(ProofInvalid) as refusal:
        verify_storage(trie.root_hash, SLOT, honest_nodes(trie, keccak256(SLOT)))
    assert refusal.value.reason == reason


@pytest.mark.parametrize("word", [1, 0x7F, 0x80, 0xFF, 0x100, 2**128, 2**256 - 1], ids=hex)
def test_verify_storage_gives_the_word_when_its_length_varies(word: int) -> None:
    trie = build_secure_trie({SLOT: storage_leaf(word), EMPTY_SLOT: storage_leaf(5)})
    nodes = honest_nodes(trie, keccak256(SLOT))
    assert verify_storage(trie.root_hash, SLOT, nodes) == word
