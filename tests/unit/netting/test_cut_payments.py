"""What a cut pays: releases answered, shortfalls shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.entries import PlannedRelease, SettlementProposed
from clearinghouse.book.identifiers import AssetId, ChainId, Position
from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.netting.cut import CyclePlan
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    HOME,
    HOUSE,
    REMOTE,
    SPOKE,
    USD,
    Clearing,
)
from tests.ledger import totals
from tests.unit.netting.plans import fund, lose, placed, plan


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Nobody has deposited yet."""
    clearing = Clearing().start()
    yield clearing
    clearing.close()


def held(state: State) -> dict[Position, dict[AssetId, int]]:
    """Return what accepted releases hold."""
    return totals(state, "held")


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
    assert clearing.claims(ALICE) == {SPOKE: 1_000}
    assert clearing.read(held) == {}
    clearing.release(ALICE, 1_000, SPOKE)
    assert answers(clearing.settle()) == [(SPOKE, 1_000)]


def test_release_is_answered_in_part_when_a_loss_came_after_it(clearing: Clearing) -> None:
    for member in (ALICE, BOB, CAROL, DAVE):
        fund(clearing, member, home=1_000)
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.release(ALICE, 900)
    assert clearing.trade(CAROL, DAVE, 1, 60) is Reason.ADMITTED
    planned = plan(clearing)
    loss, margin = 10 * 40, 10 * 60 // 10
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
    assert clearing.read(lambda state: (held(state), state.releases)) == ({}, {})


def test_release_waits_when_its_chain_is_inactive(clearing: Clearing) -> None:
    fund(clearing, ALICE, home=1_000, remote=1_000)
    clearing.settle()
    clearing.release(ALICE, 100, REMOTE)
    assert answers(clearing.settle(active=[HOME, SPOKE])) == []
    position = clearing.position(ALICE)
    assert clearing.read(held) == {position: {USD: 100}}
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
