"""Leaving without anyone's permission: requests, the grace, the freeze, payment (P7)."""

from __future__ import annotations

import pytest

from adapters.simulated.exits import RESOLUTION_SECONDS
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import ProofInvalid
from tests.conformance.scenario import ALICE, BOB, Scenario, changing, refused_with, units
from tests.conformance.world import (
    CHAIN_IDS,
    DOLLAR,
    FEE_TAKER,
    HOME,
    OTHER_SPOKE,
    SPOKE,
    WINDOWS,
    Lie,
)

LIES = {
    "exit hidden": (Lie(exit_count=lambda count: count - 1), 0),
    "exit invented": (Lie(exit_count=lambda count: count + 1), 0),
    "exits denied": (Lie(exit_count=lambda _: 0), 1),
}


@pytest.fixture
def funded(scenario: Scenario) -> Scenario:
    """On the spoke Alice has 300, Bob 200 and the account that asks to leave 100."""
    scenario.deposit(SPOKE, ALICE, 300)
    scenario.deposit(SPOKE, BOB, 200)
    scenario.deposit(SPOKE, scenario.world.funder.address, 100)
    return scenario


def freeze(scenario: Scenario) -> None:
    """Leave an exit on the spoke without an answer until the anchor is frozen."""
    world, adapter = scenario.world, scenario.world.adapters[SPOKE]
    adapter.submit_request_exit(DOLLAR, 100)
    refused_with("NothingOverdue", adapter.submit_warn)
    world.advance_time(SPOKE, WINDOWS.grace_seconds + 1)
    refused_with("NotWarned", adapter.submit_freeze)
    adapter.submit_warn()
    refused_with("AlreadyWarned", adapter.submit_warn)
    refused_with("FreezeTooEarly", adapter.submit_freeze)
    assert not adapter.prove_frozen(scenario.finalise(SPOKE))
    world.advance_time(SPOKE, WINDOWS.freeze_delay_seconds + 1)
    adapter.submit_freeze()
    assert adapter.prove_frozen(scenario.finalise(SPOKE))
    state = adapter.hint_freeze()
    assert state.frozen_at - state.warned_at > WINDOWS.freeze_delay_seconds


def test_exits_are_proven_in_order_when_final(scenario: Scenario) -> None:
    adapter, funder = scenario.world.adapters[HOME], scenario.world.funder.address
    refused_with("ExitOutOfRange", lambda: adapter.submit_request_exit(DOLLAR, 0))
    adapter.submit_request_exit(DOLLAR, 70)
    adapter.submit_request_exit(FEE_TAKER, 30)
    refused_with("ExitPending", lambda: adapter.submit_request_exit(DOLLAR, 5))
    assert adapter.find_finalised_header() is None or not adapter.prove_exits(
        scenario.finalise(HOME), DOLLAR, 1
    )
    header = scenario.finalise(HOME)
    (found,) = adapter.prove_exits(header, DOLLAR, 0)
    assert (found.index, found.member, found.quanta) == (0, funder, 70)
    assert (found.chain_id, found.asset_id, found.height) == (HOME, DOLLAR, header.height)
    assert 0 < found.time <= adapter.hint_time()
    assert list(adapter.prove_exits(header, DOLLAR, 1)) == []
    assert [e.quanta for e in adapter.prove_exits(header, FEE_TAKER, 0)] == [30]


@pytest.mark.parametrize("name", LIES)
def test_exits_are_refused_when_the_node_lies_about_their_number(
    scenario: Scenario, name: str
) -> None:
    lie, first = LIES[name]
    scenario.world.adapters[SPOKE].submit_request_exit(DOLLAR, 70)
    header = scenario.finalise(SPOKE)
    with pytest.raises(ProofInvalid) as raised:
        scenario.world.adapter_through(SPOKE, lie).prove_exits(header, DOLLAR, first)
    assert raised.value.reason == "exit_count_wrong"


