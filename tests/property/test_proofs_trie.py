"""Soundness of trie proofs: whatever is done to honest nodes, the truth or an error comes out.

The tries and their honest proofs come from the ``trie`` library, the expected values from the
dictionary that the trie was built of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import rlp
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from trie import HexaryTrie
from trie.exceptions import ValidationError

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.trie import (
    EMPTY_NODE,
    EMPTY_ROOT,
    STATE_TRIE,
    TrieLimits,
    verify_inclusion_or_absence,
)
from tests.unit.proofs.tries import build_trie, honest_nodes

ANY_KEY = TrieLimits(key_bytes=None, max_nodes=200, max_node_bytes=4096)

slow = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])

values = st.one_of(st.binary(min_size=1, max_size=3), st.binary(min_size=30, max_size=40))
"""Short values make embedded nodes, long ones make hashed nodes."""

nibble_runs = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xF1]), max_size=4).map(bytes)
short_keys = st.one_of(nibble_runs, st.binary(max_size=4))
"""Few byte values, so that keys share prefixes, are prefixes of each other, and miss closely."""

long_keys = st.one_of(
    st.builds(lambda head: keccak256(head), st.binary(max_size=2)),
    st.builds(lambda tail: bytes(32 - len(tail)) + tail, nibble_runs),
)
"""Hashes, as in state tries; and keys with a long common prefix, which embed nodes."""

KINDS = {
    "any key": (short_keys, ANY_KEY),
    "state trie": (long_keys, STATE_TRIE),
}


def outcome(root: bytes, key: bytes, nodes: Sequence[bytes], limits: TrieLimits) -> object:
    """Return the proven value or ``None``, or the error class where nothing is proven."""
    try:
        return verify_inclusion_or_absence(Hash32(root), key, nodes, limits)
    except ProofInvalid:
        return ProofInvalid


def all_nodes(trie: HexaryTrie, keys: Sequence[bytes]) -> list[bytes]:
    """Return every node that some key's proof uses, embedded ones too."""
    nodes = {rlp.encode(node) for key in keys for node in trie.get_proof(key)}
    return sorted(nodes | {EMPTY_NODE})


def draw_trie(data: st.DataObject, kind: str) -> tuple[Mapping[bytes, bytes], HexaryTrie, bytes]:
    """Draw a trie's content, the trie, and a key that is in it or near it."""
    keys, _ = KINDS[kind]
    content = data.draw(st.dictionaries(keys, values, max_size=12), label="content")
    present = [st.sampled_from(sorted(content))] if content else []
    key = data.draw(st.one_of(*present, keys), label="key")
    return content, build_trie(content), key


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_proof_gives_the_dictionarys_answer_when_nodes_are_honest(
    kind: str, data: st.DataObject
) -> None:
    content, trie, key = draw_trie(data, kind)
    limits = KINDS[kind][1]
    nodes = honest_nodes(trie, key)
    assert outcome(trie.root_hash, key, nodes, limits) == content.get(key)
    for cut in range(len(nodes)):
        assert outcome(trie.root_hash, key, nodes[:cut], limits) is ProofInvalid


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_proof_is_refused_when_a_byte_is_flipped(kind: str, data: st.DataObject) -> None:
    _, trie, key = draw_trie(data, kind)
    nodes = list(honest_nodes(trie, key))
    if trie.root_hash == EMPTY_ROOT:
        nodes = [EMPTY_NODE]
    index = data.draw(st.integers(0, len(nodes) - 1), label="node")
    altered = bytearray(nodes[index])
    position = data.draw(st.integers(0, len(altered) - 1), label="byte")
    altered[position] ^= data.draw(st.integers(1, 255), label="flip")
    nodes[index] = bytes(altered)
    assert outcome(trie.root_hash, key, nodes, KINDS[kind][1]) is ProofInvalid


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_proof_tells_the_truth_or_fails_when_nodes_are_any_selection(
    kind: str, data: st.DataObject
) -> None:
    """Give any nodes of the trie in any order: dropped, doubled, swapped, extended, foreign."""
    content, trie, key = draw_trie(data, kind)
    pool = all_nodes(trie, [*content, key])
    foreign = data.draw(st.binary(min_size=1, max_size=40), label="foreign")
    honest = list(honest_nodes(trie, key))
    changes = data.draw(
        st.lists(st.sampled_from(["drop", "double", "insert", "replace", "append"]), max_size=4),
        label="changes",
    )
    nodes = list(honest)
    for change in changes:
        extra = data.draw(st.sampled_from([*pool, foreign]), label="extra")
        at = data.draw(st.integers(0, max(len(nodes) - 1, 0)), label="at")
        if change in ("insert", "append") or not nodes:
            nodes.insert(at if change == "insert" else len(nodes), extra)
        elif change == "drop":
            del nodes[at]
        elif change == "double":
            nodes.insert(at, nodes[at])
        else:
            nodes[at] = extra
    result = outcome(trie.root_hash, key, nodes, KINDS[kind][1])
    if nodes == honest:
        assert result == content.get(key)
    else:
        assert result is ProofInvalid, "a proof has one form"


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_proof_of_one_key_never_lies_about_another_when_it_is_reused(
    kind: str, data: st.DataObject
) -> None:
    content, trie, key = draw_trie(data, kind)
    other = data.draw(KINDS[kind][0], label="other key")
    result = outcome(trie.root_hash, other, honest_nodes(trie, key), KINDS[kind][1])
    assert result in (content.get(other), ProofInvalid)


@settings(deadline=None)
@given(
    root=st.binary(min_size=32, max_size=32),
    key=st.binary(min_size=32, max_size=32),
    nodes=st.lists(st.binary(max_size=80), max_size=4),
)
def test_proof_is_refused_when_nodes_are_noise(root: bytes, key: bytes, nodes: list[bytes]) -> None:
    assert outcome(root, key, nodes, STATE_TRIE) is ProofInvalid


def hex_prefix(flag: int, nibbles: int) -> bytes:
    """Return a path of zero nibbles behind a flag, which may be the wrong one for its parity."""
    return bytes.fromhex(f"{flag:x}" + "0" * (nibbles if nibbles % 2 else nibbles + 1))


paths = st.builds(hex_prefix, st.integers(0, 4), st.one_of(st.just(64), st.integers(0, 64)))

parts = st.recursive(
    st.one_of(paths, st.just(b""), st.binary(max_size=3), st.binary(min_size=32, max_size=32)),
    lambda children: st.one_of(
        st.tuples(children, children).map(list),
        st.builds(lambda child, tail: [child, *[b""] * 15, tail], children, children),
        st.lists(children, max_size=3),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=400)
@given(part=parts)
def test_proof_agrees_with_the_library_when_a_hostile_node_is_accepted(part: object) -> None:
    """Reach the parser with content of any shape: only ``ProofInvalid`` may escape."""
    key, node = bytes(32), rlp.encode(part)
    root = keccak256(node)
    outcome(root, key, [node], ANY_KEY)
    result = outcome(root, key, [node], STATE_TRIE)
    event(f"accepted: {result is not ProofInvalid}")
    if result is ProofInvalid or node == EMPTY_NODE:
        return
    try:
        library = HexaryTrie.get_from_proof(root, key, [part])
    except ValidationError:
        return  # it reads embedded nodes off the path too, which prove nothing here
    assert (library or None) == result
