"""Cycles planned but not signed: members with deposits, losses, and what a cut would do."""

from __future__ import annotations

from collections.abc import Collection

from clearinghouse.book.identifiers import ChainId, Position
from clearinghouse.book.orders import Reason
from clearinghouse.book.state import State
from clearinghouse.netting.cut import CyclePlan, cut
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    CHAINS,
    ETH,
    HOME,
    HOUSE,
    REMOTE,
    SPOKE,
    USD,
    Account,
    Clearing,
)


def fund(clearing: Clearing, member: Account, **quanta: int) -> None:
    """Deposit USD per chain name; the member accepts every chain."""
    for name, amount in quanta.items():
        clearing.deposit(member, amount, {"home": HOME, "spoke": SPOKE, "remote": REMOTE}[name])
    clearing.accept_limits(member)


def lose(clearing: Clearing, loser: Account, winner: Account, quanta: int) -> None:
    """Move ``quanta`` of profit and loss by a round trip, leaving no position."""
    assert clearing.trade(winner, loser, 1, 0, ETH) is Reason.ADMITTED
    assert clearing.trade(loser, winner, 1, quanta, ETH) is Reason.ADMITTED


def plan(clearing: Clearing, active: Collection[ChainId] = CHAINS) -> CyclePlan:
    """Return the plan of a cut now, seeing that it changes nothing and conserves (P2, P3)."""
    before = clearing.hash()
    now = clearing.clock.milliseconds // 1_000

    def look(state: State) -> CyclePlan:
        planned = cut(state, active, now)
        for (chain, asset), vault in planned.vaults.items():
            deposits = sum(d.quanta for d in state.deposits[(chain, asset)].unconsumed)
            released = sum(release.quanta for release in vault.releases)
            opening = sum(state.claims_of((chain, asset)).values())
            assert vault.claims.sum() + released == opening + deposits
            assert (vault.claims >= 0).all()
        for nets in planned.nets.values():
            assert nets.sum() == 0
        for flows in (planned.residuals, planned.shortfalls):
            assert sum(flow.quanta for flow in flows) == 0
        return planned

    planned = clearing.read(look)
    assert clearing.hash() == before
    return planned


def placed(clearing: Clearing, planned: CyclePlan, member: Account) -> dict[ChainId, int]:
    """Return a member's USD claims by active chain as planned."""
    position = clearing.position(member)
    return {
        chain: int(vault.claims[position])
        for (chain, asset), vault in planned.vaults.items()
        if asset == USD and vault.claims[position]
    }


def residuals(clearing: Clearing, planned: CyclePlan) -> dict[Account, int]:
    return by_member(clearing, {flow.position: flow.quanta for flow in planned.residuals})


def by_member(clearing: Clearing, quanta: dict[Position, int]) -> dict[Account, int]:
    accounts = {member.address: member for member in (ALICE, BOB, CAROL, HOUSE)}
    members = clearing.read(lambda state: list(state.members))
    return {accounts[members[position]]: amount for position, amount in quanta.items()}
