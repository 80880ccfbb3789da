"""From a plan to what the operators sign: parents, times, roots and the journal's head."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.commitment.settlements import leg_hash, settlement_id
from clearinghouse.commitment.trees import SumTree, claims_tree, releases_tree
from clearinghouse.errors import Corruption, Rejected
from clearinghouse.netting.cut import cut
from clearinghouse.settlement.coordinator import active_chains
from clearinghouse.settlement.proposal import UNBUILT_ROOT, Timing, build_proposal
from clearinghouse.settlement.rebuild import verify_committed_legs
from tests.builders import (
    ALICE,
    BOB,
    CHAINS,
    DECIDE_SECONDS,
    EUR,
    HOME,
    PREPARE_SECONDS,
    REMOTE,
    SPOKE,
    USD,
    Clearing,
    anchor_of,
)
from tests.ledger import changed_claims


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Alice holds 1,000,000 on home and 50 on the spoke, Bob has won 30 of it."""
    clearing = Clearing().start(ALICE, BOB)
    clearing.deposit(ALICE, 50, SPOKE)
    clearing.trade(BOB, ALICE, 1, 100)
    clearing.trade(BOB, ALICE, 1, 130)
    yield clearing
    clearing.close()


def test_proposal_names_chains_times_and_journal_when_it_is_the_first(clearing: Clearing) -> None:
    count, head = clearing.journal.head()
    proposal = clearing.propose()
    settlement = proposal.settlement
    assert proposal.settlement_id == settlement_id(settlement)
    assert (settlement.cycle, settlement.parent, settlement.operator_epoch) == (1, ZERO_HASH, 1)
    assert (settlement.journal_count, settlement.journal_head) == (count, head)
    assert settlement.prepare_deadline == settlement.cut_time + PREPARE_SECONDS
    assert settlement.decide_by == settlement.cut_time + DECIDE_SECONDS
    roots = (settlement.statements_root, settlement.flows_root, settlement.fills_root)
    assert {*roots, settlement.prices_root} == {UNBUILT_ROOT}
    assert [(e.chain_id, e.anchor, e.active) for e in settlement.chains] == [
        (chain, anchor_of(chain), True) for chain in CHAINS
    ]
    assert [e.leg_hash for e in settlement.chains] == [leg_hash(leg) for leg in proposal.legs]
    assert {leg.parent_leg for leg in proposal.legs} == {ZERO_HASH}


def test_legs_commit_to_claims_and_releases_when_cut(clearing: Clearing) -> None:
    clearing.release(BOB, 400)
    proposal = clearing.propose()
    usd, eur = proposal.legs[0].assets
    assert (usd.asset_id, eur.asset_id) == (USD, EUR)
    # Alice's 30 are taken from her on either chain: which of the two is the allocation's matter.
    changed = changed_claims(proposal.claims)
    quanta = {p: sum(changed.get((c, USD, p), 0) for c in (HOME, SPOKE)) for p in (0, 1)}
    assert quanta == {0: 1_000_050 - 30, 1: 1_000_000 + 30 - 400}
    members = (ALICE.address, BOB.address)
    claims = claims_tree({p: (members[p], changed[HOME, USD, p]) for p in (0, 1)})
    releases = releases_tree([(BOB.address, 400)])
    assert (usd.claims_tree, usd.claims) == (claims.root.hash, claims.root.sum)
    assert (usd.releases_tree, usd.released) == (releases.root.hash, 400)
    assert (usd.deposit_cursor, usd.exit_cursor) == (2, 0)
    assert (eur.claims_tree, eur.claims) == (SumTree().root.hash, 0)
    assert (eur.deposit_cursor, eur.deposit_hash) == (0, ZERO_HASH)


def test_proposal_builds_on_its_parent_when_one_is_committed(clearing: Clearing) -> None:
    first = clearing.settle()
    second = clearing.settle(active=[HOME, SPOKE])
    third = clearing.settle()
    assert second.settlement.parent == first.settlement_id
    assert third.settlement.parent == second.settlement_id
    first_hashes = [leg_hash(leg) for leg in first.legs]
    assert [leg.parent_leg for leg in second.legs] == first_hashes[:2]
    assert second.settlement.chains[2].leg_hash == first_hashes[2], "it repeats the parent's"
    assert not second.settlement.chains[2].active
    assert third.legs[2].parent_leg == first_hashes[2]


def test_inactive_chain_has_no_leg_hash_when_it_never_had_a_leg(clearing: Clearing) -> None:
    proposal = clearing.propose(active=[HOME])
    assert [e.leg_hash for e in proposal.settlement.chains[1:]] == [ZERO_HASH, ZERO_HASH]


def test_cycle_number_is_not_used_again_when_a_settlement_aborted(clearing: Clearing) -> None:
    aborted = clearing.propose()
    clearing.prove(aborted, Phase.ABORTED)
    again = clearing.propose()
    assert (aborted.settlement.cycle, again.settlement.cycle) == (1, 2)
    assert again.settlement.parent == ZERO_HASH
    assert [leg.parent_leg for leg in again.legs] == [ZERO_HASH] * 3


@pytest.mark.parametrize("early", [0, -1])
def test_cut_is_refused_when_time_has_not_passed_the_parents_cut(
    clearing: Clearing, early: int
) -> None:
    cut_time = clearing.settle().settlement.cut_time + early
    with pytest.raises(Rejected) as caught:
        clearing.read(lambda state: active_chains(state, Timing(cut_time, cut_time, cut_time)))
    assert caught.value.reason == "CUT_TOO_EARLY"


@pytest.mark.parametrize("timing", [Timing(1, 2, 2**64), Timing(1, -1, 2)])
def test_proposal_is_rejected_when_a_time_does_not_fit(clearing: Clearing, timing: Timing) -> None:
    with pytest.raises(Rejected) as caught:
        clearing.read(lambda s: build_proposal(s, cut(s, [HOME], 1), [HOME], timing))
    assert caught.value.reason == "OUT_OF_RANGE"


def test_committed_legs_are_rebuilt_from_the_ledger_when_all_is_well(clearing: Clearing) -> None:
    assert clearing.read(verify_committed_legs) == 0
    clearing.settle(active=[HOME, REMOTE])
    assert clearing.read(verify_committed_legs) == 2


def test_rebuilding_raises_when_ledger_and_legs_differ(clearing: Clearing) -> None:
    clearing.settle()
    position = clearing.position(ALICE)

    def change_claim(state: State) -> None:
        state.accounts.own_claims()[state.accounts.vault_rows[(HOME, USD)], position] += 1
        verify_committed_legs(state)

    def change_hash(state: State) -> None:
        state.accounts.own_claims()[state.accounts.vault_rows[(HOME, USD)], position] -= 1
        state.leg_hashes[SPOKE] = ZERO_HASH
        verify_committed_legs(state)

    for change, reason in (
        (change_claim, "claims_root_mismatch"),
        (change_hash, "leg_hash_mismatch"),
    ):
        with pytest.raises(Corruption) as caught:
            clearing.read(change)
        assert caught.value.reason == reason
