"""The cut: closings placed on chains, releases answered, shortfalls shared, the rest carried."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import permutations

import msgspec
import pytest

from clearinghouse.book.entries import PlannedRelease, SettlementProposed
from clearinghouse.book.identifiers import ChainId, Position
from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.errors import Rejected
from clearinghouse.netting.cut import CyclePlan, crossing_quanta, cut
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CHAINS,
    ETH,
    EUR,
    EURO_STOXX,
    HOME,
    HOUSE,
    REMOTE,
    SPOKE,
    USD,
    Account,
    Clearing,
)


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Nobody has deposited yet."""
    clearing = Clearing().start()
    yield clearing
    clearing.close()


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
            opening = sum(state.claims[(chain, asset)].values())
            assert sum(vault.claims.values()) + released == opening + deposits
            assert all(quanta > 0 for quanta in vault.claims.values())
        for nets in planned.nets.values():
            assert sum(nets.values()) == 0
        for carried in (planned.residuals, planned.shortfalls):
            assert sum(flow.quanta for flow in carried) == 0
        return planned

    planned = clearing.read(look)
    assert clearing.hash() == before
    return planned


def placed(clearing: Clearing, planned: CyclePlan, member: Account) -> dict[ChainId, int]:
    """Return a member's USD claims by active chain as planned."""
    position = clearing.position(member)
    return {
        chain: vault.claims[position]
        for (chain, asset), vault in planned.vaults.items()
        if asset == USD and position in vault.claims
    }


def residuals(clearing: Clearing, planned: CyclePlan) -> dict[Account, int]:
    return by_member(clearing, {flow.position: flow.quanta for flow in planned.residuals})


def by_member(clearing: Clearing, quanta: dict[Position, int]) -> dict[Account, int]:
    accounts = {member.address: member for member in (ALICE, BOB, CAROL, HOUSE)}
    members = clearing.read(lambda state: list(state.members))
    return {accounts[members[position]]: amount for position, amount in quanta.items()}


# -- claims -------------------------------------------------------------------------------------


def test_cut_turns_deposits_into_claims_where_they_are_when_nothing_was_traded(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=100, spoke=50)
    fund(clearing, BOB, remote=70)
    planned = plan(clearing)
    assert placed(clearing, planned, ALICE) == {HOME: 100, SPOKE: 50}
    assert placed(clearing, planned, BOB) == {REMOTE: 70}
    assert planned.crossing == {USD: 0, EUR: 0}
    assert [(v, p.deposit_cursor) for v, p in sorted(planned.vaults.items())] == [
        ((HOME, USD), 1),
        ((HOME, EUR), 0),
        ((SPOKE, USD), 1),
        ((SPOKE, EUR), 0),
        ((REMOTE, USD), 1),
    ]


def test_cut_gives_the_winner_the_losers_claim_when_they_are_on_different_chains(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=1_000)
    fund(clearing, BOB, spoke=1_000)
    lose(clearing, ALICE, BOB, 300)
    planned = plan(clearing)
    assert placed(clearing, planned, ALICE) == {HOME: 700}
    assert placed(clearing, planned, BOB) == {HOME: 300, SPOKE: 1_000}
    assert planned.crossing[USD] == 300
    assert planned.residuals == ()


def test_changes_list_only_what_changed_when_claims_stay(clearing: Clearing) -> None:
    fund(clearing, ALICE, home=1_000)
    fund(clearing, BOB, home=1_000)
    fund(clearing, CAROL, spoke=1_000)
    clearing.settle()
    assert plan(clearing).changes == ()
    lose(clearing, ALICE, BOB, 1_000)
    changes = {(c.chain_id, c.position): c.quanta for c in plan(clearing).changes}
    assert changes == {
        (HOME, clearing.position(ALICE)): 0,
        (HOME, clearing.position(BOB)): 2_000,
    }


