"""The wiring: one genesis per journal, errors that leave nothing running, the last word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clearinghouse import app
from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.app import Application, JournalCycleReports, genesis_of, open_application
from clearinghouse.book.entries import GenesisRecorded, TransactionIncluded
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.config import ServerSettings
from clearinghouse.errors import Conflict, Rejected, Unavailable
from clearinghouse.intake.replay import replay
from clearinghouse.store.journal import SqlJournal
from devnets.deployment import DeployedAsset, Deployment
from tests.builders import (
    ALICE,
    BOB,
    CHAINS,
    HOME,
    USD,
    Clearing,
    MemoryJournal,
    build_genesis,
)

GENESIS = build_genesis()


def deployment_in(directory: Path) -> Deployment:
    """Return a deployment without chains: nothing here needs one."""
    return Deployment(
        directory=directory,
        clearinghouse_id=GENESIS.clearinghouse_id,
        salt=Hash32(b"\x05" * 32),
        home=HOME,
        windows=GENESIS.windows,
        prepare_deadline_seconds=12,
        decide_by_seconds=20,
        operator_set=GENESIS.operator_set,
        house=GENESIS.house,
        assets=(DeployedAsset(USD, "USDC", 6, 1_000),),
        chains=(),
    )


def settings_of(listen: str = "127.0.0.1:0") -> ServerSettings:
    return ServerSettings(listen=listen, operation_listen="127.0.0.1:0", cycle_seconds=0)


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = {
        thread for thread in threading.enumerate() if thread.name in ("sequencer", "coordinator")
    }
    assert left <= before


def test_application_records_its_genesis_once_when_it_starts_again(tmp_path: Path) -> None:
    journal, deployment = MemoryJournal(), deployment_in(tmp_path)
    for _ in range(2):
        with Application(settings_of(), deployment, journal, {}, ()) as application:
            client = ClearinghouseClient(f"127.0.0.1:{application.server.port}")
            assert client.get_genesis() == genesis_of(deployment)
            client.close()
    assert journal.entries() == [GenesisRecorded(genesis_of(deployment))]


def test_application_refuses_a_journal_of_another_deployment(tmp_path: Path) -> None:
    journal, deployment = MemoryJournal(), deployment_in(tmp_path)
    Application(settings_of(), deployment, journal, {}, ()).close()
    other = replace(deployment, clearinghouse_id=Hash32(b"\x0f" * 32))
    with pytest.raises(Conflict) as refused:
        Application(settings_of(), other, journal, {}, ())
    assert refused.value.reason == "genesis_mismatch"
    assert refused.value.attributes["deployment"] == other.clearinghouse_id.hex()
    assert len(journal.records) == 1


def test_application_leaves_nothing_running_when_its_address_is_taken(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path)
    with Application(settings_of(), deployment, MemoryJournal(), {}, ()) as first:
        taken = settings_of(f"127.0.0.1:{first.server.port}")
        with pytest.raises(Unavailable) as refused:
            Application(taken, deployment, MemoryJournal(), {}, ())
        assert refused.value.reason == "address_in_use"


def test_standing_is_the_journals_end_when_the_application_has_stopped(tmp_path: Path) -> None:
    journal = MemoryJournal()
    application = Application(settings_of(), deployment_in(tmp_path), journal, {}, ())
    application.close()
    application.close()
    state = replay(journal.read())
    standing = application.standing()
    assert (standing.sequence, standing.head) == journal.head()
    assert standing.state_hash == state_hash(state)
    with pytest.raises(Unavailable, match="shutting_down"):
        application.sequencer.record(lambda state: None)


def test_open_application_closes_the_journal_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: closed first, its writer lock was free while the writer still wrote."""
    closed: list[bool] = []

    def close(journal: SqlJournal) -> None:
        closed.append(application.sequencer._thread.is_alive())
        close_journal(journal)

    close_journal = SqlJournal.close
    monkeypatch.setattr(SqlJournal, "close", close)
    deployment: Any = deployment_in(tmp_path)
    monkeypatch.setattr(app, "load_deployment", lambda path: deployment)
    monkeypatch.setattr(app, "adapters_of", lambda deployment, signer: {})
    monkeypatch.setattr(Deployment, "open_relayer", lambda self: None)
    monkeypatch.setattr(Deployment, "open_operators", lambda self: ())
    settings = settings_of().model_copy(update={"journal": f"sqlite:///{tmp_path / 'j.sqlite'}"})
    application = open_application(settings)
    assert isinstance(application, Application)
    application.close()
    assert closed == [False]


def test_cycle_report_is_read_off_the_journal_with_gas_by_action() -> None:
    clearing = Clearing().start(ALICE, BOB)
    clearing.trade(ALICE, BOB, 3, 1_000)
    proposal = clearing.settle()
    for action, gas, proofs in (("prepare", 7, 0), ("update", 2, 0), ("update", 3, 0),
                                ("commit", 11, 2), ("finalize", 5, 0)):  # fmt: skip
        entry = TransactionIncluded(
            proposal.settlement_id, HOME, action, Hash32(bytes(32)), gas, proofs
        )
        clearing.record(entry)
    clearing.close()
    report = JournalCycleReports(clearing.journal).get_cycle(1)
    assert (report.settlement_id, report.outcome) == (proposal.settlement_id, Phase.COMMITTED)
    assert report.fills == 1
    assert [leg.chain_id for leg in report.legs] == list(CHAINS)
    home, spoke, _ = report.legs
    assert (home.prepare_gas, home.update_gas, home.commit_gas) == (7, 5, 11)
    assert (home.finalize_gas, home.abort_gas, home.proofs_verified) == (5, None, 2)
    assert (spoke.phase, spoke.prepare_gas) == (Phase.COMMITTED, None)


def test_cycle_report_is_refused_when_the_cycle_was_never_cut() -> None:
    with pytest.raises(Rejected) as refused:
        JournalCycleReports(MemoryJournal()).get_cycle(1)
    assert refused.value.reason == "CYCLE_UNKNOWN"
