"""What a light client holds, and how it begins: from one block root that somebody trusts.

The root must be recent: committees long gone could sell their keys and sign another history. How
recent is for the operator to say, so nothing here judges it.

Reasons raised: ``trusted_root_mismatch``, ``current_sync_committee_branch_invalid``, and those of
``execution``, ``signing`` and ``ssz``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import (
    LightClientBootstrap,
    LightClientHeader,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.execution import verify_execution
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.signing import verify_committee_size
from clearinghouse.proofs.ethereum.ssz import verify_branch


@dataclass(frozen=True, slots=True)
class LightClientStore:
    """The newest finalised header, and the committees of its period and the one after."""

    finalized_header: LightClientHeader
    current_sync_committee: SyncCommittee
    next_sync_committee: SyncCommittee | None = None
    """``None`` until an update of the period brings it."""


def verify_bootstrap(
    network: Network, trusted_block_root: Hash32, bootstrap: LightClientBootstrap
) -> LightClientStore:
    """Return the store that begins at the block of ``trusted_block_root``.

    Raises
    ------
    ProofInvalid
        When the header is another block's, or committee or execution block are not in it.
    """
    beacon = bootstrap.header.beacon
    if beacon.root() != trusted_block_root:
        raise ProofInvalid(
            "trusted_root_mismatch",
            f"the bootstrap is of block 0x{beacon.root().hex()}, trusted is "
            f"0x{trusted_block_root.hex()}",
            root=beacon.root(),
            trusted_root=trusted_block_root,
        )
    verify_execution(network, bootstrap.header)
    verify_committee_size(network, bootstrap.current_sync_committee)
    verify_branch(
        bootstrap.current_sync_committee.root(),
        bootstrap.current_sync_committee_branch,
        network.rules_at(beacon.slot).current_sync_committee,
        beacon.state_root,
        reason="current_sync_committee_branch_invalid",
    )
    return LightClientStore(bootstrap.header, bootstrap.current_sync_committee)


def find_committee(network: Network, store: LightClientStore, slot: int) -> SyncCommittee | None:
    """Return the committee that signs in the block of ``slot``, ``None`` when it is not known."""
    periods_ahead = network.period_at(slot) - network.period_at(store.finalized_header.beacon.slot)
    if periods_ahead == 0:
        return store.current_sync_committee
    return store.next_sync_committee if periods_ahead == 1 else None
