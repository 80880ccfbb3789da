"""RLP laws: round trip, one encoding per item, and agreement with pyrlp on any bytes."""

from __future__ import annotations

import rlp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rlp import (
    RlpItem,
    decode_item,
    decode_uint,
    encode_item,
    encode_uint,
    split_list,
)

DEPTH_BEYOND_ANY_EXAMPLE = 400
"""pyrlp bounds no depth, so the comparison lifts our bound."""

payloads = st.one_of(st.binary(max_size=4), st.binary(min_size=54, max_size=60), st.binary())
items: st.SearchStrategy[RlpItem] = st.recursive(
    payloads, lambda children: st.lists(children, max_size=6), max_leaves=12
)


def ours(encoded: bytes) -> RlpItem | None:
    try:
        return decode_item(encoded, max_depth=DEPTH_BEYOND_ANY_EXAMPLE)
    except ProofInvalid:
        return None


def theirs(encoded: bytes) -> RlpItem | None:
    try:
        return rlp.decode(encoded)
    except rlp.DecodingError:
        return None


@settings(deadline=None)
@given(items)
def test_rlp_round_trips_when_item_is_any(item: RlpItem) -> None:
    encoded = encode_item(item)
    assert encoded == rlp.encode(item)
    assert decode_item(encoded) == item


@given(st.binary(max_size=80))
@example(b"\xb8")
@example(b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\xf8\x00")
@settings(deadline=None, max_examples=400)
def test_rlp_agrees_with_pyrlp_when_bytes_are_any(encoded: bytes) -> None:
    decoded = ours(encoded)
    assert decoded == theirs(encoded)
    if decoded is not None:
        assert encode_item(decoded) == encoded, "an accepted encoding is the only one"
        if isinstance(decoded, list):
            assert split_list(encoded) == [encode_item(item) for item in decoded]


@given(items, st.data())
@settings(deadline=None, max_examples=300)
def test_rlp_agrees_with_pyrlp_when_an_encoding_was_altered(
    item: RlpItem, data: st.DataObject
) -> None:
    encoded = bytearray(encode_item(item))
    position = data.draw(st.integers(0, len(encoded) - 1))
    change = data.draw(st.sampled_from(["flip", "insert", "delete", "cut"]))
    if change == "flip":
        encoded[position] ^= data.draw(st.integers(1, 255))
    elif change == "insert":
        encoded.insert(position, data.draw(st.integers(0, 255)))
    elif change == "delete":
        del encoded[position]
    else:
        del encoded[position:]
    altered = bytes(encoded)
    decoded = ours(altered)
    assert decoded == theirs(altered)
    if decoded is not None:
        assert encode_item(decoded) == altered


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_uint_round_trips_when_number_fits_a_word(value: int) -> None:
    assert decode_uint(decode_item(encode_item(encode_uint(value))), 32) == value
