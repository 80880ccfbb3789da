"""Settlements as entries: what a commit and an abort do, and that phases follow invariant P5."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from clearinghouse.book.entries import (
    CycleCut,
    Entry,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.identifiers import ZERO_HASH, ChainId
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from tests.builders import ALICE, BOB, HOME, REMOTE, SPOKE, USD, Clearing
from tests.ledger import facts, totals
from tests.unit.book.entries import A_HASH, corruption

replace = msgspec.structs.replace


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.close()


@pytest.fixture
def proposal(clearing: Clearing) -> SettlementProposed:
    """A cut of ten lots, a deposit on the spoke and a release, in flight on three chains."""
    clearing.deposit(BOB, 700, SPOKE)
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.trade(ALICE, BOB, 1, 110)
    clearing.release(BOB, 50)
    return clearing.propose()


def proven(proposal: SettlementProposed, phase: Phase, **fields: Any) -> PhaseProven:
    fields = {"chain_id": HOME, "timestamp": proposal.settlement.cut_time} | fields
    return PhaseProven(proposal.settlement_id, phase=phase, height=1, block_hash=A_HASH, **fields)


def cut_now(clearing: Clearing) -> CycleCut:
    """Return the entry that cuts a cycle here."""
    return clearing.read(lambda state: CycleCut(1, state.sequence, state.head))


def of_cut(proposal: SettlementProposed, cut: CycleCut, **fields: Any) -> SettlementProposed:
    """Return the proposal as if it were of another cut."""
    fields = {"journal_count": cut.journal_count, "journal_head": cut.journal_head} | fields
    settlement = replace(proposal.settlement, **fields)
    return replace(proposal, settlement=settlement, settlement_id=A_HASH)


def test_apply_raises_when_proposal_does_not_follow(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    assert corruption(clearing, cut_now(clearing)) == "settlement_in_flight"
    own = CycleCut(1, proposal.settlement.journal_count, proposal.settlement.journal_head)
    assert corruption(clearing, of_cut(proposal, own, cycle=2)) == "settlement_in_flight"
    clearing.record(proven(proposal, Phase.ABORTED))
    assert corruption(clearing, of_cut(proposal, own, cycle=2)) == "cut_mismatch"
    cut = cut_now(clearing)
    clearing.record(cut)
    for fields, reason in (
        ({"cycle": 1}, "cycle_reused"),
        ({"cycle": 2, "parent": A_HASH}, "parent_mismatch"),
        ({"cycle": 2, "journal_count": cut.journal_count + 1}, "cut_mismatch"),
        ({"cycle": 2, "journal_head": A_HASH}, "cut_mismatch"),
    ):
        assert corruption(clearing, of_cut(proposal, cut, **fields)) == reason
    clearing.record(of_cut(proposal, cut, cycle=2))


def test_apply_raises_when_a_cut_does_not_name_the_entry_before_it(clearing: Clearing) -> None:
    cut = cut_now(clearing)
    for count in (cut.journal_count - 1, cut.journal_count + 1):
        assert corruption(clearing, replace(cut, journal_count=count)) == "cut_misplaced"


def test_last_cut_counts_when_no_proposal_followed_the_first(clearing: Clearing) -> None:
    clearing.cut(1)
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.trade(ALICE, BOB, 1, 110)
    clearing.settle()
    assert clearing.claims(ALICE) == {HOME: 1_000_100}
    assert clearing.holding(ALICE) == (11, 1_210)


@pytest.mark.parametrize(
    "build",
    [
        lambda p: SettlementSigned(A_HASH, ()),
        lambda p: replace(proven(p, Phase.COMMITTED), settlement_id=A_HASH),
        lambda p: proven(p, Phase.COMMITTED, chain_id=ChainId(99)),
    ],
)
def test_apply_raises_when_entry_names_no_known_settlement_or_chain(
    clearing: Clearing, proposal: SettlementProposed, build: Callable[[Any], Entry]
) -> None:
    assert corruption(clearing, build(proposal)) == "entry_dangling"


PHASES = [Phase.NONE, Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.INVALID, Phase.FINAL]
FOLLOWS = {
    Phase.NONE: {Phase.NONE, Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL},
    Phase.PREPARED: {Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL},
    Phase.COMMITTED: {Phase.COMMITTED, Phase.FINAL},
    Phase.ABORTED: {Phase.ABORTED},
    Phase.FINAL: {Phase.FINAL},
}


@pytest.mark.parametrize("before", FOLLOWS, ids=lambda phase: phase.name)
@pytest.mark.parametrize("after", PHASES, ids=lambda phase: phase.name)
@pytest.mark.parametrize("chain", [HOME, SPOKE])
def test_phase_follows_only_where_invariant_p5_lets_it(
    clearing: Clearing, proposal: SettlementProposed, before: Phase, after: Phase, chain: ChainId
) -> None:
    clearing.record(proven(proposal, before, chain_id=chain))
    entry = proven(proposal, after, chain_id=chain)
    if after in FOLLOWS[before]:
        clearing.record(entry)
        record = clearing.read(lambda state: state.settlements[proposal.settlement_id])
        assert record.phases[chain] is after
    else:
        assert corruption(clearing, entry) == "phase_order"


@pytest.mark.parametrize("phase", [Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL])
@pytest.mark.parametrize("chain", [HOME, SPOKE])
def test_apply_raises_when_chain_prepares_after_it_lapsed(
    clearing: Clearing, proposal: SettlementProposed, phase: Phase, chain: ChainId
) -> None:
    late = proposal.settlement.prepare_deadline + 1
    clearing.record(proven(proposal, Phase.NONE, chain_id=chain, timestamp=late))
    assert corruption(clearing, proven(proposal, phase, chain_id=chain)) == "phase_order"
    clearing.record(proven(proposal, Phase.NONE, chain_id=chain, timestamp=late + 1))


@pytest.mark.parametrize("taken", [Phase.COMMITTED, Phase.FINAL])
@pytest.mark.parametrize("chains", [(HOME, SPOKE), (SPOKE, HOME), (SPOKE, REMOTE)])
@pytest.mark.parametrize("lapsed", [False, True])
def test_apply_raises_when_one_chain_commits_what_another_does_not(
    clearing: Clearing,
    proposal: SettlementProposed,
    taken: Phase,
    chains: tuple[ChainId, ChainId],
    lapsed: bool,
) -> None:
    late = proposal.settlement.prepare_deadline + 1
    not_taken = (
        proven(proposal, Phase.NONE, chain_id=chains[1], timestamp=late)
        if lapsed
        else proven(proposal, Phase.ABORTED, chain_id=chains[1])
    )
    clearing.record(proven(proposal, taken, chain_id=chains[0]))
    assert corruption(clearing, not_taken) == "atomicity_violated"


def test_apply_raises_when_home_commits_what_a_spoke_aborted(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(proven(proposal, Phase.ABORTED, chain_id=SPOKE))
    assert corruption(clearing, proven(proposal, Phase.COMMITTED)) == "atomicity_violated"


def test_commit_replaces_claims_consumes_deposits_and_pays_when_home_decides(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(proven(proposal, Phase.PREPARED))
    assert clearing.claims(ALICE) == {}
    clearing.record(proven(proposal, Phase.COMMITTED))
    alice, bob = clearing.position(ALICE), clearing.position(BOB)

    def look(state: State) -> None:
        assert state.in_flight is None
        assert state.last_committed == proposal.settlement_id
        assert totals(state, "claims") == {alice: {USD: 1_000_100}, bob: {USD: 1_000_550}}
        assert [queue.consumed for queue in state.deposits.values()] == [2, 0, 1, 0, 0]
        assert totals(state, "pending") == totals(state, "held") == {}
        assert state.releases == {}
        assert state.collateral(bob, USD) == 1_000_550
        assert set(state.legs) == {HOME, SPOKE, REMOTE}
        assert state.cut is None
        assert state.settlements[proposal.settlement_id].proposal == replace(proposal, claims=())

    clearing.read(look)
    assert clearing.holding(ALICE) == (11, 1_210)
    assert clearing.read(lambda s: s.variation(alice, USD)) == 0


def test_commit_counts_once_when_home_is_proven_final_later(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(proven(proposal, Phase.COMMITTED))
    claims = clearing.claims(BOB)
    clearing.record(proven(proposal, Phase.COMMITTED))
    clearing.record(proven(proposal, Phase.FINAL))
    assert clearing.claims(BOB) == claims
    record = clearing.read(lambda state: state.settlements[proposal.settlement_id])
    assert record.outcome is Phase.FINAL


def test_commit_happens_when_home_was_seen_final_only(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(proven(proposal, Phase.FINAL))
    assert clearing.claims(ALICE)
    assert clearing.read(lambda state: state.last_committed) == proposal.settlement_id


def test_nothing_moves_when_only_a_spoke_is_proven_committed(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(proven(proposal, Phase.COMMITTED, chain_id=SPOKE))
    assert clearing.claims(ALICE) == {}
    assert clearing.read(lambda state: state.in_flight) == proposal.settlement_id


@pytest.mark.parametrize("lapsed", [False, True])
def test_abort_leaves_everything_as_it_was_when_home_decides(
    clearing: Clearing, proposal: SettlementProposed, lapsed: bool
) -> None:
    before = clearing.read(facts)
    if lapsed:
        late = proposal.settlement.prepare_deadline + 1
        clearing.record(proven(proposal, Phase.NONE, timestamp=late))
        clearing.record(proven(proposal, Phase.NONE, timestamp=late + 1))
    else:
        clearing.record(proven(proposal, Phase.ABORTED))
    assert clearing.read(facts) == before
    assert clearing.read(lambda s: (s.in_flight, s.cut, s.last_committed, s.cycle)) == (
        None,
        None,
        ZERO_HASH,
        1,
    )
    record = clearing.read(lambda state: state.settlements[proposal.settlement_id])
    assert record.proposal == replace(proposal, claims=())


def test_next_settlement_stays_in_flight_when_the_aborted_one_is_proven_again(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(proven(proposal, Phase.ABORTED))
    following = clearing.propose()
    clearing.record(proven(proposal, Phase.ABORTED))
    assert clearing.read(lambda state: state.in_flight) == following.settlement_id
    clearing.record(proven(following, Phase.COMMITTED))


def test_home_at_none_is_no_abort_when_the_deadline_has_not_passed(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    on_time = proposal.settlement.prepare_deadline
    clearing.record(proven(proposal, Phase.NONE, timestamp=on_time))
    assert clearing.read(lambda state: state.in_flight) == proposal.settlement_id
    clearing.record(proven(proposal, Phase.COMMITTED))


def test_settlement_is_closed_when_every_chain_reached_its_last_phase(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    def closed() -> bool:
        return clearing.read(lambda s: s.settlements[proposal.settlement_id].is_closed())

    clearing.prove(proposal, Phase.COMMITTED)
    clearing.prove(proposal, Phase.FINAL, [HOME, SPOKE])
    assert not closed()
    clearing.prove(proposal, Phase.FINAL, [REMOTE])
    assert closed()


def test_aborted_settlement_is_closed_when_spokes_aborted_or_lapsed(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    def closed() -> bool:
        return clearing.read(lambda s: s.settlements[proposal.settlement_id].is_closed())

    clearing.prove(proposal, Phase.ABORTED, [HOME, SPOKE])
    clearing.prove(proposal, Phase.NONE, [REMOTE])
    assert not closed()
    late = proposal.settlement.prepare_deadline + 1
    clearing.prove(proposal, Phase.NONE, [REMOTE], timestamp=late)
    assert closed()


def change_leg(proposal: SettlementProposed, **fields: Any) -> SettlementProposed:
    leg = proposal.legs[0]
    assets = (replace(leg.assets[0], **fields), *leg.assets[1:])
    return replace(proposal, legs=(replace(leg, assets=assets), *proposal.legs[1:]))


def column(quanta: list[int], dtype: str = "<i8") -> bytes:
    return np.array(quanta, dtype).tobytes()


def first_claims(proposal: SettlementProposed, **fields: Any) -> SettlementProposed:
    """Replace columns of the changes on home, which are those of Alice and Bob."""
    claims = (replace(proposal.claims[0], **fields), *proposal.claims[1:])
    return replace(proposal, claims=claims)


def more(proposal: SettlementProposed) -> list[int]:
    """Return the claims on home, the first a quantum too high."""
    alice, bob = proposal.claims[0].columns[1].tolist()
    return [alice + 1, bob]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: change_leg(p, deposit_cursor=1), "deposits_mismatch"),
        (lambda p: change_leg(p, deposit_hash=A_HASH), "deposits_mismatch"),
        (lambda p: change_leg(p, deposit_cursor=3), "entry_dangling"),
        (lambda p: change_leg(p, claims=1), "claims_mismatch"),
        (lambda p: first_claims(p, quanta=column([-1, 5])), "claim_negative"),
        (lambda p: first_claims(p, quanta=column(more(p))), "claims_mismatch"),
        (lambda p: first_claims(p, quanta=column([5])), "columns_uneven"),
        (lambda p: first_claims(p, positions=column([1, 0], "<u4")), "claims_unsorted"),
        (lambda p: first_claims(p, positions=column([0, 0], "<u4")), "claims_unsorted"),
        (lambda p: first_claims(p, positions=column([0, 2], "<u4")), "claim_unowned"),
        (lambda p: first_claims(p, positions=column([0, 2**31], "<u4")), "claim_unowned"),
        (lambda p: replace(p, claims=p.claims[1:]), "claims_mismatch"),
        (
            lambda p: replace(p, claims=(replace(p.claims[0], chain_id=ChainId(99)),)),
            "claim_inactive",
        ),
        (lambda p: replace(p, legs=p.legs[:2]), "entry_dangling"),
        (lambda p: replace(p, marks=()), "entry_dangling"),
        (lambda p: replace(p, releases=p.releases * 2), "entry_dangling"),
    ],
)
def test_apply_raises_when_a_commit_does_not_add_up(
    clearing: Clearing, proposal: SettlementProposed, spoil: Callable[..., Any], reason: str
) -> None:
    clearing.record(proven(proposal, Phase.ABORTED))
    again = clearing.propose()
    clearing.record(proven(again, Phase.ABORTED))
    cut = cut_now(clearing)
    clearing.record(cut)
    clearing.record(spoil(of_cut(again, cut, cycle=3)))
    commit = replace(proven(again, Phase.COMMITTED), settlement_id=A_HASH)
    assert corruption(clearing, commit) == reason


def test_apply_raises_when_deposit_cursor_goes_back(clearing: Clearing) -> None:
    clearing.settle()
    clearing.deposit(ALICE, 5)
    good = clearing.propose()
    clearing.record(proven(good, Phase.ABORTED))
    cut = cut_now(clearing)
    clearing.record(cut)
    clearing.record(of_cut(change_leg(good, deposit_cursor=1), cut, cycle=3))
    commit = replace(proven(good, Phase.COMMITTED), settlement_id=A_HASH)
    assert corruption(clearing, commit) == "deposits_mismatch"


def test_state_is_unchanged_when_a_transaction_is_reported(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    before = clearing.read(lambda state: (facts(state), repr(state.settlements)))
    clearing.record(TransactionIncluded(proposal.settlement_id, HOME, "prepare", A_HASH, 21_000, 0))
    after = clearing.read(lambda state: (facts(state), repr(state.settlements)))
    assert after == before


def test_signatures_are_kept_when_the_quorum_signed(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(SettlementSigned(proposal.settlement_id, (b"1", b"2")))
    record = clearing.read(lambda state: state.settlements[proposal.settlement_id])
    assert record.signatures == (b"1", b"2")


def test_earlier_settlement_is_final_when_a_later_one_is_proven_final(clearing: Clearing) -> None:
    first = clearing.propose()
    clearing.prove(first, Phase.COMMITTED)
    clearing.trade(ALICE, BOB, 1, 110)
    second = clearing.propose()
    clearing.prove(second, Phase.COMMITTED)
    clearing.prove(second, Phase.FINAL)
    phases = clearing.read(lambda state: dict(state.settlements[first.settlement_id].phases))
    assert set(phases.values()) == {Phase.FINAL}


def test_earlier_settlement_keeps_the_height_of_the_proof_when_a_later_one_makes_it_final(
    clearing: Clearing,
) -> None:
    first = clearing.propose()
    clearing.prove(first, Phase.COMMITTED)
    second = clearing.propose()
    clearing.prove(second, Phase.COMMITTED)
    clearing.record(replace(proven(second, Phase.FINAL, chain_id=SPOKE), height=90))
    heights = clearing.read(lambda state: dict(state.settlements[first.settlement_id].heights))
    assert heights[SPOKE] == 90, "what a node shows of a lower height is no news"
    assert heights[REMOTE] < 90


def open_ids(clearing: Clearing) -> list[bytes]:
    return clearing.read(lambda state: list(state.open_settlements))


def test_settlement_is_open_until_every_chain_reached_its_last_phase(clearing: Clearing) -> None:
    assert open_ids(clearing) == []
    first = clearing.propose()
    clearing.prove(first, Phase.COMMITTED)
    second = clearing.propose()
    assert open_ids(clearing) == [first.settlement_id, second.settlement_id]
    clearing.prove(second, Phase.ABORTED)
    assert open_ids(clearing) == [first.settlement_id]
    third = clearing.propose()
    clearing.prove(third, Phase.COMMITTED)
    clearing.prove(third, Phase.FINAL)
    assert open_ids(clearing) == [], "a final leg makes those before it final too"
    clearing.record(proven(third, Phase.FINAL))
    assert open_ids(clearing) == [], "a closed one never opens again"
