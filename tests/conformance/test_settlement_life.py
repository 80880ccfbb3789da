"""A settlement from nothing to final, or to aborted, with real proofs between three chains."""

from __future__ import annotations

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.settlements import leg_hash
from tests.conformance.scenario import (
    ALICE,
    BOB,
    DECIDE_SECONDS,
    SPOKES,
    Scenario,
    refused_with,
    units,
)
from tests.conformance.world import CHAIN_IDS, DOLLAR, HOME, OTHER_SPOKE, SPOKE, WINDOWS


def everywhere(phase: Phase) -> dict[int, str]:
    return dict.fromkeys(CHAIN_IDS, phase.name)


@pytest.fixture
def funded(scenario: Scenario) -> Scenario:
    """Alice has 600 at home, Bob 400 and 100 on the spokes."""
    scenario.deposit(HOME, ALICE, 600)
    scenario.deposit(SPOKE, BOB, 400)
    scenario.deposit(OTHER_SPOKE, BOB, 100)
    return scenario


def test_settlement_reaches_final_and_pays_when_all_chains_follow(funded: Scenario) -> None:
    world = funded.world
    proposal = funded.propose(
        # Alice pays Bob 250: at home he gets hers, so the vaults keep their sums.
        moves={HOME: {ALICE: -250, BOB: 250}},
        releases={SPOKE: [(BOB, 150), (BOB, 50)]},
    )
    assert funded.phases(proposal) == everywhere(Phase.NONE)
    for chain_id in CHAIN_IDS:
        funded.prepare(proposal, chain_id)
    assert funded.phases(proposal) == everywhere(Phase.PREPARED)
    assert {world.adapters[c].hint_in_flight() for c in CHAIN_IDS} == {proposal.id}

    funded.commit_home(proposal)
    for chain_id in SPOKES:
        funded.commit_spoke(proposal, chain_id)
    assert funded.phases(proposal) == everywhere(Phase.COMMITTED)
    refused_with("WrongPhase", lambda: funded.claim(proposal, SPOKE, 0, BOB, 150))
    refused_with("ChallengeOpen", lambda: world.adapters[HOME].submit_finalize(proposal.id))

    world.advance_time(HOME, WINDOWS.challenge_seconds + 1)
    world.adapters[HOME].submit_finalize(proposal.id)
    for chain_id in SPOKES:
        proof = funded.prove(proposal, HOME, chain_id)
        world.adapters[chain_id].submit_finalize_by_proof(proposal.id, proof)
    assert funded.phases(proposal) == everywhere(Phase.FINAL)

    funded.claim(proposal, SPOKE, 1, BOB, 50)
    assert world.token_balance(SPOKE, BOB) == units(SPOKE, 50)
    refused_with("AlreadyClaimed", lambda: funded.claim(proposal, SPOKE, 1, BOB, 50))
    refused_with("ReleaseNotProven", lambda: funded.claim(proposal, SPOKE, 0, ALICE, 150))
    refused_with("ReleaseNotProven", lambda: funded.claim(proposal, SPOKE, 0, BOB, 151))
    for chain_id in CHAIN_IDS:
        assert world.adapters[chain_id].solvency(DOLLAR).difference == 0
    left = world.adapters[SPOKE].solvency(DOLLAR)
    assert (left.vault, left.claims, left.unclaimed_releases) == (350, 200, 150)


def test_settlement_commits_at_once_when_home_is_alone(funded: Scenario) -> None:
    proposal = funded.propose(active=[HOME])
    funded.prepare(proposal, HOME)
    assert funded.world.adapters[HOME].hint_phase(proposal.id) is Phase.COMMITTED


def test_second_settlement_follows_the_first_when_a_chain_sat_out(funded: Scenario) -> None:
    first = funded.propose(active=[HOME, SPOKE])
    funded.commit_everywhere(first)
    assert funded.phases(first)[OTHER_SPOKE] == "NONE"
    assert [funded.world.adapters[c].hint_last_leg() for c in CHAIN_IDS] == [
        leg_hash(first.legs[HOME]),
        leg_hash(first.legs[SPOKE]),
        ZERO_HASH,
    ]
    second = funded.propose()
    funded.commit_everywhere(second)
    assert funded.phases(second) == everywhere(Phase.COMMITTED)


def test_finality_of_a_later_leg_covers_earlier_ones_when_proven_on_a_spoke(
    funded: Scenario,
) -> None:
    world = funded.world
    first, second = funded.propose(), None
    funded.commit_everywhere(first)
    world.advance_time(HOME, WINDOWS.challenge_seconds + 1)
    second = funded.propose()
    funded.commit_everywhere(second)
    refused_with("ParentNotFinal", lambda: world.adapters[HOME].submit_finalize(second.id))
    world.adapters[HOME].submit_finalize(first.id)
    world.advance_time(HOME, WINDOWS.challenge_seconds + 1)
    world.adapters[HOME].submit_finalize(second.id)
    proof = funded.prove(second, HOME, SPOKE)
    world.adapters[SPOKE].submit_finalize_by_proof(second.id, proof)
    assert world.adapters[SPOKE].hint_phase(first.id) is Phase.FINAL


