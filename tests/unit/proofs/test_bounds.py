"""Input made to exhaust us: refused before work in proportion to it, in Python.

No clock is asked: what must not be reached is made to fail. The same for Solidity, in gas, is in
``tests/unit/contracts/proofs/test_bounds.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, overload

import pytest
import rlp

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs import header, trie
from clearinghouse.proofs import rlp as reader
from clearinghouse.proofs.header import MAX_HEADER_BYTES, decode_header
from clearinghouse.proofs.rlp import MAX_ENCODED_BYTES, decode_item, split_list
from clearinghouse.proofs.state import verify_account, verify_storage
from clearinghouse.proofs.trie import STATE_TRIE, verify_inclusion_or_absence
from tests.unit.proofs.tries import deepest_proof

MEGABYTE = 1_000_000
KEY = Hash32(bytes(32))
ROOT = keccak256(b"any root")


class NeverRead(Sequence[bytes]):
    """Nodes of which only the number may be asked."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: object) -> NoReturn:
        raise AssertionError(f"node {index} was read")


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make hashing and decoding of nodes and headers fail the test."""

    def reached(*arguments: object, **named: object) -> NoReturn:
        raise AssertionError("work was done on input that is too large")

    monkeypatch.setattr(trie, "keccak256", reached)
    monkeypatch.setattr(trie, "split_list", reached)
    monkeypatch.setattr(header, "keccak256", reached)
    monkeypatch.setattr(reader, "_bounds", reached)


def refusal_of(root: bytes, nodes: Sequence[bytes]) -> ProofInvalid:
    with pytest.raises(ProofInvalid) as refusal:
        verify_inclusion_or_absence(Hash32(root), KEY, nodes)
    return refusal.value


@pytest.mark.usefixtures("no_work")
def test_proof_is_refused_unread_when_it_has_too_many_nodes() -> None:
    for count in (STATE_TRIE.max_nodes + 1, MEGABYTE):
        refusal = refusal_of(ROOT, NeverRead(count))
        assert refusal.reason == "proof_too_large"
        assert refusal.attributes == {"nodes": count, "limit": 65}


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("at", [0, 1, 64])
def test_proof_is_refused_unhashed_when_a_node_is_too_large(at: int) -> None:
    for size in (STATE_TRIE.max_node_bytes + 1, MEGABYTE):
        nodes = [b"\xc0"] * 65
        nodes[at] = bytes(size)
        refusal = refusal_of(ROOT, nodes)
        assert refusal.reason == "proof_too_large"
        assert refusal.attributes == {"largest": size, "limit": 532}


@pytest.mark.usefixtures("no_work")
def test_state_proof_is_refused_when_its_nodes_take_a_megabyte() -> None:
    for nodes in ([bytes(MEGABYTE)], [bytes(1_000)] * 1_000):
        with pytest.raises(ProofInvalid) as refusal:
            verify_storage(ROOT, KEY, nodes)
        assert refusal.value.reason == "proof_too_large"


@pytest.mark.usefixtures("no_work")
def test_header_is_refused_unhashed_when_it_is_too_large() -> None:
    for size in (MAX_HEADER_BYTES + 1, MEGABYTE):
        with pytest.raises(ProofInvalid) as refusal:
            decode_header(bytes(size))
        assert refusal.value.reason == "rlp_too_large"


@pytest.mark.usefixtures("no_work")
def test_rlp_is_refused_unread_when_it_is_too_large() -> None:
    for decode in (decode_item, split_list):
        with pytest.raises(ProofInvalid) as refusal:
            decode(bytes(MAX_ENCODED_BYTES + 1))
        assert refusal.value.reason == "rlp_too_large"


def nested(levels: int) -> bytes:
    """Return that many lists, each the only item of the one before."""
    item = b""
    for _ in range(levels):
        size = len(item)
        width = (size.bit_length() + 7) // 8
        prefix = bytes((0xC0 + size,)) if size <= 55 else bytes((0xF7 + width,))
        item = prefix + (size.to_bytes(width) if size > 55 else b"") + item
    return item


def test_rlp_is_too_deep_when_lists_nest_as_far_as_the_bytes_allow() -> None:
    """Stop at the bound, long before the interpreter's own limit of recursion."""
    deep = nested(21_000)
    assert MAX_ENCODED_BYTES - 4_000 < len(deep) <= MAX_ENCODED_BYTES
    with pytest.raises(ProofInvalid) as refusal:
        decode_item(deep)
    assert refusal.value.reason == "rlp_too_deep"
    with pytest.raises(ProofInvalid) as refusal:
        decode_header(nested(700))
    assert refusal.value.reason == "rlp_too_deep"


def test_node_is_malformed_when_lists_nest_as_far_as_its_bytes_allow() -> None:
    """Inner lists are opened only where the path leads, one nibble a time."""
    deep = nested(248)
    assert 500 < len(deep) <= STATE_TRIE.max_node_bytes
    assert refusal_of(keccak256(deep), [deep]).reason == "node_malformed"
    for levels in range(1, 30):
        branch = rlp.encode([rlp.decode(nested(levels)), *[b""] * 16])
        assert refusal_of(keccak256(branch), [branch]).reason == "node_malformed"


def test_embedded_nodes_are_followed_to_the_end_of_the_key_at_most() -> None:
    """An embedded extension takes two bytes a level, so a node can hold few of them."""
    node: list[Any] = [b"\x10", b"v"]
    for _ in range(12):
        node = [b"\x10", node]
    encoded = rlp.encode(node)
    assert refusal_of(keccak256(encoded), [encoded]).reason == "node_malformed"


@pytest.mark.parametrize("first", [*range(0xB8, 0xC0), *range(0xF8, 0x100)], ids=hex)
def test_rlp_is_truncated_when_a_length_claims_more_than_there_is(first: int) -> None:
    """A length of up to eight bytes allocates nothing and reads nothing beyond the input."""
    width = first - (0xB7 if first < 0xC0 else 0xF7)
    for given in range(width + 20):
        encoded = bytes((first,)) + b"\xff" * given
        with pytest.raises(ProofInvalid) as refusal:
            decode_item(encoded)
        assert refusal.value.reason == "rlp_truncated"
        node = rlp.encode([b"\x20" + KEY, b"v"])[:-1] + encoded
        node = bytes((0xC0 + len(node) - 1,)) + node[1:]
        if len(node) <= 56:
            assert refusal_of(keccak256(node), [node]).reason == "rlp_truncated"


def test_deepest_proof_is_read_when_every_bound_is_met_exactly() -> None:
    root, nodes = deepest_proof(KEY, b"v" * 40)
    assert len(nodes) == STATE_TRIE.max_nodes
    assert max(map(len, nodes)) == STATE_TRIE.max_node_bytes
    assert verify_inclusion_or_absence(root, KEY, nodes) == b"v" * 40
    with pytest.raises(ProofInvalid) as refusal:
        verify_account(root, Address(bytes(20)), [*nodes, b""])
    assert refusal.value.reason == "proof_too_large"
