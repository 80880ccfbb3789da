"""What we refuse and another reader takes, case by case, and the one case the other way round.

The differential test allows these classes and no more, so this list is what a reader of ours may
differ in. OpenZeppelin's, besides, proves no absence at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
import rlp

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rlp import split_list
from clearinghouse.proofs.state import verify_storage
from clearinghouse.proofs.trie import EMPTY_NODE, EMPTY_ROOT
from tests.unit.contracts.client import reverts
from tests.unit.contracts.evm import Contract
from tests.unit.contracts.proofs.altered import listed
from tests.unit.contracts.proofs.readers import (
    Reader,
    Refused,
    Verdict,
    assert_refused,
    read_by_library,
    read_in_python,
)
from tests.unit.proofs.test_trie import (
    ABSENT,
    ABSENT_BY_EMPTY_SLOT,
    INNER,
    KEY_1,
    KEY_25,
    LEAF_1,
    LEAF_25,
    PROOFS,
    ROOT,
)
from tests.unit.proofs.tries import (
    account_leaf,
    build_trie,
    deepest_proof,
    honest_nodes,
)

pytestmark = pytest.mark.e2e

REFUSED = Refused("any")
"""Stands for whatever another reader refuses with."""


@dataclass(frozen=True)
class Case:
    """A proof that we refuse, and what the others say."""

    root: bytes
    key: bytes
    nodes: Sequence[bytes]
    reason: str
    library: Verdict
    openzeppelin: Verdict


def root_branch(
    changes: Mapping[int, bytes], value: bytes = EMPTY_NODE, below: bytes = LEAF_1
) -> tuple[bytes, bytes, list[bytes]]:
    """Return root, key and nodes of a branch above the leaf of ``KEY_1``, with items changed."""
    items = [EMPTY_NODE] * 16
    items[1] = rlp.encode(keccak256(below))
    for at, item in changes.items():
        items[at] = item
    node = listed([*items, value])
    return keccak256(node), KEY_1, [node, below]


def single(items: list[object]) -> tuple[bytes, bytes, list[bytes]]:
    """Return root, key and nodes of a trie of one node."""
    node = rlp.encode(items)
    return keccak256(node), KEY_1, [node]


def extension_with_flag(flag: int) -> tuple[bytes, bytes, list[bytes]]:
    """Return a proof of ``KEY_25`` that begins with an extension of four nibbles."""
    extension = rlp.encode([bytes((flag << 4,)) + KEY_25[:2], keccak256(INNER)])
    return keccak256(extension), KEY_25, [extension, INNER, LEAF_25]


NEAR_KEYS = [bytes(31) + bytes((last,)) for last in (0x00, 0x01, 0x10)]
NEAR = build_trie(dict.fromkeys(NEAR_KEYS, b"near"))
NEAR_NODES = honest_nodes(NEAR, NEAR_KEYS[2])
EMBEDDED = split_list(NEAR_NODES[-1])[1]
assert EMBEDDED[0] >= 0xC0

CASES: dict[str, Case] = {
    "a node is unused": Case(
        ROOT, KEY_1, [*PROOFS[KEY_1], LEAF_1], "proof_extended", b"one", REFUSED
    ),
    "a node is unused after absence": Case(
        ROOT, ABSENT_BY_EMPTY_SLOT, PROOFS[KEY_1], "proof_extended", None, REFUSED
    ),
    "nodes are in another order": Case(
        ROOT, KEY_25, PROOFS[KEY_25][::-1], "node_hash_mismatch", b"two five", REFUSED
    ),
    "the empty root has a node": Case(
        EMPTY_ROOT, KEY_1, [EMPTY_NODE], "proof_extended", None, REFUSED
    ),
    "an embedded node is given again": Case(
        NEAR.root_hash, NEAR_KEYS[2], [*NEAR_NODES, EMBEDDED], "proof_extended", b"near", b"near"
    ),
    "a small node is hashed": Case(
        *deepest_proof(KEY_1, b"v")[:1],
        KEY_1,
        deepest_proof(KEY_1, b"v")[1],
        "node_malformed",
        b"v",
        REFUSED,
    ),
    "a node is larger than any": Case(
        *single([b"\x20" + KEY_1, b"v" * 600]), "proof_too_large", b"v" * 600, b"v" * 600
    ),
    "the padding of a path is not zero": Case(
        *single([b"\x21" + KEY_1, b"v"]), "node_malformed", b"v", b"v"
    ),
    "an extension's flag is unknown": Case(
        *extension_with_flag(4), "node_malformed", b"two five", REFUSED
    ),
    "a leaf's flag is unknown": Case(
        *single([b"\x60" + KEY_1, b"v"]), "node_malformed", REFUSED, REFUSED
    ),
    "a leaf lies above the keys": Case(
        *single([b"\x20\xff", b"v"]), "node_malformed", None, REFUSED
    ),
    "a leaf lies below the keys": Case(
        *single([b"\x20" + KEY_1 + b"\x00", b"v"]), "node_malformed", None, REFUSED
    ),
    "a branch has a value": Case(*root_branch({}, b"\x83dog"), "node_malformed", b"one", b"one"),
    "a branch has a list for a value": Case(
        *root_branch({}, b"\xc1\x05"), "node_malformed", REFUSED, b"one"
    ),
    "a sibling is neither hash nor node": Case(
        *root_branch({9: b"\x83dog"}), "node_malformed", REFUSED, b"one"
    ),
    "a sibling is longer than a hash": Case(
        *root_branch({9: b"\xa1" + bytes(33)}), "node_malformed", REFUSED, b"one"
    ),
    "a sibling should have been hashed": Case(
        *root_branch({9: b"\xdf" + bytes(31)}), "node_malformed", REFUSED, b"one"
    ),
}


def same(verdict: Verdict, expected: Verdict) -> bool:
    return isinstance(verdict, Refused) if expected == REFUSED else verdict == expected


@pytest.mark.parametrize("name", CASES)
def test_our_readers_refuse_what_others_take_when(
    name: str, read_in_solidity: Reader, read_by_openzeppelin: Reader
) -> None:
    case = CASES[name]
    arguments = (case.root, case.key, case.nodes)
    assert_refused(read_in_python(*arguments), case.reason)
    assert_refused(read_in_solidity(*arguments), case.reason)
    assert same(read_by_library(*arguments), case.library)
    assert same(read_by_openzeppelin(*arguments), case.openzeppelin)


@pytest.mark.parametrize("sibling", [b"\xc0", b"\xc2\x81\x05"], ids=["no node", "no RLP"])
def test_our_readers_take_what_the_library_refuses_when_an_embedded_node_off_the_path_is_malformed(
    sibling: bytes, read_in_solidity: Reader, read_by_openzeppelin: Reader
) -> None:
    """What is behind a hash off the path is not read either; on the path it is refused."""
    root, key, nodes = root_branch({9: sibling})
    assert read_in_python(root, key, nodes) == b"one"
    assert read_in_solidity(root, key, nodes) == b"one"
    assert read_by_openzeppelin(root, key, nodes) == b"one"
    assert isinstance(read_by_library(root, key, nodes), Refused)
    on_path = bytes.fromhex("9" + KEY_1.hex()[1:])
    for read in (read_in_python, read_in_solidity, read_by_openzeppelin, read_by_library):
        assert isinstance(read(root, on_path, nodes[:1]), Refused)


@pytest.mark.parametrize("key", ABSENT, ids=bytes.hex)
def test_openzeppelin_proves_no_absence_when_ours_do(
    key: bytes, read_in_solidity: Reader, read_by_openzeppelin: Reader
) -> None:
    assert read_in_python(ROOT, key, PROOFS[key]) is None
    assert read_in_solidity(ROOT, key, PROOFS[key]) is None
    assert isinstance(read_by_openzeppelin(ROOT, key, PROOFS[key]), Refused)


def test_our_readers_refuse_a_word_with_leading_zeros_which_openzeppelin_takes(
    harness: Contract,
) -> None:
    slot, address = Hash32(bytes(32)), Address(bytes(20))
    storage = build_trie({keccak256(slot): b"\x82\x00\x05"})
    state = build_trie({keccak256(address): account_leaf(1, 0, storage.root_hash, bytes(32))})
    arguments = (
        *(state.root_hash, address, slot),
        *([*honest_nodes(state, keccak256(address))], [*honest_nodes(storage, keccak256(slot))]),
    )
    assert harness.call("verifySlotByOpenZeppelin", *arguments) == 5
    with reverts("InvalidRlp"):
        harness.call("verifySlot", *arguments)
    with pytest.raises(ProofInvalid) as refusal:
        verify_storage(Hash32(storage.root_hash), slot, arguments[-1])
    assert refusal.value.reason == "rlp_not_an_integer"
