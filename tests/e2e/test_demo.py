"""``clearinghouse demo --json`` as anyone runs it: one object on stdout, and what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from devnets.configuration import FAST

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]

DEMO_SECONDS_MAX = 240.0
JSON_SAFE_INTEGER = 2**53
PHASES = {"NONE", "PREPARED", "COMMITTED", "ABORTED", "INVALID", "FINAL"}
CHAINS = ["harbor", "meridian", "summit"]

_FIGURES = {"efficiency": float, "net_legs": int, "gross_legs": int}
_GAS = (int, type(None))
_EXACT = (int, str)
"""An integer, as a string where a 64-bit float would lose digits."""

RESULT_SHAPE: dict[str, Any] = {
    "tape": {
        "source": str,
        "trades": int,
        "accounts": int,
        "instruments": int,
        "rejected": int,
        "rejected_by_reason": dict,
        "chain_assignment": str,
    },
    "cycles": [
        {
            "cycle": int,
            "fills": int,
            "netting": {"positions": _FIGURES, "cash": _FIGURES, "bilateral": _FIGURES},
            "crossing": dict,
            "settlement_id": str,
            "phase": str,
            "legs": [
                {
                    "chain": str,
                    "chain_id": int,
                    "phase": str,
                    "prepare_gas": _GAS,
                    "commit_gas": _GAS,
                    "abort_gas": _GAS,
                    "finalize_gas": _GAS,
                    "update_gas": _GAS,
                    "proofs_verified": int,
                }
            ],
        }
    ],
    "releases_claimed": int,
    "solvency": [
        {
            "chain": str,
            "asset": str,
            "vault": _EXACT,
            "claims": _EXACT,
            "unclaimed_releases": _EXACT,
            "unconsumed_deposits": _EXACT,
            "difference": _EXACT,
        }
    ],
    "journal": {"entries": int, "head": str, "replay_matches": bool},
    "claims_match": bool,
    "seconds": dict,
    "ok": bool,
}


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    """The finished demo: a minute of work that the tests below look at."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "clearinghouse.cli.main", "demo"),
            *("--json", "--devnet", str(FAST)),
        ],
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS_MAX,
        check=False,
    )


@pytest.fixture(scope="module")
def result(demo: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert demo.returncode == 0, demo.stderr
    decoded: dict[str, Any] = json.loads(demo.stdout)  # fails unless it is one object, whole
    return decoded


def test_demo_prints_the_promised_shape_when_asked_for_json(result: dict[str, Any]) -> None:
    _check_shape("result", result, RESULT_SHAPE)
    for cycle in result["cycles"]:
        assert cycle["phase"] in PHASES
        assert {leg["phase"] for leg in cycle["legs"]} <= PHASES
        assert [leg["chain"] for leg in cycle["legs"]] == CHAINS
        assert len(bytes.fromhex(cycle["settlement_id"].removeprefix("0x"))) == 32


def test_demo_settles_three_cycles_then_aborts_one_then_settles_what_was_left(
    result: dict[str, Any],
) -> None:
    phases = [cycle["phase"] for cycle in result["cycles"]]
    assert phases == ["FINAL", "FINAL", "FINAL", "ABORTED", "FINAL"]
    for cycle in result["cycles"]:
        assert {leg["phase"] for leg in cycle["legs"]} == {cycle["phase"]}
    aborted, after = result["cycles"][3:]
    assert after["fills"] == aborted["fills"] > 0
    settled = [cycle for cycle in result["cycles"] if cycle["phase"] == "FINAL"]
    assert sum(cycle["fills"] for cycle in settled) == result["tape"]["trades"]
    assert result["tape"]["rejected"] == 0
    assert result["releases_claimed"] > 0


def test_demo_counts_gas_only_where_something_ran(result: dict[str, Any]) -> None:
    for cycle in result["cycles"]:
        final = cycle["phase"] == "FINAL"
        for leg in cycle["legs"]:
            assert leg["prepare_gas"] > 0
            assert (leg["commit_gas"] is not None) == final
            assert (leg["abort_gas"] is not None) == (not final)
            assert leg["proofs_verified"] >= (2 if final else 0)


def test_demo_is_solvent_and_its_journal_replays(result: dict[str, Any]) -> None:
    vaults = {(line["chain"], line["asset"]): line for line in result["solvency"]}
    assert {chain for chain, _ in vaults} == set(CHAINS)
    for line in vaults.values():
        owed = sum(
            int(line[part]) for part in ("claims", "unclaimed_releases", "unconsumed_deposits")
        )
        assert int(line["vault"]) - owed == line["difference"] == 0
    assert any(int(line["claims"]) > 0 for line in vaults.values())
    assert result["journal"]["replay_matches"] is True
    assert result["claims_match"] is True
    assert result["ok"] is True


def test_demo_keeps_progress_off_stdout(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.stdout.count("\n") == 1
    assert "settling cycle 1" in demo.stderr


def _check_shape(name: str, value: Any, shape: Any) -> None:
    """Check keys and types all the way down: nothing missing, nothing that is not promised."""
    if isinstance(shape, Mapping):
        assert isinstance(value, dict), name
        assert set(value) == set(shape), name
        for key, inner in shape.items():
            _check_shape(f"{name}.{key}", value[key], inner)
    elif isinstance(shape, list):
        assert isinstance(value, list), name
        assert value, name
        for number, item in enumerate(value):
            _check_shape(f"{name}[{number}]", item, shape[0])
    else:
        assert isinstance(value, shape), name
        assert isinstance(value, bool) == (shape is bool), name
        if isinstance(value, int):
            assert abs(value) <= JSON_SAFE_INTEGER, name
        if isinstance(value, str) and shape == _EXACT:
            assert abs(int(value)) > JSON_SAFE_INTEGER, name
