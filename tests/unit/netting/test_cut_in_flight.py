"""A cut while intake goes on: what comes between the cut and its proposal belongs to the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.entries import InstrumentListed, SettlementProposed
from clearinghouse.book.identifiers import ChainId, InstrumentId
from clearinghouse.book.novation import LARGEST
from clearinghouse.book.orders import Reason
from clearinghouse.book.reference import Instrument
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.netting.cut import cut
from clearinghouse.settlement.proposal import Timing, build_proposal
from clearinghouse.settlement.rebuild import verify_committed_legs
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CHAINS,
    DAVE,
    DECIDE_SECONDS,
    ETH,
    HOME,
    PREPARE_SECONDS,
    SPOKE,
    USD,
    Account,
    Clearing,
)
from tests.ledger import facts, totals

MEMBERS = (ALICE, BOB, CAROL)
FREE = InstrumentId(9)
"""Needs no margin, so that only numbers stand in a fill's way."""


def prepare() -> Clearing:
    """Return a clearinghouse in which Alice has won 100 of Bob in BTC, with 11 lots still open."""
    clearing = Clearing().start(*MEMBERS)
    trade(clearing, ALICE, BOB, 10, 100)
    trade(clearing, ALICE, BOB, 1, 110)
    clearing.release(CAROL, 50)
    return clearing


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = prepare()
    yield clearing
    clearing.close()


def trade(
    clearing: Clearing,
    buyer: Account,
    seller: Account,
    lots: int,
    price: int,
    instrument: InstrumentId = BTC,
) -> None:
    assert clearing.trade(buyer, seller, lots, price, instrument) is Reason.ADMITTED


def go_on(clearing: Clearing) -> None:
    """Do what members do while a cycle is planned: close, turn over, open, deposit, ask."""
    trade(clearing, BOB, ALICE, 11, 130)
    trade(clearing, BOB, CAROL, 5, 120)
    trade(clearing, CAROL, ALICE, 7, 20, ETH)
    trade(clearing, ALICE, CAROL, 7, 24, ETH)
    clearing.deposit(BOB, 1_000, SPOKE)
    clearing.deposit(DAVE, 500, HOME)
    clearing.accept_limits(DAVE)
    trade(clearing, DAVE, ALICE, 3, 125)
    clearing.release(BOB, 70)


def plan(clearing: Clearing, at_cut: State, active: list[ChainId]) -> SettlementProposed:
    """Build the proposal of a state taken at a cut."""
    now = clearing.clock.milliseconds // 1_000
    timing = Timing(now, now + PREPARE_SECONDS, now + DECIDE_SECONDS)
    return build_proposal(at_cut, cut(at_cut, active, now), active, timing)


