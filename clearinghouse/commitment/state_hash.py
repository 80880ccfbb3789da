"""One hash for a whole state, so that two replays can be compared in a line."""

from __future__ import annotations

from collections import deque
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.state import State
from clearinghouse.commitment.keccak import keccak256


def state_hash(state: State) -> Hash32:
    """Return the hash of everything in the state, whatever order its mappings were filled in."""
    return keccak256(msgspec.json.encode(_canonical(state)))


def _canonical(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return [_canonical(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, msgspec.Struct):
        return [_canonical(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, dict):
        pairs = [(_canonical(key), _canonical(item)) for key, item in value.items()]
        return sorted(pairs, key=lambda pair: msgspec.json.encode(pair[0]))
    if isinstance(value, set | frozenset):
        return sorted((_canonical(item) for item in value), key=msgspec.json.encode)
    if isinstance(value, list | tuple | deque):
        return [_canonical(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return value
