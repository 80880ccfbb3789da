"""Merkle-Patricia proofs: ethereum/tests, and each rule that keeps absence sound."""

from __future__ import annotations

from typing import Any

import pytest
import rlp

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.trie import (
    EMPTY_NODE,
    EMPTY_ROOT,
    STATE_TRIE,
    TrieLimits,
    verify_inclusion_or_absence,
    without_empty_node,
)
from tests.unit.proofs.recordings import load_json, unhex
from tests.unit.proofs.tries import build_trie, honest_nodes

ANY_KEY = TrieLimits(key_bytes=None, max_nodes=200, max_node_bytes=4096)


def refuse(
    root: bytes, key: bytes, nodes: list[bytes] | tuple[bytes, ...], limits: TrieLimits = STATE_TRIE
) -> str:
    """Return the reason for which the proof is refused."""
    with pytest.raises(ProofInvalid) as refusal:
        verify_inclusion_or_absence(Hash32(root), key, nodes, limits)
    return refusal.value.reason


def raw(text: str) -> bytes:
    """Read the notation of ethereum/tests: hex where it starts with 0x, text elsewhere."""
    return unhex(text) if text.startswith("0x") else text.encode()


def final_items(entries: Any) -> dict[bytes, bytes]:
    """Apply a vector's writes in order; null deletes."""
    pairs = entries.items() if isinstance(entries, dict) else entries
    items: dict[bytes, bytes] = {}
    for key, value in pairs:
        if value is None:
            items.pop(raw(key), None)
        else:
            items[raw(key)] = raw(value)
    return items


@pytest.mark.parametrize(
    ("file", "secure"),
    [
        ("trietest.json", False),
        ("trieanyorder.json", False),
        ("hex_encoded_securetrie_test.json", True),
    ],
)
def test_proof_gives_every_value_when_trie_is_a_published_vector(file: str, secure: bool) -> None:
    vectors = load_json(f"trie/{file}")
    assert vectors
    for name, vector in vectors.items():
        items = final_items(vector["in"])
        if secure:
            items = {keccak256(key): value for key, value in items.items()}
        root, trie = Hash32(unhex(vector["root"])), build_trie(items)
        assert trie.root_hash == root, name
        absent = [key + b"\x00" for key in items] + [key[:-1] for key in items] + [b"", b"\xff"]
        for key in [*items, *absent]:
            nodes = honest_nodes(trie, key)
            assert verify_inclusion_or_absence(root, key, nodes, ANY_KEY) == items.get(key), name
            for cut in range(len(nodes)):
                assert refuse(root, key, nodes[:cut], ANY_KEY) == "proof_truncated", name
        if secure:
            for key in items:
                assert verify_inclusion_or_absence(root, key, honest_nodes(trie, key)) == items[key]


def test_proof_shows_absence_when_key_lies_between_published_neighbours() -> None:
    vector = load_json("trie/trietestnextprev.json")["basic"]
    items = {raw(key): raw(key) for key in vector["in"]}
    trie = build_trie(items)
    for text, _, _ in vector["tests"]:
        nodes = honest_nodes(trie, raw(text))
        value = verify_inclusion_or_absence(trie.root_hash, raw(text), nodes, ANY_KEY)
        assert value == items.get(raw(text))


# A state trie made by hand: a root branch over a leaf at nibble 1 and an extension at nibble 2,
# whose branch holds leaves at 5 and 6; keys are 32 bytes.
KEY_1 = bytes.fromhex("1" + "a" * 63)
KEY_25 = bytes.fromhex("2bcd5" + "e" * 59)
KEY_26 = bytes.fromhex("2bcd6" + "f" * 59)
ABSENT_BY_EMPTY_SLOT = bytes.fromhex("3" * 64)
ABSENT_BY_LEAF = bytes.fromhex("1" + "b" * 63)
ABSENT_BY_EXTENSION = bytes.fromhex("2bdd5" + "e" * 59)
ABSENT_BY_INNER_BRANCH = bytes.fromhex("2bcd7" + "e" * 59)
ABSENT = [ABSENT_BY_EMPTY_SLOT, ABSENT_BY_LEAF, ABSENT_BY_EXTENSION, ABSENT_BY_INNER_BRANCH]

