"""``clearinghouse bench``: every benchmark in miniature. What it says must be true, not fast."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from typer.testing import CliRunner

from clearinghouse.book.transition import apply
from clearinghouse.cli import bench
from clearinghouse.cli.main import app
from clearinghouse.intake.replay import replay
from clearinghouse.store.journal import open_journal
from tests.benchmarks.intake import check_all_admitted
from tests.benchmarks.journals import url_of, write_market
from tests.benchmarks.market import ASSETS, CHAINS, Market, batch_entries, dense_state
from tests.benchmarks.result import Limit, Result, percentile
from tests.benchmarks.sampling import Sampler

NAMES = {
    "name", "unit", "median", "runs", "p50", "p99", "percentiles_of", "rss_bytes", "limit",
    "ratio_to_limit", "seed", "machine", "details",
}  # fmt: skip
MEMBERS = 32


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile nothing; and a benchmark takes over its process's log, which here is the tests'."""
    monkeypatch.setenv("BENCHMARKS_INTERPRETED", "1")
    yield
    structlog.reset_defaults()


def run(*arguments: str, runs: int = 1) -> dict[str, Any]:
    """Run a benchmark; return its JSON object after looking at what all have in common."""
    common = ["--members", str(MEMBERS), "--runs", str(runs), "--seed", "7", "--json"]
    finished = CliRunner().invoke(app, ["bench", *arguments, *common])
    assert finished.exit_code == 0, finished.output or finished.exception
    shown: dict[str, Any] = json.loads(finished.stdout)
    assert set(shown) - {"profile"} == NAMES
    assert len(shown["runs"]) == runs
    assert min(shown["runs"]) <= shown["median"] <= max(shown["runs"])
    assert 0 < shown["p50"] <= shown["p99"]
    assert set(shown["limit"]) == {"what", "value"}
    ratio = shown["median"] / shown["limit"]["value"]
    assert shown["ratio_to_limit"] == pytest.approx(ratio, rel=1e-2)
    assert shown["rss_bytes"] > 2**20
    assert shown["seed"] == 7
    assert {"cpu", "cores", "memory_bytes", "python", "numpy", "sqlite"} <= set(shown["machine"])
    return shown


@pytest.mark.parametrize("form", ["columns", "rows"])
def test_intake_reports_every_fill_when_all_are_admitted(form: str) -> None:
    sizes = ["--fills", "1100", "--batch-fills", "256"]
    shown = run("intake", "--form", form, *sizes, "--profile")
    assert (shown["name"], shown["unit"]) == (f"intake --form {form}", "fills/s")
    details = shown["details"]
    assert (details["fills"], details["orders"]) == (1_100, 4 * MEMBERS)
    assert details["server_rss_bytes"] + details["client_rss_bytes"] == shown["rss_bytes"]
    assert details["journal_bytes"] > 24 * 1_100
    assert 1 < len(shown["profile"]) <= 16
    assert {"function", "own_seconds", "own_share"} <= set(shown["profile"][0])


def test_orders_reports_orders_per_second_when_all_are_recorded() -> None:
    shown = run("orders", "--orders", "300")
    assert shown["unit"] == "orders/s"
    assert shown["details"]["orders"] == 300


def test_acknowledge_reports_idle_load_and_cut_when_all_fills_are_admitted() -> None:
    shown = run("acknowledge", "--fills", "20", "--cut-members", str(MEMBERS), "--quick")
    details = shown["details"]
    assert details["fills"] == 20
    assert details["maximum_load_fills_per_second"] > details["half_load_fills_per_second"] > 0
    assert len(details["cut_seconds"]) == 1
    for measured in ("commit_ms", "empty_call_ms", "at_half_load_ms", "during_cut_ms"):
        assert 0 < details[measured]["p50"] <= details[measured]["p99"]


def test_cycle_reports_all_claims_when_every_member_has_every_vault() -> None:
    shown = run("cycle", "--fills", "500", runs=3)
    details = shown["details"]
    assert details["claims"] == MEMBERS * len(CHAINS) * len(ASSETS)
    assert 0 < details["changed_claims"] <= details["claims"]
    assert details["twice_the_fills_to_once"] > 0