def propose_late(clearing: Clearing) -> SettlementProposed:
    """Cut, let everything go on, and only then plan and record the proposal."""
    clearing.clock.advance(1)
    at_cut = clearing.cut(clearing.clock.milliseconds // 1_000)
    before = facts(at_cut)
    go_on(clearing)
    assert facts(at_cut) == before, "nothing that came later is in the copy"
    proposal = plan(clearing, at_cut, sorted(CHAINS))
    clearing.record(proposal)
    return proposal


def money(clearing: Clearing) -> dict[str, int]:
    """Return what each member owns: claims, deposits, and what it could realise now."""

    def look(state: State) -> dict[str, int]:
        positions = {member.label: state.positions[member.address] for member in (*MEMBERS, DAVE)}
        return {
            label: state.collateral(position, USD) + state.variation(position, USD)
            for label, position in positions.items()
        }

    found: dict[str, int] = clearing.read(look)
    return found


def test_commit_settles_what_was_there_at_the_cut_when_intake_went_on(clearing: Clearing) -> None:
    proposal = propose_late(clearing)
    owned = money(clearing)
    clearing.prove(proposal, Phase.COMMITTED)
    assert clearing.claims(ALICE) == {HOME: 1_000_100}
    assert clearing.claims(BOB) == {HOME: 999_900}
    assert clearing.claims(CAROL) == {HOME: 999_950}
    assert clearing.claims(DAVE) == {}
    carol = clearing.position(CAROL)
    assert carol not in clearing.read(lambda s: totals(s, "held")), "hers was answered"
    assert money(clearing) == owned, "a cut changes where money lies, not whose it is"
    assert clearing.read(lambda s: (s.fill_count, s.cut_fill_count)) == (7, 2)
    assert clearing.read(verify_committed_legs) == 3


def test_later_fills_are_realised_by_the_next_cut_when_the_first_committed(
    clearing: Clearing,
) -> None:
    clearing.prove(propose_late(clearing), Phase.COMMITTED)
    owned = money(clearing)
    clearing.settle()
    # Bob's 70 were held for his release before, and are paid out by this settlement.
    assert {m.label: sum(clearing.claims(m).values()) for m in (*MEMBERS, DAVE)} == owned
    assert clearing.read(lambda state: state.cut_fill_count) == 7
    assert clearing.read(lambda state: totals(state, "pending")) == {}
    for member in (*MEMBERS, DAVE):
        position = clearing.position(member)
        assert clearing.read(lambda s, p=position: s.variation(p, USD)) == 0


def test_result_is_that_of_a_cut_without_interruption_when_two_cycles_commit() -> None:
    """Where the cut falls decides what is realised when, never what anybody ends up with."""
    late, early = prepare(), prepare()
    late.prove(propose_late(late), Phase.COMMITTED)
    early.settle()
    go_on(early)
    for each in (late, early):
        each.settle()
    for member in (*MEMBERS, DAVE):
        assert late.claims(member) == early.claims(member)
        assert late.holding(member) == early.holding(member)
    assert late.read(facts)["marks"] == early.read(facts)["marks"]
    for each in (late, early):
        each.close()


def test_abort_leaves_everything_when_intake_went_on(clearing: Clearing) -> None:
    proposal = propose_late(clearing)
    before = clearing.read(facts)
    clearing.prove(proposal, Phase.ABORTED)
    assert clearing.read(facts) == before
    assert clearing.read(lambda state: state.cut_fill_count) == 0
    owned = money(clearing)
    again = clearing.settle()
    assert sum(release.quanta for release in again.releases) == 50 + 70
    assert {m.label: sum(clearing.claims(m).values()) for m in (*MEMBERS, DAVE)} == owned


def test_positions_opened_after_the_cut_keep_what_was_paid_when_it_commits(
    clearing: Clearing,
) -> None:
    clearing.prove(propose_late(clearing), Phase.COMMITTED)
    assert clearing.holding(CAROL) == (-5, -5 * 120)
    assert clearing.holding(DAVE) == (3, 3 * 125)
    # 11 lots opened at the cut's mark of 110, sold at 130, 3 sold short at 125.
    assert clearing.holding(ALICE) == (-3, 11 * 110 - 11 * 130 - 3 * 125)
    assert clearing.holding(BOB) == (5, -11 * 110 + 11 * 130 + 5 * 120)
    assert clearing.holding(ALICE, ETH) == (0, -7 * 20 + 7 * 24)
    assert clearing.holding(CAROL, ETH) == (0, 7 * 20 - 7 * 24)


@pytest.mark.parametrize("outcome", [Phase.COMMITTED, Phase.ABORTED])
def test_state_is_rebuilt_when_the_process_dies_between_cut_and_proposal(
    clearing: Clearing, outcome: Phase
) -> None:
    clearing.clock.advance(1)
    at_cut = clearing.cut(clearing.clock.milliseconds // 1_000)
    go_on(clearing)
    clearing.restart()
    kept = clearing.read(lambda state: state.cut)
    assert kept is not None
    assert kept.sequence == at_cut.sequence
    proposal = plan(clearing, at_cut, sorted(CHAINS))
    clearing.record(proposal)
    clearing.restart()
    clearing.prove(proposal, outcome)
    expected = clearing.hash()
    clearing.restart()
    assert clearing.hash() == expected
    claims = {HOME: 1_000_100} if outcome is Phase.COMMITTED else {}
    assert clearing.claims(ALICE) == claims


def test_bases_stay_exact_when_a_commit_makes_them_larger_than_any_fill_could() -> None:
    """Worth at the cut and what was paid since add up to three times the largest basis."""
    clearing = Clearing().start(*MEMBERS, DAVE, quanta=2**60)
    clearing.record(InstrumentListed(Instrument(FREE, "FREE", USD, 0, 0)))
    for buyer, seller, price in (
        (DAVE, ALICE, LARGEST),
        (ALICE, DAVE, 0),
        (ALICE, BOB, 0),
        (BOB, CAROL, LARGEST),
    ):
        trade(clearing, buyer, seller, 1, price, FREE)
    first = clearing.propose()
    for buyer, seller, price in ((DAVE, ALICE, 0), (ALICE, DAVE, LARGEST)) * 2:
        trade(clearing, buyer, seller, 1, price, FREE)
    owned = money(clearing)
    clearing.prove(first, Phase.COMMITTED)
    assert clearing.holding(ALICE, FREE) == (1, 3 * LARGEST)
    assert clearing.holding(DAVE, FREE) == (0, -2 * LARGEST)
    assert money(clearing) == owned
    assert clearing.trade(ALICE, BOB, 1, 0, FREE) is Reason.TOTAL_OVERFLOW
    clearing.settle()
    assert (
        money(clearing)
        == owned
        == {
            "alice": 2**60,
            "bob": 2**60 - LARGEST,
            "carol": 2**60,
            "dave": 2**60 + LARGEST,
        }
    )
    assert clearing.holding(ALICE, FREE) == (1, LARGEST)
    expected = clearing.hash()
    clearing.restart()
    assert clearing.hash() == expected
    clearing.close()


def test_cut_is_taken_again_when_its_planner_died(clearing: Clearing) -> None:
    clearing.cut(clearing.clock.milliseconds // 1_000)
    go_on(clearing)
    clearing.restart()
    owned = money(clearing)
    clearing.settle()
    assert {m.label: sum(clearing.claims(m).values()) for m in (*MEMBERS, DAVE)} == owned
    assert clearing.read(lambda state: (state.cut, state.cut_fill_count)) == (None, 7)
