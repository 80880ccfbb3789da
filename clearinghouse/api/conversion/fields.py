"""Fields that several messages have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.book.ranges import INT64_MAX, require_bytes, require_range, require_uint128
from clearinghouse.errors import Rejected

UINT128_BYTES = 16


def address_of(name: str, value: bytes) -> Address:
    """Return a 20-byte field; raise ``Rejected("MALFORMED")`` for another length."""
    return Address(require_bytes(name, value, 20))


def hash_of(name: str, value: bytes) -> Hash32:
    """Return a 32-byte field; raise ``Rejected("MALFORMED")`` for another length."""
    return Hash32(require_bytes(name, value, 32))


def chain_id_of(name: str, value: int) -> ChainId:
    """Return a chain id; raise ``Rejected("OUT_OF_RANGE")`` outside 1 .. 2^63 - 1."""
    return ChainId(require_range(name, value, 1, INT64_MAX))


def uint128_of(name: str, value: bytes) -> int:
    """Return a 16-byte big-endian field as an integer; raise ``Rejected("MALFORMED")``."""
    return int.from_bytes(require_bytes(name, value, UINT128_BYTES), "big")


def uint128_bytes(name: str, value: int) -> bytes:
    """Return an integer as 16 big-endian bytes; raise ``Rejected("OUT_OF_RANGE")``."""
    return require_uint128(name, value).to_bytes(UINT128_BYTES, "big")


def submessage_of(message: Any, field: str) -> Any:
    """Return a required message field; raise ``Rejected("MALFORMED")`` when it is absent."""
    if not message.HasField(field):
        kind = message.DESCRIPTOR.name
        raise Rejected("MALFORMED", f"{kind}.{field} is required", message_type=kind, field=field)
    return getattr(message, field)


@contextmanager
def fitting(noun: str) -> Iterator[None]:
    """Turn protobuf's refusal of a number or a type into ``Rejected`` about ``noun``."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise Rejected("OUT_OF_RANGE", f"the {noun} does not fit its message: {error}") from error
