"""``clearinghouse proof light-client --in-evm``: real updates, verified by the contract itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clearinghouse.cli import proof
from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.header import decode_header, encode_header
from devnets.demo.light_client_in_evm import verify_in_evm
from tests.recorded import recorded_path
from tests.unit.contracts.test_sync_committee_forks import block_of, gloas_update
from tests.unit.proofs.ethereum.chain import FIRST_SLOT, NETWORK, store_at

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light client in evm")]

FULU = "vectors/beacon-light-client/mainnet-fulu-sp1helios"
HELIOS = "vectors/beacon-light-client/mainnet-capella-helios"


def run(*options: str) -> Any:
    return CliRunner().invoke(proof.app, ["light-client", "--in-evm", "--json", *options])


def test_mainnet_fulu_update_is_verified_inside_the_evm_when_the_command_is_asked() -> None:
    """The update that this project's figures are of: 509 of 512 signers, the next committee."""
    folder = recorded_path(FULU)
    files = ("--store", str(folder / "store.json"), "--updates", str(folder / "update.json"))
    result = run("--network", "mainnet", *files)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)["evm"]
    assert (shown["height"], shown["finalized_slot"]) == (25_321_551, 14_557_184)
    assert shown["signers"] == [509]
    assert 0 < shown["gas"][0] <= 700_000


def test_mainnet_periods_of_capella_are_followed_inside_the_evm() -> None:
    folder = recorded_path(HELIOS)
    bootstrap, updates, finality = (
        str(folder / f"{name}.json") for name in ("bootstrap", "updates", "finality")
    )
    result = run("--bootstrap", bootstrap, "--updates", updates, "--updates", finality)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["evm"]["height"] == shown["height"]
    assert shown["evm"]["finalized_slot"] == shown["slot"]
    assert len(shown["evm"]["gas"]) == shown["updates"]


def test_nothing_reaches_the_evm_when_the_update_is_doctored(tmp_path: Path) -> None:
    folder = recorded_path(FULU)
    document = json.loads((folder / "update.json").read_text())
    document["data"]["attested_header"]["beacon"]["proposer_index"] = "1"
    doctored = tmp_path / "update.json"
    doctored.write_text(json.dumps(document))
    result = run("--store", str(folder / "store.json"), "--updates", str(doctored))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == "bls_signature_wrong"


def test_gloas_block_is_opened_inside_the_evm_when_its_header_is_given(tmp_path: Path) -> None:
    slot = FIRST_SLOT[Fork.GLOAS] + 17
    rlp = encode_header(block_of(77, 1_234))
    store = store_at(slot - 40, knows_next=True)
    verdict = verify_in_evm(
        NETWORK,
        store,
        [gloas_update(slot, rlp)],
        slot + 1,
        tmp_path,
        execution_header=rlp,
    )
    assert verdict.height == decode_header(rlp).height == 77
