"""Accounts of recordings that leave the address out: the nodes themselves show the trie's key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import rlp

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.trie import verify_inclusion_or_absence


def storage_root_by_nodes(state_root: Hash32, nodes: Sequence[bytes]) -> Hash32:
    """Return the storage root of the account that the nodes lead to under ``state_root``."""
    nibbles = ""
    for node, child in pairwise(nodes):
        items = rlp.decode(node)
        if len(items) == 17:
            nibbles += f"{items.index(keccak256(child)):x}"
        else:
            nibbles += _path(items[0])
    prefix, leaf = rlp.decode(nodes[-1])
    value = verify_inclusion_or_absence(state_root, bytes.fromhex(nibbles + _path(prefix)), nodes)
    assert value == leaf
    return Hash32(rlp.decode(leaf)[2])


def _path(prefix: bytes) -> str:
    text = prefix.hex()
    return text[1:] if text[0] in "13" else text[2:]
