"""From a cycle's plan to the settlement that the operators sign: trees, legs, times, parent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearinghouse.book.entries import AssetCrossing, SettlementProposed
from clearinghouse.book.identifiers import ZERO_HASH, AssetId, ChainId
from clearinghouse.book.settlements import ChainEntry, Leg, LegAsset, Settlement
from clearinghouse.book.state import State
from clearinghouse.commitment.settlements import leg_hash, settlement_id
from clearinghouse.commitment.sum_tree import build_releases_tree
from clearinghouse.netting.cut import CyclePlan
from clearinghouse.settlement.claims_trees import ClaimsTrees

UNBUILT_ROOT = ZERO_HASH
"""Statements, flows, fills, prices and published data are not committed to yet: their roots are
zero, and the operator quorum is trusted for the correctness of the nets."""


@dataclass(frozen=True)
class Timing:
    """When a settlement may be prepared and decided, seconds since the epoch by home's clock."""

    cut_time: int
    prepare_deadline: int
    decide_by: int


def build_proposal(
    state: State,
    plan: CyclePlan,
    active: list[ChainId],
    timing: Timing,
    trees: ClaimsTrees | None = None,
) -> SettlementProposed:
    """Build the settlement of a plan on top of the last committed one.

    ``trees`` are those of the cycle before: with them only what changed since is hashed.

    Raises
    ------
    Rejected
        ``OUT_OF_RANGE`` when a number does not fit its type (invariant P12).
    """
    genesis = state.get_genesis()
    cycle = state.cycle + 1
    builder = _LegBuilder(state, plan, ClaimsTrees() if trees is None else trees)
    legs = [builder.leg(chain_id, cycle) for chain_id in active]
    hashes = {leg.chain_id: leg_hash(leg) for leg in legs}
    settlement = Settlement(
        clearinghouse_id=genesis.clearinghouse_id,
        cycle=cycle,
        parent=state.last_committed,
        operator_epoch=genesis.operator_set.epoch,
        cut_time=timing.cut_time,
        journal_count=state.sequence,
        journal_head=state.head,
        statements_root=UNBUILT_ROOT,
        flows_root=UNBUILT_ROOT,
        fills_root=UNBUILT_ROOT,
        prices_root=UNBUILT_ROOT,
        prepare_deadline=timing.prepare_deadline,
        decide_by=timing.decide_by,
        chains=tuple(
            ChainEntry(
                chain.chain_id,
                chain.anchor,
                hashes.get(chain.chain_id, state.leg_hashes.get(chain.chain_id, ZERO_HASH)),
                chain.chain_id in hashes,
            )
            for chain in genesis.chains
        ),
    )
    return SettlementProposed(
        settlement_id=settlement_id(settlement),
        settlement=settlement,
        legs=tuple(legs),
        marks=plan.marks,
        claims=plan.changes,
        releases=plan.releases,
        residuals=plan.residuals,
        shortfalls=plan.shortfalls,
        crossings=tuple(AssetCrossing(*item) for item in sorted(plan.crossing.items())),
    )


class _LegBuilder:
    def __init__(self, state: State, plan: CyclePlan, trees: ClaimsTrees) -> None:
        self._state = state
        self._plan = plan
        self._trees = trees
        self._members = np.frombuffer(b"".join(state.members), np.uint8).reshape(-1, 20)

    def leg(self, chain_id: ChainId, cycle: int) -> Leg:
        chain = self._state.chain(chain_id)
        return Leg(
            chain_id=chain_id,
            anchor=chain.anchor,
            cycle=cycle,
            parent_leg=self._state.leg_hashes.get(chain_id, ZERO_HASH),
            assets=tuple(self._asset(chain_id, asset.asset_id) for asset in chain.assets),
            data_hash=UNBUILT_ROOT,
        )

    def _asset(self, chain_id: ChainId, asset_id: AssetId) -> LegAsset:
        vault = self._plan.vaults[(chain_id, asset_id)]
        claims = self._trees.get_root((chain_id, asset_id), self._members, vault.claims)
        receivers = np.array([release.position for release in vault.releases], np.int64)
        quanta = np.array([release.quanta for release in vault.releases], np.int64)
        releases = build_releases_tree(self._members[receivers], quanta).root
        return LegAsset(
            asset_id=asset_id,
            claims_tree=claims.hash,
            claims=claims.sum,
            releases_tree=releases.hash,
            released=releases.sum,
            deposit_cursor=vault.deposit_cursor,
            deposit_hash=vault.deposit_hash,
            exit_cursor=vault.exit_cursor,
        )
