"""A full disk and a locked database: the venue is told, nothing is half done, and it goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import Unavailable
from clearinghouse.intake.replay import replay
from clearinghouse.store.journal import SqlJournal, open_journal
from devnets.harness import Devnet
from tests.builders import ALICE, BOB, CAROL
from tests.e2e.clearing import (
    DEPOSIT_QUANTA,
    HOME,
    OTHER,
    SPOKE,
    Desk,
    Trade,
    check_settled,
    cut,
    patient_configuration,
    submit,
    until_phase,
)
from tests.e2e.crashing_server import JOURNAL_NAME
from tests.e2e.servers import LocalServer

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("storage")]

BUSY_MILLISECONDS = 50
"""How long the journal waits for a foreign lock in these tests."""


@dataclass
class Serving:
    """An application whose journal the test can break."""

    devnet: Devnet
    server: LocalServer
    journal: SqlJournal
    path: Path
    desk: Desk

    def check_replay(self) -> None:
        """Check that what the server answers from is what the journal folds to."""
        with self.server.application.sequencer.reading() as state:
            assert state_hash(replay(self.journal.read())) == state_hash(state)

    def settle(self) -> None:
        """Settle what is there, and check it on the chains."""
        record = cut(self.server)
        until_phase(self.server, record.settlement_id, Phase.FINAL)
        adapters = self.devnet.adapters(self.devnet.deployment.open_funder())
        check_settled(self.desk, self.devnet.directory, dict(adapters))


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Devnet.start(patient_configuration(), tmp_path_factory.mktemp("devnet")) as devnet:
        path = devnet.directory / JOURNAL_NAME
        desk = Desk(devnet.deployment.clearinghouse_id)
        adapters = devnet.adapters(devnet.deployment.open_relayer())
        with (
            open_journal(
                f"sqlite:///{path}", busy_timeout_milliseconds=BUSY_MILLISECONDS
            ) as journal,
            LocalServer(devnet, journal, adapters) as server,
        ):
            desk.enlist(server)
            desk.deposit(
                server,
                devnet.adapters(devnet.deployment.open_funder()),
                (HOME, ALICE, DEPOSIT_QUANTA),
                (SPOKE, BOB, DEPOSIT_QUANTA),
                (OTHER, CAROL, DEPOSIT_QUANTA),
            )
            yield Serving(devnet, server, journal, path, desk)


def test_batch_is_refused_whole_and_taken_later_when_the_disk_is_full(serving: Serving) -> None:
    trades = [Trade(ALICE, BOB, 1, 5_000 + number) for number in range(60)]
    submission = serving.desk.sign(trades)
    head = serving.journal.head()
    _limit_pages(serving.journal, _pragma(serving.journal, "page_count") + 1)
    with pytest.raises(Unavailable) as refused:
        submit(serving.server, submission)
    assert refused.value.reason == "journal_unwritable"
    assert "free space" in refused.value.message
    assert serving.journal.head() == head
    assert serving.server.operation.get_status().fills == 0
    serving.check_replay()

    _limit_pages(serving.journal, 1_000_000)
    receipt = submit(serving.server, submission)
    assert receipt.sequence == head[0] + 1
    assert set(receipt.reasons) == {Reason.ADMITTED}
    serving.desk.enter(submission, trades)
    serving.check_replay()
    serving.settle()


def test_batch_is_refused_whole_and_taken_later_when_the_journal_is_locked(
    serving: Serving,
) -> None:
    trades = [Trade(BOB, CAROL, 7, 5_010)]
    submission = serving.desk.sign(trades)
    head, fills = serving.journal.head(), serving.server.operation.get_status().fills
    with closing(sqlite3.connect(serving.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refused:
            submit(serving.server, submission)
        assert refused.value.reason == "journal_locked"
        assert serving.server.operation.get_status().fills == fills
        foreign.execute("ROLLBACK")
    assert serving.journal.head() == head
    assert submit(serving.server, submission).sequence == head[0] + 1
    serving.desk.enter(submission, trades)
    serving.check_replay()
    serving.settle()


def test_settlement_goes_on_when_the_journal_was_locked_meanwhile(serving: Serving) -> None:
    serving.desk.trade(serving.server, Trade(CAROL, ALICE, 9, 5_020))
    record = cut(serving.server)
    with closing(sqlite3.connect(serving.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        adapters = serving.devnet.adapters(serving.devnet.deployment.open_funder())
        height = adapters[HOME].find_finalised_header()
        assert height is not None
        serving.devnet.wait_for_attestation(HOME, height.height + 4)  # phases that go unrecorded
        foreign.execute("ROLLBACK")
    until_phase(serving.server, record.settlement_id, Phase.FINAL)
    check_settled(serving.desk, serving.devnet.directory, dict(adapters))


def _pragma(journal: SqlJournal, pragma: str) -> int:
    with journal.database.engine.connect() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())


def _limit_pages(journal: SqlJournal, pages: int) -> None:
    """Let the file grow to so many pages: to SQLite the disk is full then.

    The limit is a connection's own, so every connection gets it when it is taken from the pool.
    """

    @event.listens_for(journal.database.engine, "checkout")
    def _limit(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")
