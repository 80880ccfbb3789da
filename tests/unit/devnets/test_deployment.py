"""``deployment.json``: what is saved is loaded again, without a private key in it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from adapters.evm.adapter import EvmChainConfiguration
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32
from clearinghouse.book.settlements import OperatorSet, Windows
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.committee import Committee
from devnets.deployment import (
    DeployedAsset,
    DeployedChain,
    Deployment,
    adapters_of,
    load_deployment,
    save_deployment,
)
from devnets.keystores import KeystoreSigner

CLEARINGHOUSE_ID = Hash32(b"\x0c" * 32)
HOME, SPOKE = ChainId(31_001), ChainId(31_002)


def test_load_deployment_returns_what_was_saved_when_given_file_or_folder(tmp_path: Path) -> None:
    deployment = _deployment(tmp_path)
    path = save_deployment(deployment)
    assert load_deployment(path) == deployment
    assert load_deployment(tmp_path) == deployment
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_open_operators_sorts_by_address_when_keystores_are_numbered(tmp_path: Path) -> None:
    deployment = _deployment(tmp_path)
    deployment.keystores.create_passphrase()
    for number in (1, 2):
        deployment.keystores.create(f"operator-{number}")
    addresses = [signer.address for signer in deployment.open_operators()]
    assert addresses == sorted(addresses)
    assert len(set(addresses)) == 2


def test_save_deployment_names_keystores_and_no_key_when_keys_exist(tmp_path: Path) -> None:
    deployment = _deployment(tmp_path)
    deployment.keystores.create_passphrase()
    deployment.keystores.create("relayer")
    document = json.loads(save_deployment(deployment).read_text())
    assert document["keystores"]["relayer"] == "keys/relayer.json"
    assert document["keystores"]["operator-2"] == "keys/operator-2.json"
    secret = deployment.open_relayer()._private_key.hex()
    passphrase = deployment.keystores.passphrase_path.read_text()
    assert secret not in json.dumps(document)
    assert passphrase not in json.dumps(document)


def test_adapters_of_returns_one_per_chain_when_nothing_is_sent(tmp_path: Path) -> None:
    adapters = adapters_of(_deployment(tmp_path), KeystoreSigner(b"\x01" * 32))
    assert {chain_id: adapter.chain_id for chain_id, adapter in adapters.items()} == {
        HOME: HOME,
        SPOKE: SPOKE,
    }


def test_get_chain_raises_when_the_chain_is_unknown(tmp_path: Path) -> None:
    deployment = _deployment(tmp_path)
    assert deployment.get_chain(SPOKE).name == "spoke"
    with pytest.raises(KeyError):
        deployment.get_chain(ChainId(5))


def test_load_deployment_says_how_to_start_one_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="devnet up") as raised:
        load_deployment(tmp_path)
    assert raised.value.reason == "deployment_missing"


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"clearinghouse_id": "0x00"}'])
def test_load_deployment_is_refused_when_the_file_is_damaged(tmp_path: Path, damage: str) -> None:
    path = save_deployment(_deployment(tmp_path))
    path.write_text(damage)
    with pytest.raises(Unavailable) as raised:
        load_deployment(path)
    assert raised.value.reason == "deployment_unreadable"


def _deployment(directory: Path) -> Deployment:
    return Deployment(
        directory=directory,
        clearinghouse_id=CLEARINGHOUSE_ID,
        salt=Hash32(b"\x05" * 32),
        home=HOME,
        windows=Windows(4, 600, 600, 300, 120, 30),
        prepare_deadline_seconds=12,
        decide_by_seconds=20,
        operator_set=OperatorSet(
            epoch=1,
            threshold=2,
            signers=(Address(b"\x01" * 20), Address(b"\x02" * 20)),
            parameters_hash=Hash32(bytes(32)),
        ),
        house=Address(b"\x03" * 20),
        assets=(DeployedAsset(AssetId(1), "USDC", 6, 1_000),),
        chains=(_chain("home", HOME, SPOKE), _chain("spoke", SPOKE, HOME)),
    )


def _chain(name: str, chain_id: ChainId, peer: ChainId) -> DeployedChain:
    return DeployedChain(
        name=name,
        block_seconds=0.25,
        finality_blocks=2,
        family="committee",
        roots=None,
        trust=Committee(CLEARINGHOUSE_ID, chain_id, 1, 1, (Address(b"\x0f" * 20),)),
        configuration=EvmChainConfiguration(
            chain_id=chain_id,
            url="http://127.0.0.1:1",
            anchor=Address(b"\x0a" * 20),
            anchor_code_hash=Hash32(b"\x0b" * 32),
            tokens={AssetId(1): Address(b"\x0d" * 20)},
            units_per_quantum={AssetId(1): 10**12},
            client_of={peer: Address(b"\x0e" * 20)},
            inclusion_timeout_seconds=6.0,
            poll_seconds=0.05,
        ),
    )
