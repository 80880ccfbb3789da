"""Proofs altered in every way that we could think of, each class by its name.

Some alterations change the list of nodes. The others change the content of a node and then the
hashes above it up to a new root, so that the altered bytes reach the readers' parsers and only
their form can be refused: that is what a chain with a strange client, or a crafted root, would ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import rlp
from hypothesis import strategies as st

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.rlp import encode_uint, split_list

Draw: TypeAlias = Callable[[st.SearchStrategy[int]], int]
"""Draws a number; Hypothesis's ``data.draw``."""

NodeChange: TypeAlias = Callable[[bytes, Draw], bytes]
ListChange: TypeAlias = Callable[[list[bytes], Draw], list[bytes]]

SHORT_MAX = 55
"""Longest payload whose length stands in its prefix."""


def listed(items: Sequence[bytes]) -> bytes:
    """Return the list of items that are already encoded, however they are."""
    payload = b"".join(items)
    if len(payload) <= SHORT_MAX:
        return bytes((0xC0 + len(payload),)) + payload
    length = encode_uint(len(payload))
    return bytes((0xF7 + len(length),)) + length + payload


def rehash(nodes: Sequence[bytes], index: int, node: bytes) -> list[bytes]:
    """Return the proof with another node at ``index``, and with the hashes above it made right."""
    altered = list(nodes)
    for at in range(index, -1, -1):
        before, altered[at] = keccak256(nodes[at]), node
        if at > 0:
            node = nodes[at - 1].replace(before, keccak256(node))
    return altered


def _at(draw: Draw, size: int) -> int:
    return draw(st.integers(0, size - 1))


def _items(node: bytes) -> list[bytes]:
    return split_list(node)


# -- changes of the list of nodes ---------------------------------------------------------------


def _drop(nodes: list[bytes], draw: Draw) -> list[bytes]:
    at = _at(draw, len(nodes))
    return nodes[:at] + nodes[at + 1 :]


def _repeat(nodes: list[bytes], draw: Draw) -> list[bytes]:
    at = _at(draw, len(nodes))
    return nodes[: at + 1] + nodes[at:]


def _swap(nodes: list[bytes], draw: Draw) -> list[bytes]:
    one, other = _at(draw, len(nodes)), _at(draw, len(nodes))
    nodes = list(nodes)
    nodes[one], nodes[other] = nodes[other], nodes[one]
    return nodes


def _append_foreign(nodes: list[bytes], draw: Draw) -> list[bytes]:
    foreign = (b"", b"\x80", b"\xc0", rlp.encode([b"\x20", b"foreign"]), bytes(40))
    return [*nodes, foreign[_at(draw, len(foreign))]]


def _append_embedded(nodes: list[bytes], draw: Draw) -> list[bytes]:
    """Give an embedded node beside its parent too, as some clients once did."""
    embedded = [item for item in _items(nodes[-1]) if item[0] >= 0xC0]
    return [*nodes, embedded[_at(draw, len(embedded))] if embedded else nodes[-1]]


def _flip(nodes: list[bytes], draw: Draw) -> list[bytes]:
    at = _at(draw, len(nodes))
    nodes = list(nodes)
    nodes[at] = _flip_in_node(nodes[at], draw)
    return nodes


def _cut(nodes: list[bytes], draw: Draw) -> list[bytes]:
    return nodes[: _at(draw, len(nodes))]


LIST_CHANGES: Mapping[str, ListChange] = {
    "cut": _cut,
    "drop": _drop,
    "repeat": _repeat,
    "swap": _swap,
    "append foreign": _append_foreign,
    "append embedded": _append_embedded,
    "flip": _flip,
}


# -- changes of a node's content ----------------------------------------------------------------


def _flip_in_node(node: bytes, draw: Draw) -> bytes:
    at = _at(draw, len(node))
    return node[:at] + bytes((node[at] ^ draw(st.integers(1, 255)),)) + node[at + 1 :]


def _trail(node: bytes, draw: Draw) -> bytes:
    return node + bytes((_at(draw, 256),)) * (1 + _at(draw, 3))


def _truncate(node: bytes, draw: Draw) -> bytes:
    return node[: _at(draw, len(node))]


def _lengthen_prefix(node: bytes, draw: Draw) -> bytes:
    """Write the list's length in a longer form, with as many zeros before it as there is room."""
    payload = b"".join(_items(node))
    width = 1 + _at(draw, 8)
    if len(payload) >= 256**width:
        width = 2
    return bytes((0xF7 + width,)) + len(payload).to_bytes(width) + payload


