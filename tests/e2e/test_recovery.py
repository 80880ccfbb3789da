"""The coordinator is killed between any two stages, nodes are killed, and nothing is lost.

Each settlement of the first test is interrupted three times: while it is prepared, while it is
committed and while it becomes final. Together the crash points cover both sides of every entry that
a settlement leaves in the journal: the effect without its record, and the record without what
follows from it.

The challenge window is long, and ends when the test moves the chains' clocks: so no stage is
skipped because the machine is slow and the chains are faster than who looks at them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.base import ChainAdapter
from clearinghouse.book.identifiers import ChainId
from clearinghouse.book.orders import FillBatch, SignedOrder
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import ClearingError, Unavailable
from clearinghouse.intake.ports import BatchReceipt
from devnets.harness import Devnet
from tests.builders import ALICE, BOB, CAROL
from tests.e2e.clearing import (
    CHAINS,
    DEPOSIT_QUANTA,
    HOME,
    OTHER,
    SPOKE,
    Desk,
    Trade,
    check_settled,
    cut,
    pass_time,
    patient_configuration,
    read_state,
    stream,
    submit,
    until,
    until_phase,
)
from tests.e2e.crashing_server import CrashPoint, ForkedServer

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("recovery")]

CHALLENGE_SECONDS = 600

CRASHES = [
    (
        CrashPoint("before", "proposed"),
        CrashPoint("after", "update", HOME),
        CrashPoint("before", "finalize", HOME),
    ),
    (
        CrashPoint("after", "proposed"),
        CrashPoint("before", "commit", HOME),
        CrashPoint("after", "finalize", HOME),
    ),
    (
        CrashPoint("before", "signed"),
        CrashPoint("after", "commit", HOME),
        CrashPoint("before", "FINAL", HOME),
    ),
    (
        CrashPoint("after", "signed"),
        CrashPoint("before", "COMMITTED", HOME),
        CrashPoint("after", "FINAL", HOME),
    ),
    (
        CrashPoint("before", "prepare", SPOKE),
        CrashPoint("after", "COMMITTED", HOME),
        CrashPoint("before", "finalize_by_proof", SPOKE),
    ),
    (
        CrashPoint("after", "prepare", HOME),
        CrashPoint("before", "commit", SPOKE),
        CrashPoint("after", "finalize_by_proof", OTHER),
    ),
    (
        CrashPoint("before", "PREPARED", SPOKE),
        CrashPoint("after", "commit", OTHER),
        CrashPoint("before", "FINAL", OTHER),
    ),
    (
        CrashPoint("after", "PREPARED", OTHER),
        CrashPoint("before", "COMMITTED", OTHER),
        CrashPoint("after", "FINAL", SPOKE),
    ),
]


@dataclass
class House:
    """One clearinghouse whose server comes and goes."""

    devnet: Devnet
    adapters: dict[ChainId, Any]
    desk: Desk

    @property
    def directory(self) -> Path:
        return self.devnet.directory

    def end_challenge(self, server: ForkedServer) -> None:
        """Let the window of the last settlement pass once it has committed everywhere."""
        last = server.client.list_settlements()[-1]
        until_phase(server, last.settlement_id, Phase.COMMITTED)
        pass_time(self.devnet, CHALLENGE_SECONDS + 1, *CHAINS)

    def finish(self, server: ForkedServer) -> None:
        """Bring the last settlement to its end."""
        self.end_challenge(server)
        last = server.client.list_settlements()[-1]
        until_phase(server, last.settlement_id, Phase.FINAL)

    def check(self) -> None:
        """Check everything that must hold when nothing is in flight."""
        adapters: dict[ChainId, ChainAdapter] = dict(self.adapters)
        check_settled(self.desk, self.directory, adapters)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One devnet and one journal; every test leaves it settled and unserved."""
    with Devnet.start(
        patient_configuration(CHALLENGE_SECONDS), tmp_path_factory.mktemp("devnet")
    ) as devnet:
        adapters = devnet.adapters(devnet.deployment.open_funder())
        desk = Desk(devnet.deployment.clearinghouse_id)
        with ForkedServer(devnet.directory) as server:
            desk.enlist(server)
            desk.deposit(
                server,
                adapters,
                (HOME, ALICE, DEPOSIT_QUANTA),
                (SPOKE, BOB, DEPOSIT_QUANTA),
                (OTHER, CAROL, DEPOSIT_QUANTA),
            )
        yield House(devnet, adapters, desk)


@pytest.mark.parametrize("crashes", CRASHES, ids=lambda points: "+".join(map(str, points)))
def test_settlement_ends_final_and_once_when_the_coordinator_is_killed_between_stages(
    house: House, crashes: tuple[CrashPoint, ...]
) -> None:
    while_preparing, while_committing, while_ending = crashes
    with ForkedServer(house.directory, while_preparing) as server:
        cycles = len(server.client.list_settlements())
        house.desk.trade(server, Trade(ALICE, BOB, 30, 5_000), Trade(CAROL, ALICE, 11, 5_100))
        with suppress(Unavailable):  # it may die before it answers
            cut(server)
        server.wait_until_crashed()
    with ForkedServer(house.directory, while_committing) as server:
        if not server.client.list_settlements()[cycles:]:
            with suppress(Unavailable):
                cut(server)  # it died before it had recorded the first request
        server.wait_until_crashed()
    with ForkedServer(house.directory, while_ending) as server:
        house.end_challenge(server)
        server.wait_until_crashed()
    with ForkedServer(house.directory) as server:
        (settled,) = server.client.list_settlements()[cycles:]
        until_phase(server, settled.settlement_id, Phase.FINAL)
        standing = server.stop()
    house.check()
    state = read_state(house.directory)
    assert (state.sequence, state.head, state_hash(state)) == (
        standing.sequence,
        standing.head,
        standing.state_hash,
    )


def test_batches_are_kept_once_when_the_server_is_killed_while_they_stream(house: House) -> None:
    trades = [Trade(BOB, CAROL, number, 5_000) for number in range(1, 41)]
    submissions = [house.desk.sign([trade]) for trade in trades]
    acknowledged: list[BatchReceipt | ClearingError] = []
    with ForkedServer(house.directory) as server:

        def sent() -> Iterator[tuple[FillBatch, Sequence[SignedOrder], bytes]]:
            for number, submission in enumerate(submissions):
                if number == len(submissions) // 2:
                    until("some are acknowledged", lambda: acknowledged)
                    os.kill(server.process_id, signal.SIGKILL)
                yield submission.batch, submission.orders, submission.signature

        with pytest.raises(Unavailable):
            stream(server, sent(), acknowledged)
    with ForkedServer(house.directory) as server:
        again = [submit(server, submission) for submission in submissions]
        assert again[: len(acknowledged)] == acknowledged
        for submission, trade in zip(submissions, trades, strict=True):
            house.desk.enter(submission, [trade])
        cut(server)
        house.finish(server)
        server.stop()
    house.check()


@pytest.mark.parametrize("killed", [HOME, SPOKE], ids=["home", "spoke"])
def test_settlement_ends_alike_on_all_chains_when_a_node_is_killed_midway(
    house: House, killed: ChainId
) -> None:
    with ForkedServer(house.directory) as server:
        house.desk.trade(server, Trade(BOB, ALICE, 25, 4_900))
        record = cut(server)
        adapter = house.adapters[killed]
        until(
            "the chain has prepared",
            lambda: adapter.hint_phase(record.settlement_id) is Phase.PREPARED,
        )
        house.devnet.kill(killed)  # with the prepare, unless it was final already
        house.devnet.restart(killed)
        house.finish(server)
        server.stop()
    house.check()
