"""Honest tries and proofs, built with the independent ``trie`` library."""

from __future__ import annotations

from collections.abc import Mapping

import rlp
from trie import HexaryTrie

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256


def build_trie(items: Mapping[bytes, bytes]) -> HexaryTrie:
    """Return a trie of these keys; values must not be empty."""
    trie = HexaryTrie({})
    for key, value in items.items():
        trie[key] = value
    return trie


def build_secure_trie(items: Mapping[bytes, bytes]) -> HexaryTrie:
    """Return a trie of hashed keys, as account and storage tries are."""
    return build_trie({keccak256(key): value for key, value in items.items()})


def honest_nodes(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    """Return the proof for ``key`` as ``eth_getProof`` gives it: without the embedded nodes."""
    encoded = [rlp.encode(node) for node in trie.get_proof(key)]
    return tuple(node for index, node in enumerate(encoded) if index == 0 or len(node) >= 32)


def account_leaf(nonce: int, balance: int, storage_root: bytes, code_hash: bytes) -> bytes:
    """Return an account as the state trie keeps it."""
    return rlp.encode([nonce, balance, storage_root, code_hash])


def storage_leaf(word: int) -> bytes:
    """Return a word as a storage trie keeps it: RLP within the leaf's RLP."""
    return rlp.encode(word)


def deepest_proof(key: bytes, value: bytes) -> tuple[Hash32, tuple[bytes, ...]]:
    """Return root and proof of a trie as deep as keys of 32 bytes allow, all its branches full."""
    node = rlp.encode([b"\x20", value])
    nodes = [node]
    for nibble in reversed([half for byte in key for half in divmod(byte, 16)]):
        children = [keccak256(bytes((number,))) for number in range(16)]
        children[nibble] = keccak256(node)
        node = rlp.encode([*children, b""])
        nodes.insert(0, node)
    return keccak256(node), tuple(nodes)