def test_leg_must_answer_an_exit_when_it_is_older_than_the_grace(funded: Scenario) -> None:
    world, adapter, funder = funded.world, funded.world.adapters[SPOKE], funded.world.funder
    funded.commit_everywhere(funded.propose())
    adapter.submit_request_exit(DOLLAR, 100)
    for chain_id in CHAIN_IDS:
        world.advance_time(chain_id, WINDOWS.grace_seconds + 1)
    ignoring = funded.propose()
    refused_with("ExitOverdue", lambda: funded.prepare(ignoring, SPOKE))
    (request,) = funded.credit_exits(SPOKE)
    beyond = funded.propose(
        change_leg={
            SPOKE: lambda leg: changing(assets=(changing(exit_cursor=2)(leg.assets[0]),))(leg)
        }
    )
    refused_with("ExitCursorOutOfRange", lambda: funded.prepare(beyond, SPOKE))
    answering = funded.propose(releases={SPOKE: [(request.member, 60)]})
    funded.commit_everywhere(answering)
    refused_with("NothingOverdue", adapter.submit_warn)
    adapter.submit_request_exit(DOLLAR, 40)  # what the partial answer left
    assert [e.index for e in funded.credit_exits(SPOKE)] == [1]
    world.advance_time(HOME, WINDOWS.challenge_seconds + 1)
    world.adapters[HOME].submit_finalize(answering.settlement.parent)
    funded.finalize_everywhere(answering)
    before = world.token_balance(SPOKE, funder.address)
    funded.claim(answering, SPOKE, request.index, funder.address, 60)
    assert world.token_balance(SPOKE, funder.address) - before == units(SPOKE, 60)


def test_everyone_gets_out_when_the_operators_stop(funded: Scenario) -> None:
    world, adapter, funder = funded.world, funded.world.adapters[SPOKE], funded.world.funder
    last = funded.propose(moves={SPOKE: {ALICE: -50, BOB: 50}}, releases={SPOKE: [(BOB, 30)]})
    funded.commit_everywhere(last)
    adapter.submit_deposit(DOLLAR, 40, ALICE)
    refused_with("NotFrozen", lambda: funded.exit_frozen(last, SPOKE, ALICE, 250))
    freeze(funded)
    for closed in (
        lambda: adapter.submit_deposit(DOLLAR, 40, ALICE),
        lambda: adapter.submit_request_exit(DOLLAR, 1),
        lambda: funded.prepare(funded.propose(), SPOKE),
        adapter.submit_warn,
        adapter.submit_freeze,
    ):
        refused_with("AnchorFrozen", closed)
    refused_with("LegUnresolved", lambda: funded.exit_frozen(last, SPOKE, ALICE, 250))
    funded.finalize_everywhere(last)

    funder_before = world.token_balance(SPOKE, funder.address)
    refused_with("ClaimNotProven", lambda: funded.exit_frozen(last, SPOKE, ALICE, 251))
    for member, claim in ((ALICE, 250), (BOB, 220), (funder.address, 100)):
        funded.exit_frozen(last, SPOKE, member, claim)
    assert adapter.hint_exited(DOLLAR, funded.positions[ALICE])
    refused_with("AlreadyExited", lambda: funded.exit_frozen(last, SPOKE, ALICE, 250))
    funded.claim(last, SPOKE, 0, BOB, 30)
    refused_with("NotRefundable", lambda: adapter.submit_refund(DOLLAR, 2, BOB))
    refused_with("NotMember", lambda: adapter.submit_refund(DOLLAR, 3, BOB))
    assert not adapter.hint_refunded(DOLLAR, 3)
    adapter.submit_refund(DOLLAR, 3, ALICE)
    assert adapter.hint_refunded(DOLLAR, 3)
    refused_with("AlreadyRefunded", lambda: adapter.submit_refund(DOLLAR, 3, ALICE))
    paid = [world.token_balance(SPOKE, member) for member in (ALICE, BOB)]
    assert paid == [units(SPOKE, 290), units(SPOKE, 250)]
    assert world.token_balance(SPOKE, funder.address) - funder_before == units(SPOKE, 100)
    left = adapter.solvency(DOLLAR)
    assert (left.vault, left.claims, left.unclaimed_releases, left.unconsumed_deposits) == (0,) * 4


def test_spoke_decides_alone_when_home_is_silent_for_thirty_days(funded: Scenario) -> None:
    world, adapter = funded.world, funded.world.adapters[SPOKE]
    last = funded.propose()
    funded.commit_everywhere(last)
    freeze(funded)
    refused_with("ResolutionTooEarly", adapter.submit_resolve)
    refused_with("WrongRole", world.adapters[HOME].submit_resolve)
    refused_with("NotFrozen", world.adapters[OTHER_SPOKE].submit_resolve)
    world.advance_time(SPOKE, RESOLUTION_SECONDS + 1)
    adapter.submit_resolve()
    assert {c: world.adapters[c].hint_phase(last.id) for c in CHAIN_IDS} == {
        HOME: Phase.COMMITTED,
        SPOKE: Phase.FINAL,
        OTHER_SPOKE: Phase.COMMITTED,
    }
    funded.exit_frozen(last, SPOKE, ALICE, 300)
    assert world.token_balance(SPOKE, ALICE) == units(SPOKE, 300)
