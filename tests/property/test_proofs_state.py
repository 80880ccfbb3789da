"""Proofs of an anchor's slot under mutation: the proven word, or an error."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.state import StateProof, verify_slot
from tests.unit.proofs.tries import account_leaf, build_secure_trie, honest_nodes, storage_leaf

words = st.one_of(st.integers(1, 5), st.integers(1, 2**256 - 1))
slots = st.integers(0, 40).map(lambda number: number.to_bytes(32))
addresses = st.integers(1, 40).map(lambda number: bytes(19) + bytes((number,)))


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_verify_slot_gives_the_word_or_fails_when_a_node_is_altered(data: st.DataObject) -> None:
    storage = data.draw(st.dictionaries(slots, words, min_size=1, max_size=10))
    neighbours = data.draw(st.sets(addresses, max_size=10))
    anchor, code_hash = Address(bytes(20)), keccak256(b"code")
    storage_trie = build_secure_trie({slot: storage_leaf(word) for slot, word in storage.items()})
    accounts = {address: account_leaf(1, 7, keccak256(b"s"), code_hash) for address in neighbours}
    accounts[anchor] = account_leaf(1, 0, storage_trie.root_hash, code_hash)
    state_trie = build_secure_trie(accounts)
    header = VerifiedHeader(
        ChainId(1), 9, keccak256(b"block"), Hash32(state_trie.root_hash), timestamp=1
    )
    slot = Hash32(data.draw(slots))
    account_nodes = honest_nodes(state_trie, keccak256(anchor))
    storage_nodes = honest_nodes(storage_trie, keccak256(slot))
    proof = StateProof(account_nodes, storage_nodes)
    assert verify_slot(header, anchor, code_hash, slot, proof) == storage.get(slot, 0)

    nodes = [*account_nodes, *storage_nodes]
    index = data.draw(st.integers(0, len(nodes) - 1))
    altered = bytearray(nodes[index])
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= data.draw(st.integers(1, 255))
    nodes[index] = bytes(altered)
    split = data.draw(st.integers(0, len(nodes)))
    for cut in {split, len(account_nodes)}:
        try:
            verify_slot(
                header, anchor, code_hash, slot, StateProof(tuple(nodes[:cut]), tuple(nodes[cut:]))
            )
        except ProofInvalid:
            continue
        raise AssertionError("an altered proof passed")