def test_recovery_reports_replay_snapshot_and_failover_when_all_fills_are_back() -> None:
    shown = run("recovery", "--fills", "700", "--failovers", "1")
    details = shown["details"]
    assert details["fills"] == 700
    assert len(details["snapshot_runs"]) == 1
    assert len(details["failover_seconds"]) == 1


def test_query_reports_each_question_when_a_cycle_is_committed() -> None:
    shown = run("query", "--fills", "500", "--quick")
    assert shown["details"]["questions"] == 100
    for measured in ("claim_branch_ms", "cycle_report_ms"):
        assert shown["details"][measured]["p50"] > 0


def test_bench_prints_a_table_when_no_json_is_asked_for() -> None:
    sizes = ["--members", "32", "--fills", "500", "--runs", "1"]
    finished = CliRunner().invoke(app, ["bench", "cycle", *sizes])
    assert finished.exit_code == 0, finished.output
    assert "permutations of Keccak" in finished.stdout
    assert "numpy" in finished.stdout


def test_bench_says_what_to_do_when_only_the_package_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench, "_CATALOGUE", Path("tests/benchmarks/elsewhere.py"))
    finished = CliRunner().invoke(app, ["bench", "cycle"])
    assert finished.exit_code == 2
    assert "clone it" in finished.stderr


def test_intake_fails_when_the_ledger_lacks_a_fill() -> None:
    with pytest.raises(AssertionError, match="9 fills in the ledger, 10 were sent"):
        check_all_admitted({"fills": 9}, 10)


def test_market_gives_the_same_fills_between_two_members_when_asked_again() -> None:
    market = Market(64, seed=3)
    fills = market.fills(5, 1_000)
    for column, again in zip(fills, Market(64, seed=3).fills(5, 1_000), strict=True):
        np.testing.assert_array_equal(column, again)
    buyers, sellers = fills.buys // 4, fills.sells // 4
    assert (buyers != sellers).all()
    assert (fills.buys % 2 == 0).all()
    assert (fills.sells % 2 == 1).all()
    traded = market.traded.ravel()
    np.testing.assert_array_equal(traded[fills.buys // 2], traded[fills.sells // 2])


def test_dense_state_has_the_holdings_of_the_journal_when_the_fills_are_the_same(
    tmp_path: Path,
) -> None:
    market = Market(64, seed=3)
    write_market(url_of(tmp_path), market, fills=700, batch_fills=300)
    with open_journal(url_of(tmp_path), read_only=True) as journal:
        honest = replay(journal.read())
    dense = dense_state(market, 700, 300)
    assert honest.fill_count == dense.fill_count == 700
    np.testing.assert_array_equal(honest.holdings.used(), dense.holdings.used())
    np.testing.assert_array_equal(
        honest.orders.rows["filled"][:256], dense.orders.rows["filled"][:256]
    )
    assert honest.marks == dense.marks
    # What was written into the tables lets the transition go on as if it had been recorded.
    (entry,) = batch_entries(Market(64, seed=4), 100, 100)
    apply(dense, entry)
    assert dense.fill_count == 800


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 2.0), (99, 4.0), (100, 4.0), (1, 1.0), (25, 1.0), (26, 2.0)]
)
def test_percentile_is_the_nearest_rank_when_there_are_few_values(
    percent: float, expected: float
) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == expected


def test_result_puts_the_limit_beside_the_median_when_shown() -> None:
    result = Result(
        "x", "fills/s", [10.0, 30.0, 20.0], [1.0, 2.0], "ms", 1, Limit("fsync", 40.0), seed=1
    )
    shown = result.to_object()
    assert (shown["median"], shown["ratio_to_limit"]) == (20.0, 0.5)
    assert (shown["p50"], shown["p99"]) == (1.0, 2.0)


def test_sampler_names_the_function_when_it_used_the_processor() -> None:
    ended = threading.Event()

    def spin() -> None:
        while time.thread_time() < 0.2:
            sum(range(1_000))
        ended.set()

    sampler = Sampler()
    sampler.start()
    thread = threading.Thread(target=spin)
    thread.start()
    waiter = threading.Thread(target=ended.wait)
    waiter.start()
    thread.join()
    waiter.join()
    (spinning,) = [line for line in sampler.stop() if "spin (" in line["function"]]
    assert spinning["own_share"] > 0.5
    assert spinning["with_callees_seconds"] >= spinning["own_seconds"]
