"""Branches for members, from trees that are built once per leg.

A tree of 100,000 claims takes tens of milliseconds to build, so it is built outside the state's
lock and kept for as long as members ask about its leg.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from clearinghouse.api.ports import Intake
from clearinghouse.api.projection import get_position, get_settlement_state
from clearinghouse.api.views import ClaimBranch, ReleaseBranch
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32
from clearinghouse.book.settlements import Leg, LegAsset
from clearinghouse.commitment.sum_tree import SumTree, build_claims_tree, build_releases_tree
from clearinghouse.errors import Rejected, check

KEPT_TREES = 16
"""A tree of 100,000 leaves takes about 13 MB."""

_Key = tuple[str, Hash32, ChainId, AssetId]


class BranchBook:
    """Answers with branches under committed claims trees and proposed releases trees."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._trees: OrderedDict[_Key, SumTree] = OrderedDict()
        self._lock = threading.Lock()

    def get_claim_branch(self, member: Address, chain_id: ChainId, asset: AssetId) -> ClaimBranch:
        """Return the branch of a member's claim under the chain's last committed leg.

        Raises
        ------
        Rejected
            ``MEMBER_UNKNOWN``, ``VAULT_UNKNOWN``; ``LEG_UNKNOWN`` before the first committed leg.
        """
        with self._intake.reading() as state:
            position = get_position(state, member)
            leg = state.legs.get(chain_id)
            if leg is None:
                raise Rejected(
                    "LEG_UNKNOWN", "no leg is committed on that chain yet", chain_id=chain_id
                )
            leg_asset = _asset_of(leg, asset)
            leg_hash = state.leg_hashes[chain_id]
            accounts, members = state.accounts, state.members
            claims = accounts.claims[accounts.vault_rows[(chain_id, asset)], : len(members)].copy()

        def build() -> SumTree:
            # ``members`` only grows and positions are given once, so it is read without the lock.
            (owners,) = claims.nonzero()
            addresses = _addresses([members[position] for position in owners])
            return build_claims_tree(owners, addresses, claims[owners])

        tree = self._tree(("claims", leg_hash, chain_id, asset), build, leg_asset.claims_tree)
        branch, quanta = tree.branch(position), int(claims[position])
        return ClaimBranch(leg_hash, tree.root, position, member, quanta, branch)

    def get_release_branch(
        self, settlement_id: Hash32, chain_id: ChainId, asset: AssetId, index: int
    ) -> ReleaseBranch:
        """Return the branch of a release under a settlement's leg.

        Raises
        ------
        Rejected
            ``SETTLEMENT_UNKNOWN``, ``LEG_UNKNOWN``, ``VAULT_UNKNOWN`` or ``RELEASE_UNKNOWN``.
        """
        with self._intake.reading() as state:
            settlement = get_settlement_state(state, settlement_id)
            leg = next((leg for leg in settlement.proposal.legs if leg.chain_id == chain_id), None)
            if leg is None:
                raise Rejected(
                    "LEG_UNKNOWN", "the settlement has no leg on that chain", chain_id=chain_id
                )
            leg_asset = _asset_of(leg, asset)
            releases = [
                (state.members[planned.position], planned.quanta)
                for planned in state.releases_of(settlement, chain_id, asset)
            ]
        if index >= len(releases):
            raise Rejected(
                "RELEASE_UNKNOWN",
                f"the leg has {len(releases)} releases of that asset; see GetSettlement",
                index=index,
            )
        tree = self._tree(
            ("releases", settlement_id, chain_id, asset),
            lambda: build_releases_tree(
                _addresses([member for member, _ in releases]),
                np.array([quanta for _, quanta in releases], np.int64),
            ),
            leg_asset.releases_tree,
        )
        member, quanta = releases[index]
        branch = tree.branch(index)
        return ReleaseBranch(settlement_id, tree.root, index, member, quanta, branch)

    def _tree(self, key: _Key, build: Callable[[], SumTree], signed_root: Hash32) -> SumTree:
        with self._lock:
            tree = self._trees.get(key)
            if tree is not None:
                self._trees.move_to_end(key)
                return tree
        tree = build()
        check(
            tree.root.hash == signed_root,
            "tree_mismatch",
            "the ledger's leaves do not give the root that was signed",
        )
        with self._lock:
            self._trees[key] = tree
            while len(self._trees) > KEPT_TREES:
                self._trees.popitem(last=False)
        return tree


def _addresses(members: Sequence[Address]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(members), np.uint8).reshape(-1, 20)


def _asset_of(leg: Leg, asset: AssetId) -> LegAsset:
    for line in leg.assets:
        if line.asset_id == asset:
            return line
    raise Rejected("VAULT_UNKNOWN", "no anchor on that chain holds that asset", asset_id=asset)
