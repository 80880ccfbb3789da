"""Anyone drives a settlement to its end when the coordinator is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.base import ChainAdapter
from clearinghouse.book.entries import TransactionIncluded
from clearinghouse.book.identifiers import ChainId, to_hex
from clearinghouse.book.settlements import Phase
from devnets.harness import ACCOUNT_WEI, Devnet
from devnets.keystores import Keystores
from tests.builders import ALICE, BOB, CAROL
from tests.e2e.clearing import (
    CHAINS,
    DEPOSIT_QUANTA,
    HOME,
    OTHER,
    SPOKE,
    WAIT_SECONDS,
    Desk,
    Trade,
    check_settled,
    cut,
    patient_configuration,
    read_entries,
    request,
    until,
    until_phase,
)
from tests.e2e.crashing_server import ForkedServer

pytestmark = pytest.mark.e2e


def test_relay_makes_a_settlement_final_when_the_coordinator_died_after_signing(
    tmp_path: Path,
) -> None:
    with Devnet.start(patient_configuration(), tmp_path / "devnet") as devnet:
        adapters: dict[ChainId, ChainAdapter] = dict(
            devnet.adapters(devnet.deployment.open_funder())
        )
        desk = Desk(devnet.deployment.clearinghouse_id)
        keys = Keystores(tmp_path / "relay keys")
        _open_account(devnet, keys)
        relay_log = tmp_path / "relay.log"
        with ForkedServer(devnet.directory) as server:
            desk.enlist(server)
            desk.deposit(
                server, adapters, (HOME, ALICE, DEPOSIT_QUANTA), (SPOKE, BOB, DEPOSIT_QUANTA),
                (OTHER, CAROL, DEPOSIT_QUANTA),
            )  # fmt: skip
            desk.trade(server, Trade(ALICE, BOB, 75, 5_000), Trade(BOB, CAROL, 30, 5_400))
            for chain_id in CHAINS:
                devnet.halt(chain_id)  # so that nothing is done before the coordinator dies
            record = cut(server)
            relay = _start_relay(devnet, keys, server.target, relay_log)
            try:
                found = f'"settlement": "{to_hex(record.settlement_id)}"'
                until(
                    "the relay knows it",
                    lambda: found in relay_log.read_text() or relay.poll() is not None,
                )
                assert relay.poll() is None, relay_log.read_text()
                server.kill()
                _drop_what_the_coordinator_sent(devnet)
                for chain_id in CHAINS:
                    devnet.resume(chain_id)
                assert relay.wait(WAIT_SECONDS) == 0, relay_log.read_text()
            finally:
                relay.kill()
                relay.wait()
        for adapter in adapters.values():
            assert adapter.hint_phase(record.settlement_id) is Phase.FINAL

        with ForkedServer(devnet.directory) as server:  # it learns what the chains show
            until_phase(server, record.settlement_id, Phase.FINAL)
            server.stop()
        check_settled(desk, devnet.directory, adapters)
        sent = [e for e in read_entries(devnet.directory) if isinstance(e, TransactionIncluded)]
        assert sent == []


def _open_account(devnet: Devnet, keys: Keystores) -> None:
    """Create a keystore for the relay and give its account gas money on every chain."""
    keys.create_passphrase()
    payer = keys.create("relay").address
    for chain_id in CHAINS:
        request(devnet, chain_id, "anvil_setBalance", to_hex(payer), hex(ACCOUNT_WEI))


def _start_relay(
    devnet: Devnet, keys: Keystores, target: str, log_path: Path
) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "clearinghouse.cli.main", "relay", "--once"),
        *("--deployment", str(devnet.directory), "--target", target),
        *("--keystore", str(keys.path("relay"))),
        *("--passphrase-file", str(keys.passphrase_path)),
    ]
    with log_path.open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _drop_what_the_coordinator_sent(devnet: Devnet) -> None:
    coordinator = to_hex(devnet.deployment.open_relayer().address)
    for chain_id in CHAINS:
        request(devnet, chain_id, "anvil_removePoolTransactions", coordinator)
