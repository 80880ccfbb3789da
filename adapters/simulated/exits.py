"""Reference model of ``contracts/src/Exits.sol``: how a member leaves without permission (P7).

The checks stand in the contract's order and carry its error names. ``now`` is the block's time.
"""

from __future__ import annotations

from adapters.simulated.anchor import SimulatedAnchor
from adapters.simulated.revert import revert, shown
from adapters.simulated.vault import is_in_tree
from clearinghouse.book.identifiers import ZERO_HASH, Address, AssetId, Position
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.settlements import Leg
from clearinghouse.commitment.settlements import leg_hash
from clearinghouse.commitment.trees import Branch, Node, claim_leaf
from clearinghouse.proofs.anchor_layout import Exit

RESOLUTION_SECONDS = 30 * 24 * 3600
"""How long a frozen spoke waits for home's word before it goes by its own."""


def request(
    anchor: SimulatedAnchor, member: Address, asset_id: AssetId, quanta: int, now: int
) -> None:
    """Ask to leave with up to ``quanta``; one request per member and asset is open at a time."""
    anchor.require_open()
    if not 0 < quanta <= INT64_MAX:
        revert("ExitOutOfRange", quanta)
    asset = anchor.vault.get_asset(asset_id)
    for index in range(asset.exit_cursor, len(asset.exits)):
        if asset.exits[index].member == member:
            revert("ExitPending", asset_id, index)
    asset.exits.append(Exit(member, asset_id, quanta, now))


def warn(anchor: SimulatedAnchor, now: int) -> None:
    """State that a deposit, an exit or the next leg is overdue."""
    anchor.require_open()
    _, committed_at = anchor.last_commit()
    if anchor.warned_at > committed_at:
        revert("AlreadyWarned", anchor.warned_at)
    stalled = committed_at != 0 and now - committed_at > anchor.identity.windows.stall_seconds
    if not stalled and not anchor.vault.is_overdue(now):
        revert("NothingOverdue")
    anchor.warned_at = now


def freeze(anchor: SimulatedAnchor, now: int) -> None:
    """Stop for ever, the freeze delay after a warning that no leg answered."""
    anchor.require_open()
    _, committed_at = anchor.last_commit()
    if anchor.warned_at <= committed_at:
        revert("NotWarned")
    until = anchor.warned_at + anchor.identity.windows.freeze_delay_seconds
    if now <= until:
        revert("FreezeTooEarly", until, now)
    anchor.frozen_at = now


def resolve(anchor: SimulatedAnchor, now: int) -> None:
    """On a spoke frozen for 30 days: decide what is in flight without home."""
    anchor.require_role(home=False)
    if not anchor.frozen_at:
        revert("NotFrozen")
    until = anchor.frozen_at + RESOLUTION_SECONDS
    if now <= until:
        revert("ResolutionTooEarly", until, now)
    anchor.resolve()


def leave(
    anchor: SimulatedAnchor,
    leg: Leg,
    asset_id: AssetId,
    position: Position,
    member: Address,
    claim: int,
    branch: Branch,
) -> None:
    """Pay a member its claim in the last leg, once."""
    _require_resolved(anchor)
    given = leg_hash(leg)
    if given != anchor.last_leg:
        revert("WrongLegHash", given, anchor.last_leg)
    committed = next((asset for asset in leg.assets if asset.asset_id == asset_id), None)
    if committed is None:
        revert("UnknownAsset", asset_id)
    root = Node(committed.claims_tree, committed.claims)
    if not is_in_tree(root, position, claim_leaf(member, claim), branch):
        revert("ClaimNotProven", asset_id, position)
    if (asset_id, position) in anchor.vault.exited:
        revert("AlreadyExited", asset_id, position)
    anchor.vault.exited.add((asset_id, position))
    asset = anchor.vault.assets[asset_id]
    asset.claims -= claim
    asset.token.transfer(anchor.vault.address, member, claim * asset.units_per_quantum)


def refund(
    anchor: SimulatedAnchor, sender: Address, asset_id: AssetId, index: int, recipient: Address
) -> None:
    """Give back a deposit that no leg consumed, once; only its member may send it elsewhere."""
    _require_resolved(anchor)
    asset = anchor.vault.get_asset(asset_id)
    if not asset.deposit_cursor <= index < len(asset.deposits):
        revert("NotRefundable", asset_id, index)
    if (asset_id, index) in anchor.vault.refunded:
        revert("AlreadyRefunded", asset_id, index)
    anchor.vault.refunded.add((asset_id, index))
    deposit = asset.deposits[index]
    if recipient != deposit.member and sender != deposit.member:
        revert("NotMember", shown(sender), shown(deposit.member))
    asset.refunded_deposits += deposit.quanta
    asset.token.transfer(anchor.vault.address, recipient, deposit.quanta * asset.units_per_quantum)


def _require_resolved(anchor: SimulatedAnchor) -> None:
    """No leg can commit here any more, and the last one that did is final."""
    if not anchor.frozen_at:
        revert("NotFrozen")
    unresolved = anchor.in_flight()
    sequence, _ = anchor.last_commit()
    if unresolved == ZERO_HASH and sequence != anchor.final_sequence:
        unresolved = anchor.last_committed
    if unresolved != ZERO_HASH:
        revert("LegUnresolved", unresolved)
