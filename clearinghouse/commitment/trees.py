"""Sum trees: Merkle trees that also commit to the sum of their leaves.

A tree has depth 32. The leaf of number ``n`` hangs on the path of n's bits, least significant bit
first from the leaf upwards: bit ``h`` says whether the running node is the left (0) or the right
(1) child at height ``h``. Sums are recomputed while a branch is verified, so the leaves that verify
can never exceed the root's sum (Maxwell and Todd's proof of liabilities, with the sum inside the
hash).

Preimages (all fields of fixed length, big-endian):

- node:    ``0x01 || left hash (32) || left sum (16) || right hash (32) || right sum (16)``
- claim:   ``0x00 || member (20) || claim (16)``, at the member's position
- release: ``0x02 || index (8) || member (20) || quanta (16)``, at its index
- empty leaf: 32 zero bytes with sum 0, where and only where there is nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32, Position
from clearinghouse.book.ranges import (
    UINT128_MAX,
    require_bytes,
    require_uint32,
    require_uint64,
    require_uint128,
)
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid, Rejected

DEPTH = 32


@dataclass(frozen=True, slots=True)
class Node:
    """A hash and the sum of the leaves below it."""

    hash: Hash32
    sum: int


@dataclass(frozen=True, slots=True)
class Branch:
    """The siblings of a leaf, from the leaf upwards; ``DEPTH`` of each."""

    siblings: tuple[Hash32, ...]
    sibling_sums: tuple[int, ...]


def node_of(left: Node, right: Node) -> Node:
    """Return the parent of two nodes.

    Raises
    ------
    Rejected
        ``OUT_OF_RANGE`` when the sum does not fit uint128, as the contract would revert.
    """
    total = left.sum + right.sum
    if total > UINT128_MAX:
        require_uint128("sum of a tree node", total)
    return Node(
        keccak256(
            b"\x01"
            + left.hash
            + left.sum.to_bytes(16, "big")
            + right.hash
            + right.sum.to_bytes(16, "big")
        ),
        total,
    )


def _empty_nodes() -> tuple[Node, ...]:
    nodes = [Node(ZERO_HASH, 0)]
    for _ in range(DEPTH):
        nodes.append(node_of(nodes[-1], nodes[-1]))
    return tuple(nodes)


EMPTY_NODES = _empty_nodes()
"""``EMPTY_NODES[h]`` is the root of an empty subtree of height h."""


def claim_leaf(member: Address, claim_quanta: int) -> Node:
    """Return the leaf of a member's claim; the empty leaf for a claim of zero."""
    require_bytes("member", member, 20)
    require_uint128("claim", claim_quanta)
    if claim_quanta == 0:
        return EMPTY_NODES[0]
    return Node(keccak256(b"\x00" + member + claim_quanta.to_bytes(16, "big")), claim_quanta)


def release_leaf(index: int, member: Address, quanta: int) -> Node:
    """Return the leaf of a release; a release of zero (a partial answer of nothing) has a leaf."""
    require_uint64("release index", index)
    require_bytes("member", member, 20)
    require_uint128("release", quanta)
    preimage = b"\x02" + index.to_bytes(8, "big") + member + quanta.to_bytes(16, "big")
    return Node(keccak256(preimage), quanta)


class SumTree:
    """An immutable sum tree of depth 32; ``with_leaves`` hashes only the paths that changed."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Mapping[int, Node] | None = None) -> None:
        self._levels: list[dict[int, Node]] = [{} for _ in range(DEPTH + 1)]
        if leaves:
            self._replace(leaves)

    @property
    def root(self) -> Node:
        """The root's hash and the sum of all leaves."""
        return self._levels[DEPTH].get(0, EMPTY_NODES[DEPTH])

    def leaf(self, number: int) -> Node:
        """Return the leaf of that number, the empty leaf if there is none."""
        return self._levels[0].get(require_uint32("leaf number", number), EMPTY_NODES[0])

    def with_leaves(self, changes: Mapping[int, Node]) -> SumTree:
        """Return a tree in which the given leaves stand; the empty leaf removes one."""
        tree = SumTree()
        tree._levels = [dict(level) for level in self._levels]
        tree._replace(changes)
        return tree

    def branch(self, number: int) -> Branch:
        """Return the siblings of leaf ``number``, present or empty."""
        index = require_uint32("leaf number", number)
        siblings = []
        for height in range(DEPTH):
            siblings.append(self._levels[height].get(index ^ 1, EMPTY_NODES[height]))
            index >>= 1
        return Branch(tuple(node.hash for node in siblings), tuple(node.sum for node in siblings))

    def _replace(self, changes: Mapping[int, Node]) -> None:
        level = self._levels[0]
        for number, node in changes.items():
            require_uint32("leaf number", number)
            if node == EMPTY_NODES[0]:
                level.pop(number, None)
            else:
                level[number] = node
        touched: Iterable[int] = changes.keys()
        for height in range(DEPTH):
            children, parents = self._levels[height], self._levels[height + 1]
            empty = EMPTY_NODES[height]
            touched = {index >> 1 for index in touched}
            for index in touched:
                left, right = children.get(2 * index), children.get(2 * index + 1)
                if left is None and right is None:
                    parents.pop(index, None)
                else:
                    parents[index] = node_of(left or empty, right or empty)


def claims_tree(claims: Mapping[Position, tuple[Address, int]]) -> SumTree:
    """Build the claims tree of one chain and asset from position -> (member, quanta)."""
    return SumTree({position: claim_leaf(*claim) for position, claim in claims.items()})


def releases_tree(releases: Iterable[tuple[Address, int]]) -> SumTree:
    """Build the releases tree of one leg and asset from (member, quanta) in index order."""
    return SumTree({index: release_leaf(index, *release) for index, release in enumerate(releases)})


def verify_branch(root: Node, number: int, leaf: Node, branch: Branch) -> None:
    """Check that ``leaf`` stands at ``number`` under ``root``.

    Raises
    ------
    ProofInvalid
        ``branch_length`` when the branch is not 32 nodes long, ``branch_sum`` when a sum does not
        fit uint128, ``branch_root`` when another root results.
    """
    if not 0 <= number < 2**DEPTH:
        raise ProofInvalid("branch_position", f"leaf number must be below 2^{DEPTH}, was {number}")
    if len(branch.siblings) != DEPTH or len(branch.sibling_sums) != DEPTH:
        raise ProofInvalid("branch_length", f"a branch has {DEPTH} siblings and as many sums")
    running = leaf
    try:
        for height in range(DEPTH):
            sibling_hash = Hash32(require_bytes("sibling", branch.siblings[height], 32))
            sibling = Node(sibling_hash, require_uint128("sum", branch.sibling_sums[height]))
            pair = (sibling, running) if number >> height & 1 else (running, sibling)
            running = node_of(*pair)
    except Rejected as error:
        raise ProofInvalid("branch_sum", error.message, **error.attributes) from error
    if running != root:
        raise ProofInvalid(
            "branch_root",
            "the branch leads to another root; take the branch of the settlement that is asked for",
            expected=root.hash.hex(),
            computed=running.hash.hex(),
        )
