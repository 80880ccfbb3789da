"""Rebuild from the ledger what the committed legs say, and compare (invariant P8)."""

from __future__ import annotations

import numpy as np

from clearinghouse.book.state import State
from clearinghouse.commitment.settlements import leg_hash
from clearinghouse.commitment.sum_tree import build_claims_tree
from clearinghouse.errors import check


def verify_committed_legs(state: State) -> int:
    """Check every chain's last committed leg against the ledger's claims; return how many.

    Raises
    ------
    Corruption
        ``claims_root_mismatch`` or ``leg_hash_mismatch`` naming the chain: the ledger and what was
        signed differ, so nothing may be built on this journal.
    """
    members = np.frombuffer(b"".join(state.members), np.uint8).reshape(-1, 20)
    for chain_id, leg in state.legs.items():
        for asset in leg.assets:
            claims = state.accounts.claims[state.accounts.vault_rows[(chain_id, asset.asset_id)]]
            (owners,) = claims.nonzero()
            root = build_claims_tree(owners, members[owners], claims[owners]).root
            check(
                (root.hash, root.sum) == (asset.claims_tree, asset.claims),
                "claims_root_mismatch",
                "the ledger's claims do not give the root that was committed",
                chain=chain_id,
                asset=asset.asset_id,
            )
        check(
            leg_hash(leg) == state.leg_hashes[chain_id],
            "leg_hash_mismatch",
            "the committed leg does not hash to what the settlement names",
            chain=chain_id,
        )
    return len(state.legs)
