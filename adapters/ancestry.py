"""Whether two finalised headers of a chain are of one history."""

from __future__ import annotations

from collections.abc import Callable

from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.errors import ChainFault
from clearinghouse.proofs.header import Header, VerifiedHeader

HeaderByHash = Callable[[Hash32], tuple[Header, bytes]]
"""Returns the header of a hash and its RLP; must itself check that it hashes so."""

ANCESTRY_WALK_BLOCKS = 1024
"""Furthest gap between two finalised headers over which descent is checked block by block. Over a
longer one (hours of silence) it goes unchecked, and what was credited is still held by the anchor's
deposit hash chain."""


def find_broken_descent(
    get_header: HeaderByHash, later: Header, earlier: VerifiedHeader
) -> ChainFault | None:
    """Walk parent hashes from ``later`` down to the height of ``earlier``; say if it is not there.

    Every step is bound by hash to the finalised header above it, so a lying node can stop the walk
    but not make it end elsewhere.
    """
    if later.height - earlier.height > ANCESTRY_WALK_BLOCKS:
        return None
    descendant = later
    while descendant.height > earlier.height + 1:
        descendant, _ = get_header(descendant.parent_hash)
    if descendant.parent_hash == earlier.block_hash:
        return None
    return ChainFault(
        "finality_violated",
        f"finalised block {later.height} of chain {earlier.chain_id} does not descend from "
        f"finalised block {earlier.height} {to_hex(earlier.block_hash)}; stop settling and find "
        "out which history stands",
        chain_id=earlier.chain_id,
        height=earlier.height,
        hashes=(earlier.block_hash, descendant.parent_hash),
    )
