"""``light-client status``, ``rotate`` and ``recover`` on a real client of a committee's chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.committee.documents import committee_document, handover_document
from clearinghouse.book.identifiers import Address, ChainId, to_hex
from clearinghouse.cli.light_client import app
from clearinghouse.proofs.committee import Committee, Scheme
from devnets.deployment import Deployment, save_deployment
from tests.unit.contracts.committee import POLICY, RECOVERERS, CommitteeContract, deploy_committee
from tests.unit.contracts.evm import Evm
from tests.unit.devnets.test_deployment import HOME, _deployment
from tests.unit.proofs.committees import CHAIN, CLEARINGHOUSE, EPOCH, attesters_of, sign_all

pytestmark = pytest.mark.e2e

SUCCESSORS = attesters_of(Scheme.ECDSA, EPOCH + 1)


@dataclass
class Shell:
    """The command line over a deployment of two chains; the client is on the one that runs."""

    client: CommitteeContract
    directory: Path

    def run(self, *arguments: str) -> Any:
        command = [*arguments, "--deployment", str(self.directory), "--json"]
        if arguments[0] != "status":
            command += ["--keystore", str(self.directory / "keys" / "relayer.json")]
            command += ["--passphrase-file", str(self.directory / "keys" / "passphrase")]
        return CliRunner().invoke(app, command)

    def read(self, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
        """Return the only client's line."""
        result = self.run(*arguments)
        assert result.exit_code == exit_code, result.output
        (line,) = json.loads(result.stdout)["clients"]
        found: dict[str, Any] = line
        return found

    def status(self, exit_code: int = 0) -> dict[str, Any]:
        return self.read("status", "--on", "home", "--of", "spoke", exit_code=exit_code)

    def recover(self, step: str, *arguments: str) -> Any:
        return self.read("recover", step, "--on", "home", "--of", "spoke", *arguments)

    def write(self, document: dict[str, Any]) -> str:
        path = self.directory / "message.json"
        path.write_text(json.dumps(document))
        return str(path)


def followed(deployment: Deployment, evm: Evm, client: Address, trust: Committee) -> Deployment:
    """Return the deployment with its home on the anvil and its spoke followed by the client."""
    home, spoke = deployment.chains
    here = replace(home.configuration, url=evm.url, client_of={ChainId(CHAIN): client})
    there = replace(spoke.configuration, chain_id=ChainId(CHAIN), client_of={})
    chains = (
        replace(home, configuration=here),
        replace(spoke, configuration=there, trust=trust),
    )
    return replace(deployment, clearinghouse_id=CLEARINGHOUSE, chains=chains)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    evm = Evm(tmp_path, time=1_700_000_000, chain_id=HOME)
    client = deploy_committee(evm, attesters_of(Scheme.ECDSA))
    address = Address(bytes.fromhex(client.contract.address.removeprefix("0x")))
    deployment = followed(_deployment(tmp_path), evm, address, client.attesters.committee)
    deployment.keystores.create_passphrase()
    relayer = deployment.keystores.create("relayer")
    evm.request("anvil_setBalance", to_hex(relayer.address), hex(10**20))
    save_deployment(deployment)
    yield Shell(client, tmp_path)
    evm.close()


def test_status_shows_epoch_and_age_when_the_client_follows_a_committee(shell: Shell) -> None:
    shell.client.store(10)
    stored = shell.client.now - 1
    shown = shell.status()
    assert (shown["status"], shown["height"], shown["epoch"]) == ("ACTIVE", 10, EPOCH)
    assert shown["age_seconds"] == shell.client.now - stored
    assert shown["recovery_ready_at"] == 0


def test_rotate_takes_the_client_into_the_next_epoch(shell: Shell) -> None:
    handover = shell.client.attesters.hand_over(20, SUCCESSORS.committee)
    path = shell.write(handover_document(handover))
    for _ in range(2):  # what it took it passes over
        shown = shell.read("rotate", "--handover", path)
        assert (shown["on"], shown["of"], shown["epoch"]) == ("home", "spoke", EPOCH + 1)
    shell.client.store(21, by=SUCCESSORS)


def test_rotate_ends_with_1_when_the_client_refuses(shell: Shell) -> None:
    few = shell.client.attesters.hand_over(20, SUCCESSORS.committee, (0, 1))
    shown = shell.read("rotate", "--handover", shell.write(handover_document(few)), exit_code=1)
    assert "QuorumNotReached" in shown["error"]
    assert shell.client.contract.call("epoch") == EPOCH


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_rotate_ends_with_2_when_the_file_is_no_handover(shell: Shell, text: str) -> None:
    path = shell.directory / "message.json"
    path.write_text(text)
    result = shell.run("rotate", "--handover", str(path))
    assert result.exit_code == 2
    assert "handover_malformed" in result.stderr
    assert shell.run("rotate", "--handover", str(shell.directory / "none")).exit_code == 2


def test_recover_gives_a_stopped_client_new_attesters_after_the_delay(shell: Shell) -> None:
    shell.client.freeze(*shell.client.equivocate())
    assert shell.status(exit_code=1)["status"] == "FROZEN"
    committee = ("--committee", shell.write(committee_document(SUCCESSORS.committee)))
    asked = shell.recover("propose", *committee)
    assert asked["attempt"] == 0
    signatures = sign_all(bytes.fromhex(asked["digest"][2:]), RECOVERERS[:3])
    given = [part for one in signatures for part in ("--signature", to_hex(one))]
    ready_at = shell.recover("propose", *committee, *given)["ready_at"]
    assert ready_at == shell.client.now + POLICY.recovery_delay_seconds
    assert shell.status(exit_code=1)["recovery_ready_at"] == ready_at
    early = shell.run("recover", "complete", "--on", "home", "--of", "spoke", *committee)
    assert early.exit_code == 2
    assert "RecoveryTooEarly" in early.stderr
    shell.client.wait(POLICY.recovery_delay_seconds)
    assert shell.recover("complete", *committee)["epoch"] >> 32 == 1
    assert shell.status()["status"] == "ACTIVE"


def test_recover_submits_the_veto_of_the_current_attesters(shell: Shell) -> None:
    shell.client.wait(POLICY.trusting_seconds + 1)
    shell.client.propose(SUCCESSORS.committee)
    digest = shell.recover("veto")["digest"]
    signatures = shell.client.attesters.sign(bytes.fromhex(digest[2:]))
    given = [part for one in signatures for part in ("--signature", to_hex(one))]
    assert shell.recover("veto", *given)["ready_at"] == 0


def test_recover_ends_with_2_when_arguments_do_not_belong_together(shell: Shell) -> None:
    committee = ("--committee", shell.write(committee_document(SUCCESSORS.committee)))
    here = ("--on", "home", "--of", "spoke")
    for arguments in (
        ("veto", *here, *committee),
        ("veto", *here),  # nothing was ever proposed
        ("propose", *here),
        ("propose", *here, *committee, "--signature", "zz"),
        ("propose", "--on", "spoke", "--of", "home", *committee),
        ("undo", *here),
    ):
        assert shell.run("recover", *arguments).exit_code == 2
    assert shell.client.contract.call("recovery")[0] == 0
