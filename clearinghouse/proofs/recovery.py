"""What is signed to give a stopped light client new attesters, and to refuse it.

Both name one client, on one chain, and one attempt: each client stopped for its own reason, and a
signature that was used or vetoed is worth nothing after.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.typed_data import address_word, typed_digest, word
from clearinghouse.proofs.committee import Committee

RECOVERY_TYPE = (
    b"CommitteeRecovery(uint256 chainId,uint256 hostChainId,address client,uint64 attempt,"
    b"uint32 threshold,bytes members)"
)
VETO_TYPE = b"RecoveryVeto(uint256 chainId,uint256 hostChainId,address client,uint64 attempt)"


@dataclass(frozen=True, slots=True)
class RecoveryAttempt:
    """One attempt to recover one client."""

    clearinghouse_id: Hash32
    chain_id: ChainId
    """That the client follows."""
    host_chain_id: ChainId
    """That the client is on."""
    client: Address
    attempt: int
    """The client's count of proposals so far."""


def recovery_digest(attempt: RecoveryAttempt, successor: Committee) -> Hash32:
    """Return what the recovery set signs to propose the attesters of ``successor``."""
    struct_hash = keccak256(
        keccak256(RECOVERY_TYPE)
        + _words(attempt)
        + word(successor.threshold)
        + keccak256(successor.packed_members)
    )
    return typed_digest(attempt.clearinghouse_id, struct_hash)


def recovered_epoch(current: int, digest: Hash32) -> int:
    """Return the number of the epoch that a recovery begins.

    Attesters sign no client's name, so the epochs of a recovered client must not meet those of
    another client of the chain: honest handovers for both would look like a conflict. The upper
    half counts recoveries, the lower begins where the recovery's own digest says.
    """
    return ((current >> 32) + 1 << 32) | (int.from_bytes(digest[28:], "big") & 0x7FFFFFFF)


def veto_digest(attempt: RecoveryAttempt) -> Hash32:
    """Return what the current attesters sign to refuse the attempt."""
    struct_hash = keccak256(keccak256(VETO_TYPE) + _words(attempt))
    return typed_digest(attempt.clearinghouse_id, struct_hash)


def _words(attempt: RecoveryAttempt) -> bytes:
    return (
        word(attempt.chain_id)
        + word(attempt.host_chain_id)
        + address_word(attempt.client)
        + word(attempt.attempt)
    )
