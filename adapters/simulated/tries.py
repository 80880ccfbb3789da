"""The state of a simulated chain as genuine Merkle-Patricia tries, provable at every past block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trie.constants import BLANK_NODE_HASH
from trie.hexary import HexaryTrie

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.rlp import RlpItem, encode_item, encode_uint

BYSTANDERS = 24
"""Other accounts of the chain; they make account proofs several nodes long, as real ones are."""

_EMPTY_CODE_HASH = keccak256(b"")


@dataclass(frozen=True)
class StateRoots:
    """Roots of the state trie and of the anchor's storage trie."""

    state: Hash32
    storage: Hash32


class SimulatedTries:
    """All nodes that ever were, so that every past root stays provable."""

    def __init__(self, anchor: Address, code_hash: Hash32) -> None:
        self._nodes: dict[bytes, bytes] = {}
        self._anchor_key = keccak256(anchor)
        self._code_hash = code_hash
        trie = HexaryTrie(self._nodes)
        for index in range(BYSTANDERS):
            key = keccak256(b"bystander" + bytes((index,)))
            trie[key] = _account(Hash32(BLANK_NODE_HASH), _EMPTY_CODE_HASH)
        self.empty = StateRoots(Hash32(trie.root_hash), Hash32(BLANK_NODE_HASH))
        """Roots before the anchor exists."""

    def change(
        self, roots: StateRoots, before: Mapping[Hash32, int], after: Mapping[Hash32, int]
    ) -> StateRoots:
        """Return the roots after the anchor's storage went from ``before`` to ``after``."""
        storage = HexaryTrie(self._nodes, roots.storage)
        for slot, word in after.items():  # no word of an anchor ever returns to zero
            if before.get(slot) != word:
                storage[keccak256(slot)] = encode_item(encode_uint(word))
        storage_root = Hash32(storage.root_hash)
        state = HexaryTrie(self._nodes, roots.state)
        state[self._anchor_key] = _account(storage_root, self._code_hash)
        return StateRoots(Hash32(state.root_hash), storage_root)

    def prove_account(self, roots: StateRoots, account: Address) -> tuple[bytes, ...]:
        """Return the nodes on the way to an account."""
        return self._prove(roots.state, keccak256(account))

    def prove_slot(self, roots: StateRoots, slot: Hash32) -> tuple[bytes, ...]:
        """Return the nodes on the way to a slot of the anchor."""
        return self._prove(roots.storage, keccak256(slot))

    def _prove(self, root: Hash32, key: Hash32) -> tuple[bytes, ...]:
        """Return what ``eth_getProof`` does: nodes shorter than a hash stand in their parents."""
        nodes = HexaryTrie(self._nodes, root).get_proof(key)  # type: ignore[no-untyped-call]
        encoded = [encode_item(_as_lists(node)) for node in nodes]
        return tuple(node for index, node in enumerate(encoded) if index == 0 or len(node) >= 32)


def _as_lists(node: Sequence[Any]) -> list[RlpItem]:
    """Return a node of the ``trie`` library with nested lists, whatever sequences it used."""
    return [bytes(item) if isinstance(item, bytes) else _as_lists(item) for item in node]


def _account(storage_root: Hash32, code_hash: Hash32) -> bytes:
    return encode_item([encode_uint(1), encode_uint(0), storage_root, code_hash])
