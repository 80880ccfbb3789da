"""JSON values that nodes send, each in its one form.

Reasons raised: ``json_malformed``, with the place in ``attributes["path"]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ProofInvalid

_DECIMAL = re.compile("0|[1-9][0-9]{0,77}")
"""One form for every number, and no more digits than uint256 has."""

MAX_NESTING = 64
"""Levels; what nodes send has fewer than ten."""

_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)


def parse_json(data: bytes) -> object:
    """Parse a document of bounded depth.

    The bound is ours because the parser's own is not to be had: it recurses up to the
    interpreter's limit, which libraries raise beyond what the stack can hold.

    Raises
    ------
    ValueError
        When the bytes are no JSON, or nested too deep.
    """
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > MAX_NESTING:
            raise ValueError(f"nested more than {MAX_NESTING} levels deep")
    return json.loads(data)


def mapping_of(value: object, path: str) -> Mapping[str, Any]:
    """Return ``value``, which must be a JSON object."""
    if not isinstance(value, Mapping):
        raise malformed(path, "an object")
    return value


def list_of(value: object, path: str) -> list[Any]:
    """Return ``value``, which must be a JSON array."""
    if not isinstance(value, list):
        raise malformed(path, "a list")
    return value


def get_field(record: Mapping[str, Any], name: str, path: str) -> Any:
    """Return a field that must be there."""
    if name not in record:
        raise malformed(f"{path}.{name}", "a value, was missing")
    return record[name]


def get_record(
    value: object, path: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """Return an object that has the required fields and none that is not listed."""
    found = mapping_of(value, path)
    for name in required:
        get_field(found, name, path)
    unknown = found.keys() - {*required, *optional}
    if unknown:
        raise malformed(path, f"no field {min(map(str, unknown))}, which no known fork has")
    return found


def decode_uint(value: object, path: str, bits: int = 64) -> int:
    """Read a decimal string, as beacon nodes send, or a JSON integer."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise malformed(path, f"a decimal integer of at most {bits} bits")
    return value


def decode_quantity(value: object, path: str) -> int:
    """Read 0x and 1 to 64 hex digits; execution clients fill up with zeros as they like."""
    if not isinstance(value, str) or not value.startswith("0x") or not 3 <= len(value) <= 66:
        raise malformed(path, "0x and at most 64 hex digits")
    digits = value[2:]
    return int.from_bytes(decode_bytes(f"0x{'0' * (len(digits) % 2)}{digits}", path))


def decode_hash(value: object, path: str) -> Hash32:
    """Read 32 bytes in hex."""
    return Hash32(decode_bytes(value, path, 32))


def decode_bytes(value: object, path: str, size: int | None = None) -> bytes:
    """Read 0x and two hex digits for each of ``size`` bytes; ``None``: any number of bytes."""
    try:
        if not isinstance(value, str) or not value.startswith("0x"):
            raise ValueError("no prefix")
        raw = bytes.fromhex(value[2:])
        # bytes.fromhex skips white space, so the digits alone do not tell the length.
        if len(value) != 2 + 2 * (len(raw) if size is None else size):
            raise ValueError("wrong length")
    except ValueError as error:
        expected = "0x and hex digits" if size is None else f"0x and {2 * size} hex digits"
        raise malformed(path, expected) from error
    return raw


def malformed(path: str, expected: str) -> ProofInvalid:
    """Return the error for a value at ``path`` that is not what was expected."""
    return ProofInvalid("json_malformed", f"{path}: expected {expected}", path=path)
