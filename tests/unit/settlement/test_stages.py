"""What a settlement needs next, row by row: from the cut to final, and every way to abort."""

from __future__ import annotations

import pytest

from adapters.base import CounterProof, ProvenPhase
from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.book.settlements import ChainEntry, Leg, OperatorSet, Phase, Settlement
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.settlement.stages import Action, ChainView, SettlementPackage, next_actions
from tests.builders import CHAINS, CLEARINGHOUSE_ID, HOME, REMOTE, SPOKE, anchor_of

NONE, PREPARED, COMMITTED = Phase.NONE, Phase.PREPARED, Phase.COMMITTED
ABORTED, FINAL = Phase.ABORTED, Phase.FINAL
SETTLEMENT_ID = Hash32(b"\x01" * 32)
OTHER_ID = Hash32(b"\x02" * 32)
CUT_TIME, PREPARE_DEADLINE, DECIDE_BY, CHALLENGE_SECONDS = 1_000, 1_100, 1_200, 60


def package(
    active: tuple[ChainId, ...] = CHAINS, signatures: tuple[bytes, ...] = (b"1", b"2")
) -> SettlementPackage:
    z = ZERO_HASH
    chains = tuple(ChainEntry(c, anchor_of(c), z, c in active) for c in CHAINS)
    settlement = Settlement(
        CLEARINGHOUSE_ID, 1, z, 1, CUT_TIME, 5, z, z, z, z, z, PREPARE_DEADLINE, DECIDE_BY, chains
    )
    return SettlementPackage(
        settlement_id=SETTLEMENT_ID,
        settlement=settlement,
        legs=tuple(Leg(c, anchor_of(c), 1, z, (), z) for c in active),
        operator_set=OperatorSet(1, 2, (), z),
        signatures=signatures,
        home_chain_id=HOME,
        challenge_seconds=CHALLENGE_SECONDS,
    )


def view(
    chain_id: ChainId,
    proven: Phase,
    hint: Phase | None = None,
    *,
    time: int = CUT_TIME,
    header_time: int | None = None,
    in_flight: Hash32 = ZERO_HASH,
    clients: dict[ChainId, int] | None = None,
    height: int = 50,
) -> ChainView:
    """Return a view; the newest block says ``hint``, by default the same as is proven."""
    header = VerifiedHeader(
        chain_id,
        height,
        Hash32(chain_id.to_bytes(32, "big")),
        ZERO_HASH,
        time if header_time is None else header_time,
    )
    proof = CounterProof(height, (f"account {chain_id}".encode(),), (proven.name.encode(),))
    return ChainView(
        ProvenPhase(proven, header, proof),
        proven if hint is None else hint,
        in_flight,
        time,
        clients or {},
    )


def decide(
    *views: ChainView, committed_at: int = 0, of: SettlementPackage | None = None
) -> list[tuple[ChainId, str]]:
    """Return (chain, action name) of what is next."""
    actions = next_actions(
        of or package(), {view.header.chain_id: view for view in views}, committed_at
    )
    assert len({action.chain_id for action in actions}) == len(actions)
    return [(action.chain_id, action.name) for action in actions]


def action_of(*views: ChainView, chain: ChainId, committed_at: int = 0) -> Action:
    actions = next_actions(package(), {v.header.chain_id: v for v in views}, committed_at)
    return next(action for action in actions if action.chain_id == chain)


ALL_NONE = [view(chain, NONE) for chain in CHAINS]
ALL_PREPARED = [view(chain, PREPARED) for chain in CHAINS]


# -- prepare ------------------------------------------------------------------------------------


def test_every_chain_prepares_when_a_settlement_is_signed() -> None:
    assert decide(*ALL_NONE) == [(chain, "prepare") for chain in CHAINS]


def test_nothing_is_done_when_the_package_is_not_signed() -> None:
    assert decide(*ALL_NONE, of=package(signatures=())) == []
    assert decide(*ALL_PREPARED, of=package(signatures=())) == []


def test_only_active_chains_act_when_one_sits_the_cycle_out() -> None:
    assert decide(*ALL_NONE, of=package((HOME, REMOTE))) == [(HOME, "prepare"), (REMOTE, "prepare")]


@pytest.mark.parametrize(
    ("time", "expected"), [(PREPARE_DEADLINE, ["prepare"] * 3), (PREPARE_DEADLINE + 1, [])]
)
def test_prepare_is_sent_only_when_the_deadline_has_not_passed(
    time: int, expected: list[str]
) -> None:
    views = [view(chain, NONE, time=time, header_time=CUT_TIME) for chain in CHAINS]
    assert [name for _, name in decide(*views)] == expected


@pytest.mark.parametrize("chain", [HOME, SPOKE])
def test_prepare_waits_when_another_settlement_is_in_flight_there(chain: ChainId) -> None:
    views = [view(c, NONE, in_flight=OTHER_ID if c == chain else ZERO_HASH) for c in CHAINS]
    assert decide(*views) == [(c, "prepare") for c in CHAINS if c != chain]


