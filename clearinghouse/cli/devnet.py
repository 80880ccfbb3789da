"""``clearinghouse devnet``: chains on this machine with a clearinghouse on them."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from clearinghouse.book.identifiers import to_hex
from clearinghouse.errors import ClearingError, Unavailable
from devnets.configuration import THREE_CHAINS, load_configuration
from devnets.deployment import Deployment
from devnets.harness import Devnet
from devnets.supervision import (
    ChainStatus,
    get_status,
    own_command,
    start_detached,
    stop_devnet,
)

MODULE = "clearinghouse.cli.devnet"
EXIT_FAILED = 2
EXIT_NOT_RUNNING = 3

app = typer.Typer(help="Chains on this machine with a clearinghouse on them.", no_args_is_help=True)

DirectoryOption = Annotated[
    Path, typer.Option("--directory", help="Where the devnet keeps its files.")
]
DEFAULT_DIRECTORY = Path(".devnet")


@app.command()
def up(
    file: Annotated[Path, typer.Argument(help="The devnet file.")] = THREE_CHAINS,
    directory: DirectoryOption = DEFAULT_DIRECTORY,
    detach: Annotated[
        bool, typer.Option("--detach", help="Leave it running; `down` stops it.")
    ] = False,
) -> None:
    """Start the chains, deploy the clearinghouse, and run until Ctrl-C."""
    with _errors_shown():
        configuration = load_configuration(file)
        if detach:
            arguments = ("up", str(file.resolve()), "--directory", str(directory.resolve()))
            process = start_detached(own_command(MODULE, *arguments), directory)
            typer.echo(f"devnet runs in {directory} as process {process.pid}", err=True)
            return
        logging.basicConfig(format="%(message)s", level=logging.WARNING)
        with _termination_interrupts():
            try:
                with Devnet.start(configuration, directory):
                    _show(*get_status(directory))
                    typer.echo(f"devnet runs in {directory}; Ctrl-C stops it", err=True)
                    threading.Event().wait()
            except KeyboardInterrupt:
                typer.echo("devnet stopped", err=True)


@app.command()
def down(directory: DirectoryOption = DEFAULT_DIRECTORY) -> None:
    """Stop the devnet, whoever started it."""
    with _errors_shown():
        stopped = stop_devnet(directory)
    if stopped is None:
        typer.echo(f"no devnet runs in {directory}", err=True)
    else:
        typer.echo(f"stopped process {stopped}", err=True)


@app.command()
def status(
    directory: DirectoryOption = DEFAULT_DIRECTORY,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what runs; the exit code is 3 when nothing does."""
    with _errors_shown():
        deployment, chains = get_status(directory)
    if as_json:
        typer.echo(json.dumps(_status_document(deployment, chains)))
    else:
        _show(deployment, chains)


@contextmanager
def _errors_shown() -> Iterator[None]:
    """Print an expected error as one message and leave with its exit code."""
    try:
        yield
    except Unavailable as error:
        _fail(error, EXIT_NOT_RUNNING if error.reason == "devnet_not_running" else EXIT_FAILED)
    except ClearingError as error:
        _fail(error, EXIT_FAILED)


def _fail(error: ClearingError, code: int) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(code) from error


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that `down` stops a devnet in order."""

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    # A shell starts background jobs with SIGINT ignored; who then sends it means it.
    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(deployment: Deployment, chains: tuple[ChainStatus, ...]) -> None:
    table = Table(title=f"clearinghouse {to_hex(deployment.clearinghouse_id)}")
    for heading in ("chain", "id", "url", "pid", "height", "final", "attested", "anchor"):
        table.add_column(heading, overflow="fold")
    table.add_column("light clients", overflow="fold")
    for chain in chains:
        clients = ", ".join(f"{name} {_shown(h)}" for name, h in chain.client_heights.items())
        table.add_row(
            f"{chain.name} (home)" if chain.is_home else chain.name,
            str(chain.chain_id),
            chain.url,
            _shown(chain.process_id),
            f"{_shown(chain.height)}{' halted' if chain.halted else ''}",
            _shown(chain.finalised_height),
            _shown(chain.attested_height),
            to_hex(chain.anchor),
            clients,
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)


def _status_document(deployment: Deployment, chains: tuple[ChainStatus, ...]) -> dict[str, object]:
    return {
        "directory": str(deployment.directory),
        "clearinghouse_id": to_hex(deployment.clearinghouse_id),
        "chains": [{**vars(chain), "anchor": to_hex(chain.anchor)} for chain in chains],
    }


if __name__ == "__main__":
    app()
