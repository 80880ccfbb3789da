"""The header of a rollup's block, read from bytes whose hash L1 will vouch for.

Reasons raised: ``header_zero``, ``send_root_missing``, and those of ``header`` and ``rlp``.
"""

from __future__ import annotations

from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import MAX_HEADER_BYTES, VerifiedHeader, decode_header
from clearinghouse.proofs.rlp import decode_list

_EXTRA_DATA_FIELD = 12


def read_rollup_header(chain_id: ChainId, header_rlp: bytes) -> VerifiedHeader:
    """Return what ``header_rlp`` says; true once its hash is compared with what L1 holds."""
    header = decode_header(header_rlp)
    if header.height == 0 or header.state_root == ZERO_HASH:
        raise ProofInvalid(
            "header_zero",
            "zero is what an unset header reads as, so neither height nor state root can be it",
            height=header.height,
        )
    return VerifiedHeader(
        chain_id=chain_id,
        height=header.height,
        block_hash=header.block_hash,
        state_root=header.state_root,
        timestamp=header.timestamp,
    )


def read_send_root(header_rlp: bytes) -> Hash32:
    """Return the root of all messages to L1 that an Arbitrum Nitro header carries as extra data."""
    extra_data = decode_list(header_rlp, max_bytes=MAX_HEADER_BYTES)[_EXTRA_DATA_FIELD]
    if isinstance(extra_data, list) or len(extra_data) != 32:
        raise ProofInvalid(
            "send_root_missing", "the extra data of a Nitro header is a root of 32 bytes"
        )
    return Hash32(extra_data)
