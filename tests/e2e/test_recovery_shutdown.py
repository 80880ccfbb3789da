"""``clearinghouse serve`` as a process: it stops in good order, and says why it does not start."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from clearinghouse.book.identifiers import to_hex
from clearinghouse.book.orders import FillBatch, SignedOrder
from clearinghouse.cli.main import app
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import ClearingError, Unavailable
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.store.journal import open_journal
from devnets.demo.server_process import LastWords, ServerProcess
from devnets.deployment import FILE_NAME, KEYS_NAME
from devnets.harness import Devnet
from tests.builders import ALICE, BOB, Clearing
from tests.e2e.clearing import (
    DEPOSIT_QUANTA,
    HOME,
    SPOKE,
    Desk,
    Trade,
    patient_configuration,
    read_state,
    stream,
    submit,
    until,
)
from tests.e2e.crashing_server import JOURNAL_NAME
from tests.e2e.servers import ServedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shutdown")]


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with Devnet.start(patient_configuration(), tmp_path_factory.mktemp("devnet")) as running:
        yield running


@pytest.fixture
def _process_restored() -> Iterator[None]:
    """The command takes over its process's signals and log, and the process here is the test's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


def test_server_answers_what_it_took_and_says_where_it_stands_when_it_is_terminated(
    devnet: Devnet,
) -> None:
    desk = Desk(devnet.deployment.clearinghouse_id)
    funder = devnet.adapters(devnet.deployment.open_funder())
    acknowledged: list[BatchReceipt | ClearingError] = []
    with ServerProcess(devnet.directory) as process, ServedProcess(process) as server:
        desk.enlist(server)
        desk.deposit(server, funder, (HOME, ALICE, DEPOSIT_QUANTA), (SPOKE, BOB, DEPOSIT_QUANTA))
        submissions = [desk.sign([Trade(ALICE, BOB, number, 5_000)]) for number in range(1, 41)]

        def sent() -> Iterator[tuple[FillBatch, Sequence[SignedOrder], bytes]]:
            for number, submission in enumerate(submissions):
                if number == len(submissions) // 2:
                    until("some are acknowledged", lambda: acknowledged)
                    os.kill(process.process_id, signal.SIGTERM)
                yield submission.batch, submission.orders, submission.signature
            until("the stream has ended", lambda: ended)

        ended: list[Unavailable] = []
        with pytest.raises(Unavailable) as refused:
            stream(server, sent(), acknowledged)
        ended.append(refused.value)
        words = process.stop()

    assert all(isinstance(answer, BatchReceipt) for answer in acknowledged)
    state = read_state(devnet.directory)
    assert _words_of(state) == words
    for submission, receipt in zip(submissions, acknowledged, strict=False):
        recorded = state.batches[(submission.batch.venue, submission.batch.batch_id)]
        assert isinstance(receipt, BatchReceipt)
        assert recorded == receipt.sequence

    with ServerProcess(devnet.directory) as process, ServedProcess(process) as server:
        again = [submit(server, submission) for submission in submissions[: len(acknowledged)]]
        assert again == acknowledged
        assert process.stop() == words  # nothing new happened


@pytest.mark.usefixtures("_process_restored")
def test_serve_refuses_an_address_and_a_journal_that_are_in_use(
    devnet: Devnet, tmp_path: Path
) -> None:
    with ServerProcess(devnet.directory) as process:
        shown = _serve(devnet.directory, "--journal", f"sqlite:///{tmp_path / 'other.sqlite'}",
                       "--listen", process.target)  # fmt: skip
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert "address_in_use" in shown.stderr
        assert process.target in shown.stderr
        shown = _serve(devnet.directory, "--listen", "127.0.0.1:0")
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert "journal_in_use" in shown.stderr
        process.stop()


@pytest.mark.usefixtures("_process_restored")
def test_serve_refuses_a_journal_of_another_deployment(devnet: Devnet, tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = Clearing().start(ALICE)
    other.close()
    with open_journal(f"sqlite:///{path}") as journal:
        journal.append(other.journal.records)
    shown = _serve(devnet.directory, "--journal", f"sqlite:///{path}", "--listen", "127.0.0.1:0")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "genesis_mismatch" in shown.stderr
    with open_journal(f"sqlite:///{path}", read_only=True) as journal:
        assert journal.head() == other.journal.head()


@pytest.mark.usefixtures("_process_restored")
def test_serve_refuses_when_the_passphrase_opens_no_keystore(
    devnet: Devnet, tmp_path: Path
) -> None:
    shutil.copy(devnet.directory / FILE_NAME, tmp_path / FILE_NAME)
    shutil.copytree(devnet.directory / KEYS_NAME, tmp_path / KEYS_NAME)
    (tmp_path / KEYS_NAME / "passphrase").write_text("another")
    shown = _serve(tmp_path, "--listen", "127.0.0.1:0")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "keystore_unreadable" in shown.stderr
    assert "another" not in shown.stderr


@pytest.mark.usefixtures("_process_restored")
def test_serve_refuses_to_serve_the_operator_beyond_loopback(
    devnet: Devnet, tmp_path: Path
) -> None:
    shown = CliRunner().invoke(
        app,
        ["serve", "--deployment", str(devnet.directory), "--listen", "127.0.0.1:0",
         "--journal", f"sqlite:///{tmp_path / JOURNAL_NAME}", "--operation-listen", "0.0.0.0:0"],
    )  # fmt: skip
    assert shown.exit_code == 2
    assert "OPERATION_ADDRESS_PUBLIC" in shown.stderr


def _serve(deployment: Path, *options: str) -> Any:
    return CliRunner().invoke(
        app,
        ["serve", "--deployment", str(deployment), "--operation-listen", "127.0.0.1:0", *options],
    )


def _words_of(state: Any) -> LastWords:
    return LastWords(state.sequence, to_hex(state.head), to_hex(state_hash(state)))
