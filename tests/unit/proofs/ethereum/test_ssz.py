"""Hash trees: known roots, and branches that prove one leaf at one place."""

from __future__ import annotations

from hashlib import sha256

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.ssz import (
    branch_root,
    byte_list_root,
    byte_vector_root,
    hash_pair,
    merkle_root,
    uint_chunk,
    verify_branch,
)
from tests.unit.proofs.ethereum.chain import Tree, filler

LEAVES = [filler(index) for index in range(5)]


def h(left: bytes, right: bytes) -> bytes:
    return sha256(left + right).digest()


def reason_of(leaf: bytes, branch: tuple[bytes, ...], index: int, root: bytes) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_branch(leaf, branch, index, root, reason="other_root")
    return refusal.value.reason


def test_merkle_root_fills_up_with_zero_leaves_when_they_are_five() -> None:
    a, b, c, d, e = LEAVES
    zero = h(ZERO_HASH, ZERO_HASH)
    expected = h(h(h(a, b), h(c, d)), h(h(e, ZERO_HASH), zero))
    assert merkle_root(LEAVES) == expected
    assert merkle_root([a]) == a


def test_uint_chunk_is_little_endian() -> None:
    assert uint_chunk(0x0102) == b"\x02\x01" + bytes(30)
    assert uint_chunk(2**256 - 1) == b"\xff" * 32


def test_byte_roots_pad_the_last_chunk_and_mix_the_length_in() -> None:
    data = b"\x01" * 48
    assert byte_vector_root(data) == h(b"\x01" * 32, b"\x01" * 16 + bytes(16))
    assert byte_list_root(b"", 32) == h(ZERO_HASH, uint_chunk(0))
    assert byte_list_root(b"ab", 32) == h(b"ab".ljust(32, b"\x00"), uint_chunk(2))
    assert byte_list_root(b"ab", 32) != byte_list_root(b"ab\x00", 32)
    assert byte_list_root(b"ab", 64) == h(h(b"ab".ljust(32, b"\x00"), ZERO_HASH), uint_chunk(2))


@pytest.mark.parametrize("index", [1, 2, 3, 54, 55, 105, 169, 2856, 2945, 2946])
def test_verify_branch_passes_when_the_leaf_is_at_its_index(index: int) -> None:
    leaf = filler("leaf")
    tree = Tree({index: leaf}, "tree")
    verify_branch(leaf, tree.branch(index), index, tree.root, reason="never")
    assert branch_root(leaf, tree.branch(index), index) == tree.root
    padded = (ZERO_HASH, *tree.branch(index))
    verify_branch(leaf, padded, index, tree.root, reason="never")


@pytest.mark.parametrize("index", [54, 55, 105, 169, 735])
def test_verify_branch_refuses_when_anything_is_moved(index: int) -> None:
    leaf = filler("leaf")
    tree = Tree({index: leaf}, "tree")
    branch = tree.branch(index)
    for other in (index ^ 1, index ^ 2, index - 4):
        assert reason_of(leaf, branch, other, tree.root) == "other_root"
    assert reason_of(filler("other"), branch, index, tree.root) == "other_root"
    assert reason_of(leaf, branch, index, filler("root")) == "other_root"
    assert reason_of(leaf, branch[::-1], index, tree.root) == "other_root"
    assert reason_of(leaf, branch[1:], index, tree.root) == "branch_length_wrong"
    assert reason_of(leaf, (), index, tree.root) == "branch_length_wrong"
    assert reason_of(leaf, (filler("x"), *branch), index, tree.root) == "branch_padding_not_zero"
    assert reason_of(leaf, (ZERO_HASH,) * 30 + branch, index, tree.root) == "branch_length_wrong"


def test_verify_branch_refuses_when_an_inner_node_is_given_for_a_leaf() -> None:
    """The index fixes the depth, so a node above the leaf cannot stand in for it."""
    tree = Tree({12: LEAVES[0], 13: LEAVES[1]}, "tree")
    inner = hash_pair(LEAVES[0], LEAVES[1])
    assert tree.node(6) == inner
    verify_branch(inner, tree.branch(6), 6, tree.root, reason="never")
    assert reason_of(inner, tree.branch(6), 12, tree.root) == "branch_length_wrong"
    assert reason_of(inner, (ZERO_HASH, *tree.branch(6)), 12, tree.root) == "other_root"
