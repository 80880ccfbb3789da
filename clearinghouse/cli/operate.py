"""``clearinghouse operate``: the operator's own calls to a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from clearinghouse.api.operation_client import OperationClient
from clearinghouse.book.identifiers import (
    AssetId,
    InstrumentId,
    address_from_hex,
    to_hex,
)
from clearinghouse.book.reference import Instrument
from clearinghouse.cli.errors import reported

app = typer.Typer(help="Operate a running clearinghouse.", no_args_is_help=True)

Target = Annotated[str, typer.Option(help="The server's --operation-listen address.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DEFAULT_TARGET = "127.0.0.1:50052"
READY_SECONDS_MAX = 10.0


@contextmanager
def _connected(target: str) -> Iterator[OperationClient]:
    """Give a server that is just starting some seconds."""
    with OperationClient(target) as client:
        client.wait_until_ready(READY_SECONDS_MAX)
        yield client


@app.command()
def status(target: Target = DEFAULT_TARGET, as_json: AsJson = False) -> None:
    """Print how far the journal and the cycles have come."""
    with reported(), _connected(target) as client:
        known = client.get_status()
    shown: dict[str, Any] = {
        "clearinghouse_id": to_hex(known.clearinghouse_id),
        "sequence": known.sequence,
        "journal_head": to_hex(known.journal_head),
        "halted": known.halted,
        "cycle": known.cycle,
        "in_flight": to_hex(known.in_flight) if known.in_flight else None,
        "last_committed": to_hex(known.last_committed),
        "members": known.members,
        "instruments": known.instruments,
        "fills": known.fills,
        "fills_since_cut": known.fills_since_cut,
    }
    if as_json:
        typer.echo(json.dumps(shown))
        return
    table = Table(show_header=False)
    for name, value in shown.items():
        table.add_row(name.replace("_", " "), "-" if value in (None, "") else str(value))
    Console().print(table)


@app.command()
def cut(target: Target = DEFAULT_TARGET, as_json: AsJson = False) -> None:
    """Cut a cycle now."""
    with reported(), _connected(target) as client:
        cycle = client.cut_cycle()
    typer.echo(json.dumps({"cycle": cycle}) if as_json else f"cycle {cycle} is cut")


@app.command("create-instrument")
def create_instrument(
    instrument_id: Annotated[int, typer.Argument(help="Number, from 3.")],
    symbol: Annotated[str, typer.Argument(help="What people call it.")],
    quote_asset: Annotated[int, typer.Option(help="Asset that it is settled in.")],
    lot_exponent: Annotated[int, typer.Option(help="One lot is 10^N of the underlying.")] = 0,
    initial_margin_ppm: Annotated[
        int, typer.Option(help="Initial margin, parts per million of the notional.")
    ] = 50_000,
    target: Target = DEFAULT_TARGET,
) -> None:
    """List an instrument."""
    instrument = Instrument(
        InstrumentId(instrument_id), symbol, AssetId(quote_asset), lot_exponent, initial_margin_ppm
    )
    with reported(), _connected(target) as client:
        sequence = client.create_instrument(instrument)
    typer.echo(f"instrument {instrument_id} is listed, journal entry {sequence}")


@app.command("register-venue")
def register_venue(
    venue: Annotated[str, typer.Argument(help="Address of the venue's key.")],
    name: Annotated[str, typer.Argument(help="What people call it.")],
    target: Target = DEFAULT_TARGET,
) -> None:
    """Let a venue's key sign batches."""
    try:
        address = address_from_hex(venue)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with reported(), _connected(target) as client:
        sequence = client.register_venue(address, name)
    typer.echo(f"venue {name} is registered, journal entry {sequence}")