def test_prepare_is_not_repeated_when_the_newest_block_shows_it() -> None:
    views = [view(chain, NONE, PREPARED, in_flight=SETTLEMENT_ID) for chain in CHAINS]
    assert decide(*views) == []


def test_others_go_on_when_a_chain_is_silent() -> None:
    for silent in CHAINS:
        views = [each for each in ALL_NONE if each.header.chain_id != silent]
        assert decide(*views) == [(chain, "prepare") for chain in CHAINS if chain != silent]
    assert decide() == []


def test_spokes_still_prepare_when_home_is_proven_prepared_before_them() -> None:
    actions = decide(view(HOME, PREPARED), view(SPOKE, NONE), view(REMOTE, PREPARED))
    assert actions == [(SPOKE, "prepare")]


@pytest.mark.parametrize("decided", [COMMITTED, ABORTED, FINAL])
def test_spokes_do_not_prepare_when_home_has_decided(decided: Phase) -> None:
    assert decide(view(HOME, decided), view(SPOKE, NONE), view(REMOTE, NONE)) == []


# -- commit -------------------------------------------------------------------------------------


def test_home_commits_with_a_proof_per_spoke_when_all_are_proven_prepared() -> None:
    assert decide(*ALL_PREPARED) == [(HOME, "commit")]
    action = action_of(*ALL_PREPARED, chain=HOME)
    assert [proof.account_proof for proof in action.proofs] == [
        (b"account %d" % SPOKE,),
        (b"account %d" % REMOTE,),
    ]
    assert [chain for chain, _ in action.updates] == [SPOKE, REMOTE]
    assert action.of_chain is None


def test_home_commits_when_only_itself_is_not_final_yet() -> None:
    views = [view(HOME, NONE, PREPARED), *ALL_PREPARED[1:]]
    assert decide(*views) == [(HOME, "commit")]


@pytest.mark.parametrize("missing", [SPOKE, REMOTE])
def test_home_waits_when_a_spoke_is_only_said_to_be_prepared(missing: ChainId) -> None:
    views = [view(c, NONE if c == missing else PREPARED, PREPARED) for c in CHAINS]
    assert decide(*views) == []
    assert decide(*[v for v in ALL_PREPARED if v.header.chain_id != missing]) == []


def test_home_updates_only_clients_that_are_behind_when_it_commits() -> None:
    home = view(HOME, PREPARED, clients={SPOKE: 50, REMOTE: 49})
    action = action_of(home, *ALL_PREPARED[1:], chain=HOME)
    assert [(chain, header.height) for chain, header in action.updates] == [(REMOTE, 50)]
    assert len(action.proofs) == 2


def test_home_waits_when_a_client_is_ahead_of_what_we_saw() -> None:
    home = view(HOME, PREPARED, clients={SPOKE: 51, REMOTE: 0})
    assert decide(home, *ALL_PREPARED[1:]) == []


def test_home_prepares_only_when_it_is_alone() -> None:
    alone = package((HOME,))
    assert decide(view(HOME, NONE), of=alone) == [(HOME, "prepare")]
    late = view(HOME, COMMITTED, time=CUT_TIME + CHALLENGE_SECONDS + 1)
    assert decide(late, committed_at=CUT_TIME, of=alone) == [(HOME, "finalize")]


@pytest.mark.parametrize("decided", [COMMITTED, FINAL])
def test_spokes_commit_with_homes_proof_when_home_is_proven_decided(decided: Phase) -> None:
    views = [view(HOME, decided), *ALL_PREPARED[1:]]
    assert decide(*views) == [(SPOKE, "commit"), (REMOTE, "commit")]
    for chain in (SPOKE, REMOTE):
        action = action_of(*views, chain=chain)
        assert action.proofs == (views[0].proven.proof,)
        assert action.updates == ((HOME, views[0].header),)


def test_spokes_wait_when_home_only_says_that_it_committed() -> None:
    home = view(HOME, PREPARED, COMMITTED)
    assert decide(home, *ALL_PREPARED[1:]) == []


def test_spokes_wait_when_home_is_silent_or_their_client_is_ahead() -> None:
    assert decide(*ALL_PREPARED[1:]) == []
    ahead = view(SPOKE, PREPARED, clients={HOME: 51})
    level = view(REMOTE, PREPARED, clients={HOME: 50})
    assert decide(view(HOME, COMMITTED), ahead, level) == [(REMOTE, "commit")]
    action = action_of(view(HOME, COMMITTED), ahead, level, chain=REMOTE)
    assert action.updates == ()


# -- abort --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "expected"), [(DECIDE_BY, [(HOME, "commit")]), (DECIDE_BY + 1, [(HOME, "abort")])]
)
def test_home_aborts_by_its_own_clock_when_decide_by_has_passed(
    time: int, expected: list[tuple[ChainId, str]]
) -> None:
    assert decide(view(HOME, PREPARED, time=time), *ALL_PREPARED[1:]) == expected


def test_home_aborts_without_proofs_when_decide_by_has_passed_and_all_are_silent() -> None:
    home = view(HOME, PREPARED, time=DECIDE_BY + 1)
    assert decide(home) == [(HOME, "abort")]
    action = action_of(home, chain=HOME)
    assert (action.proofs, action.updates) == ((), ())


