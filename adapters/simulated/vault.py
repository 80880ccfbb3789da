"""Reference model of ``contracts/src/Vault.sol``: how tokens come in and go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.base import AnchorSolvency
from adapters.simulated.revert import revert
from adapters.simulated.token import SimulatedToken
from clearinghouse.book.identifiers import ZERO_ADDRESS, ZERO_HASH, Address, AssetId, Hash32
from clearinghouse.book.ranges import INT64_MAX, UINT64_MAX
from clearinghouse.book.settlements import LegAsset
from clearinghouse.commitment.trees import DEPTH, Branch, Node, release_leaf, verify_branch
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import (
    Deposit,
    Exit,
    deposit_slots,
    exit_slots,
    next_deposit_hash,
)


@dataclass
class Asset:
    """One asset of a vault."""

    token: SimulatedToken
    units_per_quantum: int
    minimum_deposit_quanta: int
    claims: int = 0
    unclaimed_releases: int = 0
    deposits: list[Deposit] = field(default_factory=list)
    deposit_cursor: int = 0
    exits: list[Exit] = field(default_factory=list)
    exit_cursor: int = 0
    refunded_deposits: int = 0

    def deposits_before(self, count: int) -> tuple[int, Hash32]:
        """Return the running total and the hash of the first ``count`` deposits."""
        if count == 0:
            return 0, ZERO_HASH
        last = self.deposits[count - 1]
        return last.total, last.hash


class SimulatedVault:
    """What an anchor holds and owes. While it settles, tokens leave only as releases (P1, P6)."""

    def __init__(self, address: Address, assets: dict[AssetId, Asset], grace_seconds: int) -> None:
        self.address = address
        self.assets = assets
        self._grace_seconds = grace_seconds
        self._releases: dict[tuple[Hash32, AssetId], Node] = {}
        self._claimed: set[tuple[Hash32, AssetId, int]] = set()
        self.exited: set[tuple[AssetId, int]] = set()
        """Positions whose claim was paid after a freeze."""
        self.refunded: set[tuple[AssetId, int]] = set()
        """Deposits that were given back after a freeze."""

    def deposit(
        self, sender: Address, asset_id: AssetId, units: int, member: Address, now: int
    ) -> None:
        """Move token units from ``sender`` into the vault, for ``member``."""
        if member == ZERO_ADDRESS:
            revert("ZeroMember")
        asset = self.get_asset(asset_id)
        quanta, rest = divmod(units, asset.units_per_quantum)
        if rest:
            revert("NotWholeQuanta", units, asset.units_per_quantum)
        if not asset.minimum_deposit_quanta <= quanta <= UINT64_MAX:
            revert("DepositOutOfRange", quanta, asset.minimum_deposit_quanta)
        before = asset.token.balance_of(self.address)
        asset.token.transfer(sender, self.address, units)
        received = asset.token.balance_of(self.address) - before
        if received < units:
            revert("ReceivedLessThanAmount", received, units)
        total, chain_hash = asset.deposits_before(len(asset.deposits))
        if total + quanta > INT64_MAX:
            revert("DepositTotalTooLarge", asset_id, total + quanta)
        record = member + asset_id.to_bytes(4) + quanta.to_bytes(8)
        asset.deposits.append(
            Deposit(
                member=member,
                asset_id=asset_id,
                quanta=quanta,
                time=now,
                total=total + quanta,
                hash=next_deposit_hash(chain_hash, record),
            )
        )

    def verify_asset(self, following: LegAsset, now: int) -> None:
        """Check one asset of a leg against the deposits and claims here."""
        asset_id, asset = following.asset_id, self.assets[following.asset_id]
        count, cursor = len(asset.deposits), asset.deposit_cursor
        if not cursor <= following.deposit_cursor <= count:
            revert("DepositCursorOutOfRange", asset_id, following.deposit_cursor, cursor, count)
        exit_count, exit_cursor = len(asset.exits), asset.exit_cursor
        if not exit_cursor <= following.exit_cursor <= exit_count:
            revert("ExitCursorOutOfRange", asset_id, following.exit_cursor, exit_cursor, exit_count)
        overdue = self._find_overdue(asset.deposits, following.deposit_cursor, now)
        if overdue is not None:
            revert("DepositOverdue", asset_id, following.deposit_cursor, overdue.time)
        overdue = self._find_overdue(asset.exits, following.exit_cursor, now)
        if overdue is not None:
            revert("ExitOverdue", asset_id, following.exit_cursor, overdue.time)
        total, chain_hash = asset.deposits_before(following.deposit_cursor)
        if following.deposit_hash != chain_hash:
            revert("WrongDepositHash", asset_id, following.deposit_hash, chain_hash)
        consumed, _ = asset.deposits_before(cursor)
        before = asset.claims + total - consumed
        after = following.claims + following.released
        if after != before:
            revert("NotConserved", asset_id, after, before)

    def apply_asset(self, settlement_id: Hash32, following: LegAsset) -> None:
        """Let one asset of a verified leg take effect."""
        asset = self.assets[following.asset_id]
        asset.claims = following.claims
        asset.deposit_cursor = following.deposit_cursor
        asset.exit_cursor = following.exit_cursor
        if following.released:
            asset.unclaimed_releases += following.released
            self._releases[settlement_id, following.asset_id] = Node(
                following.releases_tree, following.released
            )

    def pay_release(
        self,
        settlement_id: Hash32,
        asset_id: AssetId,
        index: int,
        member: Address,
        quanta: int,
        branch: Branch,
    ) -> None:
        """Pay a release of a final leg to its member, once."""
        self._prove_release(settlement_id, asset_id, index, member, quanta, branch)
        key = settlement_id, asset_id, index
        if key in self._claimed:
            revert("AlreadyClaimed", *key)
        self._claimed.add(key)
        asset = self.assets[asset_id]
        asset.unclaimed_releases -= quanta
        asset.token.transfer(self.address, member, quanta * asset.units_per_quantum)

    def solvency(self, asset_id: AssetId) -> AnchorSolvency:
        """Return the vault and its liabilities, in quanta."""
        asset = self.get_asset(asset_id)
        total, _ = asset.deposits_before(len(asset.deposits))
        consumed, _ = asset.deposits_before(asset.deposit_cursor)
        return AnchorSolvency(
            vault=asset.token.balance_of(self.address) // asset.units_per_quantum,
            claims=asset.claims,
            unclaimed_releases=asset.unclaimed_releases,
            unconsumed_deposits=total - consumed - asset.refunded_deposits,
        )

    def is_overdue(self, now: int) -> bool:
        """Return whether any deposit or exit that no leg covered has waited past the grace."""
        return any(
            self._find_overdue(asset.deposits, asset.deposit_cursor, now)
            or self._find_overdue(asset.exits, asset.exit_cursor, now)
            for asset in self.assets.values()
        )

    def _find_overdue(
        self, waiting: Sequence[Deposit] | Sequence[Exit], cursor: int, now: int
    ) -> Deposit | Exit | None:
        if cursor < len(waiting) and now - waiting[cursor].time > self._grace_seconds:
            return waiting[cursor]
        return None

    def words(self) -> dict[Hash32, int]:
        """Return the storage words of all deposits and exits."""
        words = {}
        for asset_id, asset in self.assets.items():
            for index, deposit in enumerate(asset.deposits):
                record, time_and_total, chain_hash = deposit_slots(asset_id, index)
                words[record] = int.from_bytes(deposit.record)
                words[time_and_total] = deposit.time | deposit.total << 64
                words[chain_hash] = int.from_bytes(deposit.hash)
            for index, request in enumerate(asset.exits):
                record, time = exit_slots(asset_id, index)
                words[record] = int.from_bytes(request.record)
                words[time] = request.time
        return words

    def get_asset(self, asset_id: AssetId) -> Asset:
        """Return an asset, or refuse as the contract does."""
        asset = self.assets.get(asset_id)
        if asset is None:
            revert("UnknownAsset", asset_id)
        return asset

    def _prove_release(
        self,
        settlement_id: Hash32,
        asset_id: AssetId,
        index: int,
        member: Address,
        quanta: int,
        branch: Branch,
    ) -> None:
        root = self._releases.get((settlement_id, asset_id))
        if not is_in_tree(root, index, release_leaf(index, member, quanta), branch):
            revert("ReleaseNotProven", settlement_id, asset_id, index)


def is_in_tree(root: Node | None, position: int, leaf: Node, branch: Branch) -> bool:
    """Return whether a leaf stands at ``position`` under ``root``, as ``SumTree.root`` finds."""
    if len(branch.siblings) != DEPTH or len(branch.sibling_sums) != DEPTH:
        revert("BranchLength", len(branch.siblings), len(branch.sibling_sums))
    if position >= 2**DEPTH:
        revert("PositionOutOfRange", position)
    try:
        if root is None:
            return False
        verify_branch(root, position, leaf, branch)
    except ProofInvalid as error:
        if error.reason == "branch_sum":
            revert("SumOverflow")
        return False
    return True
