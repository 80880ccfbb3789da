"""``clearinghouse journal``: read a journal without a server."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated

import typer

from clearinghouse.book.entries import decode_entry
from clearinghouse.book.identifiers import to_hex
from clearinghouse.cli.errors import reported
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.intake.replay import replay
from clearinghouse.settlement.rebuild import verify_committed_legs
from clearinghouse.store.journal import open_journal

app = typer.Typer(help="Read a journal.", no_args_is_help=True)

Url = Annotated[str, typer.Argument(help="URL of the journal, e.g. sqlite:///journal.sqlite")]


@app.command()
def verify(
    url: Url,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay a journal: check its hash chain, every entry, and the roots of the committed legs."""
    with reported():
        with open_journal(url, read_only=True) as journal:
            state = replay(journal.read())
        legs = verify_committed_legs(state)
    shown = {
        "entries": state.sequence,
        "head": to_hex(state.head),
        "state_hash": to_hex(state_hash(state)),
        "legs_rebuilt": legs,
    }
    if as_json:
        typer.echo(json.dumps(shown))
    else:
        for name, value in shown.items():
            typer.echo(f"{name.replace('_', ' '):12} {value}")


@app.command()
def show(
    url: Url,
    first: Annotated[int, typer.Option(min=1, help="Sequence to begin with.")] = 1,
    count: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 20,
) -> None:
    """Print entries, one JSON object a line."""
    with reported(), open_journal(url, read_only=True) as journal:
        for record in islice(journal.read(first), count):
            shown = {
                "sequence": record.sequence,
                "kind": type(decode_entry(record.payload)).__name__,
                "hash": to_hex(record.hash),
                "entry": json.loads(record.payload),
            }
            typer.echo(json.dumps(shown))
