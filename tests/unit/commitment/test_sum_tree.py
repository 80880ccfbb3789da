"""Sum trees in arrays: growth, copies, refusals and what a proof costs in nodes."""

from __future__ import annotations

import numpy as np
import pytest

from clearinghouse.book.identifiers import Address
from clearinghouse.commitment.sum_tree import (
    SumTree,
    build_claims_tree,
    build_releases_tree,
    claim_leaves,
    release_leaves,
)
from clearinghouse.commitment.trees import (
    DEPTH,
    EMPTY_NODES,
    Node,
    claim_leaf,
    node_of,
    release_leaf,
    releases_tree,
    verify_branch,
)
from clearinghouse.errors import Corruption, Rejected
from tests.machine_code import on_both_paths

LARGEST = 2**63 - 1


def members_of(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, 20), dtype=np.uint8)


def address(members: np.ndarray, row: int) -> Address:
    return Address(members[row].tobytes())


def test_root_is_the_empty_trees_when_there_is_no_leaf() -> None:
    assert SumTree().root == SumTree(1_000).root == EMPTY_NODES[DEPTH]
    assert build_claims_tree(np.arange(0), members_of(0), np.zeros(0, np.int64)).root.sum == 0


def test_claim_leaves_are_the_protocols_when_amounts_are_at_their_ends() -> None:
    members, quanta = members_of(4), np.array([0, 1, LARGEST, 2**40 + 3])
    positions = np.arange(4)
    tree = on_both_paths(lambda: build_claims_tree(positions, members, quanta).root)
    built = build_claims_tree(positions, members, quanta)
    assert built.root == tree
    for row in range(4):
        assert built.leaf(row) == claim_leaf(address(members, row), int(quanta[row]))


def test_release_leaves_are_the_protocols_when_they_start_at_any_index() -> None:
    members, quanta = members_of(3), np.array([0, 5, LARGEST])
    first = 2**40 + 7
    leaves = on_both_paths(lambda: release_leaves(members, quanta, first).tobytes())
    expected = [
        release_leaf(first + row, address(members, row), int(quanta[row])) for row in (0, 1, 2)
    ]
    assert leaves == b"".join(leaf.hash + leaf.sum.to_bytes(16, "big") for leaf in expected)


def test_leaves_are_the_same_when_columns_are_only_to_be_read() -> None:
    members, quanta = members_of(3), np.array([0, 5, LARGEST])
    expected = claim_leaves(members, quanta).tobytes()
    members.flags.writeable = quanta.flags.writeable = False
    assert on_both_paths(lambda: claim_leaves(members, quanta).tobytes()) == expected


def test_releases_tree_keeps_an_answer_of_nothing_when_it_is_the_only_one() -> None:
    members = members_of(1)
    tree = build_releases_tree(members, np.zeros(1, np.int64))
    assert tree.root == releases_tree([(address(members, 0), 0)]).root != EMPTY_NODES[DEPTH]


def test_sums_carry_into_the_high_half_when_leaves_exceed_64_bits() -> None:
    members, count = members_of(5), 5
    quanta = np.full(count, LARGEST)
    root = on_both_paths(lambda: build_claims_tree(np.arange(count), members, quanta).root)
    assert root.sum == 5 * LARGEST > 2**64
    tree = build_claims_tree(np.arange(count), members, quanta)
    for row in range(count):
        verify_branch(root, row, claim_leaf(address(members, row), LARGEST), tree.branch(row))


def test_tree_grows_when_positions_lie_beyond_its_room() -> None:
    members, quanta = members_of(40), np.arange(1, 41)
    tree = SumTree(2)
    for row in range(40):
        tree.set_leaves(
            np.array([row]), claim_leaves(members[row : row + 1], quanta[row : row + 1])
        )
    assert tree.root == build_claims_tree(np.arange(40), members, quanta).root
    assert tree.root.sum == 820


def test_copy_stays_as_it_was_when_the_other_changes() -> None:
    members, quanta = members_of(3), np.array([1, 2, 3])
    tree = build_claims_tree(np.arange(3), members, quanta)
    copy, root = tree.copy(), tree.root
    tree.set_leaves(np.array([1]), claim_leaves(members[:1], quanta[:1]))
    assert copy.root == root != tree.root
    copy.set_leaves(np.array([1]), claim_leaves(members[:1], quanta[:1]))
    assert copy.root == tree.root


def test_set_leaves_takes_a_leaf_away_when_it_is_empty() -> None:
    members, quanta = members_of(2), np.array([7, 8])
    tree = build_claims_tree(np.arange(2), members, quanta)
    tree.set_leaves(np.arange(2), claim_leaves(members, np.zeros(2, np.int64)))
    assert tree.root == EMPTY_NODES[DEPTH]


def test_branch_proves_absence_when_position_is_far_beyond_the_leaves() -> None:
    tree = build_claims_tree(np.arange(3), members_of(3), np.array([1, 2, 3]))
    for position in (3, 4, 1_000, 2**32 - 1):
        verify_branch(tree.root, position, EMPTY_NODES[0], tree.branch(position))


def test_path_starts_at_the_least_significant_bit_when_position_is_one() -> None:
    members = members_of(1)
    leaf = claim_leaf(address(members, 0), 5)
    running: Node = node_of(EMPTY_NODES[0], leaf)
    for height in range(1, DEPTH):
        running = node_of(running, EMPTY_NODES[height])
    assert build_claims_tree(np.array([1]), members, np.array([5])).root == running


@pytest.mark.parametrize("position", [-1, 2**32])
def test_tree_refuses_position_when_it_has_no_leaf(position: int) -> None:
    tree, leaf = SumTree(), claim_leaves(members_of(1), np.array([1]))
    for call in (
        lambda: tree.set_leaves(np.array([position]), leaf),
        lambda: tree.leaf(position),
        lambda: tree.branch(position),
    ):
        with pytest.raises(Rejected, match="leaf number"):
            call()
    assert tree.root == EMPTY_NODES[DEPTH]


def test_set_leaves_refuses_when_a_position_occurs_twice() -> None:
    tree = SumTree(4)
    with pytest.raises(Corruption) as caught:
        tree.set_leaves(np.array([2, 0, 2]), claim_leaves(members_of(3), np.array([1, 2, 3])))
    assert caught.value.reason == "leaf_repeated"
    assert tree.root == EMPTY_NODES[DEPTH]


@pytest.mark.parametrize(
    ("members", "quanta", "reason"),
    [
        (members_of(2), np.array([1, -1]), "leaf_negative"),
        (members_of(2), np.array([1]), "leaf_shape"),
        (members_of(2)[:, :19], np.array([1, 2]), "leaf_shape"),
        (members_of(2), np.array([1.0, 2.0]), "leaf_shape"),
    ],
)
def test_leaves_are_refused_when_their_columns_do_not_fit(
    members: np.ndarray, quanta: np.ndarray, reason: str
) -> None:
    for build in (claim_leaves, release_leaves):
        with pytest.raises(Corruption) as caught:
            build(members, quanta)
        assert caught.value.reason == reason
