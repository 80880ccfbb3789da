"""The cut: closings placed on chains, releases answered, shortfalls shared, the rest carried."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import msgspec
import numpy as np
import pytest

from clearinghouse.book.identifiers import ChainId, Position
from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import Rejected
from clearinghouse.netting.cut import crossing_quanta
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CHAINS,
    EUR,
    EURO_STOXX,
    HOME,
    HOUSE,
    REMOTE,
    SPOKE,
    USD,
    Clearing,
)
from tests.ledger import amounts_of, changed_claims, mapping_of
from tests.ledger import residuals as carried
from tests.unit.netting.plans import fund, lose, placed, plan, residuals


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Nobody has deposited yet."""
    clearing = Clearing().start()
    yield clearing
    clearing.close()


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
    assert changed_claims(plan(clearing).changes) == {
        (HOME, USD, clearing.position(ALICE)): 0,
        (HOME, USD, clearing.position(BOB)): 2_000,
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
        nets = {asset: mapping_of(amounts) for asset, amounts in planned.nets.items()}
        plans.append((nets, planned.changes, planned.marks))
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
    assert {asset: mapping_of(amounts) for asset, amounts in again.nets.items()} == {
        asset: mapping_of(amounts) for asset, amounts in expected.nets.items()
    }
    for name in ("marks", "changes", "residuals", "shortfalls", "crossing"):
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
    assert clearing.read(carried) == {}


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
    assert clearing.read(carried) == {USD: {alice: -100, bob: 100}}
    clearing.accept_limits(BOB, 1_000, [HOME])
    clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 700}
    assert clearing.claims(BOB) == {HOME: 300, SPOKE: 1_000}
    assert clearing.read(carried) == {}


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
        ({(A, HOME): 5, (B, SPOKE): 5}, {A: -3, B: 1, C: 2}, 1),
    ],
)
def test_crossing_is_what_chains_do_not_cancel_when_members_sit_on_their_main_chain(
    held: dict[tuple[Position, ChainId], int], nets: dict[Position, int], expected: int
) -> None:
    quanta = np.zeros((3, 2), np.int64)
    for (position, chain), amount in held.items():
        quanta[position, (HOME, SPOKE).index(chain)] = amount
    for kind in (np.int64, object):
        amounts = amounts_of(nets, 3).astype(kind)
        assert crossing_quanta(quanta, amounts, quanta.any(axis=1)) == expected