def test_nets_do_not_depend_on_the_order_of_fills_when_marks_end_equal(
    clearing: Clearing,
) -> None:
    trades = [(ALICE, BOB, 3, 100), (BOB, CAROL, 2, 104), (CAROL, ALICE, 1, 97)]
    plans = []
    for order in permutations(trades):
        fresh = Clearing().start(ALICE, BOB, CAROL)
        for buyer, seller, quantity, price in order:
            assert fresh.trade(buyer, seller, quantity, price) is Reason.ADMITTED
        assert fresh.trade(ALICE, BOB, 1, 101) is Reason.ADMITTED
        planned = plan(fresh)
        plans.append((planned.nets, planned.changes, planned.marks))
        fresh.close()
    assert plans == [plans[0]] * 6
    assert plans[0][0][USD] != {}


def test_plan_does_not_depend_on_the_order_of_deposits_when_positions_are_equal() -> None:
    plans = []
    for chains in permutations(CHAINS):
        fresh = Clearing().start(ALICE, BOB)
        for chain in chains:
            fresh.deposit(ALICE, int(chain) * 10, chain)
        fresh.trade(ALICE, BOB, 5, 100)
        fresh.trade(ALICE, BOB, 1, 90)
        plans.append(plan(fresh).changes)
        fresh.close()
    assert plans == [plans[0]] * 6


def test_assets_do_not_mix_when_two_are_traded(clearing: Clearing) -> None:
    for member in (ALICE, BOB):
        fund(clearing, member, home=1_000)
        clearing.deposit(member, 1_000, SPOKE, EUR)
        clearing.accept_limits(member, asset=EUR)
    clearing.trade(ALICE, BOB, 1, 100, BTC)
    clearing.trade(BOB, ALICE, 1, 100, EURO_STOXX)
    clearing.trade(ALICE, BOB, 1, 90, BTC)
    clearing.trade(BOB, ALICE, 1, 130, EURO_STOXX)
    clearing.settle()
    assert (clearing.claims(ALICE), clearing.claims(BOB)) == ({HOME: 990}, {HOME: 1_010})
    assert clearing.claims(ALICE, EUR) == {SPOKE: 970}
    assert clearing.claims(BOB, EUR) == {SPOKE: 1_030}


# -- cycles -------------------------------------------------------------------------------------


def test_fills_in_flight_are_settled_by_the_next_cycle_when_the_first_commits(
    clearing: Clearing,
) -> None:
    for member in (ALICE, BOB):
        fund(clearing, member, home=1_000)
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.trade(ALICE, BOB, 1, 102)
    first = clearing.propose()
    clearing.deposit(ALICE, 500)
    clearing.trade(ALICE, BOB, 1, 105)
    clearing.prove(first, Phase.COMMITTED)
    assert clearing.claims(ALICE) == {HOME: 1_020}
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.variation(position, USD)) == 11 * 3
    clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 1_020 + 500 + 33}
    assert clearing.claims(BOB) == {HOME: 980 - 33}


def test_next_cut_is_the_one_that_would_have_been_when_the_first_aborts(
    clearing: Clearing,
) -> None:
    twin = Clearing().start()
    for each in (clearing, twin):
        fund(each, ALICE, home=1_000)
        fund(each, BOB, spoke=1_000)
        each.trade(ALICE, BOB, 10, 100)
        each.trade(ALICE, BOB, 1, 95)
        each.release(BOB, 100, SPOKE)
    aborted = clearing.propose()
    for each in (clearing, twin):
        each.deposit(ALICE, 5, REMOTE)
        each.trade(BOB, ALICE, 3, 97)
        each.release(ALICE, 7)
        if each is clearing:
            clearing.prove(aborted, Phase.ABORTED)
    again, expected = plan(clearing), plan(twin)
    anonymous = [
        msgspec.structs.replace(release, release_id=bytes(32)) for release in again.releases
    ]
    assert anonymous == [
        msgspec.structs.replace(release, release_id=bytes(32)) for release in expected.releases
    ]
    for name in ("nets", "marks", "changes", "residuals", "shortfalls", "crossing"):
        assert getattr(again, name) == getattr(expected, name), name
    twin.close()


def test_deposit_is_consumed_once_when_it_arrives_while_a_settlement_is_in_flight(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=1_000)
    first = clearing.propose()
    clearing.deposit(ALICE, 5)
    clearing.prove(first, Phase.COMMITTED)
    assert clearing.claims(ALICE) == {HOME: 1_000}
    second = clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 1_005}
    assert [leg.assets[0].deposit_cursor for leg in (first.legs[0], second.legs[0])] == [1, 2]
    clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 1_005}


