"""Merkle-Patricia proofs: what a key holds under a root, or that it holds nothing.

Timeouts and refunds rest on absence, so absence is only ever concluded from a node that shows it:
an empty slot of a branch, a leaf or extension that leads elsewhere, or the empty root. Running out
of nodes is an error, never absence (verifiers that fell through there have been drained). Every
node must be used, be the canonical encoding of its content, and hash to what its parent says.

``contracts/src/proof/StateProof.sol`` applies the same rules, and tests hold the two to one
verdict. What lies behind a child that the path does not take is read by neither, be it a hash or an
embedded node: it says nothing of the key.

Sources: yellow paper appendix D; EIP-1186.

Reasons raised: ``key_length_wrong``, ``proof_too_large``, ``proof_truncated``, ``proof_extended``,
``node_hash_mismatch``, ``node_malformed``, and those of ``rlp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rlp import decode_item, split_list

EMPTY_NODE = b"\x80"
"""The encoding of the empty string, whose hash is the root of a trie without keys. No proof holds
it: the empty root is proven by no node at all. It also stands where a branch has no child."""

EMPTY_ROOT = keccak256(EMPTY_NODE)

HASH_BYTES = 32
"""A node of fewer bytes stands in its parent itself; any other stands there as its hash."""

_HASH_PREFIX = b"\xa0"
"""Begins the encoding of a hash."""

_FIRST_LIST_PREFIX = 0xC0

BRANCH_ITEMS = 17


@dataclass(frozen=True, slots=True)
class TrieLimits:
    """What tries of one kind can contain; more is malformed or an attempt to exhaust us."""

    key_bytes: int | None
    """Length of every key. Then none is a prefix of another, so a branch holds no value and a path
    never passes a key's end. ``None``: keys of any length, where both can happen."""
    max_nodes: int
    max_node_bytes: int


