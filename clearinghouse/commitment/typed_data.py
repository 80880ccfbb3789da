"""EIP-712 typed structured data: one domain, and a hash per signed type.

The domain is ``EIP712Domain(string name,string version,bytes32 salt)`` with the clearinghouse id as
salt and neither chain id nor contract: a signature is for one clearinghouse on all its chains, and
each signed struct names the chain and the contract where these matter. Type strings are written out
in ``docs/protocol.md``.

Source: EIP-712.
"""

from __future__ import annotations

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256

DOMAIN_TYPE = b"EIP712Domain(string name,string version,bytes32 salt)"
DOMAIN_NAME = b"Clearinghouse"
DOMAIN_VERSION = b"1"

TYPED_PREFIX = b"\x19\x01"
"""Stands before the domain separator in everything that is signed."""

_DOMAIN_PREFIX = keccak256(DOMAIN_TYPE) + keccak256(DOMAIN_NAME) + keccak256(DOMAIN_VERSION)


def domain_separator(clearinghouse_id: Hash32) -> Hash32:
    """Return the EIP-712 domain separator of a clearinghouse."""
    return keccak256(_DOMAIN_PREFIX + clearinghouse_id)


def typed_digest(clearinghouse_id: Hash32, struct_hash: Hash32) -> Hash32:
    """Return what is signed: ``keccak256(0x1901 || domain separator || struct hash)``."""
    return keccak256(TYPED_PREFIX + domain_separator(clearinghouse_id) + struct_hash)


def word(value: int) -> bytes:
    """Encode an unsigned integer as one 32-byte word; the caller has checked its range."""
    return value.to_bytes(32, "big")


def address_word(address: bytes) -> bytes:
    """Encode an address as one 32-byte word."""
    return bytes(12) + address
