"""A driver on which a chain's adapter fails in a way that nobody foresaw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from clearinghouse.book.settlements import Phase
from tests.builders import ALICE
from tests.unit.settlement.world import CHAINS, REMOTE, SPOKE, SettlementWorld


@pytest.fixture
def world() -> Iterator[SettlementWorld]:
    world = SettlementWorld()
    world.fund(ALICE, SPOKE, 1_000)
    yield world
    world.close()


def test_bug_in_an_adapter_is_logged_and_tried_again_when_it_acts(world: SettlementWorld) -> None:
    adapter = world.adapters[REMOTE]
    prepare = adapter.submit_prepare

    def fail(*arguments: Any) -> None:
        raise KeyError("bug")

    adapter.submit_prepare = fail  # type: ignore[method-assign, assignment]
    world.coordinator.request_cut()
    with capture_logs() as logs:
        world.step()
        world.step()
    failed = [line for line in logs if line["event"] == "chain.action_failed"]
    assert [(line["chain"], line["doing"]) for line in failed] == [(REMOTE, "prepare")], "once"
    assert world.phases(1)[REMOTE] is Phase.NONE
    adapter.submit_prepare = prepare  # type: ignore[method-assign]
    world.drive(lambda: world.settlement(1).is_closed(), seconds=5)
    assert world.phases(1) == dict.fromkeys(CHAINS, Phase.FINAL)
