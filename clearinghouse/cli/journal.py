"""``clearinghouse journal``: look at a journal, and migrate it, without a server."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated

import typer

from clearinghouse.book.earlier_entries import decode_any_entry
from clearinghouse.book.identifiers import to_hex
from clearinghouse.book.snapshot import ENCODING
from clearinghouse.book.state import State
from clearinghouse.cli.errors import reported
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import Corruption
from clearinghouse.intake.replay import replay
from clearinghouse.settlement.rebuild import verify_committed_legs
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.schema import VERSIONS
from clearinghouse.store.snapshots import SnapshotStore

app = typer.Typer(help="Look at a journal, and migrate it.", no_args_is_help=True)

Url = Annotated[str, typer.Argument(help="URL of the journal, e.g. sqlite:///journal.sqlite")]


@app.command()
def verify(
    url: Url,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay a journal: check its chain, every entry, its snapshots, and the committed legs' roots.

    A damaged snapshot is only told of: the journal leads to the same state without it.
    """
    with reported():
        with open_journal(url, read_only=True) as journal:
            state, good, damaged = _replay_beside_snapshots(journal)
        legs = verify_committed_legs(state)
    shown = {
        "entries": state.sequence,
        "head": to_hex(state.head),
        "state_hash": to_hex(state_hash(state)),
        "legs_rebuilt": legs,
        "snapshots_good": good,
        "snapshots_damaged": damaged,
    }
    if as_json:
        typer.echo(json.dumps(shown))
    else:
        for name, value in shown.items():
            typer.echo(f"{name.replace('_', ' '):17} {value}")


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
                "kind": type(decode_any_entry(record.payload)).__name__,
                "hash": to_hex(record.hash),
                "entry": json.loads(record.payload),
            }
            typer.echo(json.dumps(shown))


@app.command()
def snapshots(url: Url) -> None:
    """Print what snapshots there are, newest first, one JSON object a line."""
    with reported(), open_journal(url, read_only=True) as journal:
        store = SnapshotStore(journal.database, ENCODING)
        for header in store.read_headers():
            shown = {
                "sequence": header.sequence,
                "head": to_hex(header.head),
                "state_hash": to_hex(header.state_hash),
                "encoding_version": header.encoding_version,
                "payload_bytes": header.payload_bytes,
                "damage": _find_damage(store, header.sequence),
            }
            typer.echo(json.dumps(shown))


@app.command()
def migrate(url: Url) -> None:
    """Bring a journal's tables to this release's version, as a server does when it starts."""
    with reported(), open_journal(url):
        typer.echo(f"the journal has schema {VERSIONS[-1]}")


def _replay_beside_snapshots(journal: SqlJournal) -> tuple[State, int, int]:
    """Return the state, and how many snapshots are what the replay had there, and are not."""
    store = SnapshotStore(journal.database, ENCODING)
    records, state = journal.read(), State()
    good = damaged = 0
    for header in reversed(store.read_headers()):
        state = replay(islice(records, max(header.sequence - state.sequence, 0)), state)
        if header.encoding_version != ENCODING:
            continue  # another release's, which says whether it is good
        sound = _find_damage(store, header.sequence) is None
        if sound and header.state_hash == state_hash(state):
            good += 1
        else:
            damaged += 1
    return replay(records, state), good, damaged


def _find_damage(store: SnapshotStore, sequence: int) -> str | None:
    try:
        store.get_verified(sequence)
    except Corruption as error:
        return str(error.attributes["cause"])
    return None