# -- inactive chains ----------------------------------------------------------------------------


def test_claims_on_an_inactive_chain_stay_when_their_owner_wins_or_loses(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=500, remote=1_000)
    fund(clearing, BOB, home=1_000, remote=500)
    clearing.settle()
    lose(clearing, ALICE, BOB, 400)
    clearing.settle(active=[HOME, SPOKE])
    assert clearing.claims(ALICE) == {HOME: 100, REMOTE: 1_000}
    assert clearing.claims(BOB) == {HOME: 1_400, REMOTE: 500}


def test_gainers_wait_and_both_sides_carry_it_when_a_loss_lies_on_an_inactive_chain(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=100, remote=1_000)
    fund(clearing, BOB, home=1_000)
    fund(clearing, CAROL, home=1_000)
    clearing.settle()
    lose(clearing, ALICE, BOB, 400)
    planned = plan(clearing, [HOME, SPOKE])
    assert residuals(clearing, planned) == {ALICE: -300, BOB: 300}
    assert placed(clearing, planned, CAROL) == {HOME: 1_000}, "who gained nothing waits for nothing"
    clearing.settle(active=[HOME, SPOKE])
    assert clearing.claims(ALICE) == {REMOTE: 1_000}
    assert clearing.claims(BOB) == {HOME: 1_100}
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.collateral(position, USD)) == 700
    clearing.settle()
    assert clearing.claims(ALICE) == {REMOTE: 700}
    assert clearing.claims(BOB) == {HOME: 1_100, REMOTE: 300}
    assert clearing.read(lambda state: state.residuals) == {}


def test_gainers_wait_pro_rata_when_there_are_several(clearing: Clearing) -> None:
    fund(clearing, ALICE, remote=1_000)
    fund(clearing, BOB, home=1_000)
    fund(clearing, CAROL, home=1_000)
    clearing.settle()
    lose(clearing, ALICE, BOB, 300)
    lose(clearing, ALICE, CAROL, 100)
    lose(clearing, BOB, CAROL, 1)
    planned = plan(clearing, [HOME, SPOKE])
    assert residuals(clearing, planned) == {ALICE: -400, BOB: 299, CAROL: 101}


def test_nobody_is_short_when_the_loser_holds_a_deposit_on_an_inactive_chain(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, remote=1_000)
    fund(clearing, BOB, home=1_000)
    fund(clearing, HOUSE, home=1_000)
    lose(clearing, ALICE, BOB, 400)
    planned = plan(clearing, [HOME, SPOKE])
    assert planned.shortfalls == ()
    assert residuals(clearing, planned) == {ALICE: -400, BOB: 400}
    clearing.settle(active=[HOME, SPOKE])
    assert clearing.claims(ALICE) == {}
    clearing.settle()
    assert clearing.claims(ALICE) == {REMOTE: 600}
    assert clearing.claims(BOB) == {HOME: 1_000, REMOTE: 400}


def test_owed_residual_is_no_margin_when_its_owner_trades_on(clearing: Clearing) -> None:
    fund(clearing, ALICE, remote=1_000)
    fund(clearing, BOB, home=10_000)
    clearing.settle()
    lose(clearing, ALICE, BOB, 400)
    clearing.settle(active=[HOME, SPOKE])
    assert clearing.trade(ALICE, BOB, 61, 100) is Reason.MARGIN_INSUFFICIENT
    assert clearing.trade(ALICE, BOB, 60, 100) is Reason.ADMITTED
    with pytest.raises(Rejected) as caught:
        clearing.release(ALICE, 1, REMOTE)
    assert caught.value.reason == "RELEASE_EXCEEDS_FREE"


# -- placement limits ---------------------------------------------------------------------------


