"""The hash of an earlier block, out of a chain's own state (EIP-2935).

Rollups post a root to L1 every so many blocks. The history contract in a posted block's state holds
the hashes of the blocks before it, so every attested height can be audited.

Reasons raised: ``outside_history``, ``account_absent``, and those of ``state``, ``trie``, ``rlp``.
"""

from __future__ import annotations

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.state import StateProof, verify_account, verify_storage

HISTORY_CONTRACT = Address(bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935"))

HISTORY_WINDOW_BLOCKS = 8191
"""What Ethereum and OP Stack chains keep."""

ARBITRUM_HISTORY_WINDOW_BLOCKS = 393_168
"""What Arbitrum keeps since ArbOS 40."""


def history_slot(height: int, window_blocks: int) -> Hash32:
    """Return where the history contract keeps the hash of the block at ``height``."""
    return Hash32((height % window_blocks).to_bytes(32))


def verify_ancestor(
    header: VerifiedHeader, height: int, window_blocks: int, proof: StateProof
) -> Hash32:
    """Return the hash of the block at ``height`` by the state after ``header``, a later block.

    Raises
    ------
    ProofInvalid
        ``outside_history`` when that state does not hold it, ``account_absent`` when the chain has
        no history contract, and when the nodes prove something else.
    """
    if not 0 < height < header.height <= height + window_blocks:
        raise _outside(header, height)
    account = verify_account(header.state_root, HISTORY_CONTRACT, proof.account_nodes)
    if account is None:
        raise ProofInvalid(
            "account_absent",
            f"chain {header.chain_id} has no history contract at {header.height}",
            address=HISTORY_CONTRACT,
            chain_id=header.chain_id,
        )
    slot = history_slot(height, window_blocks)
    word = verify_storage(account.storage_root, slot, proof.storage_nodes)
    if word == 0:  # the chain took up EIP-2935 after that block
        raise _outside(header, height)
    return Hash32(word.to_bytes(32))


def _outside(header: VerifiedHeader, height: int) -> ProofInvalid:
    return ProofInvalid(
        "outside_history",
        f"the state after block {header.height} does not hold the hash of block {height}; prove it "
        "under a block that follows sooner",
        height=height,
        newest=header.height,
    )
