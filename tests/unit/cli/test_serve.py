"""``clearinghouse serve`` where it cannot serve: one line, exit code 2, nothing left behind.

A server that runs is tested with chains in ``tests/e2e/test_recovery_shutdown.py``.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from clearinghouse.cli import serve as serve_module
from clearinghouse.cli.main import app
from clearinghouse.cli.serve import _write_whole
from clearinghouse.config import ServerSettings
from clearinghouse.errors import Unavailable


@pytest.fixture(autouse=True)
def _process_restored() -> Iterator[None]:
    """The command takes over its process's signals and log, and the process here is the test's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


def test_serve_exits_two_when_the_deployment_is_missing(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["serve", "--deployment", str(tmp_path)])
    assert shown.exit_code == 2
    assert "deployment_missing" in shown.stderr
    assert "clearinghouse devnet up" in shown.stderr
    assert shown.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [["--cycle-second", "5"], ["--private-key", "0x01"], ["--cycle-seconds", "-1"]]
)
def test_serve_exits_two_when_an_option_is_unknown_or_out_of_range(options: list[str]) -> None:
    shown = CliRunner().invoke(app, ["serve", *options])
    assert shown.exit_code == 2
    assert options[0] in shown.stderr


@pytest.mark.parametrize(("lost", "exit_code"), [(True, 1), (False, 0)])
def test_serve_exits_one_when_leadership_is_lost_before_it_serves(
    monkeypatch: pytest.MonkeyPatch, lost: bool, exit_code: int
) -> None:
    def stand_by(
        settings: ServerSettings, on_fatal: Callable[[Exception], None], stop: threading.Event
    ) -> None:
        """End as a standby does whose tail was being replayed."""
        if lost:
            on_fatal(Unavailable("leadership_lost", "another server leads; start again"))
        stop.set()

    monkeypatch.setattr(serve_module, "open_application", stand_by)
    shown = CliRunner().invoke(app, ["serve"])
    assert shown.exit_code == exit_code
    assert ("leadership_lost" in shown.stderr) is lost
    assert shown.stdout == ""


def test_settings_take_flags_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARINGHOUSE_CYCLE_SECONDS", "7")
    monkeypatch.setenv("CLEARINGHOUSE_LISTEN", "127.0.0.1:9")
    settings = ServerSettings(cycle_seconds=3)
    assert (settings.cycle_seconds, settings.listen) == (3, "127.0.0.1:9")


def test_settings_put_the_journal_beside_the_deployment_unless_told(tmp_path: Path) -> None:
    beside = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    assert ServerSettings(deployment=tmp_path).journal_url == beside
    assert ServerSettings(deployment=tmp_path / "deployment.json").journal_url == beside
    assert ServerSettings(deployment=tmp_path, journal="sqlite:///x").journal_url == "sqlite:///x"


def test_ready_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    path.write_text("a longer text that was there before")
    _write_whole(path, "{}")
    assert path.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [path]
