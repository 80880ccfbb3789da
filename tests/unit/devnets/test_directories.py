"""A devnet's directory has one owner, and nothing in it is removed that is not a devnet's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clearinghouse.errors import Conflict, Rejected
from devnets.directories import claim_directory, find_owner


def test_claim_directory_makes_it_when_it_does_not_exist(tmp_path: Path) -> None:
    lock = claim_directory(tmp_path / "a" / "b")
    assert find_owner(tmp_path / "a" / "b") == os.getpid()
    lock.close()


def test_claim_directory_is_refused_when_a_devnet_owns_it(tmp_path: Path) -> None:
    lock = claim_directory(tmp_path)
    (tmp_path / "deployment.json").write_text("{}")
    with pytest.raises(Conflict) as raised:
        claim_directory(tmp_path)
    assert raised.value.reason == "devnet_running"
    assert str(os.getpid()) in raised.value.message
    assert (tmp_path / "deployment.json").exists()
    lock.close()


def test_claim_directory_removes_only_the_devnets_files_when_one_ended(tmp_path: Path) -> None:
    claim_directory(tmp_path).close()
    (tmp_path / "deployment.json").write_text("{}")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "passphrase").write_text("old")
    (tmp_path / "journal.sqlite").write_text("kept")
    claim_directory(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.sqlite", "lock"]


def test_claim_directory_is_refused_when_it_holds_other_files(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "mine").write_text("precious")
    with pytest.raises(Rejected) as raised:
        claim_directory(tmp_path)
    assert raised.value.reason == "directory_not_a_devnet"
    assert (tmp_path / "keys" / "mine").read_text() == "precious"


def test_find_owner_is_none_when_the_devnet_ended(tmp_path: Path) -> None:
    claim_directory(tmp_path).close()
    assert find_owner(tmp_path) is None


def test_find_owner_is_none_when_there_never_was_a_devnet(tmp_path: Path) -> None:
    assert find_owner(tmp_path) is None
    assert find_owner(tmp_path / "absent") is None