STATE_TRIE = TrieLimits(key_bytes=32, max_nodes=65, max_node_bytes=532)
"""Account and storage tries, whose keys are hashes. A key has 64 nibbles, so at most 64 branches
and a leaf; the largest node is a branch of 16 hashes: 16 * 33 + 1 bytes and a prefix of 3."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """The end of a path, one nibble per byte, and what its key holds."""

    path: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class _Extension:
    """A stretch of path, one nibble per byte, that all keys below have in common."""

    path: bytes
    child: bytes
    """The encoding of a hash, or of the node itself where it is embedded."""


def verify_inclusion_or_absence(
    root: Hash32, key: bytes, nodes: Sequence[bytes], limits: TrieLimits = STATE_TRIE
) -> bytes | None:
    """Return the value of ``key`` in the trie of ``root``, ``None`` when absence is proven.

    Parameters
    ----------
    root
        Trusted: from a verified header or a verified account.
    key
        The path itself; for state tries already the Keccak-256 of the address or slot.
    nodes
        Encoded nodes from the root down, as ``eth_getProof`` gives them: embedded nodes are not
        repeated. The empty trie is proven by no node; see ``without_empty_node``.

    Raises
    ------
    ProofInvalid
        When the nodes prove neither. No other outcome exists: a proof cut short, extended, mixed
        or altered never turns into another value or into absence.
    """
    _verify_size(key, nodes, limits)
    if root == EMPTY_ROOT:
        if nodes:
            raise _extended(len(nodes), 0)
        return None
    path = _nibbles(key)
    depth, used = 0, 0
    reference = _HASH_PREFIX + root
    while True:
        if _is_hash(reference):
            items = _take_node(reference[1:], nodes, used)
            used += 1
        else:
            items = split_list(reference)
        if len(items) == BRANCH_ITEMS:
            result, depth = _step_branch(items, path, depth, limits)
        else:
            result, depth = _step_short(_short_node(items), path, depth, limits)
        if isinstance(result, _Answer):
            if used != len(nodes):
                raise _extended(len(nodes), used)
            return result.value
        reference = result


def without_empty_node(nodes: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return a node's answer in the one form that is verified, here and on chain.

    Some clients prove the empty trie by its one empty node (reth did until 2026), others by none
    (geth). Under any other root the empty node proves nothing, and so does no node.
    """
    return () if tuple(nodes) == (EMPTY_NODE,) else tuple(nodes)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The end of a walk."""

    value: bytes | None


_ABSENT = _Answer(None)


def _step_branch(
    items: list[bytes], path: bytes, depth: int, limits: TrieLimits
) -> tuple[bytes | _Answer, int]:
    """Follow one nibble of the path, or read the branch's value where the path ends.

    All items are checked, not just the one that is followed, so that a node has one meaning.
    """
    *children, value = items
    for child in children:
        if child != EMPTY_NODE:
            _verify_child(child)
    if _is_list(value) or (value != EMPTY_NODE and limits.key_bytes is not None):
        raise _malformed("a branch of this trie holds no value")
    if depth < len(path):
        child = children[path[depth]]
        return (_ABSENT if child == EMPTY_NODE else child), depth + 1
    if limits.key_bytes is not None:
        raise _malformed("a branch lies below the end of the key")
    return (_ABSENT if value == EMPTY_NODE else _Answer(_string(value))), depth


def _step_short(
    node: _Leaf | _Extension, path: bytes, depth: int, limits: TrieLimits
) -> tuple[bytes | _Answer, int]:
    """Follow an extension or read a leaf; either shows absence when it leads elsewhere."""
    end = depth + len(node.path)
    is_leaf = isinstance(node, _Leaf)
    if limits.key_bytes is not None and (end != len(path) if is_leaf else end >= len(path)):
        raise _malformed("the path of a node does not fit keys of this length")
    if node.path != path[depth:end]:
        return _ABSENT, end
    if isinstance(node, _Extension):
        return node.child, end
    return (_Answer(node.value) if end == len(path) else _ABSENT), end


def _short_node(items: list[bytes]) -> _Leaf | _Extension:
    """Read a node of two items; its hex-prefix has one form for every path and kind."""
    if len(items) != 2:
        raise _malformed(f"a node has 2 or {BRANCH_ITEMS} items, was {len(items)}")
    first, content = items
    prefix = b"" if _is_list(first) else _string(first)
    if not prefix or prefix[0] >> 4 > 3:
        raise _malformed("the path has no valid hex-prefix")
    nibbles = _nibbles(prefix)
    is_leaf, is_odd = nibbles[0] >= 2, nibbles[0] % 2 == 1
    if not is_odd and nibbles[1] != 0:
        raise _malformed("the padding of an even path is not zero")
    path = nibbles[1:] if is_odd else nibbles[2:]
    if is_leaf:
        if _is_list(content) or content == EMPTY_NODE:
            raise _malformed("a leaf holds a value that is not empty")
        return _Leaf(path, _string(content))
    if not path:
        raise _malformed("an extension has a path")
    _verify_child(content)
    return _Extension(path, content)


def _verify_child(child: bytes) -> None:
    """Require a hash, or an embedded node, which is one of fewer bytes than a hash."""
    if _is_list(child):
        if len(child) >= HASH_BYTES:
            raise _malformed("an embedded node has 32 bytes or more and must be hashed")
    elif not _is_hash(child):
        raise _malformed(f"a child is a hash or an embedded node, was {len(child)} bytes")


def _is_hash(encoded: bytes) -> bool:
    return len(encoded) == 1 + HASH_BYTES and encoded[:1] == _HASH_PREFIX


def _is_list(encoded: bytes) -> bool:
    return encoded[0] >= _FIRST_LIST_PREFIX


def _string(encoded: bytes) -> bytes:
    """Return the payload of an item that is no list."""
    item = decode_item(encoded)
    assert isinstance(item, bytes)
    return item


def _take_node(reference: bytes, nodes: Sequence[bytes], used: int) -> list[bytes]:
    """Decode the next node of the proof, which must hash to ``reference``."""
    if used == len(nodes):
        raise ProofInvalid(
            "proof_truncated",
            f"the path goes on after the {used} nodes given; ask for the whole proof",
            nodes=used,
        )
    encoded = nodes[used]
    if keccak256(encoded) != reference:
        raise ProofInvalid(
            "node_hash_mismatch",
            f"node {used} does not hash to 0x{reference.hex()}; it is of another trie or altered",
            index=used,
        )
    if used > 0 and len(encoded) < HASH_BYTES:
        raise _malformed(f"node {used} has {len(encoded)} bytes and must be embedded")
    return split_list(encoded)


def _verify_size(key: bytes, nodes: Sequence[bytes], limits: TrieLimits) -> None:
    """Refuse what no trie of this kind can give, before any of it is hashed or decoded."""
    if limits.key_bytes is not None and len(key) != limits.key_bytes:
        raise ProofInvalid(
            "key_length_wrong",
            f"keys of this trie have {limits.key_bytes} bytes, was {len(key)}",
            length=len(key),
        )
    if len(nodes) > limits.max_nodes:
        raise ProofInvalid(
            "proof_too_large",
            f"at most {limits.max_nodes} nodes are possible, were {len(nodes)}",
            nodes=len(nodes),
            limit=limits.max_nodes,
        )
    largest = max(map(len, nodes), default=0)
    if largest > limits.max_node_bytes:
        raise ProofInvalid(
            "proof_too_large",
            f"nodes of at most {limits.max_node_bytes} bytes are possible, the largest has "
            f"{largest}",
            largest=largest,
            limit=limits.max_node_bytes,
        )


def _nibbles(data: bytes) -> bytes:
    """Return one byte per half-byte, the high half first."""
    return bytes(nibble for byte in data for nibble in (byte >> 4, byte & 0x0F))


def _extended(given: int, used: int) -> ProofInvalid:
    return ProofInvalid(
        "proof_extended",
        f"{used} of {given} nodes answer the key; the others prove nothing and must be left out",
        given=given,
        used=used,
    )


def _malformed(what: str) -> ProofInvalid:
    return ProofInvalid("node_malformed", what)
