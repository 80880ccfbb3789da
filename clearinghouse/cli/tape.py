"""``clearinghouse tape``: look at a recorded market without any chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from clearinghouse.errors import ClearingError
from clearinghouse.netting.metrics import (
    NO_FILLS,
    NO_TRANSFERS,
    NettingFigures,
    figures_of_fills,
    figures_of_transfers,
)
from clearinghouse.tape.bridges import read_axelar, read_connector, read_nomad
from clearinghouse.tape.hyperliquid import read_hyperliquid
from clearinghouse.tape.instruments import cash_quanta, instruments_of
from clearinghouse.tape.transfers import Transfer

Item = TypeVar("Item")

app = typer.Typer(help="Look at a recorded market without any chain.", no_args_is_help=True)


class TapeFormat(StrEnum):
    """Recordings that can be read."""

    HYPERLIQUID = "hyperliquid"
    AXELAR = "axelar"
    NOMAD = "nomad"
    CONNECTOR = "connector"


@dataclass(frozen=True, slots=True)
class NettingReport:
    """What ``tape net`` prints."""

    source: str
    window_seconds: int | None
    windows: int
    """Windows in which something happened."""
    counts: dict[str, int]
    figures: dict[str, NettingFigures]


@app.callback()
def tape() -> None:
    """Look at a recorded market without any chain."""


@app.command("net")
def net(
    file: Annotated[Path, typer.Argument(help="A recording, or a folder of one format.")],
    tape_format: Annotated[TapeFormat, typer.Option("--format", help="How it was recorded.")],
    window_seconds: Annotated[
        int | None,
        typer.Option(
            "--window",
            min=1,
            help="Net within windows of so many seconds, aligned to the epoch for bridges and to "
            "the first trade for Hyperliquid; the whole recording without it.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print how much of a recorded market netting takes away."""
    try:
        if tape_format is TapeFormat.HYPERLIQUID:
            report = net_fills(file, window_seconds)
        else:
            report = net_transfers(file, _READERS[tape_format], window_seconds)
    except ClearingError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps(report_json(report, tape_format)))
    else:
        Console().print(report_table(report))


_READERS: dict[TapeFormat, Callable[[Path], list[Transfer]]] = {
    TapeFormat.AXELAR: read_axelar,
    TapeFormat.NOMAD: read_nomad,
    TapeFormat.CONNECTOR: read_connector,
}


def net_fills(path: Path, window_seconds: int | None) -> NettingReport:
    """Net a Hyperliquid recording; windows start at its first trade."""
    recorded = read_hyperliquid(path)
    instruments = instruments_of(recorded)
    start_ms = min((trade.time_ms for trade in recorded.trades), default=0)
    figures, windows = NO_FILLS, 0
    for trades in _windows(
        recorded.trades, lambda trade: trade.time_ms - start_ms, _milliseconds(window_seconds)
    ):
        windows += 1
        figures += figures_of_fills(
            (t.buyer, t.seller, t.coin, instruments[t.coin].lots(t), cash_quanta(t)) for t in trades
        )
    return NettingReport(
        source=recorded.source,
        window_seconds=window_seconds,
        windows=windows,
        counts={
            "trades": len(recorded.trades),
            "accounts": len(recorded.accounts),
            "instruments": len(instruments),
        },
        figures={
            "positions": figures.positions,
            "cash": figures.cash,
            "bilateral": figures.bilateral,
        },
    )


def net_transfers(
    path: Path, read: Callable[[Path], list[Transfer]], window_seconds: int | None
) -> NettingReport:
    """Net a bridge recording; windows are aligned to the epoch."""
    transfers = read(path)
    figures, windows = NO_TRANSFERS, 0
    for window in _windows(transfers, lambda t: t.time_seconds, window_seconds):
        windows += 1
        figures += figures_of_transfers(window)
    return NettingReport(
        source=path.name,
        window_seconds=window_seconds,
        windows=windows,
        counts={
            "transfers": len(transfers),
            "accounts": len({a for t in transfers for a in (t.sender, t.receiver)}),
            "assets": len({t.asset for t in transfers}),
            "chains": len({c for t in transfers for c in (t.source, t.destination)}),
        },
        figures={"accounts": figures.accounts, "chains": figures.chains},
    )


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1_000


def _windows(
    items: Iterable[Item], time_of: Callable[[Item], int], length: int | None
) -> list[list[Item]]:
    """Return the items by window in ascending order; inside a window their order stays."""
    windows: dict[int, list[Item]] = {}
    for item in items:
        windows.setdefault(0 if length is None else time_of(item) // length, []).append(item)
    return [windows[number] for number in sorted(windows)]


def report_json(report: NettingReport, tape_format: TapeFormat) -> dict[str, Any]:
    """Return the report as JSON values; integers beyond 2^53 become strings."""
    return {
        "source": report.source,
        "format": tape_format.value,
        "window_seconds": report.window_seconds,
        "windows": report.windows,
        **report.counts,
        "netting": {
            name: {
                "efficiency": figures.efficiency,
                "net_legs": figures.net_legs,
                "gross_legs": figures.gross_legs,
                "gross_quanta": _exact(figures.gross),
                "net_quanta": _exact(figures.net),
            }
            for name, figures in report.figures.items()
        },
    }


def _exact(number: int) -> int | str:
    """Return a number that a JSON reader with 64-bit floats keeps exact."""
    return number if abs(number) <= 2**53 else str(number)


_KEYS = {
    "positions": "positions net per (account, coin)",
    "cash": "cash per account",
    "bilateral": "bilateral per (pair of accounts, coin)",
    "accounts": "accounts net per (account, asset, chain)",
    "chains": "chains per (asset, chain)",
}
"""What cancels in each way of netting."""


def report_table(report: NettingReport) -> Table:
    """Lay the report out for people."""
    counts = ", ".join(f"{count:,} {noun}" for noun, count in report.counts.items())
    length = "one window" if report.window_seconds is None else f"{report.window_seconds} s windows"
    table = Table(
        title=f"{report.source}: {counts}; {length}, {report.windows:,} used",
        caption=", ".join(_KEYS[name] for name in report.figures) + "; worth in 10^6 quanta",
    )
    table.add_column("netting", no_wrap=True)
    for heading in ("efficiency", "net legs", "gross legs", "net worth", "gross worth"):
        table.add_column(heading, justify="right")
    for name, figures in report.figures.items():
        table.add_row(
            name,
            f"{figures.efficiency:.4f}",
            f"{figures.net_legs:,}",
            f"{figures.gross_legs:,}",
            f"{figures.net // 10**6:,}",
            f"{figures.gross // 10**6:,}",
        )
    return table
