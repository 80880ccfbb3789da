"""Devnet files: what is read, and that each mistake names the file, the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearinghouse.errors import Rejected
from devnets.configuration import FAST, THREE_CHAINS, load_configuration


@pytest.mark.parametrize("path", [THREE_CHAINS, FAST], ids=lambda path: path.name)
def test_load_configuration_accepts_the_file_when_it_is_shipped(path: Path) -> None:
    devnet = load_configuration(path)
    assert [chain.name for chain in devnet.chains] == ["harbor", "meridian", "summit"]
    assert devnet.home_chain.name == "harbor"
    assert devnet.windows.windows.max_decide_seconds >= devnet.settlement.decide_by_seconds


def test_units_per_quantum_differ_when_a_token_has_more_decimals() -> None:
    devnet = load_configuration(THREE_CHAINS)
    usdc = devnet.assets[0]
    units = [devnet.units_per_quantum(chain, usdc) for chain in devnet.chains]
    assert units == [1, 1, 10**12]


def test_assets_of_leaves_out_an_asset_when_the_chain_has_no_token_of_it(tmp_path: Path) -> None:
    path = _changed(
        tmp_path, "token_decimals = { USDC = 18, EURC = 6 }", "token_decimals = {EURC = 6}"
    )
    devnet = load_configuration(path)
    assert [asset.symbol for asset in devnet.assets_of(devnet.chains[2])] == ["EURC"]


MISTAKES = {
    "unknown key": ('home = "harbor"', 'home = "harbor"\ncolour = 1', "colour", "windows"),
    "unknown key deep": ("quorum = 3 }", "quorum = 3, x = 1 }", "chains[0].committee.x", "members"),
    "unknown window": ("grace_seconds", "graze_seconds", "windows.graze_seconds", "grace_seconds"),
    "missing key": ("threshold = 2", "", "operators", "missing required field `threshold`"),
    "wrong type": ("members = 3", 'members = "3"', "operators.members", "expected `int`"),
    "not positive": ("challenge_seconds = 4", "challenge_seconds = 0", "windows", ">= 1"),
    "home unknown": ('home = "harbor"', 'home = "port"', "home", "one of harbor, meridian, summit"),
    "short grace": ("grace_seconds = 600", "grace_seconds = 150", "windows.grace_seconds", "150"),
    "short stall": ("stall_seconds = 600", "stall_seconds = 150", "windows.stall_seconds", "150"),
    "short delay": ("freeze_delay_seconds = 300", "freeze_delay_seconds = 9", "windows", "150"),
    "late decision": ("decide_by_seconds = 18", "decide_by_seconds = 121", "decide_by", "within"),
    "early decision": ("decide_by_seconds = 18", "decide_by_seconds = 12", "decide_by", "after"),
    "few operators": ("threshold = 2", "threshold = 4", "operators.threshold", "at most the 3"),
    "ids unsorted": ("chain_id = 31_003", "chain_id = 31_000", "chains", "increase strictly"),
    "names equal": ('name = "summit"', 'name = "harbor"', "chains", "names must differ"),
    "minority": ("quorum = 3 }", "quorum = 2 }", "chains[0].committee.quorum", "majority"),
    "quorum too large": ("quorum = 3 }", "quorum = 5 }", "chains[0].committee.quorum", "no more"),
    "asset unknown": ("EURC = 6 }", "GOLD = 6 }", "chains[0].token_decimals.GOLD", "USDC, EURC"),
    "coarse token": ("EURC = 6 }", "EURC = 5 }", "chains[0].token_decimals.EURC", "between"),
    "no token": ("{ USDC = 6, EURC = 6 }", "{}", "chains[0].token_decimals", "at least one"),
    "asset ids": ("id = 2", "id = 1", "assets", "ids must increase"),
    "asset symbols": ('symbol = "EURC"', 'symbol = "USDC"', "assets", "symbols must differ"),
    "odd finality": ("finality_blocks = 2", "finality_blocks = 3", "finality_blocks", "multiple"),
    "no blocks": ("block_seconds = 0.5", "block_seconds = 0.0", "block_seconds", ">= 0.05"),
    "not TOML": ("[windows]", "[windows", "", "is not TOML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_load_configuration_names_file_key_and_allowed_when(mistake: str, tmp_path: Path) -> None:
    written, changed, key, allowed = MISTAKES[mistake]
    path = _changed(tmp_path, written, changed)
    with pytest.raises(Rejected) as raised:
        load_configuration(path)
    assert raised.value.reason == "configuration_invalid"
    assert str(path) in raised.value.message
    assert key in str(raised.value.attributes["key"])
    assert allowed in raised.value.message


def test_load_configuration_says_so_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be read"):
        load_configuration(tmp_path / "absent.toml")


def _changed(folder: Path, written: str, changed: str) -> Path:
    """Return a copy of the default file with the first ``written`` replaced."""
    text = THREE_CHAINS.read_text()
    assert written in text
    path = folder / "devnet.toml"
    path.write_text(text.replace(written, changed, 1))
    return path
