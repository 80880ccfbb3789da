"""The cut: from the running state to one amount per member and asset, and where it lies.

Pure: the same state and choice of chains give the same plan. Nothing is signed or recorded here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from clearinghouse.book.entries import (
    ClaimChange,
    MarkAtCut,
    PlannedRelease,
    ResidualChange,
    ShortfallFlow,
)
from clearinghouse.book.identifiers import AssetId, ChainId, Hash32, InstrumentId, Position
from clearinghouse.book.orders import PlacementLimit
from clearinghouse.book.ranges import require_quanta
from clearinghouse.book.state import State, Vault
from clearinghouse.errors import check
from clearinghouse.netting.allocation import allocate
from clearinghouse.netting.nets import (
    Amounts,
    share_pro_rata,
    shortfall_flows,
    variation_amounts,
)
from clearinghouse.risk.initial_margin import required_quanta


@dataclass(frozen=True)
class VaultPlan:
    """What a leg says about one asset on one chain."""

    claims: dict[Position, int]
    """Quanta per member afterwards; zeros are left out."""
    releases: tuple[PlannedRelease, ...]
    """In index order."""
    deposit_cursor: int
    deposit_hash: Hash32


@dataclass(frozen=True)
class CyclePlan:
    """Everything a cut decides, before times and parents make it a settlement."""

    marks: tuple[MarkAtCut, ...]
    nets: dict[AssetId, Amounts]
    vaults: dict[Vault, VaultPlan]
    """Of the active chains."""
    changes: tuple[ClaimChange, ...]
    releases: tuple[PlannedRelease, ...]
    residuals: tuple[ResidualChange, ...]
    shortfalls: tuple[ShortfallFlow, ...]
    crossing: dict[AssetId, int]
    """Quanta that change chains, see ``crossing_quanta``."""


def cut(state: State, active: Collection[ChainId], now_seconds: int) -> CyclePlan:
    """Plan a settlement of everything since the last committed one.

    ``active`` are the chains that get a leg; claims on the others stay as they are. ``now_seconds``
    ends releases that have expired: they are answered with nothing.
    """
    marks = dict(state.marks)
    variation = variation_amounts(state, marks)
    plans: dict[Vault, VaultPlan] = {}
    residuals: list[ResidualChange] = []
    shortfalls: list[ShortfallFlow] = []
    nets: dict[AssetId, Amounts] = {}
    crossing: dict[AssetId, int] = {}
    for asset in sorted(variation):
        cut_asset = _AssetCut(state, asset, variation[asset], active)
        flows = cut_asset.cover_shortfalls()
        cut_asset.plan_releases(marks, now_seconds)
        nets[asset] = dict(cut_asset.nets)
        crossing[asset] = crossing_quanta(cut_asset.held, cut_asset.nets)
        residual = cut_asset.place()
        plans.update(cut_asset.vault_plans())
        shortfalls += [ShortfallFlow(asset, p, flows[p]) for p in sorted(flows)]
        residuals += [ResidualChange(asset, p, residual[p]) for p in sorted(residual)]
    return CyclePlan(
        marks=tuple(MarkAtCut(number, marks[number]) for number in sorted(marks)),
        nets=nets,
        vaults=plans,
        changes=_changes(state, plans),
        releases=tuple(release for vault in sorted(plans) for release in plans[vault].releases),
        residuals=tuple(residuals),
        shortfalls=tuple(shortfalls),
        crossing=crossing,
    )


def crossing_quanta(held: dict[tuple[Position, ChainId], int], nets: Amounts) -> int:
    """Return how much of one asset crosses chains after netting inside each chain.

    A member's net is attributed to the chain on which it holds most (the smaller id in a tie); what
    the chains' sums do not cancel is what separate clearinghouses, one per chain, would have to
    bridge. Ours moves no token: it re-places claims.
    """
    main: dict[Position, tuple[int, ChainId]] = {}
    for (position, chain), quanta in sorted(held.items()):
        if position not in main or quanta > main[position][0]:
            main[position] = (quanta, chain)
    sums: dict[ChainId, int] = {}
    for position, net in nets.items():
        if position in main:
            chain = main[position][1]
            sums[chain] = sums.get(chain, 0) + net
    return sum(total for total in sums.values() if total > 0)


class _AssetCut:
    """One asset's way from nets to claims; the methods are called in their order."""

    def __init__(
        self, state: State, asset: AssetId, variation: Amounts, active: Collection[ChainId]
    ) -> None:
        self.state = state
        self.asset = asset
        self.nets = dict(variation)
        self.chains = sorted(chain for chain, number in state.deposits if number == asset)
        self.active = [chain for chain in self.chains if chain in active]
        self.held: dict[tuple[Position, ChainId], int] = {}
        """Claims before and final deposits, less releases, per member and chain. What is held on an
        inactive chain stays there, but its owner can lose it all the same."""
        for chain in self.chains:
            for position, quanta in state.claims[(chain, asset)].items():
                self.held[position, chain] = quanta
            for deposit in state.deposits[(chain, asset)].unconsumed:
                cell = (deposit.position, chain)
                self.held[cell] = self.held.get(cell, 0) + deposit.quanta
        self.releases: dict[ChainId, list[PlannedRelease]] = {chain: [] for chain in self.active}
        self.claims: dict[tuple[Position, ChainId], int] = {}

    def _before(self) -> dict[Position, int]:
        totals: dict[Position, int] = {}
        for (position, _), quanta in self.held.items():
            totals[position] = totals.get(position, 0) + quanta
        return totals

    def _movable(self) -> dict[Position, int]:
        """Return each member's closing less what it holds on inactive chains."""
        movable = dict(self.nets)
        for (position, chain), quanta in self.held.items():
            movable.setdefault(position, 0)
            if chain in self.active:
                movable[position] += quanta
        return movable

    def cover_shortfalls(self) -> Amounts:
        """Bring negative closings to zero; return the flows, which are in ``nets`` from here on."""
        house = self.state.positions.get(self.state.get_genesis().house)
        flows = shortfall_flows(self._before(), self.nets, house)
        for position, quanta in flows.items():
            self.nets[position] = self.nets.get(position, 0) + quanta
        return flows

    def plan_releases(self, marks: dict[InstrumentId, int], now_seconds: int) -> None:
        """Answer accepted releases in the order of acceptance with what is free and here.

        What a member lost is taken from it first where it can be taken, so nothing is paid out to
        one whose gainers have to wait for an inactive chain.
        """
        before, movable = self._before(), self._movable()
        free: dict[Position, int] = {}
        for release_id, release in self.state.releases.items():
            if release.asset_id != self.asset or release.chain_id not in self.active:
                continue
            position = self.state.positions[release.member]
            if position not in free:
                required = required_quanta(self.state, position, self.asset, marks)
                closing = before.get(position, 0) + self.nets.get(position, 0)
                free[position] = max(0, min(closing - required, movable.get(position, 0)))
            cell = (position, release.chain_id)
            quanta = 0
            if release.expiry >= now_seconds:
                quanta = min(release.quanta, free[position], self.held.get(cell, 0))
            free[position] -= quanta
            self.held[cell] = self.held.get(cell, 0) - quanta
            self.releases[release.chain_id].append(
                PlannedRelease(release.chain_id, self.asset, position, quanta, release_id)
            )

    def place(self) -> Amounts:
        """Allocate the closings to the active chains; return the residual carried."""
        held = {cell: quanta for cell, quanta in self.held.items() if cell[1] in self.active}
        movable = self._movable()
        closing = {position: max(0, movable[position]) for position in sorted(movable)}
        stuck = {position: quanta for position, quanta in movable.items() if quanta < 0}
        # What a member lost but holds on an inactive chain cannot be taken this time: the cycle's
        # gainers wait for it pro rata, and both sides carry it.
        gains = {position: net for position, net in self.nets.items() if net > 0}
        waiting = share_pro_rata(-sum(stuck.values()), gains)
        for position, quanta in waiting.items():
            closing[position] -= quanta
        maximum = {
            (position, chain): limit.maximum_quanta
            for position in closing
            for chain in self.active
            if (limit := self._limit(position, chain)) is not None
        }
        allocation = allocate(closing, held, maximum, self.active)
        self.claims = allocation.claims
        residual = dict(allocation.residual)
        for position, quanta in (*waiting.items(), *stuck.items()):
            residual[position] = residual.get(position, 0) + quanta
        check(sum(residual.values()) == 0, "residual_not_zero", "what is carried sums to zero")
        return {position: quanta for position, quanta in residual.items() if quanta}

    def _limit(self, position: Position, chain: ChainId) -> PlacementLimit | None:
        member = self.state.members[position]
        return self.state.placement_limits.get((member, chain, self.asset))

    def vault_plans(self) -> dict[Vault, VaultPlan]:
        """Return this asset's line of every leg, its sum checked (invariant P2)."""
        plans = {}
        for chain in self.active:
            queue = self.state.deposits[(chain, self.asset)]
            claims = {p: quanta for (p, c), quanta in self.claims.items() if c == chain}
            released = sum(release.quanta for release in self.releases[chain])
            total_before = sum(self.state.claims[(chain, self.asset)].values())
            deposited = sum(deposit.quanta for deposit in queue.unconsumed)
            total = require_quanta("claims of a vault", sum(claims.values()))
            check(
                total + released == total_before + deposited,
                "leg_not_conserved",
                "claims and releases differ from claims before and deposits (invariant P2)",
                chain=chain,
                asset=self.asset,
            )
            plans[(chain, self.asset)] = VaultPlan(
                claims, tuple(self.releases[chain]), queue.count, queue.head_hash
            )
        return plans


def _changes(state: State, plans: dict[Vault, VaultPlan]) -> tuple[ClaimChange, ...]:
    changes = []
    for vault in sorted(plans):
        before, after = state.claims[vault], plans[vault].claims
        for position in sorted({*before, *after}):
            if before.get(position, 0) != after.get(position, 0):
                changes.append(ClaimChange(*vault, position, after.get(position, 0)))
    return tuple(changes)
