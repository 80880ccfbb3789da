"""The coordinator where a key, the writer or time fails it: told, tried again, nobody stopped."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.base import Signer
from clearinghouse.book.identifiers import Address
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import ClearingError, Rejected, Unavailable
from clearinghouse.settlement import coordinator as coordinator_module
from clearinghouse.settlement.coordinator import Coordinator, Schedule, has_work
from tests.builders import ALICE, BOB
from tests.unit.settlement.world import (
    HOME,
    REMOTE,
    SCHEDULE,
    SPOKE,
    SettlementWorld,
)


@pytest.fixture
def world() -> Iterator[SettlementWorld]:
    world = SettlementWorld()
    world.fund(ALICE, SPOKE, 1_000)
    world.fund(BOB, REMOTE, 1_000)
    yield world
    world.close()


class RemoteKey:
    """An operator key behind a connection."""

    def __init__(self, key: Signer) -> None:
        self.key = key
        self.failing = False

    @property
    def address(self) -> Address:
        return self.key.address

    def sign_digest(self, digest: Any) -> bytes:
        if self.failing:
            raise ConnectionError("the key is away")
        return self.key.sign_digest(digest)


def use_keys(world: SettlementWorld, keys: list[Any]) -> None:
    world.coordinator.close()
    world.coordinator = Coordinator(world.clearing.sequencer, world.adapters, keys, SCHEDULE)


def is_closed(world: SettlementWorld, cycle: int) -> bool:
    return world.settlement(cycle).is_closed()


def test_others_go_on_and_it_is_signed_later_when_an_operator_key_is_away(
    world: SettlementWorld,
) -> None:
    keys = [RemoteKey(key) for key in world.network.operators]
    use_keys(world, keys)
    world.coordinator.request_cut()
    world.drive(lambda: world.settlement(1).outcome is Phase.COMMITTED, seconds=5)
    world.drive(lambda: world.settlement(1).phases[SPOKE] is Phase.COMMITTED)
    world.drive(lambda: world.settlement(1).phases[REMOTE] is Phase.COMMITTED)
    world.trade(BOB, ALICE, 1, 130)
    assert world.coordinator.request_cut() == 2
    for key in keys:
        key.failing = True
    with capture_logs() as logs:
        world.drive(lambda: is_closed(world, 1), seconds=5)
    reasons = {line["reason"] for line in logs if line["event"] == "settlement.unsigned"}
    assert reasons == {"operator_signer_failed"}
    assert world.settlement(2).signatures == ()
    for key in keys:
        key.failing = False
    world.drive(lambda: is_closed(world, 2), seconds=5)
    assert world.settlement(2).outcome is Phase.FINAL


def test_intake_goes_on_while_an_operator_key_signs(world: SettlementWorld) -> None:
    class SlowKey(RemoteKey):
        def sign_digest(self, digest: Any) -> bytes:
            world.trade(BOB, ALICE, 1, 130)  # waits for the writer's thread
            return super().sign_digest(digest)

    first, *others = sorted(world.network.operators, key=lambda key: key.address)
    use_keys(world, [SlowKey(first), *others])
    world.coordinator.request_cut()
    world.coordinator._sign_if_needed(world.settlement(1).settlement_id)
    assert len(world.settlement(1).signatures) > 1
    assert world.clearing.read(lambda state: state.fill_count) == 1


def test_second_signing_changes_nothing_when_the_first_was_recorded_meanwhile(
    world: SettlementWorld,
) -> None:
    class RacingKey(RemoteKey):
        def sign_digest(self, digest: Any) -> bytes:
            if not world.settlement(1).signatures:
                use_keys(world, list(world.network.operators))
                world.coordinator._sign_if_needed(digest)
            return super().sign_digest(digest)

    racing = Coordinator(
        world.clearing.sequencer,
        world.adapters,
        [RacingKey(key) for key in world.network.operators],
        SCHEDULE,
    )
    racing.request_cut()
    racing._sign_if_needed(world.settlement(1).settlement_id)
    racing.close()
    signed = [
        entry
        for entry in world.clearing.journal.entries()
        if type(entry).__name__ == "SettlementSigned"
    ]
    assert len(signed) == 1


def test_refused_cut_leaves_no_entry_when_time_stands(world: SettlementWorld) -> None:
    world.coordinator.request_cut()
    world.drive(lambda: is_closed(world, 1), seconds=5)
    cut_time = world.settlement(1).proposal.settlement.cut_time
    world.adapters[HOME].hint_time = lambda: cut_time  # type: ignore[method-assign]
    before = world.clearing.journal.head()
    with pytest.raises(Rejected) as caught:
        world.coordinator.request_cut()
    assert caught.value.reason == "CUT_TOO_EARLY"
    assert world.clearing.journal.head() == before


@pytest.mark.parametrize(
    ("reason", "is_told"),
    [("settlement_in_flight", False), ("CUT_TOO_EARLY", False), ("OUT_OF_RANGE", True)],
)
def test_step_tells_why_a_due_cut_was_refused_unless_it_just_waits(
    world: SettlementWorld, monkeypatch: pytest.MonkeyPatch, reason: str, is_told: bool
) -> None:
    def refuse(*arguments: Any) -> None:
        raise Rejected(reason, "not now")

    world.restart(Schedule(200, 400, 1, 0.01))
    assert world.clearing.read(has_work)
    monkeypatch.setattr(coordinator_module, "propose", refuse)
    told: list[str] = []
    try:
        world.coordinator.step()
    except ClearingError as error:
        told.append(error.reason)
    assert told == ([reason] if is_told else [])


def test_included_transaction_is_logged_when_it_could_not_be_recorded(
    world: SettlementWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequencer = world.clearing.sequencer
    record = sequencer.record

    def refuse_reports(decide: Any) -> Future[int]:
        if decide.__qualname__.startswith("Coordinator._record_included"):
            refused: Future[int] = Future()
            refused.set_exception(Unavailable("journal_unwritable", "later"))
            return refused
        return record(decide)

    monkeypatch.setattr(sequencer, "record", refuse_reports)
    world.coordinator.request_cut()
    with capture_logs() as logs:
        world.step()
    lines = [line for line in logs if line["event"] == "transaction.unreported"]
    assert len(lines) == 3, "one prepare per chain"
    assert all("journal_unwritable" in line["error"] for line in lines)