def test_home_aborts_when_decide_by_has_passed(funded: Scenario) -> None:
    world = funded.world
    before = funded.state()
    proposal = funded.propose()
    for chain_id in (HOME, SPOKE):
        funded.prepare(proposal, chain_id)
    refused_with("DecisionTooEarly", lambda: world.adapters[HOME].submit_abort(proposal.settlement))
    world.advance_time(HOME, DECIDE_SECONDS)
    proofs = [funded.prove(proposal, chain_id, HOME) for chain_id in SPOKES]
    refused_with(
        "DecisionTooLate",
        lambda: world.adapters[HOME].submit_commit(
            proposal.settlement, proposal.legs[HOME], proofs
        ),
    )
    world.adapters[HOME].submit_abort(proposal.settlement)
    proof = funded.prove(proposal, HOME, SPOKE)
    world.adapters[SPOKE].submit_abort_by_proof(proposal.settlement, proof)
    assert funded.phases(proposal) == {HOME: "ABORTED", SPOKE: "ABORTED", OTHER_SPOKE: "NONE"}
    assert funded.state() == before


def test_home_aborts_early_when_a_spoke_is_proven_absent(funded: Scenario) -> None:
    world = funded.world
    proposal = funded.propose()
    for chain_id in (HOME, SPOKE):
        funded.prepare(proposal, chain_id)
    early = funded.prove(proposal, OTHER_SPOKE, HOME)
    adapter = world.adapters[HOME]
    refused_with(
        "AbsenceTooEarly",
        lambda: adapter.submit_abort_by_absence(proposal.settlement, OTHER_SPOKE, early),
    )
    prepared = funded.prove(proposal, SPOKE, HOME)
    refused_with(
        "ProvenPhaseInsufficient",
        lambda: adapter.submit_abort_by_absence(proposal.settlement, SPOKE, prepared),
    )
    world.advance_time(OTHER_SPOKE, DECIDE_SECONDS)
    absent = funded.prove(proposal, OTHER_SPOKE, HOME)
    adapter.submit_abort_by_absence(proposal.settlement, OTHER_SPOKE, absent)
    assert adapter.hint_phase(proposal.id) is Phase.ABORTED
    refused_with("DeadlinesInvalid", lambda: funded.prepare(proposal, OTHER_SPOKE))


def test_spoke_aborts_when_home_is_proven_never_to_have_prepared(funded: Scenario) -> None:
    world = funded.world
    proposal = funded.propose()
    funded.prepare(proposal, SPOKE)
    early = funded.prove(proposal, HOME, SPOKE)
    refused_with(
        "AbsenceTooEarly",
        lambda: world.adapters[SPOKE].submit_abort_by_proof(proposal.settlement, early),
    )
    world.advance_time(HOME, DECIDE_SECONDS)
    late = funded.prove(proposal, HOME, SPOKE)
    world.adapters[SPOKE].submit_abort_by_proof(proposal.settlement, late)
    assert world.adapters[SPOKE].hint_phase(proposal.id) is Phase.ABORTED


def test_next_settlement_commits_when_the_one_before_aborted(funded: Scenario) -> None:
    world = funded.world
    aborted = funded.propose()
    funded.prepare(aborted, HOME)
    world.advance_time(HOME, DECIDE_SECONDS)
    world.adapters[HOME].submit_abort(aborted.settlement)
    following = funded.propose()
    funded.commit_everywhere(following)
    assert funded.phases(following) == everywhere(Phase.COMMITTED)


@pytest.mark.parametrize("step", ["prepare", "commit", "abort", "finalize"])
def test_repeated_step_is_refused_when_it_has_taken_effect(funded: Scenario, step: str) -> None:
    world = funded.world
    proposal = funded.propose()
    funded.commit_everywhere(proposal)
    home = world.adapters[HOME]
    attempts = {
        "prepare": lambda: funded.prepare(proposal, HOME),
        "commit": lambda: funded.commit_spoke(proposal, SPOKE),
        "abort": lambda: home.submit_abort(proposal.settlement),
        "finalize": lambda: home.submit_finalize(proposal.id),
    }
    if step == "finalize":
        world.advance_time(HOME, WINDOWS.challenge_seconds + 1)
        home.submit_finalize(proposal.id)
    refused = refused_with("WrongPhase", attempts[step])
    assert refused.attributes["arguments"][0] == proposal.id  # type: ignore[index]


def test_proven_phase_is_none_when_nothing_was_prepared_and_value_when_it_was(
    funded: Scenario,
) -> None:
    proposal = funded.propose()
    adapter = funded.world.adapters[SPOKE]
    assert adapter.prove_phase(funded.finalise(SPOKE), proposal.id).phase is Phase.NONE
    funded.prepare(proposal, SPOKE)
    assert adapter.prove_phase(funded.finalise(SPOKE), proposal.id).phase is Phase.PREPARED
