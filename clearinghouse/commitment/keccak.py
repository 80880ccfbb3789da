"""Keccak-256, the one hash of every commitment.

Bound straight to the C implementation of ``safe-pysha3`` (0.8 us a hash); the dispatching wrappers
of eth-hash and eth-utils cost several times that, and trees take millions of hashes.
"""

from __future__ import annotations

from sha3 import keccak_256 as _keccak_256

from clearinghouse.book.identifiers import Hash32


def keccak256(data: bytes) -> Hash32:
    """Return the 32-byte Keccak-256 digest (the pre-standard padding that Ethereum uses)."""
    return Hash32(_keccak_256(data).digest())