def test_residual_is_carried_when_limits_leave_no_room(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 1_000, HOME)
    clearing.deposit(BOB, 1_000, SPOKE)
    clearing.accept_limits(ALICE)
    clearing.accept_limits(BOB, 1_100, [SPOKE])
    clearing.accept_limits(BOB, 200, [HOME])
    lose(clearing, ALICE, BOB, 300)
    clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 800}
    assert clearing.claims(BOB) == {HOME: 200, SPOKE: 1_000}
    alice, bob = clearing.position(ALICE), clearing.position(BOB)
    assert clearing.read(lambda state: state.residuals) == {USD: {alice: -100, bob: 100}}
    clearing.accept_limits(BOB, 1_000, [HOME])
    clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 700}
    assert clearing.claims(BOB) == {HOME: 300, SPOKE: 1_000}
    assert clearing.read(lambda state: state.residuals) == {}


def test_claim_grows_only_within_its_limit_when_another_chain_has_room(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 1_000, HOME)
    clearing.deposit(BOB, 1_000, SPOKE)
    clearing.accept_limits(ALICE, 250, [SPOKE])
    clearing.accept_limits(BOB, 50, [HOME])
    lose(clearing, ALICE, BOB, 300)
    planned = plan(clearing)
    assert placed(clearing, planned, BOB).get(HOME, 0) <= 50
    assert placed(clearing, planned, ALICE).get(SPOKE, 0) <= 250
    assert residuals(clearing, planned) == {ALICE: -250, BOB: 250}


# -- releases -----------------------------------------------------------------------------------


def answers(planned: CyclePlan | SettlementProposed) -> list[tuple[ChainId, int]]:
    return [(release.chain_id, release.quanta) for release in planned.releases]


def test_release_is_paid_and_leaves_the_claims_when_it_is_free(clearing: Clearing) -> None:
    fund(clearing, ALICE, home=1_000, spoke=1_000)
    fund(clearing, BOB, home=1_000)
    release_id = clearing.release(ALICE, 300, SPOKE)
    clearing.trade(ALICE, BOB, 10, 100)
    proposal = clearing.settle()
    assert proposal.releases == (
        PlannedRelease(SPOKE, USD, clearing.position(ALICE), 300, release_id),
    )
    assert proposal.legs[1].assets[0].released == 300
    assert clearing.claims(ALICE) == {HOME: 1_000, SPOKE: 700}
    assert answers(clearing.settle()) == [], "it is answered once"
    assert clearing.claims(ALICE) == {HOME: 1_000, SPOKE: 700}


def test_releases_are_answered_in_the_order_of_acceptance_when_not_all_is_here(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=500, spoke=1_000)
    for quanta in (300, 400, 100):
        clearing.release(ALICE, quanta, HOME)
    planned = plan(clearing)
    assert answers(planned) == [(HOME, 300), (HOME, 200), (HOME, 0)]
    clearing.settle()
    position = clearing.position(ALICE)
    assert clearing.claims(ALICE) == {SPOKE: 1_000}
    assert clearing.read(lambda state: state.held[position]) == {USD: 0}
    clearing.release(ALICE, 1_000, SPOKE)
    assert answers(clearing.settle()) == [(SPOKE, 1_000)]


def test_release_is_answered_in_part_when_a_loss_came_after_it(clearing: Clearing) -> None:
    fund(clearing, ALICE, home=1_000)
    fund(clearing, BOB, home=1_000)
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.release(ALICE, 900)
    clearing.trade(BOB, ALICE, 1, 60)
    planned = plan(clearing)
    loss, margin = 10 * 40, 9 * 60 // 10
    assert answers(planned) == [(HOME, 1_000 - loss - margin)]
    assert placed(clearing, planned, ALICE) == {HOME: margin}


def test_release_is_answered_with_nothing_when_it_expired(clearing: Clearing) -> None:
    fund(clearing, ALICE, home=1_000)
    now = clearing.clock.milliseconds // 1_000
    clearing.release(ALICE, 100, expiry=now + 1)
    clearing.release(ALICE, 200, expiry=now)
    proposal = clearing.settle()
    assert proposal.settlement.cut_time == now + 1
    assert answers(proposal) == [(HOME, 100), (HOME, 0)]
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: (state.held[position], state.releases)) == ({USD: 0}, {})


