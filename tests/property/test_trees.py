"""Laws of sum trees, against a model that builds them recursively from the definition."""

from __future__ import annotations

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.trees import (
    DEPTH,
    EMPTY_NODES,
    Branch,
    Node,
    SumTree,
    claim_leaf,
    verify_branch,
)
from clearinghouse.errors import ProofInvalid

# Few distinct numbers, so that siblings, repetitions and both ends are common.
numbers = st.one_of(st.integers(0, 9), st.integers(2**32 - 4, 2**32 - 1), st.integers(0, 2**32 - 1))
quanta = st.one_of(st.integers(0, 3), st.integers(0, 2**120))
members = st.binary(min_size=20, max_size=20).map(Address)
leaves = st.dictionaries(numbers, st.tuples(members, quanta), max_size=12)


def slow_root(claims: dict[int, tuple[bytes, int]], height: int = DEPTH) -> tuple[bytes, int]:
    """Return (hash, sum) of a subtree; ``claims`` by number within it, highest bit at the top."""
    claims = {number: claim for number, claim in claims.items() if claim[1]}
    if height == 0:
        if not claims:
            return bytes(32), 0
        member, claim = claims[0]
        return keccak(b"\x00" + member + claim.to_bytes(16, "big")), claim
    if not claims:
        child_hash, _ = slow_root({}, height - 1)
        return keccak(b"\x01" + (child_hash + bytes(16)) * 2), 0
    half = 1 << (height - 1)
    sides = [
        slow_root({n: c for n, c in claims.items() if n < half}, height - 1),
        slow_root({n - half: c for n, c in claims.items() if n >= half}, height - 1),
    ]
    preimage = b"\x01" + b"".join(h + total.to_bytes(16, "big") for h, total in sides)
    return keccak(preimage), sides[0][1] + sides[1][1]


def tree_of(claims: dict[int, tuple[Address, int]]) -> SumTree:
    return SumTree({number: claim_leaf(*claim) for number, claim in claims.items()})


@given(leaves)
def test_tree_equals_the_recursive_model_when_built(claims: dict[int, tuple[Address, int]]) -> None:
    root = tree_of(claims).root
    assert (root.hash, root.sum) == slow_root(claims)


@given(leaves, st.randoms(use_true_random=False))
def test_tree_is_the_same_when_leaves_come_in_another_order(
    claims: dict[int, tuple[Address, int]], random: object
) -> None:
    shuffled = list(claims.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tree_of(dict(shuffled)).root == tree_of(claims).root


@given(leaves, st.lists(leaves, max_size=3))
def test_with_leaves_equals_a_rebuilt_tree_when_changes_follow_each_other(
    claims: dict[int, tuple[Address, int]], changes: list[dict[int, tuple[Address, int]]]
) -> None:
    tree, merged = tree_of(claims), dict(claims)
    for change in changes:
        tree = tree.with_leaves({number: claim_leaf(*claim) for number, claim in change.items()})
        merged |= change
    rebuilt = tree_of(merged)
    assert tree.root == rebuilt.root
    for number in [*merged, 5]:
        assert tree.branch(number) == rebuilt.branch(number)


@given(leaves, numbers)
def test_branch_verifies_when_it_is_the_trees_own(
    claims: dict[int, tuple[Address, int]], number: int
) -> None:
    tree = tree_of(claims)
    verify_branch(tree.root, number, tree.leaf(number), tree.branch(number))
    assert tree.leaf(number).sum <= tree.root.sum


@given(leaves, numbers, st.data())
def test_verify_branch_refuses_when_anything_is_changed(
    claims: dict[int, tuple[Address, int]], number: int, data: st.DataObject
) -> None:
    tree = tree_of(claims)
    leaf, branch = tree.leaf(number), tree.branch(number)
    height = data.draw(st.integers(0, DEPTH - 1))
    match data.draw(st.sampled_from(["sibling", "sum", "leaf", "claim", "number", "root"])):
        case "sibling":
            changed = flip(branch.siblings[height], data.draw(st.integers(0, 255)))
            branch = Branch(replaced(branch.siblings, height, changed), branch.sibling_sums)
        case "sum":
            total = data.draw(st.integers(0, 2**128).filter(branch.sibling_sums[height].__ne__))
            branch = Branch(branch.siblings, replaced(branch.sibling_sums, height, total))
        case "leaf":
            leaf = Node(flip(leaf.hash, data.draw(st.integers(0, 255))), leaf.sum)
        case "claim":
            leaf = Node(leaf.hash, data.draw(st.integers(0, 2**128 - 1).filter(leaf.sum.__ne__)))
        case "number":
            other = number ^ (1 << height)
            if tree.leaf(other) == leaf and tree.branch(other) == branch:
                return  # two empty leaves with the same surroundings
            number = other
        case "root":
            tree = tree.with_leaves({number: claim_leaf(Address(b"\x77" * 20), leaf.sum + 1)})
    with pytest.raises(ProofInvalid):
        verify_branch(tree.root, number, leaf, branch)


def flip(value: Hash32, bit: int) -> Hash32:
    return Hash32((int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(32, "big"))


def replaced(values: tuple, index: int, value: object) -> tuple:
    return (*values[:index], value, *values[index + 1 :])


def test_recursive_model_gives_the_empty_root_when_there_is_nothing() -> None:
    assert slow_root({}) == (EMPTY_NODES[DEPTH].hash, 0)
