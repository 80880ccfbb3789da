"""Four readers of trie proofs on the same random, honest and altered proofs.

Ours in Python and in the EVM must agree always. What they accept, the ``trie`` library and
OpenZeppelin's ``TrieProof`` must answer alike; where they refuse what another accepts, the class of
alteration is listed below, and ``tests/unit/contracts/proofs/test_stricter.py`` shows one case of
each.

``HYPOTHESIS_PROFILE=nightly`` runs 2,000 random examples of each class instead of 60 fixed ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import decode_header, encode_header
from clearinghouse.proofs.rlp import RlpItem, decode_item, encode_item, split_list
from clearinghouse.proofs.state import verify_account, verify_storage
from tests.unit.contracts.client import reverts
from tests.unit.contracts.evm import Contract, Evm, Reverted
from tests.unit.contracts.proofs.altered import CHANGES, LIST_CHANGES, alter
from tests.unit.contracts.proofs.readers import (
    OpenZeppelinReader,
    Refused,
    SolidityReader,
    flatten,
    is_same_verdict,
    read_by_library,
    read_in_python,
)
from tests.unit.proofs.test_header import block_of
from tests.unit.proofs.tries import build_trie, honest_nodes

pytestmark = pytest.mark.e2e

ANY_TIME = 1_800_000_000

LIBRARY_ACCEPTS = {
    "append embedded",
    "append foreign",
    "repeat",
    "swap",
    "flip in node",
    "branch value",
    "strange item",
    "path head",
    "path padding",
    "path length",
}
"""It takes nodes in any order and unused ones, does not look at what its path does not touch, takes
a flag above 3 for an even extension's, and takes a path that does not fit the keys for another's.
"""

OPENZEPPELIN_ACCEPTS = {
    "append embedded",
    "flip in node",
    "branch value",
    "strange item",
    "path head",
    "path padding",
}
"""It takes embedded nodes given again, ignores the padding of a path, and does not look at the
children and the value of a branch beside the one that it follows."""

values = st.one_of(st.binary(min_size=1, max_size=3), st.binary(min_size=30, max_size=70))
"""Short values make embedded nodes, long ones make hashed nodes."""

hashed_keys = st.integers(0, 300).map(lambda number: keccak256(number.to_bytes(2)))

near_keys = st.builds(
    lambda tail: bytes(32 - len(tail)) + tail,
    st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xF1]), max_size=4).map(bytes),
)
"""Keys with a long prefix in common: an extension, then branches that embed what is below them."""

split_keys = st.builds(
    lambda byte, change: bytes(byte) + bytes((change,)) + bytes(31 - byte),
    st.integers(0, 31),
    st.sampled_from([0x01, 0x10, 0x11]),
)
"""Keys that leave a common path at every depth, so that extensions are split."""

key_sets = st.sampled_from([hashed_keys, near_keys, split_keys])


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    evm = Evm(tmp_path_factory.mktemp("differential"), time=ANY_TIME)
    yield evm.deploy("ProofHarness")
    evm.close()


def draw_trie(data: st.DataObject, min_size: int = 0) -> tuple[Mapping[bytes, bytes], HexaryTrie]:
    keys = data.draw(key_sets, label="kind of keys")
    content = data.draw(st.dictionaries(keys, values, min_size=min_size, max_size=12))
    return content, build_trie(content)


def draw_key(data: st.DataObject, content: Mapping[bytes, bytes]) -> bytes:
    """Draw a key that is there, or that differs from one or from none in a nibble."""
    known = data.draw(st.sampled_from([*sorted(content), bytes(32)]), label="key")
    at = data.draw(st.integers(-1, 63), label="nibble changed")
    if at < 0:
        return known
    changed = bytearray(known)
    changed[at // 2] ^= 0x01 if at % 2 else 0x10
    return bytes(changed)


def has_embedded_node(nodes: Sequence[bytes]) -> bool:
    return any(item[0] >= 0xC0 for node in nodes for item in split_list(node))


@given(data=st.data())
def test_readers_agree_when_the_proof_is_honest(harness: Contract, data: st.DataObject) -> None:
    content, trie = draw_trie(data)
    key = draw_key(data, content)
    nodes, root, truth = honest_nodes(trie, key), trie.root_hash, content.get(key)
    if not content:
        nodes = ()
    assert read_in_python(root, key, nodes) == truth
    assert SolidityReader(harness)(root, key, nodes) == truth
    assert read_by_library(root, key, nodes or [b"\x80"]) == truth
    theirs = OpenZeppelinReader(harness)(root, key, nodes)
    assert theirs == truth if truth is not None else isinstance(theirs, Refused)


@given(data=st.data())
def test_every_proper_prefix_is_an_error_when_the_proof_is_honest(
    harness: Contract, data: st.DataObject
) -> None:
    content, trie = draw_trie(data, min_size=1)
    key = draw_key(data, content)
    nodes = honest_nodes(trie, key)
    for cut in range(len(nodes)):
        prefix = nodes[:cut]
        assert read_in_python(trie.root_hash, key, prefix) == Refused("proof_truncated")
        assert SolidityReader(harness)(trie.root_hash, key, prefix) == Refused("ProofTruncated")


@pytest.mark.parametrize("change", CHANGES)
@given(data=st.data())
def test_readers_agree_when_the_proof_was_altered(
    harness: Contract, change: str, data: st.DataObject
) -> None:
    content, trie = draw_trie(data, min_size=1)
    key = draw_key(data, content)
    honest = honest_nodes(trie, key)
    root, nodes = alter(change, honest, data.draw)

    ours = read_in_python(root, key, nodes)
    in_evm = SolidityReader(harness)(root, key, nodes)
    assert is_same_verdict(ours, in_evm), (ours, in_evm)

    library = read_by_library(root, key, nodes)
    openzeppelin = OpenZeppelinReader(harness)(root, key, nodes)
    if isinstance(ours, Refused):
        assert isinstance(library, Refused) or change in LIBRARY_ACCEPTS, library
        assert isinstance(openzeppelin, Refused) or change in OPENZEPPELIN_ACCEPTS, openzeppelin
        return
    if isinstance(library, Refused):
        # It reads embedded nodes off the path too. We do so no more than with hashed ones.
        assert has_embedded_node(nodes), library
    else:
        assert library == ours
    assert openzeppelin == ours if ours is not None else isinstance(openzeppelin, Refused)
    if change in LIST_CHANGES:
        assert tuple(nodes) == honest, "a proof has one form"
        assert ours == content.get(key)


words = st.one_of(st.integers(1, 300), st.integers(1, 2**256 - 1)).map(rlp.encode)

accounts = st.builds(
    lambda nonce, balance, root, code: rlp.encode([nonce, balance, root, code]),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**256 - 1),
    st.just(keccak256(b"storage")),
    st.just(keccak256(b"code")),
)


def draw_altered(data: st.DataObject, encodings: st.SearchStrategy[bytes]) -> bytes:
    """Draw an encoding as it is, or with a byte changed, added or taken away."""
    leaf = bytearray(data.draw(encodings, label="encoding"))
    change = data.draw(st.sampled_from(["none", "flip", "insert", "delete", "append"]))
    at = data.draw(st.integers(0, len(leaf) - 1), label="at")
    byte = data.draw(st.integers(0, 255), label="byte")
    if change == "flip":
        leaf[at] ^= byte
    elif change == "insert":
        leaf.insert(at, byte)
    elif change == "delete" and len(leaf) > 1:
        del leaf[at]
    elif change == "append":
        leaf.append(byte)
    return bytes(leaf)


@given(data=st.data())
def test_our_readers_agree_on_a_word_when_its_leaf_was_altered(
    harness: Contract, data: st.DataObject
) -> None:
    leaf = draw_altered(data, words)
    slot = Hash32(bytes(32))
    trie = build_trie({keccak256(slot): leaf})
    nodes = honest_nodes(trie, keccak256(slot))
    try:
        ours: int | None = verify_storage(trie.root_hash, slot, nodes)
    except ProofInvalid:
        ours = None
    try:
        in_evm = harness.call("verifyStorage", trie.root_hash, slot, list(nodes))
    except Reverted:
        in_evm = None
    assert ours == in_evm


@given(data=st.data())
def test_our_readers_agree_on_an_account_when_its_leaf_was_altered(
    harness: Contract, data: st.DataObject
) -> None:
    leaf = draw_altered(data, accounts)
    address = Address(bytes(20))
    trie = build_trie({keccak256(address): leaf})
    nodes = honest_nodes(trie, keccak256(address))
    try:
        account = verify_account(trie.root_hash, address, nodes)
        assert account is not None
        ours: object = (account.storage_root, account.code_hash)
    except ProofInvalid:
        ours = None
    try:
        in_evm = harness.call("verifyAccount", trie.root_hash, address, list(nodes))
    except Reverted:
        in_evm = None
    assert ours == in_evm


items: st.SearchStrategy[RlpItem] = st.recursive(
    st.one_of(st.binary(max_size=4), st.binary(min_size=54, max_size=58)),
    lambda children: st.lists(children, max_size=5),
    max_leaves=10,
)


@given(data=st.data())
def test_our_readers_agree_on_rlp_when_an_encoding_was_altered(
    harness: Contract, data: st.DataObject
) -> None:
    encoded = draw_altered(data, st.one_of(items.map(encode_item), st.binary(min_size=1)))
    try:
        ours: object = flatten(decode_item(encoded))
    except ProofInvalid:
        ours = None
    try:
        payloads, is_list = harness.call("readRlp", encoded)
        in_evm: object = list(zip(payloads, is_list, strict=True))
    except Reverted:
        in_evm = None
    assert ours == in_evm


@given(data=st.data())
def test_header_that_python_reads_is_read_alike_on_chain_when_it_was_altered(
    harness: Contract, data: st.DataObject
) -> None:
    """The contract looks at three fields' form only, Python at all: the hash vouches for the rest.

    So Python may refuse more; and a height or state root of zero is refused on chain alone, where
    an unset word could be taken for one.
    """
    fields = rlp.decode(encode_header(block_of(data.draw(st.integers(15, 23), label="fields"))))
    at = data.draw(st.integers(0, len(fields) - 1), label="field")
    fields[at] = data.draw(st.one_of(st.just(fields[at]), st.binary(max_size=33)), label="value")
    encoded = draw_altered(data, st.just(rlp.encode(fields)))
    try:
        header = decode_header(encoded)
    except ProofInvalid:
        return
    if header.height == 0 or header.state_root == ZERO_HASH:
        with reverts("ZeroHeader"):
            harness.call("readHeader", encoded)
        return
    assert harness.call("readHeader", encoded) == (
        *(header.block_hash, header.state_root, header.height, header.timestamp),
    )
