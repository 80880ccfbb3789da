"""Distinct types for every identifier, so that the type checker tells them apart."""

from __future__ import annotations

from typing import NewType

Address = NewType("Address", bytes)
"""Twenty bytes: an account on an EVM chain."""

Hash32 = NewType("Hash32", bytes)
"""Thirty-two bytes: a keccak-256 digest or another word."""

ChainId = NewType("ChainId", int)
"""EIP-155 chain id, 1 .. 2^63 - 1."""

AssetId = NewType("AssetId", int)
"""The ledger's number of an asset, 0 .. 2^32 - 1, the same on every chain."""

InstrumentId = NewType("InstrumentId", int)
"""The ledger's number of an instrument; 0-2 are reserved by the flows tree, so 3 .. 2^32 - 1."""

Position = NewType("Position", int)
"""A clearing member's leaf number, 0 .. 2^32 - 1; given once, never to another."""

ZERO_HASH = Hash32(bytes(32))
"""The parent of the first settlement and of the first leg."""

ZERO_ADDRESS = Address(bytes(20))
"""Nobody; never accepted as a member, venue, token or anchor."""

FIRST_INSTRUMENT = 3
"""Instruments 0-2 name the residual, shortfall and transfer-cost flows."""


def address_from_hex(text: str) -> Address:
    """Parse ``0x`` and forty hex digits of any case.

    Raises
    ------
    ValueError
        When the text is not such an address.
    """
    digits = text.removeprefix("0x")
    # bytes.fromhex skips white space, so the digits alone do not tell the length.
    if len(digits) != 40 or len(address := bytes.fromhex(digits)) != 20:
        raise ValueError(f"an address is 0x and 40 hex digits, was {text!r}")
    return Address(address)


def to_hex(value: bytes) -> str:
    """Return ``0x`` and lower-case hex digits."""
    return "0x" + value.hex()
