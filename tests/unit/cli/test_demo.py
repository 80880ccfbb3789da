"""How ``clearinghouse demo`` reports a result: exit code, one JSON object, exact integers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.base import AnchorSolvency
from clearinghouse.api.views import CycleLeg, CycleReport
from clearinghouse.book.identifiers import AssetId, ChainId, Hash32
from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.cli import demo
from clearinghouse.cli.main import app
from clearinghouse.errors import Unavailable
from clearinghouse.netting.metrics import NettingFigures
from clearinghouse.settlement.solvency import SolvencyLine
from clearinghouse.tape.market import synthetic_market
from devnets.configuration import FAST
from devnets.demo.run import DemoResult

HOME, SPOKE = ChainId(31_101), ChainId(31_102)
USDC = AssetId(1)
FIGURES = NettingFigures(gross=1_000, net=250, gross_legs=8, net_legs=3)


def whole_line() -> SolvencyLine:
    """Return a vault that holds exactly what it owes."""
    return SolvencyLine(HOME, USDC, AnchorSolvency(100, 60, 30, 10), ledger_claims=60)


def whole_result() -> DemoResult:
    """Return a result in which nothing is missing."""
    return DemoResult(
        tape=synthetic_market(trades=10),
        accounts=40,
        instruments=4,
        rejected={Reason.MARGIN_INSUFFICIENT: 2, Reason.ORDER_EXPIRED: 1},
        cycles=[
            CycleReport(
                cycle=1,
                settlement_id=Hash32(b"\x01" * 32),
                outcome=Phase.FINAL,
                fills=10,
                positions=FIGURES,
                cash=FIGURES,
                bilateral=FIGURES,
                crossings={USDC: 2**60},
                legs=(
                    CycleLeg(HOME, Phase.FINAL, 1, 2, None, 3, 4, 2),
                    CycleLeg(SPOKE, Phase.FINAL, 5, 6, None, 7, 8, 2),
                ),
            )
        ],
        released=3,
        solvency=[whole_line()],
        journal_entries=12,
        journal_head="0x" + "ab" * 32,
        replay_matches=True,
        claims_match=True,
        seconds={"settle": 1.23456},
    )


@pytest.fixture
def run_demo(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the command with a story that ends as the test says."""

    def run(ending: DemoResult | Unavailable, *options: str) -> Any:
        class Story:
            def __init__(self, *_: object) -> None:
                pass

            def run(self) -> DemoResult:
                if isinstance(ending, Unavailable):
                    raise ending
                return ending

        monkeypatch.setattr(demo, "Demo", Story)
        return CliRunner().invoke(app, ["demo", "--devnet", str(FAST), *options])

    return run


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["summary", "json"])
def test_demo_exits_zero_when_nothing_is_missing(
    run_demo: Callable[..., Any], options: tuple[str, ...]
) -> None:
    assert run_demo(whole_result(), *options).exit_code == 0


def _short_vault(result: DemoResult) -> None:
    anchor = replace(whole_line().anchor, vault=99)
    result.solvency.append(replace(whole_line(), anchor=anchor))


def _surplus_vault(result: DemoResult) -> None:
    anchor = replace(whole_line().anchor, vault=101)
    result.solvency.append(replace(whole_line(), anchor=anchor))


def _other_claims(result: DemoResult) -> None:
    result.solvency.append(replace(whole_line(), ledger_claims=61))


def _other_leg(result: DemoResult) -> None:
    result.claims_match = False


def _other_replay(result: DemoResult) -> None:
    result.replay_matches = False


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["summary", "json"])
@pytest.mark.parametrize(
    "spoil", [_short_vault, _surplus_vault, _other_claims, _other_leg, _other_replay]
)
def test_demo_exits_one_when_something_differs(
    run_demo: Callable[..., Any], spoil: Callable[[DemoResult], None], options: tuple[str, ...]
) -> None:
    result = whole_result()
    spoil(result)
    shown = run_demo(result, *options)
    assert shown.exit_code == 1
    if options:
        assert json.loads(shown.stdout)["ok"] is False


def test_demo_writes_integers_beyond_53_bits_as_strings(run_demo: Callable[..., Any]) -> None:
    result = whole_result()
    large = AnchorSolvency(2**63, 2**63 - 1, 1, 0)
    result.solvency.append(SolvencyLine(SPOKE, USDC, large, ledger_claims=2**63 - 1))
    shown = json.loads(run_demo(result, "--json").stdout)
    assert shown["cycles"][0]["crossing"] == {"USDC": str(2**60)}
    line = shown["solvency"][1]
    assert (line["vault"], line["claims"]) == (str(2**63), str(2**63 - 1))
    assert (line["unclaimed_releases"], line["difference"]) == (1, 0)


def test_demo_json_names_what_the_result_holds(run_demo: Callable[..., Any]) -> None:
    shown = json.loads(run_demo(whole_result(), "--json").stdout)
    assert shown["tape"]["rejected"] == 3
    assert shown["tape"]["rejected_by_reason"] == {"MARGIN_INSUFFICIENT": 2, "ORDER_EXPIRED": 1}
    (cycle,) = shown["cycles"]
    assert cycle["netting"]["cash"] == {"efficiency": 0.75, "net_legs": 3, "gross_legs": 8}
    home, spoke = cycle["legs"]
    assert (home["chain"], home["chain_id"], spoke["chain"]) == ("harbor", HOME, "meridian")
    assert (home["prepare_gas"], home["commit_gas"], home["abort_gas"]) == (1, 2, None)
    assert (home["finalize_gas"], home["update_gas"], home["proofs_verified"]) == (3, 4, 2)
    assert shown["seconds"] == {"settle": 1.235}


def test_demo_summary_says_what_holds_and_what_does_not(run_demo: Callable[..., Any]) -> None:
    result = whole_result()
    result.replay_matches = False
    shown = run_demo(result)
    said = " ".join(shown.stdout.split())  # whatever the lines are wrapped at
    assert "✓ every claim on chain equals the ledger" in said
    assert "✗ 12 journal entries replay to the same state" in said
    assert "3 rejected (2 MARGIN_INSUFFICIENT, 1 ORDER_EXPIRED)" in said


def test_demo_exits_two_with_the_reason_when_the_story_breaks(
    run_demo: Callable[..., Any],
) -> None:
    shown = run_demo(Unavailable("demo_stuck", "the settlement is proven FINAL"), "--json")
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert "demo_stuck" in shown.stderr


def test_demo_refuses_a_devnet_file_that_does_not_exist(tmp_path: Path) -> None:
    absent = tmp_path / "absent.toml"
    shown = CliRunner().invoke(app, ["demo", "--devnet", str(absent)])
    assert shown.exit_code == 2
    assert "configuration_invalid" in shown.stderr
