"""RLP against ethereum/tests and rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rlp import (
    MAX_DEPTH,
    RlpItem,
    decode_item,
    decode_list,
    decode_uint,
    encode_item,
    encode_uint,
    split_list,
)
from tests.unit.proofs.recordings import load_json, unhex


def item_of(value: Any) -> RlpItem:
    """Read the notation of ethereum/tests: strings, numbers, '#' before a large number, lists."""
    if isinstance(value, list):
        return [item_of(child) for child in value]
    if isinstance(value, int):
        return encode_uint(value)
    if value.startswith("#"):
        return encode_uint(int(value[1:]))
    return value.encode()


def test_rlp_agrees_both_ways_when_vector_is_valid() -> None:
    vectors = load_json("rlp/rlptest.json")
    assert len(vectors) >= 19
    for name, vector in vectors.items():
        item, encoded = item_of(vector["in"]), unhex(vector["out"])
        assert encode_item(item) == encoded, name
        assert decode_item(encoded) == item, name


def test_rlp_refuses_when_vector_is_invalid() -> None:
    vectors = load_json("rlp/invalidRLPTest.json")
    assert len(vectors) >= 12
    for name, vector in vectors.items():
        with pytest.raises(ProofInvalid):
            pytest.fail(f"{name} decoded to {decode_item(unhex(vector['out']))!r}")


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("", "rlp_truncated"),
        ("83abcd", "rlp_truncated"),
        ("b8", "rlp_truncated"),
        ("b838" + "00" * 55, "rlp_truncated"),
        ("bf" + "ff" * 8, "rlp_truncated"),
        ("c3820102" + "00", "rlp_trailing_bytes"),
        ("c283abcdef", "rlp_truncated"),
        ("00" + "00", "rlp_trailing_bytes"),
        ("8100", "rlp_not_canonical"),
        ("817f", "rlp_not_canonical"),
        ("b801ff", "rlp_not_canonical"),
        ("b837" + "00" * 55, "rlp_not_canonical"),
        ("b90038" + "00" * 56, "rlp_not_canonical"),
        ("f801ff", "rlp_not_canonical"),
    ],
)
def test_decode_item_names_the_rule_when_it_is_broken(encoded: str, reason: str) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_item(bytes.fromhex(encoded))
    assert refusal.value.reason == reason


def test_decode_item_refuses_when_lists_nest_beyond_the_limit() -> None:
    nested: RlpItem = []
    for _ in range(MAX_DEPTH - 1):
        nested = [nested]
    assert decode_item(encode_item(nested)) == nested
    with pytest.raises(ProofInvalid) as refusal:
        decode_item(encode_item([nested]))
    assert refusal.value.reason == "rlp_too_deep"


def test_decode_item_refuses_when_input_exceeds_its_bound() -> None:
    encoded = encode_item(bytes(1000))
    assert decode_item(encoded, max_bytes=len(encoded)) == bytes(1000)
    with pytest.raises(ProofInvalid) as refusal:
        decode_item(encoded, max_bytes=len(encoded) - 1)
    assert refusal.value.reason == "rlp_too_large"


@pytest.mark.parametrize("length", [55, 56, 255, 256, 60_000])
def test_encode_item_uses_the_shortest_length_when_payload_grows(length: int) -> None:
    encoded = encode_item(b"\xff" * length)
    prefix_bytes = 1 if length <= 55 else 1 + (length.bit_length() + 7) // 8
    assert len(encoded) == prefix_bytes + length
    assert decode_item(encoded) == b"\xff" * length


def test_decode_list_refuses_when_item_is_a_string() -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_list(b"\x83dog")
    assert refusal.value.reason == "rlp_not_a_list"


def test_split_list_leaves_inner_lists_closed_when_they_nest_beyond_the_limit() -> None:
    deep = b"\xc0"
    for _ in range(10_000):
        deep = _listed(deep)
    assert split_list(_listed(b"\x83dog", deep)) == [b"\x83dog", deep]
    assert split_list(b"\xc0") == []


def _listed(*encodings: bytes) -> bytes:
    """Return a list of items that are already encoded."""
    payload = b"".join(encodings)
    if len(payload) <= 55:
        return bytes((0xC0 + len(payload),)) + payload
    length = encode_uint(len(payload))
    return bytes((0xF7 + len(length),)) + length + payload


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "rlp_truncated"),
        (b"\x83dog", "rlp_not_a_list"),
        (b"\x01", "rlp_not_a_list"),
        (b"\xc0\x00", "rlp_trailing_bytes"),
        (b"\xc2\x81\x01", "rlp_not_canonical"),
        (b"\xc2\xc3\x01", "rlp_truncated"),
        (b"\xf8\x01\x01", "rlp_not_canonical"),
        (b"\xff" * 9, "rlp_truncated"),
        (b"\xf9\x01\x00" + bytes(255), "rlp_truncated"),
        (bytes(2**16 + 1), "rlp_too_large"),
    ],
)
def test_split_list_names_the_rule_when_it_is_broken(encoded: bytes, reason: str) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        split_list(encoded)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("value", [0, 1, 127, 128, 2**64 - 1, 2**256 - 1])
def test_decode_uint_returns_the_number_when_it_is_canonical(value: int) -> None:
    assert decode_uint(encode_uint(value), 32) == value


@pytest.mark.parametrize("item", [b"\x00", b"\x00\x01", b"\x01" * 9, [], [b"\x01"]], ids=repr)
def test_decode_uint_refuses_when_item_is_no_canonical_number(item: RlpItem) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_uint(item, 8)
    assert refusal.value.reason == "rlp_not_an_integer"
