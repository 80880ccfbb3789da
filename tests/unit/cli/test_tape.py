"""``tape net``: the published figures of the recordings, and errors that a shell can see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clearinghouse.cli.tape import app
from tests.recorded import recorded_path

HOUR, DAY, WHOLE = ["--window", "3600"], ["--window", "86400"], []


def net(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["net", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_tape_net_prints_the_figures_of_the_hyperliquid_slice() -> None:
    path = recorded_path("data/hyperliquid_fills_20251027") / "blocks_0000-0666.jsonl.gz"
    report = net(path, "--format", "hyperliquid")
    assert (report["trades"], report["accounts"], report["instruments"]) == (2_378, 731, 168)
    for name, efficiency, net_legs, gross_legs in (
        ("positions", 0.3125, 1_534, 4_756),
        ("cash", 0.4118, 731, 4_756),
        ("bilateral", 0.0893, 1_590, 2_378),
    ):
        figures = report["netting"][name]
        assert round(figures["efficiency"], 4) == efficiency
        assert (figures["net_legs"], figures["gross_legs"]) == (net_legs, gross_legs)


def test_tape_net_counts_windows_from_the_first_trade_of_hyperliquid() -> None:
    """The slice lasts 54.5 s, so windows of 55 s from its first trade are one window."""
    path = recorded_path("data/hyperliquid_fills_20251027")
    whole = net(path, "--format", "hyperliquid")
    assert net(path, "--format", "hyperliquid", "--window", 55)["netting"] == whole["netting"]
    narrow = net(path, "--format", "hyperliquid", "--window", 10)
    assert narrow["windows"] == 6
    for name, figures in narrow["netting"].items():
        assert 0 < figures["efficiency"] < whole["netting"][name]["efficiency"]


@pytest.mark.parametrize(
    ("window", "accounts", "chains"),
    [
        (HOUR, (0.0626, 3_519), (0.0985, 2_179)),
        (DAY, (0.1131, 2_848), (0.2608, 431)),
        (WHOLE, (0.1341, 1_938), (0.3478, 18)),
    ],
)
def test_tape_net_prints_the_figures_of_axelar(
    window: list[str], accounts: tuple[float, int], chains: tuple[float, int]
) -> None:
    report = net(recorded_path("data/axelar_usdc_2022_2023"), "--format", "axelar", *window)
    for name, (efficiency, net_legs) in (("accounts", accounts), ("chains", chains)):
        figures = report["netting"][name]
        assert round(figures["efficiency"], 4) == efficiency
        assert (figures["net_legs"], figures["gross_legs"]) == (net_legs, 5_540)


@pytest.mark.parametrize(
    ("window", "accounts", "chains"),
    [
        (HOUR, (0.0011, 26_164), (0.0463, 8_218)),
        (DAY, (0.0528, 20_417), (0.2473, 1_510)),
        (WHOLE, (0.6144, 15_629), (0.7451, 20)),
    ],
)
def test_tape_net_prints_the_figures_of_nomad(
    window: list[str], accounts: tuple[float, int], chains: tuple[float, int]
) -> None:
    """Eleven assets: the efficiency depends on how they are valued, the counts do not."""
    report = net(recorded_path("data/nomad_bridge_2022"), "--format", "nomad", *window)
    for name, (efficiency, net_legs) in (("accounts", accounts), ("chains", chains)):
        figures = report["netting"][name]
        assert round(figures["efficiency"], 4) == efficiency
        assert (figures["net_legs"], figures["gross_legs"]) == (net_legs, 26_806)


@pytest.mark.parametrize("window", [HOUR, DAY, WHOLE])
def test_tape_net_prints_zero_when_all_transfers_go_one_way(window: list[str]) -> None:
    folder = recorded_path("data/connector_bridges_2021_2023")
    report = net(folder, "--format", "connector", *window)
    for figures in report["netting"].values():
        assert figures["efficiency"] == 0
        assert figures["net_quanta"] == figures["gross_quanta"]
        assert figures["gross_legs"] == 20_076
    assert isinstance(report["netting"]["chains"]["gross_quanta"], str)


AXELAR = (
    "TIMESTAMP_SECONDS,EOA,RAW_AMOUNT,DESTINATIONCHAIN\n"
    "3599,0xa,1000000,eth\n3600,0xa,5000000,eth\n3601,0xa,4000000,polygon\n"
)


def test_tape_net_prints_a_table_without_json(tmp_path: Path) -> None:
    path = tmp_path / "polygon_to_elsewhere.csv"
    path.write_text(AXELAR)
    result = CliRunner().invoke(app, ["net", str(path), "--format", "axelar"])
    assert result.exit_code == 0
    assert "0.4000" in result.stdout
    assert "chains" in result.stdout


def test_tape_net_aligns_windows_of_bridges_to_the_epoch(tmp_path: Path) -> None:
    path = tmp_path / "polygon_to_elsewhere.csv"
    path.write_text(AXELAR)
    assert net(path, "--format", "axelar", *HOUR)["windows"] == 2
    assert net(path, "--format", "axelar", "--window", 7_200)["windows"] == 1


@pytest.mark.parametrize(
    ("content", "tape_format", "message"),
    [
        ("{}\n", "hyperliquid", "line 1"),
        ("A,B\n1,2\n", "axelar", "line 2"),
        ("[1", "connector", "line 1"),
        (None, "hyperliquid", "tape_missing"),
        (None, "nomad", "tape_missing"),
        ("", "morse", "morse"),
    ],
)
def test_tape_net_exits_with_2_and_says_why_when_it_cannot_read(
    tmp_path: Path, content: str | None, tape_format: str, message: str
) -> None:
    path = tmp_path / "recording"
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(app, ["net", str(path), "--format", tape_format])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
