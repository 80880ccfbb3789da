"""``clearinghouse demo``: the main job end to end, on chains of its own."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clearinghouse.cli.errors import reported
from clearinghouse.tape.hyperliquid import read_hyperliquid
from clearinghouse.tape.market import synthetic_market
from devnets.configuration import THREE_CHAINS, load_configuration
from devnets.demo.progress import Stages
from devnets.demo.report import print_result, result_json
from devnets.demo.run import Demo

SUMMARY_WIDTH = 110
SYNTHETIC_ACCOUNTS = 60
SYNTHETIC_INSTRUMENTS = 6
SYNTHETIC_TRADES = 1_200
SYNTHETIC_SEED = 20_251_010


class DemoTapeFormat(StrEnum):
    """Recordings of fills that the demo can replay."""

    HYPERLIQUID = "hyperliquid"


def demo(
    devnet: Annotated[Path, typer.Option(help="A devnet file.")] = THREE_CHAINS,
    tape: Annotated[
        Path | None, typer.Option(help="A recorded tape; a seeded market without it.")
    ] = None,
    tape_format: Annotated[
        DemoTapeFormat, typer.Option(help="How the tape was recorded.")
    ] = DemoTapeFormat.HYPERLIQUID,
    keep: Annotated[
        Path | None, typer.Option(help="Keep journal and logs in this new directory.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Net and settle a tape on three chains, atomically; then halt one and see all abort.

    Exits 0 only if every vault holds exactly what it owes, every claim on chain equals the ledger,
    and the journal replays to the same state.
    """
    progress = Console(stderr=True)
    with reported(), ExitStack() as stack:
        configuration = load_configuration(devnet)
        recorded = (
            synthetic_market(
                SYNTHETIC_ACCOUNTS, SYNTHETIC_INSTRUMENTS, SYNTHETIC_TRADES, SYNTHETIC_SEED
            )
            if tape is None
            else read_hyperliquid(tape)
        )
        directory = keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="clearinghouse-"))
        )
        story = Demo(configuration, recorded, directory, Stages(progress))
        result = story.run()
    if as_json:
        typer.echo(json.dumps(result_json(result, configuration)))
    else:
        console = Console()
        # The tables need this much; a pipe has no width of its own.
        console.width = max(console.width, SUMMARY_WIDTH)
        print_result(result, configuration, console)
    if not result.ok:
        raise typer.Exit(1)