@pytest.mark.parametrize(
    ("header_time", "expected"),
    [(PREPARE_DEADLINE, []), (PREPARE_DEADLINE + 1, [(HOME, "abort_by_absence")])],
)
def test_home_aborts_by_absence_when_a_spoke_provably_missed_the_deadline(
    header_time: int, expected: list[tuple[ChainId, str]]
) -> None:
    late = view(REMOTE, NONE, time=PREPARE_DEADLINE + 9, header_time=header_time)
    home, spoke = view(HOME, PREPARED, time=PREPARE_DEADLINE + 5), view(SPOKE, PREPARED)
    assert decide(home, spoke, late) == expected
    if expected:
        action = action_of(home, spoke, late, chain=HOME)
        assert (action.of_chain, action.proofs) == (REMOTE, (late.proven.proof,))
        assert action.updates == ((REMOTE, late.header),)


def test_abort_by_absence_waits_when_the_client_is_ahead() -> None:
    late = view(SPOKE, NONE, time=PREPARE_DEADLINE + 9)
    home = view(HOME, PREPARED, time=PREPARE_DEADLINE + 9, clients={SPOKE: 51})
    assert decide(home, late, view(REMOTE, PREPARED)) == []


def test_spokes_abort_with_homes_proof_when_home_is_proven_aborted() -> None:
    home = view(HOME, ABORTED, time=DECIDE_BY + 5)
    views = [home, *ALL_PREPARED[1:]]
    assert decide(*views) == [(SPOKE, "abort_by_proof"), (REMOTE, "abort_by_proof")]
    assert action_of(*views, chain=SPOKE).proofs == (home.proven.proof,)


def test_spokes_wait_when_home_only_says_that_it_aborted() -> None:
    home = view(HOME, PREPARED, ABORTED, time=DECIDE_BY + 5)
    assert decide(home, *ALL_PREPARED[1:]) == []


@pytest.mark.parametrize(
    ("header_time", "names"),
    [(PREPARE_DEADLINE, []), (PREPARE_DEADLINE + 1, ["abort_by_proof"] * 2)],
)
def test_spokes_abort_when_home_provably_missed_the_deadline(
    header_time: int, names: list[str]
) -> None:
    home = view(HOME, NONE, time=PREPARE_DEADLINE + 9, header_time=header_time)
    assert [name for _, name in decide(home, *ALL_PREPARED[1:])] == names


def test_spoke_does_nothing_more_when_it_never_prepared_what_was_aborted() -> None:
    late = PREPARE_DEADLINE + 50
    views = [view(HOME, ABORTED, time=late), view(SPOKE, NONE, time=late),
             view(REMOTE, ABORTED, time=late)]  # fmt: skip
    assert decide(*views) == []


# -- final --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "committed_at", "expected"),
    [
        (CUT_TIME + CHALLENGE_SECONDS, CUT_TIME, []),
        (CUT_TIME + CHALLENGE_SECONDS + 1, CUT_TIME, [(HOME, "finalize")]),
        (CUT_TIME + 10 * CHALLENGE_SECONDS, 0, []),
    ],
)
def test_home_finalizes_only_when_the_challenge_window_has_ended(
    time: int, committed_at: int, expected: list[tuple[ChainId, str]]
) -> None:
    views = [view(chain, COMMITTED, time=time) for chain in CHAINS]
    assert decide(*views, committed_at=committed_at) == expected


def test_spokes_finalize_by_proof_when_home_is_proven_final() -> None:
    views = [view(HOME, FINAL), view(SPOKE, COMMITTED), view(REMOTE, COMMITTED)]
    assert decide(*views, committed_at=1) == [
        (SPOKE, "finalize_by_proof"),
        (REMOTE, "finalize_by_proof"),
    ]
    assert action_of(*views, chain=SPOKE).proofs == (views[0].proven.proof,)


def test_spokes_wait_when_home_only_says_that_it_is_final() -> None:
    views = [view(HOME, COMMITTED, FINAL), view(SPOKE, COMMITTED), view(REMOTE, COMMITTED)]
    assert decide(*views, committed_at=1) == []


def test_late_spoke_commits_before_it_finalizes_when_home_is_final() -> None:
    views = [view(HOME, FINAL), view(SPOKE, PREPARED), view(REMOTE, FINAL)]
    assert decide(*views, committed_at=1) == [(SPOKE, "commit")]


@pytest.mark.parametrize("last", [FINAL, ABORTED])
def test_nothing_is_done_when_every_chain_has_reached_its_last_phase(last: Phase) -> None:
    views = [view(chain, last, time=DECIDE_BY + 10_000) for chain in CHAINS]
    assert decide(*views, committed_at=1) == []


def test_actions_are_the_same_when_asked_again_or_in_another_order() -> None:
    views = {v.header.chain_id: v for v in ALL_PREPARED}
    backwards = dict(reversed(views.items()))
    first = next_actions(package(), views, 0)
    assert next_actions(package(), backwards, 0) == first == next_actions(package(), views, 0)