LEAF_1 = rlp.encode([bytes.fromhex("3" + "a" * 63), b"one"])
LEAF_25 = rlp.encode([bytes.fromhex("3" + "e" * 59), b"two five"])
LEAF_26 = rlp.encode([bytes.fromhex("3" + "f" * 59), b"two six"])


def branch(children: dict[int, Any], value: bytes = b"") -> bytes:
    return rlp.encode([children.get(nibble, b"") for nibble in range(16)] + [value])


INNER = branch({5: keccak256(LEAF_25), 6: keccak256(LEAF_26)})
EXTENSION = rlp.encode([bytes.fromhex("1bcd"), keccak256(INNER)])
ROOT_NODE = branch({1: keccak256(LEAF_1), 2: keccak256(EXTENSION)})
ROOT = keccak256(ROOT_NODE)

PROOFS = {
    KEY_1: (ROOT_NODE, LEAF_1),
    KEY_25: (ROOT_NODE, EXTENSION, INNER, LEAF_25),
    KEY_26: (ROOT_NODE, EXTENSION, INNER, LEAF_26),
    ABSENT_BY_EMPTY_SLOT: (ROOT_NODE,),
    ABSENT_BY_LEAF: (ROOT_NODE, LEAF_1),
    ABSENT_BY_EXTENSION: (ROOT_NODE, EXTENSION),
    ABSENT_BY_INNER_BRANCH: (ROOT_NODE, EXTENSION, INNER),
}


def test_hand_made_trie_is_what_the_library_builds_when_given_its_keys() -> None:
    trie = build_trie({KEY_1: b"one", KEY_25: b"two five", KEY_26: b"two six"})
    assert trie.root_hash == ROOT
    for key, nodes in PROOFS.items():
        assert honest_nodes(trie, key) == nodes


@pytest.mark.parametrize(
    ("key", "value"), [(KEY_1, b"one"), (KEY_25, b"two five"), (KEY_26, b"two six")]
)
def test_proof_gives_the_value_when_key_is_present(key: bytes, value: bytes) -> None:
    assert verify_inclusion_or_absence(ROOT, key, PROOFS[key]) == value


@pytest.mark.parametrize(
    "key", ABSENT, ids=["empty slot", "divergent leaf", "divergent extension", "inner empty slot"]
)
def test_proof_shows_absence_when_the_last_node_shows_it(key: bytes) -> None:
    assert verify_inclusion_or_absence(ROOT, key, PROOFS[key]) is None


@pytest.mark.parametrize("key", PROOFS, ids=bytes.hex)
def test_proof_is_truncated_when_it_is_any_proper_prefix(key: bytes) -> None:
    for cut in range(len(PROOFS[key])):
        assert refuse(ROOT, key, PROOFS[key][:cut]) == "proof_truncated"


@pytest.mark.parametrize("key", PROOFS, ids=bytes.hex)
@pytest.mark.parametrize("extra", [ROOT_NODE, LEAF_1, EMPTY_NODE, b""], ids=len)
def test_proof_is_extended_when_nodes_remain(key: bytes, extra: bytes) -> None:
    assert refuse(ROOT, key, [*PROOFS[key], extra]) == "proof_extended"


@pytest.mark.parametrize("key", [KEY_25, KEY_26, ABSENT_BY_INNER_BRANCH], ids=bytes.hex)
def test_proof_is_refused_when_nodes_are_missing_repeated_or_reordered(key: bytes) -> None:
    nodes = PROOFS[key]
    for index in range(len(nodes)):
        assert refuse(ROOT, key, nodes[:index] + nodes[index + 1 :])
        assert refuse(ROOT, key, nodes[: index + 1] + nodes[index:])
    assert refuse(ROOT, key, nodes[::-1]) == "node_hash_mismatch"


