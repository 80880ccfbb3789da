"""Sum trees against the protocol's words: preimages, positions, sums, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from eth_utils import keccak

from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32, Position
from clearinghouse.commitment.trees import (
    DEPTH,
    EMPTY_NODES,
    Branch,
    Node,
    SumTree,
    claim_leaf,
    claims_tree,
    node_of,
    release_leaf,
    releases_tree,
    verify_branch,
)
from clearinghouse.errors import ProofInvalid, Rejected

MEMBER, STRANGER = Address(b"\x11" * 20), Address(b"\x22" * 20)
CLAIMS = {
    Position(0): (MEMBER, 5),
    Position(1): (STRANGER, 7),
    Position(2**32 - 1): (STRANGER, 11),
}


def refused(root: Node, number: int, leaf: Node, branch: Branch) -> str:
    with pytest.raises(ProofInvalid) as caught:
        verify_branch(root, number, leaf, branch)
    return caught.value.reason


def test_empty_nodes_hash_their_children_when_nothing_is_below() -> None:
    assert EMPTY_NODES[0] == Node(ZERO_HASH, 0)
    assert len(EMPTY_NODES) == DEPTH + 1
    for child, parent in pairwise(EMPTY_NODES):
        assert parent == Node(Hash32(keccak(b"\x01" + 2 * (child.hash + bytes(16)))), 0)


def test_node_preimage_is_the_protocols_when_sums_differ() -> None:
    left, right = Node(Hash32(b"\xaa" * 32), 1), Node(Hash32(b"\xbb" * 32), 258)
    preimage = "01" + "aa" * 32 + f"{1:032x}" + "bb" * 32 + f"{258:032x}"
    assert len(preimage) == 2 * 97
    assert node_of(left, right) == Node(Hash32(keccak(bytes.fromhex(preimage))), 259)


def test_leaf_preimages_are_the_protocols_when_not_empty() -> None:
    claim = "00" + "11" * 20 + f"{5:032x}"
    release = "02" + f"{3:016x}" + "11" * 20 + f"{5:032x}"
    assert claim_leaf(MEMBER, 5) == Node(Hash32(keccak(bytes.fromhex(claim))), 5)
    assert release_leaf(3, MEMBER, 5) == Node(Hash32(keccak(bytes.fromhex(release))), 5)


def test_claim_leaf_is_empty_when_claim_is_zero() -> None:
    assert claim_leaf(MEMBER, 0) == EMPTY_NODES[0]
    assert claims_tree({Position(9): (MEMBER, 0)}).root == EMPTY_NODES[DEPTH]


def test_release_leaf_is_not_empty_when_nothing_is_answered() -> None:
    assert release_leaf(0, MEMBER, 0) != EMPTY_NODES[0]
    assert releases_tree([(MEMBER, 0)]).root.hash != SumTree().root.hash


def test_root_sums_the_leaves_when_claims_are_placed() -> None:
    assert claims_tree(CLAIMS).root.sum == 23
    assert SumTree().root == EMPTY_NODES[DEPTH]


def test_path_starts_at_the_least_significant_bit_when_position_is_one() -> None:
    leaf = claim_leaf(MEMBER, 5)
    running = node_of(EMPTY_NODES[0], leaf)
    for height in range(1, DEPTH):
        running = node_of(running, EMPTY_NODES[height])
    assert SumTree({1: leaf}).root == running


@pytest.mark.parametrize("position", CLAIMS)
def test_verify_branch_passes_when_leaf_stands_there(position: Position) -> None:
    tree = claims_tree(CLAIMS)
    verify_branch(tree.root, position, claim_leaf(*CLAIMS[position]), tree.branch(position))


def test_verify_branch_proves_absence_when_position_is_empty() -> None:
    tree = claims_tree(CLAIMS)
    verify_branch(tree.root, 77, EMPTY_NODES[0], tree.branch(77))


def test_verify_branch_refuses_absence_when_position_is_taken() -> None:
    tree = claims_tree(CLAIMS)
    assert refused(tree.root, 1, EMPTY_NODES[0], tree.branch(1)) == "branch_root"


@pytest.mark.parametrize("position", [1, 2, 4, 2**31, 2**32 - 1])
def test_verify_branch_refuses_leaf_when_position_is_another(position: int) -> None:
    tree = claims_tree(CLAIMS)
    assert refused(tree.root, position, claim_leaf(MEMBER, 5), tree.branch(0)) == "branch_root"


@pytest.mark.parametrize("position", [-1, 2**32])
def test_verify_branch_refuses_position_when_it_has_no_leaf(position: int) -> None:
    tree = claims_tree(CLAIMS)
    leaf, branch = claim_leaf(MEMBER, 5), tree.branch(0)
    assert refused(tree.root, position, leaf, branch) == "branch_position"


@pytest.mark.parametrize("height", range(DEPTH))
def test_verify_branch_refuses_sibling_when_hash_or_sum_is_changed(height: int) -> None:
    tree, leaf = claims_tree(CLAIMS), claim_leaf(MEMBER, 5)
    branch = tree.branch(0)
    for bit in (0, 255):
        hashes = list(branch.siblings)
        flipped = int.from_bytes(hashes[height], "big") ^ (1 << bit)
        hashes[height] = Hash32(flipped.to_bytes(32, "big"))
        changed = replace(branch, siblings=tuple(hashes))
        assert refused(tree.root, 0, leaf, changed) == "branch_root"
    sums = list(branch.sibling_sums)
    sums[height] += 1
    changed = replace(branch, sibling_sums=tuple(sums))
    assert refused(tree.root, 0, leaf, changed) == "branch_root"


def test_verify_branch_refuses_larger_claim_when_sibling_sum_makes_up_for_it() -> None:
    tree = claims_tree(CLAIMS)
    branch = tree.branch(0)
    sums = (branch.sibling_sums[0] - 1, *branch.sibling_sums[1:])
    changed = replace(branch, sibling_sums=sums)
    assert refused(tree.root, 0, claim_leaf(MEMBER, 6), changed) == "branch_root"


def test_verify_branch_refuses_root_when_its_sum_is_changed() -> None:
    tree = claims_tree(CLAIMS)
    root = Node(tree.root.hash, tree.root.sum + 1)
    assert refused(root, 0, claim_leaf(MEMBER, 5), tree.branch(0)) == "branch_root"


@pytest.mark.parametrize("length", [0, DEPTH - 1, DEPTH + 1])
def test_verify_branch_refuses_branch_when_it_is_not_of_full_depth(length: int) -> None:
    tree, leaf = claims_tree(CLAIMS), claim_leaf(MEMBER, 5)
    branch = tree.branch(0)
    hashes, sums = (2 * branch.siblings)[:length], (2 * branch.sibling_sums)[:length]
    for changed in (Branch(hashes, branch.sibling_sums), Branch(branch.siblings, sums)):
        assert refused(tree.root, 0, leaf, changed) == "branch_length"


@pytest.mark.parametrize("sibling_sum", [-1, 2**128, 2**128 - 5])
def test_verify_branch_refuses_sum_when_it_does_not_fit_uint128(sibling_sum: int) -> None:
    tree = claims_tree(CLAIMS)
    branch = tree.branch(0)
    changed = replace(branch, sibling_sums=(sibling_sum, *branch.sibling_sums[1:]))
    assert refused(tree.root, 0, claim_leaf(MEMBER, 5), changed) == "branch_sum"


def test_verify_branch_refuses_sibling_when_it_is_not_a_hash() -> None:
    tree = claims_tree(CLAIMS)
    branch = tree.branch(0)
    changed = replace(branch, siblings=(Hash32(b"\x00" * 31), *branch.siblings[1:]))
    assert refused(tree.root, 0, claim_leaf(MEMBER, 5), changed) == "branch_sum"


def test_node_of_refuses_children_when_their_sum_reaches_2_to_128() -> None:
    half = Node(ZERO_HASH, 2**127)
    assert node_of(half, Node(ZERO_HASH, 2**127 - 1)).sum == 2**128 - 1
    with pytest.raises(Rejected) as caught:
        node_of(half, half)
    assert caught.value.reason == "OUT_OF_RANGE"


def test_tree_refuses_leaves_when_their_sum_reaches_2_to_128() -> None:
    far_apart = {0: claim_leaf(MEMBER, 2**127), 2**32 - 1: claim_leaf(MEMBER, 2**127)}
    with pytest.raises(Rejected, match="sum of a tree node"):
        SumTree(far_apart)


@pytest.mark.parametrize(
    ("member", "quanta", "field"),
    [(b"\x11" * 19, 5, "member"), (MEMBER, -1, "claim"), (MEMBER, 2**128, "claim")],
)
def test_claim_leaf_names_the_field_when_it_does_not_fit(
    member: bytes, quanta: int, field: str
) -> None:
    with pytest.raises(Rejected, match=field):
        claim_leaf(Address(member), quanta)


@pytest.mark.parametrize(
    ("index", "quanta", "field"),
    [(-1, 5, "release index"), (2**64, 5, "release index"), (0, -1, "release"),
     (0, 2**128, "release")],
)  # fmt: skip
def test_release_leaf_names_the_field_when_it_does_not_fit(
    index: int, quanta: int, field: str
) -> None:
    with pytest.raises(Rejected, match=field):
        release_leaf(index, MEMBER, quanta)


@pytest.mark.parametrize("position", [-1, 2**32])
def test_tree_refuses_position_when_it_has_no_leaf(position: int) -> None:
    for call in (
        lambda: SumTree({position: claim_leaf(MEMBER, 1)}),
        lambda: SumTree().leaf(position),
        lambda: SumTree().branch(position),
    ):
        with pytest.raises(Rejected, match="leaf number"):
            call()


def test_with_leaves_leaves_the_old_tree_alone_when_leaves_change() -> None:
    tree = claims_tree(CLAIMS)
    before = tree.root
    changed = tree.with_leaves({0: claim_leaf(MEMBER, 6), 1: EMPTY_NODES[0]})
    assert tree.root == before
    assert tree.leaf(1) == claim_leaf(STRANGER, 7)
    assert changed.leaf(1) == EMPTY_NODES[0]
    assert changed.root.sum == 17


def test_releases_tree_puts_each_at_its_index_when_members_repeat() -> None:
    tree = releases_tree([(MEMBER, 5), (MEMBER, 5), (STRANGER, 0)])
    assert tree.root.sum == 10
    assert tree.leaf(0) != tree.leaf(1)
    for index, release in enumerate([(MEMBER, 5), (MEMBER, 5), (STRANGER, 0)]):
        verify_branch(tree.root, index, release_leaf(index, *release), tree.branch(index))
