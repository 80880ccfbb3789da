"""``clearinghouse devnet`` where no chain can start: errors on stderr, exit codes, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from clearinghouse.cli.devnet import app
from clearinghouse.errors import Unavailable
from devnets import anvil
from devnets.directories import find_owner


def test_up_says_what_to_do_when_anvil_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_nothing(name: str) -> Path:
        raise Unavailable("tool_missing", f"{name} is missing; run `make install`")

    monkeypatch.setattr(anvil, "find_tool", find_nothing)
    shown = CliRunner().invoke(app, ["up", "--directory", str(tmp_path / "devnet")])
    assert shown.exit_code == 2
    assert "tool_missing: anvil is missing; run `make install`" in shown.stderr
    assert find_owner(tmp_path / "devnet") is None


def test_up_refuses_when_the_file_does_not_exist(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.toml")
    shown = CliRunner().invoke(app, ["up", absent, "--directory", str(tmp_path / "devnet")])
    assert shown.exit_code == 2
    assert absent in shown.stderr


def test_status_exits_with_three_when_nothing_runs(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["status", "--json", "--directory", str(tmp_path)])
    assert shown.exit_code == 3
    assert shown.stdout == ""
    assert "devnet_not_running" in shown.stderr


def test_down_succeeds_when_nothing_runs(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["down", "--directory", str(tmp_path)])
    assert shown.exit_code == 0
    assert "no devnet runs" in shown.stderr
