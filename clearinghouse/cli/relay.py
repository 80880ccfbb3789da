"""``clearinghouse relay``: drive settlements without being the coordinator."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import structlog
import typer

from adapters.evm.keystore import open_keystore
from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.views import SettlementRecord
from clearinghouse.book.identifiers import ChainId, Hash32, to_hex
from clearinghouse.book.reference import Genesis
from clearinghouse.book.settlements import Phase
from clearinghouse.cli.errors import reported
from clearinghouse.cli.logging import configure_logging
from clearinghouse.commitment.settlements import settlement_id
from clearinghouse.errors import ClearingError, ProofInvalid
from clearinghouse.settlement.driver import Driver
from clearinghouse.settlement.stages import ChainView, SettlementPackage
from devnets.deployment import adapters_of, load_deployment

log = structlog.get_logger()

RELAY_POLL_SECONDS = 0.5


def relay(
    deployment: Annotated[
        Path, typer.Option(help="A deployment.json or the directory that holds it.")
    ],
    keystore: Annotated[Path, typer.Option(help="Keystore of the account that pays for gas.")],
    passphrase_file: Annotated[Path, typer.Option(help="File with the keystore's passphrase.")],
    target: Annotated[
        str, typer.Option(help="Address of the clearinghouse's API.")
    ] = "127.0.0.1:50051",
    once: Annotated[
        bool, typer.Option("--once", help="End when every settlement has reached its end.")
    ] = False,
) -> None:
    """Drive every signed settlement on all chains to its end.

    Anyone may: each contract call is open, and the contracts check everything again. The relay
    needs an account with gas money on every chain and the published settlements, nothing else.
    """
    configure_logging()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with reported():
        deployed = load_deployment(deployment)
        driver = Driver(adapters_of(deployed, open_keystore(keystore, passphrase_file)))
        try:
            with ClearinghouseClient(target) as client:
                _drive(client, driver, stop, once)
        finally:
            driver.close()


def _drive(client: ClearinghouseClient, driver: Driver, stop: threading.Event, once: bool) -> None:
    genesis = client.get_genesis()
    packages: dict[Hash32, SettlementPackage] = {}
    done: set[Hash32] = set()
    while not stop.is_set():
        try:
            for summary in client.list_settlements():
                known = packages.get(summary.settlement_id)
                if summary.settlement_id not in done and (known is None or not known.signatures):
                    record = client.get_settlement(summary.settlement_id)
                    packages[summary.settlement_id] = package_of_record(genesis, record)
                    if record.signatures:
                        log.info("relay.settlement_found", settlement=to_hex(record.settlement_id))
        except ClearingError as error:
            # A package, once fetched, is all that driving takes: the coordinator may be gone.
            log.warning("relay.coordinator_silent", reason=error.reason, detail=error.message)
        for number, package in list(packages.items()):
            if has_ended(package, driver.step(package)):
                log.info("relay.settlement_ended", settlement=to_hex(number))
                done.add(number)
                del packages[number]
        if once and not packages:
            return
        stop.wait(RELAY_POLL_SECONDS)


def package_of_record(genesis: Genesis, record: SettlementRecord) -> SettlementPackage:
    """Return what drives a settlement, having checked that its id is its content's.

    Raises
    ------
    ProofInvalid
        ``settlement_id_mismatch`` when the server's record contradicts itself.
    """
    if settlement_id(record.settlement) != record.settlement_id:
        raise ProofInvalid(
            "settlement_id_mismatch", "the record's id is not its content's; ask another server"
        )
    return SettlementPackage(
        settlement_id=record.settlement_id,
        settlement=record.settlement,
        legs=record.legs,
        operator_set=record.operator_set,
        signatures=record.signatures,
        home_chain_id=genesis.home_chain_id,
        challenge_seconds=genesis.windows.challenge_seconds,
    )


def has_ended(package: SettlementPackage, views: Mapping[ChainId, ChainView]) -> bool:
    """Tell whether every active chain is proven to have nothing left to do."""
    if set(views) != set(package.active_chains):
        return False
    deadline = package.settlement.prepare_deadline
    home = views[package.home_chain_id].proven
    aborted = home.phase is Phase.ABORTED or (
        home.phase is Phase.NONE and home.header.timestamp > deadline
    )
    if aborted:
        return all(
            view.proven.phase is Phase.ABORTED
            or (view.proven.phase is Phase.NONE and view.header.timestamp > deadline)
            for view in views.values()
        )
    # A later final leg makes this one final without a word of its own in storage, so that the
    # anchor's view is all there is to see; a node that lies here only ends the relay's work.
    return all(Phase.FINAL in (view.proven.phase, view.hint_phase) for view in views.values())
