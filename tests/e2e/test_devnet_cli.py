"""``clearinghouse devnet`` as a user runs it: up, status, down, and every way to end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devnets.configuration import FAST
from devnets.directories import find_owner
from tests.processes import is_running, wait_until_gone

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where a test's devnet runs; whatever still does at the end is killed."""
    yield tmp_path / "devnet"
    owner = find_owner(tmp_path / "devnet")
    if owner is not None:
        os.kill(owner, signal.SIGKILL)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_up_stops_every_chain_when_interrupted(ending: signal.Signals, directory: Path) -> None:
    with _foreground(directory) as devnet:
        process_ids = _chain_process_ids(directory)
        assert all(is_running(process_id) for process_id in process_ids)
        devnet.send_signal(ending)
        _, said = devnet.communicate(timeout=TIMEOUT_SECONDS)
    assert devnet.returncode == 0, said
    assert "devnet stopped" in said
    assert not any(is_running(process_id) for process_id in process_ids)
    assert _run("status", directory).returncode == 3


def test_no_chain_is_left_when_up_is_killed(directory: Path) -> None:
    with _foreground(directory) as devnet:
        process_ids = _chain_process_ids(directory)
        devnet.kill()
        devnet.communicate(timeout=TIMEOUT_SECONDS)
    wait_until_gone(*process_ids)
    assert _run("status", directory).returncode == 3


def test_up_starts_again_when_the_last_one_was_killed(directory: Path) -> None:
    with _foreground(directory) as devnet:
        first = json.loads(_run("status", directory, "--json").stdout)["clearinghouse_id"]
        devnet.kill()
        devnet.communicate(timeout=TIMEOUT_SECONDS)
    assert _run("up", directory, str(FAST), "--detach").returncode == 0
    second = json.loads(_run("status", directory, "--json").stdout)["clearinghouse_id"]
    assert second != first
    assert _run("down", directory).returncode == 0


def test_down_stops_the_devnet_when_it_was_detached(directory: Path) -> None:
    started = _run("up", directory, str(FAST), "--detach")
    assert started.returncode == 0, started.stderr
    process_ids = _chain_process_ids(directory)

    again = _run("up", directory, str(FAST))
    assert again.returncode == 2
    assert "devnet_running" in again.stderr
    assert "clearinghouse devnet down" in again.stderr

    stopped = _run("down", directory)
    assert stopped.returncode == 0, stopped.stderr
    assert not any(is_running(process_id) for process_id in process_ids)
    assert find_owner(directory) is None
    once_more = _run("down", directory)
    assert once_more.returncode == 0
    assert "no devnet runs" in once_more.stderr


def test_status_shows_every_chain_when_up(directory: Path) -> None:
    assert _run("up", directory, str(FAST), "--detach").returncode == 0
    document = json.loads(_run("status", directory, "--json").stdout)
    assert document["directory"] == str(directory)
    home, meridian, summit = document["chains"]
    assert (home["name"], home["chain_id"], home["is_home"]) == ("harbor", 31_101, True)
    assert set(home["client_heights"]) == {"meridian", "summit"}
    for spoke in (meridian, summit):
        assert not spoke["is_home"]
        assert spoke["client_heights"] == {"harbor": 0}
    for chain in document["chains"]:
        assert chain["attested_height"] <= chain["finalised_height"] < chain["height"]
        assert not chain["halted"]

    os.kill(summit["process_id"], signal.SIGKILL)
    wait_until_gone(summit["process_id"])
    killed = json.loads(_run("status", directory, "--json").stdout)["chains"][2]
    assert (killed["height"], killed["finalised_height"]) == (None, None)
    assert killed["client_heights"] == {"harbor": None}

    shown = _run("status", directory).stdout
    for name in ("harbor (home)", "meridian", "summit"):
        assert name in shown
    assert _run("down", directory).returncode == 0


@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_up_names_file_and_key_when_the_file_is_wrong(
    options: tuple[str, ...], directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(FAST.read_text().replace("poll_seconds", "pole_seconds", 1))
    refused = _run("up", directory, str(file), *options)
    assert refused.returncode == 2
    assert f"{file}: settlement.pole_seconds is not known" in refused.stderr
    assert not directory.exists()


def test_up_touches_nothing_when_the_directory_is_not_a_devnets(directory: Path) -> None:
    directory.mkdir()
    (directory / "thesis.tex").write_text("precious")
    refused = _run("up", directory, str(FAST), "--detach")
    assert refused.returncode == 2
    assert "directory_not_a_devnet" in refused.stderr
    assert [path.name for path in directory.iterdir()] == ["thesis.tex"]


def _command(verb: str, directory: Path, *arguments: str) -> list[str]:
    module = "clearinghouse.cli.devnet"
    return [sys.executable, "-m", module, verb, *arguments, "--directory", str(directory)]


def _run(verb: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(verb, directory, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def _foreground(directory: Path) -> subprocess.Popen[str]:
    """Start a devnet in the foreground of a new process and return when it is up."""
    process = subprocess.Popen(
        _command("up", directory, str(FAST)),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "Ctrl-C stops it" in process.stderr.readline()
    return process


def _chain_process_ids(directory: Path) -> list[int]:
    shown = _run("status", directory, "--json")
    assert shown.returncode == 0, shown.stderr
    return [chain["process_id"] for chain in json.loads(shown.stdout)["chains"]]
