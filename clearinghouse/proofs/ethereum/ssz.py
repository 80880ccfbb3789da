"""SimpleSerialize hash trees: roots of what we read, and branches from a leaf to a known root.

Only what light client data needs. A node of the tree has a generalised index: the root 1, the
children of ``g`` 2g and 2g + 1; so the index alone tells a leaf's depth and position. Source:
ethereum/consensus-specs, ``ssz/simple-serialize.md`` and ``ssz/merkle-proofs.md``.

Reasons raised: ``branch_length_wrong``, ``branch_padding_not_zero``, and the one that the caller
of ``verify_branch`` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.errors import ProofInvalid

CHUNK_BYTES = 32

MAX_BRANCH_NODES = 24
"""Twice the deepest branch in use; what is longer is padding without end."""


def hash_pair(left: bytes, right: bytes) -> Hash32:
    """Return the parent of two nodes."""
    return Hash32(sha256(left + right).digest())


def uint_chunk(value: int) -> Hash32:
    """Return an unsigned integer as a leaf; the bytes are little-endian."""
    return Hash32(value.to_bytes(CHUNK_BYTES, "little"))


def byte_vector_root(data: bytes) -> Hash32:
    """Return the root of a byte string of fixed length."""
    return merkle_root(_chunks(data))


def byte_list_root(data: bytes, max_bytes: int) -> Hash32:
    """Return the root of a byte string of at most ``max_bytes``, with its length mixed in."""
    chunks = _chunks(data)
    chunks += [ZERO_HASH] * (-(-max_bytes // CHUNK_BYTES) - len(chunks))
    return hash_pair(merkle_root(chunks), uint_chunk(len(data)))


def merkle_root(leaves: Sequence[bytes]) -> Hash32:
    """Return the root over one or more leaves, filled up with zero leaves to a power of two."""
    width = 1 << (len(leaves) - 1).bit_length()
    level = [*leaves, *[ZERO_HASH] * (width - len(leaves))]
    while len(level) > 1:
        level = [hash_pair(*level[at : at + 2]) for at in range(0, len(level), 2)]
    return Hash32(level[0])


def branch_root(leaf: bytes, branch: Sequence[bytes], generalized_index: int) -> Hash32:
    """Return the root that ``branch``, siblings from the leaf upwards, leads to.

    Nodes in front of the branch make it as long as another fork's; they are not read here.
    """
    depth = generalized_index.bit_length() - 1
    node = leaf
    for height, sibling in enumerate(branch[len(branch) - depth :]):
        is_right = generalized_index >> height & 1
        node = hash_pair(sibling, node) if is_right else hash_pair(node, sibling)
    return Hash32(node)


def verify_branch(
    leaf: bytes, branch: Sequence[bytes], generalized_index: int, root: bytes, *, reason: str
) -> None:
    """Require that ``leaf`` stands at ``generalized_index`` under ``root``.

    A branch longer than the index is deep may be filled up in front with zero nodes, as data that
    was carried over a fork is; anything else there would let one fact have many proofs.

    Raises
    ------
    ProofInvalid
        ``branch_length_wrong``, ``branch_padding_not_zero``, or ``reason`` when the branch leads to
        another root: another leaf, another tree or another place in it.
    """
    depth = generalized_index.bit_length() - 1
    if not depth <= len(branch) <= MAX_BRANCH_NODES:
        raise ProofInvalid(
            "branch_length_wrong",
            f"a branch to index {generalized_index} has {depth} nodes, was {len(branch)}; it was "
            "made by the rules of another fork",
            length=len(branch),
            depth=depth,
        )
    if any(node != ZERO_HASH for node in branch[: len(branch) - depth]):
        raise ProofInvalid(
            "branch_padding_not_zero",
            f"all but the last {depth} nodes of the branch must be zero",
            length=len(branch),
            depth=depth,
        )
    if branch_root(leaf, branch, generalized_index) != root:
        raise ProofInvalid(
            reason,
            f"the branch does not lead from 0x{leaf.hex()} at index {generalized_index} to "
            f"0x{root.hex()}",
            generalized_index=generalized_index,
            root=root,
        )


def _chunks(data: bytes) -> list[bytes]:
    return [
        data[at : at + CHUNK_BYTES].ljust(CHUNK_BYTES, b"\x00")
        for at in range(0, len(data), CHUNK_BYTES)
    ]
