"""Devnet files with chains of several families: what is read, and what each family must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearinghouse.errors import Rejected
from devnets.configuration import HETEROGENEOUS, load_configuration


def test_load_configuration_accepts_every_family_when_the_file_is_shipped() -> None:
    devnet = load_configuration(HETEROGENEOUS)
    families = [chain.family for chain in devnet.chains]
    assert families == ["committee", "ethereum", "opstack", "nitro"]
    beacon = devnet.chains[1].beacon
    assert beacon is not None
    assert (beacon.committee_size, beacon.slots_per_period) == (512, 32)


def test_home_may_be_the_l1_when_the_file_says_so(tmp_path: Path) -> None:
    path = changed(tmp_path, 'home = "harbor"', 'home = "lantern"')
    assert load_configuration(path).home_chain.family == "ethereum"


ROLLUP = 'rollup = { l1 = "lantern", posting_seconds = 3 }'
MISTAKES = {
    "unknown family": ('"nitro"', '"zk"', "chains[3].family", "zk"),
    "home is a rollup": ('home = "harbor"', 'home = "outpost"', "home", "must not be a rollup"),
    "no beacon": ("beacon = {", "committee = { members = 1, quorum = 1 } # {", "chains[1]", "left"),
    "beacon elsewhere": (
        'family = "committee" ',
        'beacon = {}\nfamily = "committee" ',
        "chains[0].beacon",
        "must be left out",
    ),
    "no rollup": (ROLLUP, "", "chains[3].rollup", "must be given"),
    "l1 unknown": (ROLLUP, 'rollup = { l1 = "sun" }', "chains[3].rollup.l1", "one of: lantern"),
    "l1 is no ethereum": (ROLLUP, 'rollup = { l1 = "harbor" }', "chains[3].rollup.l1", "lantern"),
    "half a slot": (
        "block_seconds = 1 ",
        "block_seconds = 1.5 ",
        "chains[1].block_seconds",
        "slot",
    ),
    "size": ("committee_size = 512", "committee_size = 24", "committee_size", "power of two"),
    "short period": ("epochs_per_period = 4", "epochs_per_period = 1", "epochs_per", "more than 8"),
    "unknown key": ("posting_seconds = 3 }", "posting = 3 }", "chains[3].rollup.posting", "l1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_load_configuration_names_key_and_allowed_when(mistake: str, tmp_path: Path) -> None:
    written, by, key, allowed = MISTAKES[mistake]
    with pytest.raises(Rejected) as raised:
        load_configuration(changed(tmp_path, written, by))
    assert raised.value.reason == "configuration_invalid"
    assert key in str(raised.value.attributes["key"])
    assert allowed in raised.value.message


def changed(folder: Path, written: str, by: str) -> Path:
    """Return a copy of the shipped file with the first ``written`` replaced."""
    text = HETEROGENEOUS.read_text()
    assert written in text
    path = folder / "devnet.toml"
    path.write_text(text.replace(written, by, 1))
    return path