def _lengthen_item_prefix(node: bytes, draw: Draw) -> bytes:
    """Write one item with a length of a form that is longer than need be."""
    items = _items(node)
    at = _at(draw, len(items))
    first = items[at][0]
    if first < 0x80:
        items[at] = b"\x81" + items[at]
    elif first < 0xB8:
        items[at] = bytes((0xB8, first - 0x80)) + items[at][1:]
    elif 0xC0 <= first < 0xF8:
        items[at] = bytes((0xF8, first - 0xC0)) + items[at][1:]
    else:
        items[at] = bytes((first + 1, 0)) + items[at][1:]
    return listed(items)


def _claim_more(node: bytes, draw: Draw) -> bytes:
    """Claim a length beyond what is there: of the list, or of one item."""
    items = _items(node)
    at = _at(draw, len(items) + 1)
    width = 1 + _at(draw, 8)
    if at == len(items):
        return bytes((0xF7 + width,)) + b"\xff" * width + b"".join(items)
    items[at] = bytes(((0xB7, 0xF7)[_at(draw, 2)] + width,)) + b"\xff" * width + items[at]
    return listed(items)


def _set_branch_value(node: bytes, draw: Draw) -> bytes:
    """Give a branch a value, which no key of 32 bytes can have; other nodes stay as they are."""
    items = _items(node)
    value = (b"\x05", b"\x83dog", b"\xc0", b"\xc1\x05")[_at(draw, 4)]
    return listed([*items[:-1], value]) if len(items) == 17 else node


STRANGE_CHILDREN = (
    b"\x05",
    b"\x83dog",
    b"\xc0",
    b"\xc2\x20\x05",
    b"\xc3\x81\x05\x05",
    b"\xc2\xf8\x05",
    b"\x9f" + bytes(31),
    b"\xa1" + bytes(33),
    b"\xdf" + bytes(31),
    b"\xf8\x38" + bytes(56),
)
"""Neither hash nor node; lists that are no nodes, or no RLP; a node too long to be embedded."""


def _set_item(node: bytes, draw: Draw) -> bytes:
    """Put something else in the place of a child, a path or a value."""
    items = _items(node)
    items[_at(draw, len(items))] = STRANGE_CHILDREN[_at(draw, len(STRANGE_CHILDREN))]
    return listed(items)


def _set_path_head(node: bytes, draw: Draw) -> bytes:
    """Change a path's first byte: flag, parity, padding."""
    head = bytes((_at(draw, 256),))
    return _with_path(node, lambda path: head + path[1:])


def _set_padding(node: bytes, draw: Draw) -> bytes:
    """Change what fills the first byte of an even path."""
    padding = 1 + _at(draw, 15)
    return _with_path(
        node, lambda path: path if path[0] & 0x10 else bytes((path[0] | padding,)) + path[1:]
    )


def _resize_path(node: bytes, draw: Draw) -> bytes:
    way = _at(draw, 5)
    return _with_path(node, lambda path: (b"", path[:1], path[:-1], path + b"\x00", path * 2)[way])


def _with_path(node: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the path of a leaf or extension; a branch has none and stays as it is."""
    items = _items(node)
    if len(items) != 2:
        return node
    return listed([rlp.encode(change(rlp.decode(items[0]))), items[1]])


def _change_item_count(node: bytes, draw: Draw) -> bytes:
    items = _items(node)
    at = _at(draw, len(items))
    return listed((items[:at] + items[at + 1 :], [*items, b"\x80"], items[:1], [])[_at(draw, 4)])


NODE_CHANGES: Mapping[str, NodeChange] = {
    "flip in node": _flip_in_node,
    "trailing bytes": _trail,
    "truncated node": _truncate,
    "long list prefix": _lengthen_prefix,
    "long item prefix": _lengthen_item_prefix,
    "claimed length": _claim_more,
    "branch value": _set_branch_value,
    "strange item": _set_item,
    "path head": _set_path_head,
    "path padding": _set_padding,
    "path length": _resize_path,
    "item count": _change_item_count,
}

CHANGES = (*LIST_CHANGES, *NODE_CHANGES)


def alter(name: str, nodes: Sequence[bytes], draw: Draw) -> tuple[bytes, list[bytes]]:
    """Return the root and nodes of an altered proof; ``nodes`` must not be empty."""
    if name in LIST_CHANGES:
        return keccak256(nodes[0]), LIST_CHANGES[name](list(nodes), draw)
    at = _at(draw, len(nodes))
    altered = rehash(nodes, at, NODE_CHANGES[name](nodes[at], draw))
    return keccak256(altered[0]), altered
