"""Recursive Length Prefix, strict: exactly one encoding of every item is accepted.

The bytes come from a node or a relayer, and two encodings of one item would be two hashes of one
fact, so every rule of canonical form is enforced and every input is bounded. Source: Ethereum
yellow paper, appendix B.

Reasons raised: ``rlp_too_large``, ``rlp_too_deep``, ``rlp_truncated``, ``rlp_trailing_bytes``,
``rlp_not_canonical``, ``rlp_not_a_list``, ``rlp_not_an_integer``.
"""

from __future__ import annotations

from typing import TypeAlias

from clearinghouse.errors import ProofInvalid

RlpItem: TypeAlias = "bytes | list[RlpItem]"
"""A byte string, or a list of items."""

MAX_ENCODED_BYTES = 1 << 16
"""Larger than any header or trie node; a caller that knows better passes its own bound."""

MAX_DEPTH = 16
"""Lists within lists. A trie node embeds at most a few; the bound keeps recursion finite."""

_SHORT_PAYLOAD_MAX_BYTES = 55
_STRING_SHORT, _STRING_LONG, _LIST_SHORT, _LIST_LONG = 0x80, 0xB8, 0xC0, 0xF8


def encode_item(item: RlpItem) -> bytes:
    """Return the canonical encoding of a byte string or a (nested) list of them."""
    if isinstance(item, list):
        payload = b"".join(encode_item(child) for child in item)
        return _prefix(len(payload), _LIST_SHORT) + payload
    if len(item) == 1 and item[0] < _STRING_SHORT:
        return bytes(item)
    return _prefix(len(item), _STRING_SHORT) + item


def encode_uint(value: int) -> bytes:
    """Return the big-endian bytes of ``value`` without leading zeros, empty for 0; not prefixed."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def decode_item(
    encoded: bytes, *, max_bytes: int = MAX_ENCODED_BYTES, max_depth: int = MAX_DEPTH
) -> RlpItem:
    """Decode one item that fills ``encoded`` exactly.

    Raises
    ------
    ProofInvalid
        When the input is too large or too deep, ends early, goes on after the item, or is not the
        canonical encoding of what it holds.
    """
    _verify_length(encoded, max_bytes)
    item, end = _decode_at(encoded, 0, len(encoded), max_depth)
    if end != len(encoded):
        raise _trailing(encoded, end)
    return item


def decode_list(
    encoded: bytes, *, max_bytes: int = MAX_ENCODED_BYTES, max_depth: int = MAX_DEPTH
) -> list[RlpItem]:
    """Decode one item that must be a list; raise ``ProofInvalid`` as ``decode_item`` does."""
    item = decode_item(encoded, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(item, list):
        raise _no_list()
    return item


def split_list(encoded: bytes, *, max_bytes: int = MAX_ENCODED_BYTES) -> list[bytes]:
    """Return the encodings of the items of a list that fills ``encoded`` exactly.

    Inner lists are not opened, so the work is that of one pass however deep they nest, and what is
    inside them is unchecked. Raises ``ProofInvalid`` as ``decode_list`` does.
    """
    _verify_length(encoded, max_bytes)
    first = encoded[0] if encoded else _LIST_SHORT
    if first < _LIST_SHORT:
        raise _no_list()
    position, end = _bounds(encoded, 0, len(encoded))
    if end != len(encoded):
        raise _trailing(encoded, end)
    items: list[bytes] = []
    while position < end:
        _, next_position = _bounds(encoded, position, end)
        items.append(encoded[position:next_position])
        position = next_position
    return items


def decode_uint(item: RlpItem, max_bytes: int) -> int:
    """Read a byte string as an unsigned integer of at most ``max_bytes`` bytes.

    Raises
    ------
    ProofInvalid
        When the item is a list, has a leading zero (zero itself is the empty string), or is longer.
    """
    if isinstance(item, list) or len(item) > max_bytes or item[:1] == b"\x00":
        raise ProofInvalid(
            "rlp_not_an_integer",
            f"expected an integer of at most {max_bytes} bytes without leading zeros",
        )
    return int.from_bytes(item)


def _prefix(length: int, offset: int) -> bytes:
    if length <= _SHORT_PAYLOAD_MAX_BYTES:
        return bytes((offset + length,))
    length_bytes = encode_uint(length)
    return bytes((offset + _SHORT_PAYLOAD_MAX_BYTES + len(length_bytes),)) + length_bytes


def _decode_at(data: bytes, start: int, limit: int, depth: int) -> tuple[RlpItem, int]:
    """Decode the item at ``start`` that must end at or before ``limit``; return it and its end."""
    position, end = _bounds(data, start, limit)
    if data[start] < _LIST_SHORT:
        return data[position:end], end
    if depth == 0:
        raise ProofInvalid("rlp_too_deep", f"the list at byte {start} is nested too deep", at=start)
    items: list[RlpItem] = []
    while position < end:
        item, position = _decode_at(data, position, end, depth - 1)
        items.append(item)
    return items, end


def _bounds(data: bytes, start: int, limit: int) -> tuple[int, int]:
    """Return where the payload of the item at ``start`` begins and ends, its prefix verified."""
    if start >= limit:
        raise ProofInvalid("rlp_truncated", f"an item is missing at byte {start}", at=start)
    first = data[start]
    if first < _STRING_SHORT:
        return start, start + 1
    is_list = first >= _LIST_SHORT
    short, long = (_LIST_SHORT, _LIST_LONG) if is_list else (_STRING_SHORT, _STRING_LONG)
    if first < long:
        begin, length = start + 1, first - short
    else:
        begin = start + 2 + first - long
        if begin > limit:
            raise ProofInvalid("rlp_truncated", f"a length at byte {start} is cut off", at=start)
        length = int.from_bytes(data[start + 1 : begin])
        if data[start + 1] == 0 or length <= _SHORT_PAYLOAD_MAX_BYTES:
            raise ProofInvalid(
                "rlp_not_canonical", f"the length at byte {start} has a shorter form", at=start
            )
    if length > limit - begin:
        raise ProofInvalid(
            "rlp_truncated",
            f"the item at byte {start} claims {length} bytes where {limit - begin} remain",
            at=start,
        )
    if not is_list and length == 1 and data[begin] < _STRING_SHORT:
        raise ProofInvalid(
            "rlp_not_canonical", f"the byte at {begin} encodes itself, without prefix", at=start
        )
    return begin, begin + length


def _verify_length(encoded: bytes, max_bytes: int) -> None:
    if len(encoded) > max_bytes:
        raise ProofInvalid(
            "rlp_too_large",
            f"at most {max_bytes} bytes are decoded here, was {len(encoded)}",
            length=len(encoded),
            limit=max_bytes,
        )


def _trailing(encoded: bytes, end: int) -> ProofInvalid:
    return ProofInvalid(
        "rlp_trailing_bytes", f"{len(encoded) - end} bytes follow the item", end=end
    )


def _no_list() -> ProofInvalid:
    return ProofInvalid("rlp_not_a_list", "expected a list, was a byte string")
