"""Sum trees in arrays against the readable trees: the same roots, leaves and branches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.book.identifiers import Address, Position
from clearinghouse.commitment import trees
from clearinghouse.commitment.sum_tree import (
    SumTree,
    build_claims_tree,
    build_releases_tree,
    claim_leaves,
)
from tests.machine_code import on_both_paths

Claims = dict[int, tuple[bytes, int]]

members = st.binary(min_size=20, max_size=20)
quanta = st.one_of(st.integers(0, 3), st.integers(0, 2**63 - 1))
# Few distinct positions, so that siblings and repetitions are common, and some that need growth.
positions = st.one_of(st.integers(0, 20), st.integers(0, 5_000))
claims = st.dictionaries(positions, st.tuples(members, quanta), max_size=30)


def columns(values: list[tuple[bytes, int]]) -> tuple[np.ndarray, np.ndarray]:
    owners = np.frombuffer(b"".join(member for member, _ in values), np.uint8).reshape(-1, 20)
    return owners, np.array([amount for _, amount in values], np.int64)


def tree_of(values: Claims) -> SumTree:
    return build_claims_tree(np.array([*values], np.int64), *columns([*values.values()]))


def model_of(values: Claims) -> trees.SumTree:
    return trees.claims_tree({Position(p): (Address(m), q) for p, (m, q) in values.items()})


@given(claims, st.lists(positions | st.integers(0, 2**32 - 1), max_size=4))
def test_claims_tree_equals_the_readable_one_when_built(
    values: Claims, strangers: list[int]
) -> None:
    model = model_of(values)

    def seen() -> list[object]:
        tree = tree_of(values)
        return [tree.root, *((tree.leaf(p), tree.branch(p)) for p in [*values, *strangers])]

    assert on_both_paths(seen) == [
        model.root,
        *((model.leaf(p), model.branch(p)) for p in [*values, *strangers]),
    ]


@given(claims, st.lists(claims, min_size=1, max_size=4))
def test_set_leaves_equals_a_rebuilt_tree_when_changes_follow_each_other(
    values: Claims, changes: list[Claims]
) -> None:
    def roots() -> list[trees.Node]:
        tree, found = tree_of(values), []
        for change in changes:
            leaves = claim_leaves(*columns([*change.values()]))
            tree.set_leaves(np.array([*change], np.int64), leaves)
            found.append(tree.root)
        return found

    merged, expected = dict(values), []
    for change in changes:
        merged |= change
        expected.append(model_of(merged).root)
    assert on_both_paths(roots) == expected


@given(st.lists(st.tuples(members, quanta), max_size=40))
def test_releases_tree_equals_the_readable_one_when_built(
    releases: list[tuple[bytes, int]],
) -> None:
    model = trees.releases_tree([(Address(member), amount) for member, amount in releases])
    root = on_both_paths(lambda: build_releases_tree(*columns(releases)).root)
    assert root == model.root


def test_claims_tree_equals_the_readable_one_when_levels_are_split_over_cores() -> None:
    random = np.random.default_rng(3)
    count = 10_000
    owners = random.integers(0, 256, (count, 20), dtype=np.uint8)
    amounts = random.integers(0, 2**63, count, dtype=np.int64)
    values = {p: (owners[p].tobytes(), int(amounts[p])) for p in range(count)}
    assert on_both_paths(lambda: tree_of(values).root) == model_of(values).root
