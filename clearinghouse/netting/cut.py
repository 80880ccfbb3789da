"""The cut: from the running state to one amount per member and asset, and where it lies.

Pure: the same state and choice of chains give the same plan. Nothing is signed or recorded here.
Columns have one element per member position, matrices one column per chain in ascending order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.account_table import Vault
from clearinghouse.book.entries import (
    ClaimChanges,
    MarkAtCut,
    PlannedRelease,
    ResidualChange,
    ShortfallFlow,
)
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.ranges import require_quanta
from clearinghouse.book.state import State
from clearinghouse.errors import check
from clearinghouse.netting.nets import (
    SAFE_QUANTA,
    Amounts,
    share_pro_rata,
    shortfall_flows,
    variation_amounts,
)
from clearinghouse.netting.transport import place
from clearinghouse.risk.initial_margin import required_quanta


@dataclass(frozen=True)
class VaultPlan:
    """What a leg says about one asset on one chain."""

    claims: NDArray[np.int64]
    """Quanta per member afterwards."""
    changes: ClaimChanges
    """Of the claims before."""
    releases: tuple[PlannedRelease, ...]
    """In index order."""
    deposit_cursor: int
    deposit_hash: Hash32
    exit_cursor: int
    """How many of the vault's exits are answered with this leg; the first releases answer them."""


@dataclass(frozen=True)
class CyclePlan:
    """Everything a cut decides, before times and parents make it a settlement."""

    marks: tuple[MarkAtCut, ...]
    nets: dict[AssetId, Amounts]
    vaults: dict[Vault, VaultPlan]
    """Of the active chains."""
    releases: tuple[PlannedRelease, ...]
    residuals: tuple[ResidualChange, ...]
    shortfalls: tuple[ShortfallFlow, ...]
    crossing: dict[AssetId, int]
    """Quanta that change chains, see ``crossing_quanta``."""

    @property
    def changes(self) -> tuple[ClaimChanges, ...]:
        """Return the claims that are replaced, by vault; vaults without any are left out."""
        changes = (self.vaults[vault].changes for vault in sorted(self.vaults))
        return tuple(change for change in changes if change.positions)


def cut(state: State, active: Collection[ChainId], now_seconds: int) -> CyclePlan:
    """Plan a settlement of everything since the last committed one.

    ``active`` are the chains that get a leg; claims on the others stay as they are. ``now_seconds``
    ends releases that have expired: they are answered with nothing.
    """
    marks = state.marks
    variation = variation_amounts(state)
    plans: dict[Vault, VaultPlan] = {}
    residuals: list[ResidualChange] = []
    shortfalls: list[ShortfallFlow] = []
    nets: dict[AssetId, Amounts] = {}
    crossing: dict[AssetId, int] = {}
    for asset in sorted(variation):
        cut_asset = _AssetCut(state, asset, variation[asset], active)
        flows = cut_asset.cover_shortfalls()
        has_vault = (cut_asset.held != 0).any(axis=1)
        cut_asset.plan_releases(marks, now_seconds)
        nets[asset] = cut_asset.nets
        crossing[asset] = crossing_quanta(cut_asset.held, cut_asset.nets, has_vault)
        residual = cut_asset.place()
        plans.update(cut_asset.vault_plans())
        shortfalls += [ShortfallFlow(asset, p, quanta) for p, quanta in _non_zero(flows)]
        residuals += [ResidualChange(asset, p, quanta) for p, quanta in _non_zero(residual)]
    return CyclePlan(
        marks=tuple(MarkAtCut(number, marks[number]) for number in sorted(marks)),
        nets=nets,
        vaults=plans,
        releases=tuple(release for vault in sorted(plans) for release in plans[vault].releases),
        residuals=tuple(residuals),
        shortfalls=tuple(shortfalls),
        crossing=crossing,
    )


def _non_zero(amounts: Amounts) -> list[tuple[Position, int]]:
    (positions,) = np.nonzero(amounts)
    return [(Position(p), int(amounts[p])) for p in positions.tolist()]


def crossing_quanta(held: NDArray[np.int64], nets: Amounts, has_vault: NDArray[np.bool_]) -> int:
    """Return how much of one asset crosses chains after netting inside each chain.

    A member's net is attributed to the chain on which it holds most (the smaller id in a tie); what
    the chains' sums do not cancel is what separate clearinghouses, one per chain, would have to
    bridge. Ours moves no token: it re-places claims. ``has_vault`` are the members who hold any.
    """
    if not held.size:
        return 0
    main = held.argmax(axis=1)
    sums = [int(nets[has_vault & (main == chain)].sum()) for chain in range(held.shape[1])]
    return sum(total for total in sums if total > 0)


