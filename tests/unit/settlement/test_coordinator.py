"""The coordinator on simulated chains: all or none, restartable at any line, nobody waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from clearinghouse.book.entries import (
    BatchRecorded,
    CycleCut,
    FinalityViolated,
    PhaseProven,
    SettlementProposed,
    TransactionIncluded,
)
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.errors import Conflict, Corruption, Unavailable
from clearinghouse.settlement import coordinator as coordinator_module
from clearinghouse.settlement.coordinator import (
    Coordinator,
    Schedule,
    has_work,
    package_of,
    propose,
)
from clearinghouse.settlement.driver import Driver
from clearinghouse.settlement.proposal import Timing
from clearinghouse.settlement.rebuild import verify_committed_legs
from clearinghouse.settlement.solvency import solvency_of
from tests.builders import ALICE, BOB
from tests.unit.settlement.world import (
    CHAINS,
    DOLLAR,
    HOME,
    REMOTE,
    SCHEDULE,
    SPOKE,
    SettlementWorld,
)


@pytest.fixture
def world() -> Iterator[SettlementWorld]:
    """Alice holds 1,000 on the spoke, Bob 1,000 on the remote chain; Bob has won 300 of her."""
    world = SettlementWorld()
    world.fund(ALICE, SPOKE, 1_000)
    world.fund(BOB, REMOTE, 1_000)
    world.trade(BOB, ALICE, 10, 100)
    world.trade(BOB, ALICE, 1, 130)
    yield world
    world.close()


def is_closed(world: SettlementWorld, cycle: int) -> bool:
    return world.settlement(cycle).is_closed()


def outcome(world: SettlementWorld, cycle: int) -> Phase:
    return world.settlement(cycle).outcome


def assert_settled(world: SettlementWorld) -> None:
    """Chains and ledger agree, to the quantum and to the root."""
    assert world.clearing.claims(ALICE, DOLLAR) == {SPOKE: 700}
    assert world.clearing.claims(BOB, DOLLAR) == {SPOKE: 300, REMOTE: 1_000}
    assert world.clearing.read(verify_committed_legs) == 3
    lines = world.clearing.read(lambda state: solvency_of(state, world.adapters))
    assert [line.is_whole for line in lines] == [True] * 3
    before = world.clearing.hash()
    world.restart()
    assert world.clearing.hash() == before


def test_settlement_becomes_final_on_every_chain_when_all_go_on(world: SettlementWorld) -> None:
    assert world.coordinator.request_cut() == 1
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert world.phases(1) == dict.fromkeys(CHAINS, Phase.FINAL)
    assert_settled(world)
    entries = world.clearing.journal.entries()
    included = [e for e in entries if isinstance(e, TransactionIncluded)]
    commits = {e.chain_id: e.proofs_verified for e in included if e.action == "commit"}
    assert commits == {HOME: 2, SPOKE: 1, REMOTE: 1}, "2(n-1) proofs for n chains"
    prepared = [e.chain_id for e in included if e.action == "prepare"]
    assert sorted(prepared) == list(CHAINS), "once each"


def test_settlement_becomes_final_when_restarted_after_every_step(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    steps = world.drive(lambda: is_closed(world, 1), seconds=20, restarting=True)
    assert steps > 4
    assert world.phases(1) == dict.fromkeys(CHAINS, Phase.FINAL)
    assert_settled(world)


def test_fills_go_on_and_are_settled_next_when_a_cycle_is_under_way(
    world: SettlementWorld,
) -> None:
    world.coordinator.request_cut()
    world.step()
    world.trade(BOB, ALICE, 1, 120)
    with pytest.raises(Conflict) as caught:
        world.coordinator.request_cut()
    assert caught.value.reason == "settlement_in_flight"
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert world.coordinator.request_cut() == 2
    world.drive(lambda: is_closed(world, 2), seconds=5)
    assert sum(world.clearing.claims(ALICE, DOLLAR).values()) == 1_000 - 300 + 11 * 10


def test_intake_goes_on_while_a_cycle_is_planned(
    world: SettlementWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan_slowly(*arguments: Any) -> SettlementProposed:
        world.trade(BOB, ALICE, 1, 150)
        return propose(*arguments)

    monkeypatch.setattr(coordinator_module, "propose", plan_slowly)
    assert world.coordinator.request_cut() == 1
    kinds = [type(entry) for entry in world.clearing.journal.entries()[-3:]]
    assert kinds == [CycleCut, BatchRecorded, SettlementProposed]
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert world.clearing.claims(ALICE, DOLLAR) == {SPOKE: 700}
    assert world.clearing.read(has_work)
    monkeypatch.undo()
    assert world.coordinator.request_cut() == 2
    world.drive(lambda: is_closed(world, 2), seconds=5)
    assert sum(world.clearing.claims(ALICE, DOLLAR).values()) == 700 - 11 * 20


def test_cut_that_nobody_planned_is_no_settlement_when_the_process_died(
    world: SettlementWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(coordinator_module, "propose", die)
    with pytest.raises(KeyboardInterrupt):
        world.coordinator.request_cut()
    monkeypatch.undo()
    assert isinstance(world.clearing.journal.entries()[-1], CycleCut)
    world.restart()
    assert world.coordinator.request_cut() == 1
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert_settled(world)


def test_all_follow_home_and_the_next_cycle_settles_it_when_a_spoke_is_halted(
    world: SettlementWorld,
) -> None:
    world.network.chains[REMOTE].halted = True
    world.coordinator.request_cut()
    world.drive(lambda: outcome(world, 1) is Phase.ABORTED, seconds=30)
    world.drive(lambda: world.phases(1)[SPOKE] is Phase.ABORTED, seconds=5)
    assert world.phases(1) == {HOME: Phase.ABORTED, SPOKE: Phase.ABORTED, REMOTE: Phase.NONE}
    assert world.clearing.claims(ALICE, DOLLAR) == {}, "nobody lost or gained anything"
    assert not is_closed(world, 1)
    world.resume(REMOTE)
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert world.coordinator.request_cut() == 2
    world.drive(lambda: is_closed(world, 2), seconds=5)
    assert_settled(world)


def test_prepared_spoke_follows_the_abort_when_it_resumes(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    world.step()
    assert world.phases(1) == dict.fromkeys(CHAINS, Phase.PREPARED)
    world.network.chains[REMOTE].halted = True
    world.drive(lambda: outcome(world, 1) is Phase.ABORTED, seconds=60)
    world.resume(REMOTE)
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert world.phases(1) == dict.fromkeys(CHAINS, Phase.ABORTED)


def test_prepared_spoke_follows_the_commit_when_it_resumes(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    world.step()
    world.advance(3)
    assert world.phases(1)[REMOTE] is Phase.PREPARED
    world.network.chains[REMOTE].halted = True
    world.drive(lambda: world.phases(1)[SPOKE] is Phase.FINAL, seconds=60)
    assert world.phases(1)[REMOTE] is Phase.PREPARED
    world.resume(REMOTE)
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert_settled(world)


def test_halted_chain_sits_the_cycle_out_when_its_time_is_up(world: SettlementWorld) -> None:
    world.network.chains[REMOTE].halted = True
    world.coordinator.request_cut()
    world.drive(lambda: world.phases(1)[SPOKE] is Phase.ABORTED, seconds=30)
    world.drive(lambda: world.settlement(1).phases[SPOKE] is Phase.ABORTED)
    settlement = world.settlement(1).proposal.settlement
    with pytest.raises(Conflict) as caught:
        world.coordinator.request_cut()
    assert caught.value.attributes["chain_id"] == REMOTE
    world.advance(blocks=3, seconds=2 * (settlement.decide_by - settlement.cut_time))
    assert world.coordinator.request_cut() == 2
    world.drive(lambda: outcome(world, 2) is Phase.FINAL, seconds=5)
    assert [leg.chain_id for leg in world.settlement(2).proposal.legs] == [HOME, SPOKE]
    assert world.clearing.claims(ALICE, DOLLAR) == {SPOKE: 700}
    assert world.clearing.claims(BOB, DOLLAR) == {SPOKE: 300}
    world.resume(REMOTE)
    world.drive(lambda: is_closed(world, 1) and is_closed(world, 2), seconds=5)
    assert world.coordinator.request_cut() == 3
    world.drive(lambda: is_closed(world, 3), seconds=5)
    assert_settled(world)


def test_settlement_goes_on_when_an_unreachable_node_is_back(world: SettlementWorld) -> None:
    world.network.chains[SPOKE].unreachable = True
    world.coordinator.request_cut()
    for _ in range(3):
        world.step()
        world.network.chains[HOME].mine()
    assert world.network.chains[HOME].state.anchor.phase(world.settlement(1).settlement_id) is (
        Phase.PREPARED
    )
    world.network.chains[SPOKE].unreachable = False
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert_settled(world)


def test_transactions_are_sent_again_when_a_chain_drops_them(world: SettlementWorld) -> None:
    for chain in world.network.chains.values():
        chain.drop_next = 1
    world.coordinator.request_cut()
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert_settled(world)


def test_anyone_drives_a_signed_settlement_when_the_coordinator_is_gone(
    world: SettlementWorld,
) -> None:
    world.coordinator.request_cut()
    world.coordinator._sign_if_needed(world.settlement(1).settlement_id)
    record = world.settlement(1)
    package = world.clearing.read(lambda state: package_of(state, record))
    world.coordinator.close()
    relay = Driver(world.adapters)
    for _ in range(60):
        relay.step(package)
        relay.close()
        world.advance(seconds=5)
        relay = Driver(world.adapters)
        if set(world.phases(1).values()) == {Phase.COMMITTED}:
            break
    relay.close()
    assert set(world.phases(1).values()) == {Phase.COMMITTED}
    world.start()
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert_settled(world)


def test_nothing_is_sent_when_operators_do_not_make_the_quorum(world: SettlementWorld) -> None:
    world.coordinator.close()
    world.coordinator = Coordinator(
        world.clearing.sequencer, world.adapters, world.network.operators[:1], SCHEDULE
    )
    world.coordinator.request_cut()
    with capture_logs() as logs:
        world.coordinator.step()
    assert [line["reason"] for line in logs if line["event"] == "settlement.unsigned"] == [
        "operator_quorum_missing"
    ]
    assert world.phases(1) == dict.fromkeys(CHAINS, Phase.NONE)


def test_clearing_halts_when_a_committee_equivocates(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    world.step()
    world.advance()
    world.step()
    world.network.equivocate(SPOKE, world.network.chains[SPOKE].finalised().height)
    world.drive(lambda: bool(world.clearing.read(lambda state: state.halted)))
    violations = [e for e in world.clearing.journal.entries() if isinstance(e, FinalityViolated)]
    assert [violation.chain_id for violation in violations] == [SPOKE]
    timing = Timing(10**10, 10**10 + 1, 10**10 + 2)
    with pytest.raises(Conflict) as caught:
        world.clearing.read(lambda state: propose(state, timing))
    assert caught.value.reason == "finality_violated"


def test_request_cut_is_refused_when_home_does_not_answer(world: SettlementWorld) -> None:
    world.network.chains[HOME].unreachable = True
    with pytest.raises(Unavailable):
        world.coordinator.request_cut()


def test_cuts_are_made_by_themselves_when_a_cycle_is_due(world: SettlementWorld) -> None:
    world.restart(Schedule(200, 400, 1_000, 0.01))
    world.drive(lambda: outcome(world, 1) is Phase.FINAL if has_cycles(world, 1) else False, 5)
    world.trade(BOB, ALICE, 1, 131)
    for _ in range(3):
        world.advance()
        world.step()
    assert not has_cycles(world, 2), "the next is due 1,000 seconds after the first"
    world.advance(blocks=3, seconds=1_000)
    world.drive(lambda: has_cycles(world, 2))


def test_aborted_fills_are_cut_again_by_themselves_when_a_cycle_is_due(
    world: SettlementWorld,
) -> None:
    settle_deposits(world)
    world.trade(BOB, ALICE, 1, 131)
    world.restart(Schedule(200, 400, 1, 0.01))
    world.network.chains[REMOTE].halted = True
    world.drive(lambda: has_cycles(world, 2) and outcome(world, 2) is Phase.ABORTED, seconds=60)
    assert world.clearing.read(has_work)
    world.resume(REMOTE)
    world.drive(lambda: has_cycles(world, 3) and is_closed(world, 3), seconds=5)
    assert not world.clearing.read(has_work)


def settle_deposits(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    world.drive(lambda: is_closed(world, 1), seconds=5)


def has_cycles(world: SettlementWorld, cycles: int) -> bool:
    return world.clearing.read(lambda state: state.cycle) >= cycles


def test_stale_view_is_no_news_when_a_node_lags_after_a_restart(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    world.drive(lambda: outcome(world, 1) is Phase.COMMITTED, seconds=5)
    entries = world.clearing.journal.entries()
    old = next(
        e for e in entries if isinstance(e, PhaseProven) and e.chain_id == HOME
        and e.phase is Phase.PREPARED
    )  # fmt: skip
    header = world.adapters[HOME].find_finalised_header()
    assert header is not None
    stale = type(header)(HOME, old.height, old.block_hash, header.state_root, old.timestamp)
    proven = world.adapters[HOME].prove_phase(header, old.settlement_id)
    view = world.coordinator._driver.step(
        world.clearing.read(lambda s: package_of(s, s.settlements[old.settlement_id]))
    )[HOME]
    lagging = type(view)(
        type(proven)(Phase.PREPARED, stale, proven.proof), view.hint_phase, view.hint_in_flight,
        view.hint_time,
    )  # fmt: skip
    before = len(world.clearing.journal.records)
    world.coordinator._record_phase(old.settlement_id, HOME, lagging)
    after = world.clearing.journal.entries()[before:]
    assert not any(isinstance(entry, PhaseProven) for entry in after)


def test_threads_stop_when_the_coordinator_is_started_and_closed(world: SettlementWorld) -> None:
    world.coordinator.start()
    world.coordinator.request_cut()
    world.coordinator.close()
    assert not world.coordinator._thread.is_alive()


def test_has_work_tells_what_a_cut_would_settle(world: SettlementWorld) -> None:
    assert not has_work(State())
    assert world.clearing.read(has_work)
    world.coordinator.request_cut()
    world.drive(lambda: is_closed(world, 1), seconds=5)
    assert not world.clearing.read(has_work)
    world.trade(BOB, ALICE, 1, 130)
    assert world.clearing.read(has_work)


def test_cut_keeps_to_attested_time_when_a_node_runs_ahead(world: SettlementWorld) -> None:
    home = world.adapters[HOME]
    header = home.find_finalised_header()
    assert header is not None
    latency = world.clearing.read(lambda state: state.get_genesis().windows.client_latency_seconds)
    home.hint_time = lambda: 2**40  # type: ignore[method-assign]
    world.coordinator.request_cut()
    assert world.settlement(1).proposal.settlement.cut_time == header.timestamp + latency


def test_cut_is_refused_when_home_has_no_finalised_header(world: SettlementWorld) -> None:
    world.adapters[HOME].find_finalised_header = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Unavailable) as caught:
        world.coordinator.request_cut()
    assert caught.value.reason == "home_not_final"


@pytest.mark.parametrize("error", [Corruption("x", "y"), RuntimeError("bug")])
def test_coordinator_reports_a_fatal_error_when_a_step_cannot_go_on(
    world: SettlementWorld, error: Exception
) -> None:
    heard: list[Exception] = []
    told = threading.Event()

    def on_fatal(failure: Exception) -> None:
        heard.append(failure)
        told.set()

    coordinator = Coordinator(
        world.clearing.sequencer, world.adapters, world.network.operators, SCHEDULE, on_fatal
    )

    def fail() -> None:
        raise error

    coordinator.step = fail  # type: ignore[method-assign]
    coordinator.start()
    assert told.wait(10)
    coordinator.close()
    assert heard == [error]


def test_unsigned_settlement_lapses_when_the_operator_keys_are_away(
    world: SettlementWorld,
) -> None:
    world.coordinator = Coordinator(world.clearing.sequencer, world.adapters, (), SCHEDULE)
    world.coordinator.request_cut()
    world.drive(lambda: outcome(world, 1) is Phase.ABORTED, seconds=30)
    assert world.settlement(1).signatures == ()
    world.start()
    assert world.coordinator.request_cut() == 2
    world.drive(lambda: is_closed(world, 2), seconds=5)
    assert_settled(world)