def test_release_waits_when_its_chain_is_inactive(clearing: Clearing) -> None:
    fund(clearing, ALICE, home=1_000, remote=1_000)
    clearing.settle()
    clearing.release(ALICE, 100, REMOTE)
    assert answers(clearing.settle(active=[HOME, SPOKE])) == []
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.held[position]) == {USD: 100}
    assert answers(clearing.settle()) == [(REMOTE, 100)]


def test_release_pays_nothing_out_when_its_member_owes_on_an_inactive_chain(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=500, remote=1_000)
    fund(clearing, BOB, home=1_000)
    clearing.settle()
    clearing.release(ALICE, 450)
    lose(clearing, ALICE, BOB, 300)
    planned = plan(clearing, [HOME, SPOKE])
    assert answers(planned) == [(HOME, 200)]
    assert planned.residuals == ()


def test_release_is_settled_once_when_accepted_while_a_settlement_is_in_flight(
    clearing: Clearing,
) -> None:
    fund(clearing, ALICE, home=1_000)
    clearing.release(ALICE, 100)
    first = clearing.propose()
    clearing.release(ALICE, 200)
    clearing.prove(first, Phase.COMMITTED)
    assert answers(first) == [(HOME, 100)]
    assert answers(clearing.settle()) == [(HOME, 200)]
    assert clearing.claims(ALICE) == {HOME: 700}


# -- shortfalls ---------------------------------------------------------------------------------


def crash(clearing: Clearing) -> None:
    """Alice buys 10 at 100 from Bob with 200 quanta of margin; the price falls to 60."""
    fund(clearing, ALICE, home=200)
    fund(clearing, BOB, home=1_000)
    fund(clearing, CAROL, home=1_000)
    assert clearing.trade(ALICE, BOB, 10, 100) is Reason.ADMITTED
    assert clearing.trade(CAROL, BOB, 1, 60) is Reason.ADMITTED


def test_shortfall_is_paid_by_gainers_when_there_is_no_house(clearing: Clearing) -> None:
    crash(clearing)
    proposal = clearing.settle()
    assert [(s.position, s.quanta) for s in proposal.shortfalls] == [(0, 200), (1, -200)]
    assert clearing.claims(ALICE) == {}
    assert clearing.claims(BOB) == {HOME: 1_200}
    assert clearing.claims(CAROL) == {HOME: 1_000}


@pytest.mark.parametrize(("house_quanta", "house_pays"), [(1_000, 200), (200, 200), (150, 150)])
def test_shortfall_is_paid_by_the_house_first_when_it_has_something(
    clearing: Clearing, house_quanta: int, house_pays: int
) -> None:
    crash(clearing)
    clearing.deposit(HOUSE, house_quanta, SPOKE)
    clearing.settle()
    assert clearing.claims(ALICE) == {}
    assert sum(clearing.claims(BOB).values()) == 1_400 - (200 - house_pays)
    assert sum(clearing.claims(HOUSE).values()) == house_quanta - house_pays
    assert clearing.claims(CAROL) == {HOME: 1_000}


# -- crossing -----------------------------------------------------------------------------------


A, B, C = (Position(number) for number in range(3))


@pytest.mark.parametrize(
    ("held", "nets", "expected"),
    [
        ({}, {}, 0),
        ({(A, HOME): 5, (B, HOME): 5}, {A: -3, B: 3}, 0),
        ({(A, HOME): 5, (B, SPOKE): 5}, {A: -3, B: 3}, 3),
        ({(A, HOME): 5, (A, SPOKE): 6, (B, SPOKE): 5}, {A: -3, B: 3}, 0),
        ({(A, HOME): 5, (A, SPOKE): 5, (B, SPOKE): 5}, {A: -3, B: 3}, 3),
        ({(A, HOME): 5, (B, SPOKE): 5, (C, HOME): 5}, {A: -3, B: 1, C: 2}, 1),
    ],
)
def test_crossing_is_what_chains_do_not_cancel_when_members_sit_on_their_main_chain(
    held: dict[tuple[Position, ChainId], int], nets: dict[Position, int], expected: int
) -> None:
    assert crossing_quanta(held, nets) == expected
