"""Sum trees in arrays: the trees of ``commitment.trees`` at the size of a cycle.

A node is 48 bytes as they stand in its parent's preimage: its hash (32) and the sum of its leaves
(16, big-endian). A level of the tree is an array of nodes, so two siblings are 96 bytes in a row,
and a parent is the hash of 0x01 and those. Positions fill the tree densely from the left; it has
room for a power of two of them, and above that room every level has one node that is not empty.

Changing leaves hashes only the nodes above them, each once, level by level.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.ranges import require_uint32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.keccak_kernel import (
    FIRST_PADDING,
    GRAIN,
    LANES,
    LAST_PADDING,
    STATE_WORDS,
    Bytes,
    Words,
    permute,
)
from clearinghouse.commitment.trees import DEPTH, EMPTY_NODES, Branch, Node
from clearinghouse.compiled import inlined, kernel, over_cores, writable
from clearinghouse.errors import check

NODE_BYTES = 48
_NODE_WORDS = 6
_SUM_HIGH, _SUM_LOW = 4, 5

_EMPTY = np.array(
    [np.frombuffer(node.hash + node.sum.to_bytes(16, "big"), np.uint64) for node in EMPTY_NODES]
)
"""``_EMPTY[h]`` is the root of an empty subtree of height h, as words of a node."""

_BYTE = np.uint64(8)
_SEVEN_BYTES = np.uint64(56)
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_NODE_TAG, _CLAIM_TAG, _RELEASE_TAG = np.uint64(1), np.uint64(0), np.uint64(2)

Quanta = NDArray[np.int64]


@inlined
def _swapped(word: np.uint64) -> np.uint64:
    """Return the eight bytes in the other order: big-endian numbers in little-endian words."""
    even, pair = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
    word = ((word >> np.uint64(8)) & even) | ((word & even) << np.uint64(8))
    word = ((word >> np.uint64(16)) & pair) | ((word & pair) << np.uint64(16))
    return (word >> np.uint64(32)) | (word << np.uint64(32))


@inlined
def _absorb(s: Words, at: int, word: np.uint64) -> None:
    """Write eight bytes of a message one byte further back, behind its tag; ``s[at]`` was begun."""
    s[at] |= word << _BYTE
    s[at + LANES] = word >> _SEVEN_BYTES


# ---- nodes ----


def _hash_nodes_one_by_one(
    start: int, stop: int, numbers: NDArray[np.int64], children: Words, parents: Words
) -> None:
    for number in numbers[start:stop].tolist():
        pair = children[2 * number : 2 * number + 2].tobytes()
        left, right = pair[32:48], pair[80:96]
        total = int.from_bytes(left, "big") + int.from_bytes(right, "big")
        parent = keccak256(b"\x01" + pair) + total.to_bytes(16, "big")
        parents[number] = np.frombuffer(parent, np.uint64)


@kernel(
    sample=lambda: (
        *(0, 0, np.zeros(0, np.int64)),
        *(np.zeros((0, _NODE_WORDS), np.uint64), np.zeros((0, _NODE_WORDS), np.uint64)),
    ),
    reference=_hash_nodes_one_by_one,
)
def _hash_nodes(
    start: int, stop: int, numbers: NDArray[np.int64], children: Words, parents: Words
) -> None:
    """Write the parents of those numbers; nodes are words, children in pairs."""
    s = np.empty(STATE_WORDS, np.uint64)
    for first in range(start, stop, LANES):
        lanes = min(LANES, stop - first)
        s[:] = 0
        for lane in range(lanes):
            number = numbers[first + lane]
            s[lane] = _NODE_TAG
            for word in range(2 * _NODE_WORDS):
                child = children[2 * number + word // _NODE_WORDS, word % _NODE_WORDS]
                _absorb(s, LANES * word + lane, child)
            s[LANES * 12 + lane] |= FIRST_PADDING << _BYTE
            s[LANES * 16 + lane] = LAST_PADDING
        permute(s)
        for lane in range(lanes):
            number = numbers[first + lane]
            for part in range(4):
                parents[number, part] = s[LANES * part + lane]
            left, right = children[2 * number], children[2 * number + 1]
            low = _swapped(left[_SUM_LOW])
            total = low + _swapped(right[_SUM_LOW])
            high = _swapped(left[_SUM_HIGH]) + _swapped(right[_SUM_HIGH])
            parents[number, _SUM_HIGH] = _swapped(high + np.uint64(total < low))
            parents[number, _SUM_LOW] = _swapped(total)


# ---- leaves ----


@inlined
def _absorb_amount(s: Words, at: int, member: NDArray[np.uint32], quanta: np.uint64) -> None:
    """Write ``member (20) || quanta (16)`` from the byte behind ``s[at]``'s first, and the padding.

    These are 36 bytes, so the last word is half filled.
    """
    _absorb(s, at, np.uint64(member[0]) | (np.uint64(member[1]) << _HALF))
    _absorb(s, at + LANES, np.uint64(member[2]) | (np.uint64(member[3]) << _HALF))
    _absorb(s, at + 2 * LANES, np.uint64(member[4]))
    word = _swapped(quanta)
    _absorb(s, at + 3 * LANES, (word & _LOW_HALF) << _HALF)
    _absorb(s, at + 4 * LANES, (word >> _HALF) | (FIRST_PADDING << _HALF))


def _hash_leaves_one_by_one(
    start: int,
    stop: int,
    tag: np.uint64,
    first_index: int,
    members: NDArray[np.uint32],
    quanta: Quanta,
    leaves: Words,
) -> None:
    for number in range(start, stop):
        index = (first_index + number).to_bytes(8, "big") if tag == _RELEASE_TAG else b""
        amount = int(quanta[number]).to_bytes(16, "big")
        leaf = keccak256(bytes([tag]) + index + members[number].tobytes() + amount)
        leaves[number] = np.frombuffer(leaf + amount, np.uint64)


@kernel(
    sample=lambda: (
        *(0, 0, _CLAIM_TAG, 0, np.zeros((0, 5), np.uint32)),
        *(np.zeros(0, np.int64), np.zeros((0, _NODE_WORDS), np.uint64)),
    ),
    reference=_hash_leaves_one_by_one,
)
def _hash_leaves(
    start: int,
    stop: int,
    tag: np.uint64,
    first_index: int,
    members: NDArray[np.uint32],
    quanta: Quanta,
    leaves: Words,
) -> None:
    """Write leaves as nodes; only a release has its index in the preimage."""
    s = np.empty(STATE_WORDS, np.uint64)
    for first in range(start, stop, LANES):
        lanes = min(LANES, stop - first)
        s[:] = 0
        for lane in range(lanes):
            number, at = first + lane, lane
            s[at] = tag
            if tag == _RELEASE_TAG:
                _absorb(s, at, _swapped(np.uint64(first_index + number)))
                at += LANES
            _absorb_amount(s, at, members[number], np.uint64(quanta[number]))
            s[LANES * 16 + lane] = LAST_PADDING
        permute(s)
        for lane in range(lanes):
            number = first + lane
            for part in range(4):
                leaves[number, part] = s[LANES * part + lane]
            leaves[number, _SUM_HIGH] = 0
            leaves[number, _SUM_LOW] = _swapped(np.uint64(quanta[number]))


def _build_leaves(tag: np.uint64, first_index: int, members: Bytes, quanta: Quanta) -> Words:
    count = len(quanta)
    check(
        members.shape == (count, 20) and members.dtype == np.uint8 and quanta.dtype == np.int64,
        "leaf_shape",
        "give members as uint8[n, 20] and quanta as int64[n]",
    )
    check(count == 0 or int(quanta.min()) >= 0, "leaf_negative", "a leaf has no negative quanta")
    leaves = np.empty((count, _NODE_WORDS), np.uint64)
    words = writable(members).view(np.uint32).reshape(count, 5)
    amounts = writable(quanta)
    over_cores(_hash_leaves, count, GRAIN, tag, first_index, words, amounts, leaves)
    return leaves


def claim_leaves(members: Bytes, quanta: Quanta) -> Words:
    """Return the leaves of claims (``trees.claim_leaf``); a claim of zero is an empty leaf."""
    leaves = _build_leaves(_CLAIM_TAG, 0, members, quanta)
    leaves[quanta == 0] = 0
    return leaves


def release_leaves(members: Bytes, quanta: Quanta, first_index: int = 0) -> Words:
    """Return the leaves of releases with these indices (``trees.release_leaf``)."""
    return _build_leaves(_RELEASE_TAG, first_index, members, quanta)


# ---- the tree ----


class SumTree:
    """A sum tree of depth 32 over positions that are dense from the left.

    It takes 96 bytes for every position that it has room for. Leaves are at most 2^63 - 1 and
    there are at most 2^32, so no sum comes near the 2^128 at which the contract would revert.
    """

    def __init__(self, capacity: int = 0) -> None:
        self._levels: list[Words] = []
        self._reserve(capacity)

    @property
    def root(self) -> Node:
        """The root's hash and the sum of all leaves."""
        return _node(self._levels[DEPTH][0])

    def leaf(self, position: int) -> Node:
        """Return the leaf at a position, the empty leaf if there is none."""
        return self._node_at(0, require_uint32("leaf number", position))

    def branch(self, position: int) -> Branch:
        """Return the siblings of the leaf at a position, present or empty."""
        index = require_uint32("leaf number", position)
        siblings = [self._node_at(height, (index >> height) ^ 1) for height in range(DEPTH)]
        return Branch(tuple(node.hash for node in siblings), tuple(node.sum for node in siblings))

    def copy(self) -> SumTree:
        """Return a tree that changes on its own from now on."""
        tree = SumTree.__new__(SumTree)
        tree._levels = [level.copy() for level in self._levels]
        return tree

    def set_leaves(self, positions: NDArray[np.integer], leaves: Words) -> None:
        """Put leaves (``claim_leaves``, ``release_leaves``) at positions and hash what is above.

        Raises
        ------
        Rejected
            ``OUT_OF_RANGE`` for a position beyond 32 bits.
        Corruption
            ``leaf_repeated`` when a position occurs twice.
        """
        if not len(positions):
            return
        numbers = positions.astype(np.int64)
        order = np.argsort(numbers, kind="stable")
        numbers, leaves = numbers[order], leaves[order]
        require_uint32("leaf number", int(numbers[0]))
        self._reserve(require_uint32("leaf number", int(numbers[-1])) + 1)
        check(
            bool((np.diff(numbers) > 0).all()), "leaf_repeated", "give every position at most once"
        )
        self._levels[0][numbers] = leaves
        for height in range(DEPTH):
            numbers = numbers >> 1
            numbers = numbers[np.flatnonzero(np.diff(numbers, prepend=-1))]
            children, parents = self._levels[height], self._levels[height + 1]
            over_cores(_hash_nodes, len(numbers), GRAIN, numbers, children, parents)

    def _node_at(self, height: int, index: int) -> Node:
        level = self._levels[height]
        return _node(level[index]) if index < len(level) else EMPTY_NODES[height]

    def _reserve(self, count: int) -> None:
        """Make room for positions below ``count``: at least two nodes on every level."""
        size = 1 << max(1, (count - 1).bit_length())
        if self._levels and size <= len(self._levels[0]):
            return
        before, self._levels = self._levels, []
        for height in range(DEPTH + 1):
            level = np.tile(_EMPTY[height], (max(2, size >> height), 1))
            if before:
                level[: len(before[height])] = before[height]
            self._levels.append(level)


def _node(words: Words) -> Node:
    record = words.tobytes()
    return Node(Hash32(record[:32]), int.from_bytes(record[32:], "big"))


def build_claims_tree(positions: NDArray[np.integer], members: Bytes, quanta: Quanta) -> SumTree:
    """Build the claims tree of one chain and asset: who (uint8[n, 20]) has how much, and where."""
    tree = SumTree()
    tree.set_leaves(positions, claim_leaves(members, quanta))
    return tree


def build_releases_tree(members: Bytes, quanta: Quanta) -> SumTree:
    """Build the releases tree of one leg and asset from its releases in index order."""
    tree = SumTree()
    tree.set_leaves(np.arange(len(quanta)), release_leaves(members, quanta))
    return tree