class _AssetCut:
    """One asset's way from nets to claims; the methods are called in their order."""

    def __init__(
        self, state: State, asset: AssetId, variation: Amounts, active: Collection[ChainId]
    ) -> None:
        self.state = state
        self.asset = asset
        self.members = len(state.members)
        self.nets = variation
        self.chains = sorted(chain for chain, number in state.deposits if number == asset)
        self.is_active = np.array([chain in active for chain in self.chains], bool)
        self.active = [chain for chain in self.chains if chain in active]
        self.held = np.zeros((self.members, len(self.chains)), np.int64)
        """Claims before and final deposits, less releases, per member and chain. What is held on an
        inactive chain stays there, but its owner can lose it all the same."""
        for column, chain in enumerate(self.chains):
            self.held[:, column] = self._claims(chain)
            for deposit in state.deposits[(chain, asset)].unconsumed:
                self.held[deposit.position, column] += deposit.quanta
        if self.held.sum(dtype=float) >= SAFE_QUANTA:
            self.nets = variation.astype(object)  # a closing may leave 63 bits before it is covered
        self.releases: dict[ChainId, list[PlannedRelease]] = {chain: [] for chain in self.active}
        self.claims = np.zeros((self.members, len(self.active)), np.int64)

    def _claims(self, chain: ChainId) -> NDArray[np.int64]:
        accounts = self.state.accounts
        claims: NDArray[np.int64] = accounts.claims[accounts.vault_rows[(chain, self.asset)]]
        return claims[: self.members]

    def movable(self) -> Amounts:
        """Return each member's closing less what it holds on inactive chains."""
        movable: Amounts = self.nets + self.held[:, self.is_active].sum(axis=1)
        return movable

    def cover_shortfalls(self) -> Amounts:
        """Bring negative closings to zero; return the flows, which are in ``nets`` from here on."""
        house = self.state.positions.get(self.state.get_genesis().house)
        flows = shortfall_flows(self.held.sum(axis=1), self.nets, house)
        # No closing is negative now, and together they are what was deposited: below 2^63.
        self.nets = (self.nets + flows).astype(np.int64)
        return flows

    def plan_releases(self, marks: dict[InstrumentId, int], now_seconds: int) -> None:
        """Answer exits, then accepted releases, in their order with what is free and here.

        What a member lost is taken from it first where it can be taken, so nothing is paid out to
        one whose gainers have to wait for an inactive chain. An exit is answered whatever is left
        for it: with nothing, if nothing is.
        """
        free = _Free(self, marks)
        for chain in self.active:
            for exit_ in self.state.exits[(chain, self.asset)].waiting:
                quanta = free.take(exit_.position, chain, exit_.quanta)
                self.releases[chain].append(
                    PlannedRelease(chain, self.asset, exit_.position, quanta, ZERO_HASH, True)
                )
        for release_id, release in self.state.releases.items():
            if release.asset_id != self.asset or release.chain_id not in self.active:
                continue
            position = self.state.positions[release.member]
            asked = release.quanta if release.expiry >= now_seconds else 0
            quanta = free.take(position, release.chain_id, asked)
            self.releases[release.chain_id].append(
                PlannedRelease(release.chain_id, self.asset, position, quanta, release_id)
            )

    def place(self) -> Amounts:
        """Allocate the closings to the active chains; return the residual carried."""
        movable = self.movable()
        closing, stuck = np.maximum(movable, 0), np.minimum(movable, 0)
        # What a member lost but holds on an inactive chain cannot be taken this time: the cycle's
        # gainers wait for it pro rata, and both sides carry it.
        waiting = share_pro_rata(-stuck.sum(), np.maximum(self.nets, 0))
        closing = closing - waiting
        largest = [
            self.state.accounts.largest_claims((chain, self.asset), self.members)
            for chain in self.active
        ]
        maximum = np.array(largest, np.int64).reshape(len(self.active), self.members).T
        placed = place(
            np.ascontiguousarray(closing),
            np.ascontiguousarray(self.held[:, self.is_active]),
            np.ascontiguousarray(maximum),
        )
        self.claims = placed.claims
        residual: Amounts = placed.residual + waiting + stuck
        check(residual.sum() == 0, "residual_not_zero", "what is carried sums to zero")
        return residual

    def vault_plans(self) -> dict[Vault, VaultPlan]:
        """Return this asset's line of every leg, its sum checked (invariant P2)."""
        plans = {}
        for column, chain in enumerate(self.active):
            queue = self.state.deposits[(chain, self.asset)]
            before, claims = self._claims(chain), np.ascontiguousarray(self.claims[:, column])
            released = sum(release.quanta for release in self.releases[chain])
            deposited = sum(deposit.quanta for deposit in queue.unconsumed)
            total = require_quanta("claims of a vault", int(claims.sum()))
            check(
                total + released == int(before.sum()) + deposited,
                "leg_not_conserved",
                "claims and releases differ from claims before and deposits (invariant P2)",
                chain=chain,
                asset=self.asset,
            )
            (changed,) = np.nonzero(before != claims)
            plans[(chain, self.asset)] = VaultPlan(
                claims,
                ClaimChanges(
                    chain,
                    self.asset,
                    changed.astype("<u4").tobytes(),
                    claims[changed].astype("<i8").tobytes(),
                ),
                tuple(self.releases[chain]),
                queue.count,
                queue.head_hash,
                self.state.exits[(chain, self.asset)].count,
            )
        return plans


class _Free:
    """What members may still be paid out of one asset in this cut."""

    def __init__(self, asset_cut: _AssetCut, marks: dict[InstrumentId, int]) -> None:
        self._cut = asset_cut
        self._marks = marks
        self._closing = asset_cut.nets + asset_cut.held.sum(axis=1)
        self._movable = asset_cut.movable()
        self._free: dict[Position, int] = {}

    def take(self, position: Position, chain: ChainId, quanta: int) -> int:
        """Take at most ``quanta`` out of what a member holds on a chain; return how much."""
        if position not in self._free:
            asset = self._cut.asset
            required = required_quanta(self._cut.state, position, asset, self._marks)
            over_margin = int(self._closing[position]) - required
            self._free[position] = max(0, min(over_margin, int(self._movable[position])))
        cell = (position, self._cut.chains.index(chain))
        taken = min(quanta, self._free[position], int(self._cut.held[cell]))
        self._free[position] -= taken
        self._cut.held[cell] -= taken
        return taken
