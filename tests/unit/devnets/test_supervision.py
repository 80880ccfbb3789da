"""Start and stop a devnet of another process, here a stand-in that owns the directory."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clearinghouse.errors import Conflict, Unavailable
from devnets import supervision
from devnets.directories import claim_directory, find_owner
from devnets.supervision import get_status, own_command, start_detached, stop_devnet

_OWNER = """
import signal, sys, threading
from pathlib import Path
from devnets.directories import claim_directory
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = claim_directory(Path(sys.argv[1]))
(Path(sys.argv[1]) / "deployment.json").write_text("{}")
print("up", flush=True)
threading.Event().wait()
"""


def test_start_detached_returns_when_the_devnet_is_up(tmp_path: Path) -> None:
    process = start_detached([sys.executable, "-c", _OWNER, str(tmp_path)], tmp_path)
    assert find_owner(tmp_path) == process.pid
    assert stop_devnet(tmp_path) == process.pid
    assert find_owner(tmp_path) is None
    assert process.wait() == -signal.SIGTERM


def test_start_detached_shows_the_log_when_the_devnet_fails(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the tool is missing") as raised:
        start_detached([sys.executable, "-c", "exit('the tool is missing')"], tmp_path)
    assert raised.value.reason == "devnet_not_started"


def test_start_detached_is_refused_when_a_devnet_runs(tmp_path: Path) -> None:
    lock = claim_directory(tmp_path)
    with pytest.raises(Conflict, match="devnet_running"):
        start_detached([sys.executable, "-c", "exit('never started')"], tmp_path)
    lock.close()


@pytest.mark.parametrize(
    ("arguments", "ending"), [((), signal.SIGTERM), (("stubborn",), signal.SIGKILL)]
)
def test_stop_devnet_ends_its_owner_when_it(
    arguments: tuple[str, ...],
    ending: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "STOP_SECONDS_MAX", 0.5)
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path), *arguments], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    assert stop_devnet(tmp_path) == owner.pid
    assert owner.wait() == -ending
    owner.stdout.close()


def test_stop_devnet_returns_none_when_nothing_runs(tmp_path: Path) -> None:
    claim_directory(tmp_path).close()
    assert stop_devnet(tmp_path) is None


def test_get_status_says_so_when_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as raised:
        get_status(tmp_path)
    assert raised.value.reason == "devnet_not_running"


def test_own_command_runs_a_module_when_given_arguments() -> None:
    shown = subprocess.run(
        own_command("json.tool", "--help"), capture_output=True, text=True, check=True
    )
    assert "usage" in shown.stdout
