"""Keystores of a devnet: what is written opens again, and only with its passphrase."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clearinghouse.commitment.signatures import recover_signer
from clearinghouse.errors import Unavailable
from devnets.keystores import Keystores, KeystoreSigner

DIGEST = bytes(range(32))


@pytest.fixture
def keystores(tmp_path: Path) -> Keystores:
    created = Keystores(tmp_path / "keys")
    created.create_passphrase()
    return created


def test_open_returns_the_signer_when_it_was_created(keystores: Keystores) -> None:
    created = keystores.create("operator-1")
    opened = keystores.open("operator-1")
    assert opened.address == created.address
    assert recover_signer(DIGEST, opened.sign_digest(DIGEST)) == created.address


def test_create_draws_another_key_when_called_again(keystores: Keystores) -> None:
    assert keystores.create("one").address != keystores.create("two").address


def test_create_writes_for_the_owner_alone_when_it_stores_secrets(keystores: Keystores) -> None:
    keystores.create("relayer")
    for path in (keystores.path("relayer"), keystores.passphrase_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keystores.passphrase_path.parent.stat().st_mode) == 0o700


def test_repr_hides_the_key_when_a_signer_is_shown() -> None:
    signer = KeystoreSigner(b"\x42" * 32)
    assert "42" not in repr(signer)
    assert "BB" not in repr(signer)


def test_open_is_refused_when_the_file_is_missing(keystores: Keystores) -> None:
    with pytest.raises(Unavailable) as raised:
        keystores.open("nobody")
    assert raised.value.reason == "keystore_unreadable"


@pytest.mark.parametrize("broken", [b"", b"{}", b"[]", b"\xff", b'{"version": 3, "crypto": {}}'])
def test_open_is_refused_when_the_file_is_broken(keystores: Keystores, broken: bytes) -> None:
    keystores.create("relayer")
    keystores.path("relayer").write_bytes(broken)
    with pytest.raises(Unavailable, match="keystore_unreadable"):
        keystores.open("relayer")


def test_open_is_refused_when_the_passphrase_is_another(keystores: Keystores) -> None:
    keystores.create("relayer")
    keystores.create_passphrase()
    with pytest.raises(Unavailable, match="keystore_unreadable"):
        keystores.open("relayer")