def test_proof_is_refused_when_it_belongs_to_another_key_or_root() -> None:
    assert refuse(ROOT, KEY_26, PROOFS[KEY_25]) == "node_hash_mismatch"
    assert refuse(ROOT, KEY_1, PROOFS[KEY_25]) == "node_hash_mismatch"
    assert refuse(ROOT, ABSENT_BY_EMPTY_SLOT, PROOFS[KEY_1]) == "proof_extended"
    assert refuse(keccak256(b"other"), KEY_1, PROOFS[KEY_1]) == "node_hash_mismatch"
    assert refuse(bytes(32), KEY_1, PROOFS[KEY_1]) == "node_hash_mismatch"
    assert refuse(bytes(32), KEY_1, []) == "proof_truncated"


def test_empty_root_shows_absence_when_no_node_is_given() -> None:
    assert verify_inclusion_or_absence(EMPTY_ROOT, KEY_1, ()) is None


@pytest.mark.parametrize(
    "nodes",
    [(EMPTY_NODE,), (EMPTY_NODE, EMPTY_NODE), (ROOT_NODE,), (b"",), (b"\xc0",)],
    ids=repr,
)
def test_empty_root_refuses_when_any_node_is_given(nodes: tuple[bytes, ...]) -> None:
    assert refuse(EMPTY_ROOT, KEY_1, nodes) == "proof_extended"


def test_without_empty_node_drops_it_when_it_is_all_that_was_given() -> None:
    assert without_empty_node([EMPTY_NODE]) == ()
    assert without_empty_node([]) == ()
    for nodes in ((EMPTY_NODE, EMPTY_NODE), (ROOT_NODE,), (ROOT_NODE, EMPTY_NODE), (b"",)):
        assert without_empty_node(nodes) == nodes
    assert refuse(ROOT, KEY_1, without_empty_node([EMPTY_NODE])) == "proof_truncated"


def test_empty_node_shows_nothing_when_root_is_not_empty() -> None:
    assert refuse(ROOT, KEY_1, (EMPTY_NODE,)) == "node_hash_mismatch"


def lone(items: list[Any]) -> tuple[bytes, list[bytes]]:
    """Return root and proof of a trie of one node with these items."""
    node = rlp.encode(items)
    return keccak256(node), [node]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [b"\x20" + KEY_1],
        [b"\x20" + KEY_1, b"v", b""],
        [b""] * 16,
        [b""] * 18,
        [b"", b"v"],
        [[b"\x20"], b"v"],
        [b"\x21" + KEY_1, b"v"],
        [b"\x40" + KEY_1, b"v"],
        [b"\xf0" + KEY_1, b"v"],
        [b"\x20" + KEY_1, b""],
        [b"\x20" + KEY_1, [b"v"]],
        [b"\x20" + KEY_1[:-1], b"v"],
        [b"\x20" + KEY_1 + b"\x00", b"v"],
        [b"\x3a" + KEY_1, b"v"],
        [b"\x00", keccak256(LEAF_1)],
        [b"\x00" + KEY_1, keccak256(LEAF_1)],
        [b"\x00" + KEY_1[:2], b""],
        [b"\x00" + KEY_1[:2], []],
        [b"\x00" + KEY_1[:2], b"short"],
        [b"\x00" + KEY_1[:2], bytes(33)],
        [b"\x00" + KEY_1[:2], [b"\x20" + KEY_1[2:], b"not small"]],
        [b"", b"short", *[b""] * 15],
        [b"", [], *[b""] * 15],
        [b"", [b"x"], *[b""] * 15],
        [b"", *[b""] * 15, b"value"],
        [b"", keccak256(LEAF_1), *[b""] * 14, [b"list"]],
        [b"", keccak256(LEAF_1), b"beside the path", *[b""] * 14],
        [b"\x00\xff", b"where it leads elsewhere"],
        [b"", [b"\x3a" + KEY_1[1:], b"an embedded node that is too large"], *[b""] * 15],
    ],
    ids=str,
)
def test_proof_is_malformed_when_node_breaks_a_rule(items: list[Any]) -> None:
    root, nodes = lone(items)
    assert refuse(root, KEY_1, nodes) == "node_malformed"


@pytest.mark.parametrize(
    "node",
    [
        b"",
        b"\x83dog",
        b"\xc8\x83dog\x83do",
        LEAF_1 + b"\x00",
        b"\xf8" + LEAF_1,
        b"\xf7\x81\x20" + LEAF_1,
    ],
    ids=bytes.hex,
)
def test_proof_is_refused_when_node_is_no_canonical_rlp(node: bytes) -> None:
    assert refuse(keccak256(node), KEY_1, [node]).startswith("rlp_")


