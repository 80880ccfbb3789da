"""Applying entries: what each changes, and that none contradicts what was recorded before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from clearinghouse.book.entries import (
    BatchRecorded,
    ClaimChange,
    DepositFinalised,
    Entry,
    FinalityViolated,
    GenesisRecorded,
    InstrumentListed,
    PhaseProven,
    RecordedFill,
    ReleaseAccepted,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.book.orders import Reason, Release, Side
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.errors import ClearingError, Corruption
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    HOME,
    INSTRUMENTS,
    NEVER,
    REMOTE,
    SPOKE,
    USD,
    VENUE,
    Clearing,
    build_genesis,
    build_order,
    hash_of,
    sign_order,
)

A_HASH = Hash32(b"\x09" * 32)
replace = msgspec.structs.replace


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.close()


def corruption(clearing: Clearing, entry: Entry) -> str:
    """Record a bad entry; return the reason after seeing that nothing of it stayed."""
    before, entries = clearing.hash(), len(clearing.journal.records)
    with pytest.raises(Corruption) as caught:
        clearing.record(entry)
    assert (clearing.hash(), len(clearing.journal.records)) == (before, entries)
    return caught.value.reason


def last(clearing: Clearing, kind: type) -> Any:
    return next(e for e in reversed(clearing.journal.entries()) if isinstance(e, kind))


# -- reference data and deposits ----------------------------------------------------------------


def test_genesis_opens_every_vault_when_applied() -> None:
    state = State()
    apply(state, GenesisRecorded(build_genesis()))
    assert set(state.deposits) == set(state.claims)
    assert len(state.deposits) == 5


def test_get_genesis_raises_conflict_when_the_journal_is_empty() -> None:
    with pytest.raises(ClearingError) as caught:
        State().get_genesis()
    assert caught.value.reason == "genesis_missing"


def test_apply_raises_when_reference_data_is_recorded_twice(clearing: Clearing) -> None:
    assert corruption(clearing, GenesisRecorded(build_genesis())) == "genesis_twice"
    assert corruption(clearing, InstrumentListed(INSTRUMENTS[0])) == "instrument_twice"


def test_deposit_makes_a_member_when_it_is_the_first(clearing: Clearing) -> None:
    clearing.deposit(CAROL, 5, SPOKE)
    clearing.deposit(CAROL, 6, HOME)
    position = clearing.position(CAROL)
    assert position == 2
    assert clearing.read(lambda state: state.members[position]) == CAROL.address
    assert clearing.read(lambda state: state.collateral(position, USD)) == 11


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"index": 1}, "deposit_out_of_order"),
        ({"index": 3}, "deposit_out_of_order"),
        ({"total": 2**63}, "deposit_overflow"),
        ({"chain_id": ChainId(99)}, "entry_dangling"),
    ],
)
def test_apply_raises_when_deposit_does_not_follow(
    clearing: Clearing, change: dict[str, Any], reason: str
) -> None:
    following = replace(last(clearing, DepositFinalised), index=2)
    assert corruption(clearing, replace(following, **change)) == reason
    clearing.record(following)


def test_apply_raises_when_positions_are_exhausted() -> None:
    class Full(list):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 2**32

    state = State()
    apply(state, GenesisRecorded(build_genesis()))
    state.members = Full()
    with pytest.raises(Corruption) as caught:
        apply(state, DepositFinalised(HOME, USD, 0, ALICE.address, 1, 1, A_HASH, 1, A_HASH))
    assert caught.value.reason == "positions_exhausted"


# -- releases and batches -----------------------------------------------------------------------


def test_apply_raises_when_release_is_taken_twice_or_by_nobody(clearing: Clearing) -> None:
    clearing.release(ALICE, 5)
    assert corruption(clearing, last(clearing, ReleaseAccepted)) == "release_twice"
    stranger = Release(CAROL.address, HOME, USD, 5, 1, NEVER)
    assert corruption(clearing, ReleaseAccepted(A_HASH, stranger, b"")) == "entry_dangling"


def batch_of(*fills: RecordedFill, orders: tuple[Any, ...] = ()) -> BatchRecorded:
    return BatchRecorded(VENUE.address, A_HASH, A_HASH, b"", 0, orders, fills)


@pytest.fixture
def orders() -> dict[str, Any]:
    """A buy order of Alice and a sell order of Bob over 10 lots, by digest."""
    signed = {
        "buy": sign_order(ALICE, build_order(ALICE, Side.BUY, 10, 100)),
        "sell": sign_order(BOB, build_order(BOB, Side.SELL, 10, 100)),
    }
    return {name: (hash_of(order), order) for name, order in signed.items()}


def test_apply_novates_fill_when_it_is_admitted(clearing: Clearing, orders: dict[str, Any]) -> None:
    buy, sell = orders["buy"][0], orders["sell"][0]
    fills = [RecordedFill(buy, sell, quantity, 50, Reason.ADMITTED) for quantity in (1, 4)]
    refused = RecordedFill(buy, sell, 1, 1, Reason.MARGIN_INSUFFICIENT)
    entry = batch_of(fills[0], refused, fills[1], orders=tuple(orders.values()))
    sequence = clearing.record(entry)
    assert clearing.holding(ALICE) == (5, 100)
    assert clearing.holding(BOB) == (-5, -100)
    answer = clearing.read(lambda state: state.batches[(VENUE.address, A_HASH)])
    assert (answer.sequence, answer.reasons) == (sequence, tuple(f.reason for f in entry.fills))
    assert clearing.read(lambda state: (state.fill_count, state.marks[BTC])) == (2, 12)


@pytest.mark.parametrize(
    ("names", "quantity", "reason"),
    [
        (("sell", "buy"), 1, "fill_sides"),
        (("buy", "buy"), 1, "fill_sides"),
        (("buy", "sell"), 11, "order_overfilled"),
    ],
)
def test_apply_raises_when_admitted_fill_does_not_fit_its_orders(
    clearing: Clearing,
    orders: dict[str, Any],
    names: tuple[str, str],
    quantity: int,
    reason: str,
) -> None:
    buy, sell = (orders[name][0] for name in names)
    fill = RecordedFill(buy, sell, quantity, 1, Reason.ADMITTED)
    assert corruption(clearing, batch_of(fill, orders=tuple(orders.values()))) == reason


def test_apply_raises_when_fill_or_order_names_nobody(
    clearing: Clearing, orders: dict[str, Any]
) -> None:
    unknown = RecordedFill(A_HASH, A_HASH, 1, 1, Reason.ADMITTED)
    assert corruption(clearing, batch_of(unknown)) == "entry_dangling"
    stranger = sign_order(CAROL, build_order(CAROL, Side.BUY, 1, 1))
    entry = batch_of(orders=((hash_of(stranger), stranger),))
    assert corruption(clearing, entry) == "entry_dangling"


def test_apply_raises_when_batch_is_recorded_twice(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 1, 100)
    assert corruption(clearing, last(clearing, BatchRecorded)) == "batch_twice"


# -- settlements --------------------------------------------------------------------------------


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


def test_apply_raises_when_proposal_does_not_follow(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    def with_settlement(**fields: Any) -> SettlementProposed:
        settlement = replace(proposal.settlement, **fields)
        return replace(proposal, settlement=settlement, settlement_id=A_HASH)

    assert corruption(clearing, with_settlement(cycle=2)) == "settlement_in_flight"
    clearing.record(proven(proposal, Phase.ABORTED))
    assert corruption(clearing, with_settlement(cycle=1)) == "cycle_reused"
    assert corruption(clearing, with_settlement(cycle=2, parent=A_HASH)) == "parent_mismatch"
    clearing.record(with_settlement(cycle=2))


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
        assert state.claims_total == {alice: {USD: 1_000_100}, bob: {USD: 1_000_550}}
        assert [queue.consumed for queue in state.deposits.values()] == [2, 0, 1, 0, 0]
        assert not any(any(own.values()) for own in state.pending_deposits.values())
        assert state.held[bob] == {USD: 0}
        assert state.releases == {}
        assert state.collateral(bob, USD) == 1_000_550
        assert set(state.legs) == {HOME, SPOKE, REMOTE}

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
    accounts = ("holdings", "deposits", "claims", "claims_total", "pending_deposits", "releases",
                "held", "residuals", "marks", "legs", "leg_hashes", "cut_fill_count")  # fmt: skip

    def books(state: State) -> str:
        return repr([getattr(state, name) for name in accounts])

    before = clearing.read(books)
    if lapsed:
        late = proposal.settlement.prepare_deadline + 1
        clearing.record(proven(proposal, Phase.NONE, timestamp=late))
        clearing.record(proven(proposal, Phase.NONE, timestamp=late + 1))
    else:
        clearing.record(proven(proposal, Phase.ABORTED))
    assert clearing.read(books) == before
    assert clearing.read(lambda s: (s.in_flight, s.last_committed, s.cycle)) == (
        None,
        ZERO_HASH,
        1,
    )


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


def first_claim(proposal: SettlementProposed, **fields: Any) -> SettlementProposed:
    claims = (replace(proposal.claims[0], **fields), *proposal.claims[1:])
    return replace(proposal, claims=claims)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: change_leg(p, deposit_cursor=1), "deposits_mismatch"),
        (lambda p: change_leg(p, deposit_hash=A_HASH), "deposits_mismatch"),
        (lambda p: change_leg(p, deposit_cursor=3), "entry_dangling"),
        (lambda p: change_leg(p, claims=1), "claims_mismatch"),
        (lambda p: first_claim(p, quanta=-1), "claim_negative"),
        (lambda p: first_claim(p, quanta=p.claims[0].quanta + 1), "claims_mismatch"),
        (lambda p: replace(p, claims=p.claims[1:]), "claims_mismatch"),
        (lambda p: replace(p, claims=(ClaimChange(ChainId(99), USD, 0, 1),)), "claim_inactive"),
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
    bad = spoil(replace(again, settlement=replace(again.settlement, cycle=3)))
    clearing.record(replace(bad, settlement_id=A_HASH))
    commit = replace(proven(again, Phase.COMMITTED), settlement_id=A_HASH)
    assert corruption(clearing, commit) == reason


def test_apply_raises_when_deposit_cursor_goes_back(clearing: Clearing) -> None:
    clearing.settle()
    clearing.deposit(ALICE, 5)
    good = clearing.propose()
    clearing.record(proven(good, Phase.ABORTED))
    bad = change_leg(good, deposit_cursor=1)
    bad = replace(bad, settlement=replace(good.settlement, cycle=3), settlement_id=A_HASH)
    clearing.record(bad)
    commit = replace(proven(good, Phase.COMMITTED), settlement_id=A_HASH)
    assert corruption(clearing, commit) == "deposits_mismatch"


# -- reports and halts --------------------------------------------------------------------------


def test_state_is_unchanged_when_a_transaction_is_reported(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    before = clearing.read(lambda state: repr((state.claims, state.settlements, state.holdings)))
    clearing.record(TransactionIncluded(proposal.settlement_id, HOME, "prepare", A_HASH, 21_000, 0))
    after = clearing.read(lambda state: repr((state.claims, state.settlements, state.holdings)))
    assert after == before


def test_signatures_are_kept_when_the_quorum_signed(
    clearing: Clearing, proposal: SettlementProposed
) -> None:
    clearing.record(SettlementSigned(proposal.settlement_id, (b"1", b"2")))
    record = clearing.read(lambda state: state.settlements[proposal.settlement_id])
    assert record.signatures == (b"1", b"2")


def test_state_is_halted_when_finality_was_violated(clearing: Clearing) -> None:
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    halted = clearing.read(lambda state: state.halted)
    assert halted == f"finality_violated on chain {SPOKE}: two blocks of one height"


def test_chain_is_found_by_its_id_when_listed(clearing: Clearing) -> None:
    assert clearing.read(lambda state: state.chain(SPOKE).chain_id) == SPOKE
    with pytest.raises(KeyError):
        clearing.read(lambda state: state.chain(ChainId(99)))


def test_earlier_settlement_is_final_when_a_later_one_is_proven_final(clearing: Clearing) -> None:
    first = clearing.propose()
    clearing.prove(first, Phase.COMMITTED)
    clearing.trade(ALICE, BOB, 1, 110)
    second = clearing.propose()
    clearing.prove(second, Phase.COMMITTED)
    clearing.prove(second, Phase.FINAL)
    phases = clearing.read(lambda state: dict(state.settlements[first.settlement_id].phases))
    assert set(phases.values()) == {Phase.FINAL}
