"""``clearinghouse light-client``: how a deployment's light clients stand, and what moves them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from adapters.committee.contract import CommitteeClientContract
from adapters.committee.documents import decode_committee, decode_handover
from adapters.evm.adapter import EvmChainAdapter
from adapters.evm.keystore import open_keystore
from clearinghouse.book.identifiers import ChainId, to_hex
from clearinghouse.cli.errors import reported
from clearinghouse.errors import ClearingError, Rejected
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.recovery import recovery_digest, veto_digest
from clearinghouse.settlement.keep_alive import find_age, update_client
from devnets.deployment import Deployment, adapters_of, load_deployment

EXIT_UNHEALTHY = 1

COMMITTEE_FAMILY = "committee"

JSON_ONLY = {"client", "trusting_seconds", "recovery_ready_at"}
"""Left out of tables, which would be wider than a terminal."""

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
                    **_epoch_of(deployed, adapters, on_chain, followed),
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


@app.command()
def rotate(
    handover: Annotated[
        Path,
        typer.Option(
            help="The signed handover, as attesters publish it (JSON).", exists=True, dir_okay=False
        ),
    ],
    keystore: Annotated[Path, typer.Option(help="Keystore of the account that pays for gas.")],
    passphrase_file: Annotated[Path, typer.Option(help="File with the keystore's passphrase.")],
    deployment: DeploymentOption = DEFAULT_DEPLOYMENT,
    on: OnOption = None,
    as_json: AsJson = False,
) -> None:
    """Take light clients of a committee's chain into its next epoch; exit 1 if one refuses.

    Anyone may, and nobody has to: updates bring the handovers along that a client lacks.
    """
    with reported():
        deployed = load_deployment(deployment)
        adapters = adapters_of(deployed, open_keystore(keystore, passphrase_file))
        signed = decode_handover(handover.read_bytes())
        of = deployed.get_chain(signed.successor.chain_id).name
        lines, failed = [], False
        for on_chain, followed in _clients(deployed, on, of):
            line: dict[str, Any] = {"on": deployed.get_chain(on_chain).name, "of": of}
            try:
                client = _contract_of(deployed, adapters, on_chain, followed)
                line["gas"] = client.submit_handovers([signed]).gas_used
                line["epoch"] = client.hint_epoch()
            except ClearingError as error:
                failed = True
                line["error"] = str(error)
            lines.append(line)
    _print(lines, as_json)
    if failed:
        raise typer.Exit(EXIT_UNHEALTHY)


class RecoveryStep(StrEnum):
    """What to do about a stopped client."""

    PROPOSE = "propose"
    VETO = "veto"
    COMPLETE = "complete"


@app.command()
def recover(
    step: Annotated[RecoveryStep, typer.Argument(help="Which message to submit.")],
    on: Annotated[str, typer.Option("--on", help="Name of the chain that the client is on.")],
    of: Annotated[str, typer.Option("--of", help="Name of the chain that it follows.")],
    keystore: Annotated[Path, typer.Option(help="Keystore of the account that pays for gas.")],
    passphrase_file: Annotated[Path, typer.Option(help="File with the keystore's passphrase.")],
    committee: Annotated[
        Path | None,
        typer.Option(help="The new attesters (JSON); not to veto.", exists=True, dir_okay=False),
    ] = None,
    signature: Annotated[
        list[str] | None,
        typer.Option(help="Hex, in the signers' order. Without any the digest is printed."),
    ] = None,
    deployment: DeploymentOption = DEFAULT_DEPLOYMENT,
    as_json: AsJson = False,
) -> None:
    """Give a stopped light client new attesters, or refuse them.

    The recovery set signs a proposal, the current attesters a veto; to complete needs the delay to
    have passed and no signature.
    """
    with reported():
        deployed = load_deployment(deployment)
        adapters = adapters_of(deployed, open_keystore(keystore, passphrase_file))
        pairs = list(_clients(deployed, on, of))
        if len(pairs) != 1:
            raise typer.BadParameter(f"there is no light client of {of} on {on}")
        client = _contract_of(deployed, adapters, *pairs[0])
        if (committee is None) is not (step is RecoveryStep.VETO):
            raise typer.BadParameter("--committee names the new attesters, but not to veto")
        successor = None if committee is None else decode_committee(committee.read_bytes())
        line = _recover(client, step, successor, _signatures(signature or []))
    _print([{"on": on, "of": of, **line}], as_json)


def _recover(
    client: CommitteeClientContract,
    step: RecoveryStep,
    successor: Committee | None,
    signatures: list[bytes],
) -> dict[str, Any]:
    """Submit one message, or say what has to be signed first."""
    if step is RecoveryStep.COMPLETE and successor is not None:
        outcome = client.submit_completion(successor)
        return {"gas": outcome.gas_used, "epoch": client.hint_epoch()}
    number = client.hint_recovery().attempt - (step is RecoveryStep.VETO)
    if number < 0:
        raise Rejected("recovery_missing", "no recovery was ever proposed; there is none to veto")
    if not signatures:
        attempt = client.recovery_attempt(number)
        digest = veto_digest(attempt) if successor is None else recovery_digest(attempt, successor)
        return {"attempt": number, "digest": to_hex(digest)}
    if successor is None:
        outcome = client.submit_veto(signatures)
    else:
        outcome = client.submit_proposal(successor, signatures)
    return {
        "attempt": number,
        "gas": outcome.gas_used,
        "ready_at": client.hint_recovery().ready_at,
    }


def _signatures(given: list[str]) -> list[bytes]:
    try:
        return [bytes.fromhex(text.removeprefix("0x")) for text in given]
    except ValueError as error:
        raise typer.BadParameter("--signature is hex digits") from error


def _epoch_of(
    deployed: Deployment,
    adapters: Mapping[ChainId, EvmChainAdapter],
    on_chain: ChainId,
    followed: ChainId,
) -> dict[str, Any]:
    """Return a committee client's epoch, and when a recovery can be completed; else nothing."""
    if deployed.get_chain(followed).family != COMMITTEE_FAMILY:
        return {}
    client = _contract_of(deployed, adapters, on_chain, followed)
    return {"epoch": client.hint_epoch(), "recovery_ready_at": client.hint_recovery().ready_at}


def _contract_of(
    deployed: Deployment,
    adapters: Mapping[ChainId, EvmChainAdapter],
    on_chain: ChainId,
    followed: ChainId,
) -> CommitteeClientContract:
    chain = deployed.get_chain(followed)
    if chain.family != COMMITTEE_FAMILY or not isinstance(chain.trust, Committee):
        raise Rejected(
            "client_not_of_committee",
            f"chain {chain.name} is followed by its {chain.family} client, which has no epochs of "
            "attesters; choose a committee's chain",
            chain_id=followed,
        )
    address = deployed.get_chain(on_chain).configuration.client_of[followed]
    return CommitteeClientContract(adapters[on_chain].sender, address, chain.trust)


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
    columns = dict.fromkeys(name for line in lines for name in line if name not in JSON_ONLY)
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for line in lines:
        values = (line.get(name) for name in columns)
        table.add_row(*("-" if value is None else str(value) for value in values))
    Console().print(table)