def test_proof_is_malformed_when_small_node_is_given_beside_its_parent() -> None:
    key = KEY_1[:2]
    small = rlp.encode([b"\x3a" + key[1:], b"v"])
    assert len(small) < 32
    hashed = branch({1: keccak256(small)})
    assert refuse(keccak256(hashed), key, [hashed, small], ANY_KEY) == "node_malformed"
    embedded = branch({1: rlp.decode(small)})
    assert verify_inclusion_or_absence(keccak256(embedded), key, [embedded], ANY_KEY) == b"v"
    assert refuse(keccak256(embedded), key, [embedded, small], ANY_KEY) == "proof_extended"


def test_embedded_node_is_malformed_when_it_has_as_many_bytes_as_a_hash() -> None:
    for value_bytes, result in ((28, None), (29, "node_malformed")):
        child = [b"\x3a", b"v" * value_bytes]
        assert len(rlp.encode(child)) == 3 + value_bytes
        root, nodes = lone([b"", b"", child, *[b""] * 14])
        if result is None:
            assert verify_inclusion_or_absence(Hash32(root), KEY_1, nodes) is None
        else:
            assert refuse(root, KEY_1, nodes) == result


def test_proof_follows_embedded_nodes_when_keys_of_32_bytes_share_a_long_prefix() -> None:
    keys = [bytes(31) + bytes((last,)) for last in (0x00, 0x01, 0x10, 0xFF)]
    items = {key: b"v%d" % index for index, key in enumerate(keys)}
    trie = build_trie(items)
    for key in [*keys, bytes(31) + b"\x02", bytes(31) + b"\x20", bytes(30) + b"\x01\x00"]:
        nodes = honest_nodes(trie, key)
        assert len(nodes) <= 2
        assert key not in items or len(nodes) < len(trie.get_proof(key))
        assert verify_inclusion_or_absence(trie.root_hash, key, nodes) == items.get(key)


def test_proof_descends_to_the_last_nibble_when_keys_differ_at_each() -> None:
    """Make the deepest state trie, 65 levels, which also is the limit on nodes."""
    base = bytes(32)
    items = {base: b"the longest path" * 3}
    for position in range(64):
        key = bytearray(base)
        key[position // 2] = 0x01 if position % 2 else 0x10
        items[bytes(key)] = b"a value that is too long to be embedded"
    trie = build_trie(items)
    nodes = honest_nodes(trie, base)
    assert len(nodes) == 65 == STATE_TRIE.max_nodes
    assert verify_inclusion_or_absence(trie.root_hash, base, nodes) == items[base]
    assert refuse(trie.root_hash, base, [*nodes, nodes[-1]]) == "proof_too_large"


def test_full_branch_of_hashes_is_exactly_the_largest_node_when_values_are_absent() -> None:
    full = branch({nibble: keccak256(bytes((nibble,))) for nibble in range(16)})
    assert len(full) == STATE_TRIE.max_node_bytes
    assert refuse(keccak256(full), KEY_1, [full]) == "proof_truncated"
    assert refuse(keccak256(full), KEY_1, [full + b"\x00"]) == "proof_too_large"


@pytest.mark.parametrize("length", [0, 20, 31, 33])
def test_proof_is_refused_when_key_has_another_length(length: int) -> None:
    assert refuse(ROOT, bytes(length), [ROOT_NODE]) == "key_length_wrong"


def test_branch_below_the_key_is_malformed_when_keys_have_one_length() -> None:
    below = branch({1: keccak256(LEAF_1), 2: keccak256(LEAF_25)})
    spine, nodes = keccak256(below), [below]
    for nibble in reversed([nibble for byte in KEY_1 for nibble in divmod(byte, 16)]):
        node = branch({nibble: spine})
        spine, nodes = keccak256(node), [node, *nodes]
    assert len(nodes) == 65
    assert refuse(spine, KEY_1, nodes) == "node_malformed"
    assert verify_inclusion_or_absence(spine, KEY_1, nodes, ANY_KEY) is None
