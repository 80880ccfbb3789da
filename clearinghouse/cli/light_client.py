"""``clearinghouse light-client``: how a deployment's light clients stand, and their updates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from adapters.evm.keystore import open_keystore
from clearinghouse.book.identifiers import ChainId, to_hex
from clearinghouse.cli.errors import reported
from clearinghouse.errors import ClearingError
from clearinghouse.settlement.keep_alive import find_age, update_client
from devnets.deployment import Deployment, adapters_of, load_deployment

EXIT_UNHEALTHY = 1

app = typer.Typer(help="Light clients on the chains of a deployment.", no_args_is_help=True)

DeploymentOption = Annotated[
    Path, typer.Option(help="A deployment.json or the directory that holds it.")
]
OnOption = Annotated[
    str | None, typer.Option("--on", help="Only clients on the chain of this name.")
]
OfOption = Annotated[
    str | None, typer.Option("--of", help="Only clients that follow the chain of this name.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DEFAULT_DEPLOYMENT = Path(".devnet")


@app.command()
def status(
    deployment: DeploymentOption = DEFAULT_DEPLOYMENT,
    on: OnOption = None,
    of: OfOption = None,
    as_json: AsJson = False,
) -> None:
    """Show every light client's newest header and its age; exit 1 if one cannot be relied upon."""
    with reported():
        deployed = load_deployment(deployment)
        # Nothing is sent through these adapters, so whose account they have does not matter.
        adapters = adapters_of(deployed, deployed.open_relayer())
        lasting = deployed.trusting_seconds
        lines = []
        for on_chain, followed in _clients(deployed, on, of):
            age = find_age(adapters, on_chain, followed)
            here, there = deployed.get_chain(on_chain), deployed.get_chain(followed)
            lines.append(
                {
                    "on": here.name,
                    "of": there.name,
                    "family": there.family,
                    "client": to_hex(here.configuration.client_of[followed]),
                    "status": age.state.status.name,
                    "height": age.state.height,
                    "age_seconds": age.age_seconds,
                    "trusting_seconds": lasting.get(followed),
                }
            )
    _print(lines, as_json)
    if any(line["status"] != "ACTIVE" for line in lines):
        raise typer.Exit(EXIT_UNHEALTHY)


@app.command()
def update(
    keystore: Annotated[Path, typer.Option(help="Keystore of the account that pays for gas.")],
    passphrase_file: Annotated[Path, typer.Option(help="File with the keystore's passphrase.")],
    deployment: DeploymentOption = DEFAULT_DEPLOYMENT,
    on: OnOption = None,
    of: OfOption = None,
    as_json: AsJson = False,
) -> None:
    """Bring light clients to the newest finalised headers; exit 1 if one does not get there.

    Anyone may: the contracts check every header again. Use an account that nothing else sends from.
    """
    with reported():
        deployed = load_deployment(deployment)
        adapters = adapters_of(deployed, open_keystore(keystore, passphrase_file))
        lines, failed = [], False
        for on_chain, followed in _clients(deployed, on, of):
            line: dict[str, Any] = {
                "on": deployed.get_chain(on_chain).name,
                "of": deployed.get_chain(followed).name,
            }
            try:
                outcomes = update_client(adapters, on_chain, followed)
                line["updates"] = len(outcomes)
                line["gas"] = sum(outcome.gas_used for outcome in outcomes)
                line["height"] = adapters[on_chain].hint_client_height(followed)
            except ClearingError as error:
                failed = True
                line["error"] = str(error)
            lines.append(line)
    _print(lines, as_json)
    if failed:
        raise typer.Exit(EXIT_UNHEALTHY)


def _clients(
    deployed: Deployment, on: str | None, of: str | None
) -> Iterator[tuple[ChainId, ChainId]]:
    """Yield (chain, followed chain) of every client that was asked for."""
    ids = {chain.name: chain.chain_id for chain in deployed.chains}
    for option, name in (("--on", on), ("--of", of)):
        if name is not None and name not in ids:
            raise typer.BadParameter(f"{option} is one of {', '.join(ids)}, was {name}")
    for on_chain, others in deployed.followed.items():
        for followed in others:
            if (on is None or ids[on] == on_chain) and (of is None or ids[of] == followed):
                yield on_chain, followed


def _print(lines: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"clients": lines}))
        return
    table = Table()
    columns = list(dict.fromkeys(name for line in lines for name in line))
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for line in lines:
        values = (line.get(name) for name in columns)
        table.add_row(*("-" if value is None else str(value) for value in values))
    Console().print(table)
