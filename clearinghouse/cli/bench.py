"""``clearinghouse bench``: measure this machine; see docs/benchmarks.md.

The measurements live with the tests, in the repository: they bring their own server, market and
PostgreSQL, which an installed package has no use for.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import clearinghouse
from clearinghouse.cli.errors import reported
from clearinghouse.errors import Rejected

app = typer.Typer(
    help="Measure this machine: what it reaches, and the limit beside it.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Profile = Annotated[bool, typer.Option(help="Add the functions with the most processor time.")]
Quick = Annotated[bool, typer.Option(help="A small size that takes seconds.")]
Runs = Annotated[int | None, typer.Option(min=1, help="Runs; the figure is their median.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of the market.")]
Fills = Annotated[int | None, typer.Option(min=1, help="Fills in all.")]
BatchFills = Annotated[int | None, typer.Option(min=1, help="Fills of one batch.")]
Members = Annotated[int | None, typer.Option(min=32, help="Members of the market.")]

_CATALOGUE = Path("tests/benchmarks/catalogue.py")


class Form(StrEnum):
    """How fills are sent."""

    COLUMNS = "columns"
    ROWS = "rows"


@app.command()
def intake(
    form: Annotated[Form, typer.Option(help="How fills are sent.")] = Form.COLUMNS,
    fills: Fills = None,
    batch_fills: BatchFills = None,
    members: Members = None,
    runs: Runs = None,
    seed: Seed = None,
    quick: Quick = False,
    profile: Profile = False,
    as_json: AsJson = False,
) -> None:
    """Fills per second, from the venue's signature to the durable answer."""
    sizes = {"fills": fills, "batch_fills": batch_fills, "members": members}
    _run(f"intake {form}", quick, profile, as_json, runs=runs, seed=seed, **sizes)


@app.command()
def orders(
    orders: Annotated[int | None, typer.Option(min=1, help="Orders in all.")] = None,
    members: Members = None,
    runs: Runs = None,
    seed: Seed = None,
    quick: Quick = False,
    profile: Profile = False,
    as_json: AsJson = False,
) -> None:
    """Individually signed orders per second, every signature verified."""
    sizes = {"orders": orders, "members": members}
    _run("orders", quick, profile, as_json, runs=runs, seed=seed, **sizes)


@app.command()
def acknowledge(
    fills: Fills = None,
    members: Members = None,
    cut_members: Annotated[
        int | None, typer.Option(min=32, help="Members of the cycle that is cut.")
    ] = None,
    runs: Runs = None,
    seed: Seed = None,
    quick: Quick = False,
    profile: Profile = False,
    as_json: AsJson = False,
) -> None:
    """Milliseconds to the durable answer to one fill: idle, at half load, during a cut."""
    sizes = {"fills": fills, "members": members, "cut_members": cut_members}
    _run("acknowledge", quick, profile, as_json, runs=runs, seed=seed, **sizes)


@app.command()
def cycle(
    fills: Fills = None,
    members: Members = None,
    runs: Runs = None,
    seed: Seed = None,
    quick: Quick = False,
    profile: Profile = False,
    as_json: AsJson = False,
) -> None:
    """Seconds to cut a cycle, net it, place its claims and build its trees."""
    _run("cycle", quick, profile, as_json, runs=runs, seed=seed, fills=fills, members=members)


@app.command()
def recovery(
    fills: Fills = None,
    members: Members = None,
    failovers: Annotated[
        int | None, typer.Option(min=0, help="Fail-overs on PostgreSQL; 0 for none.")
    ] = None,
    runs: Runs = None,
    seed: Seed = None,
    quick: Quick = False,
    profile: Profile = False,
    as_json: AsJson = False,
) -> None:
    """Seconds to replay a journal, to start from a snapshot, and to fail over."""
    sizes = {"fills": fills, "members": members, "failovers": failovers}
    _run("recovery", quick, profile, as_json, runs=runs, seed=seed, **sizes)


@app.command()
def query(
    fills: Fills = None,
    members: Members = None,
    runs: Runs = None,
    seed: Seed = None,
    quick: Quick = False,
    profile: Profile = False,
    as_json: AsJson = False,
) -> None:
    """Milliseconds of a question: a member, the branch of a claim, a cycle's report."""
    _run("query", quick, profile, as_json, runs=runs, seed=seed, fills=fills, members=members)


@app.command()
def trees(as_json: AsJson = False) -> None:
    """Claims trees alone: hashing anew, from nothing, and one proof."""
    _run("trees", False, False, as_json)


@app.command()
def allocation(as_json: AsJson = False) -> None:
    """Placing the claims of a cycle on chains alone, with HiGHS beside it."""
    _run("allocation", False, False, as_json)


@app.command("all")
def every(quick: Quick = False, as_json: AsJson = False) -> None:
    """Everything, one after the other; at full size that takes a quarter of an hour."""
    with reported():
        _show(_load_catalogue().measure_all(quick=quick), as_json)


def _run(name: str, quick: bool, profile: bool, as_json: bool, **sizes: int | None) -> None:
    with reported():
        catalogue = _load_catalogue()
        _show(catalogue.measure(name, quick=quick, profile=profile, **sizes), as_json)


def _load_catalogue() -> Any:
    """Import the benchmarks of the checked-out repository.

    Raises
    ------
    Rejected
        ``BENCHMARKS_ABSENT`` where only the package is installed.
    """
    root = Path(clearinghouse.__file__).resolve().parent.parent
    if not (root / _CATALOGUE).is_file():
        raise Rejected(
            "BENCHMARKS_ABSENT",
            f"the benchmarks come with the repository, not with the package, and {root} has none; "
            "clone it, run `make install` and `.venv/bin/clearinghouse bench` there",
            root=str(root),
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return import_module("tests.benchmarks.catalogue")


def _show(results: list[Any], as_json: bool) -> None:
    shown = [result.to_object() for result in results]
    if as_json:
        typer.echo(json.dumps(shown[0] if len(shown) == 1 else {"results": shown}))
        return
    console = Console()
    table = Table("benchmark", "median", "limit", "ratio", "p50", "p99", "RSS, MiB")
    for each in shown:
        unit = each["unit"]
        table.add_row(
            each["name"],
            f"{each['median']:,} {unit}",
            f"{each['limit']['value']:,} {unit}",
            f"{each['ratio_to_limit']:,}",
            f"{each['p50']:,}",
            f"{each['p99']:,}",
            f"{each['rss_bytes'] / 2**20:,.0f}",
        )
    console.print(table)
    for each in shown:
        notes = {
            "runs": ", ".join(f"{run:,}" for run in each["runs"]),
            "percentiles": each["percentiles_of"],
            "limit": each["limit"]["what"],
            "seed": each["seed"],
            **each["details"],
        }
        console.print(f"\n[bold]{each['name']}[/bold]")
        for name, value in notes.items():
            console.print(f"  {name.replace('_', ' ')}: {_text(value)}", highlight=False)
        for line in each.get("profile", []):
            console.print(
                f"  {line['own_share']:6.1%} {line['own_seconds']:8.3f} s  {line['function']}",
                highlight=False,
                markup=False,
            )
    machine = ", ".join(f"{name} {value}" for name, value in shown[0]["machine"].items())
    console.print(f"\n{machine}", highlight=False)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    return f"{value:,}" if isinstance(value, int | float) else str(value)
