"""What a running devnet tells its users: ``deployment.json``, as values.

The file says where everything is and what of it to trust; private keys lie in the keystores that it
leads to. Paths follow from the file's own directory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from adapters.base import HeaderSource, Signer
from adapters.committee.client import ClientPolicy
from adapters.committee.finality import CommitteeFinality
from adapters.committee.source import DirectoryAttestations
from adapters.ethereum.beacon_api import BeaconApi
from adapters.ethereum.finality import BeaconFinality
from adapters.evm.adapter import EvmChainAdapter, EvmChainConfiguration
from adapters.evm.connection import connect
from adapters.evm.keystore import KeystoreSigner
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import (
    Address,
    AssetId,
    ChainId,
    Hash32,
    address_from_hex,
    to_hex,
)
from clearinghouse.book.settlements import OperatorSet, Windows
from clearinghouse.errors import ProofInvalid, Unavailable
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.ethereum.containers import ExecutionPayloadHeader
from devnets.configuration import Family
from devnets.keystores import Keystores
from devnets.private_files import write_private
from devnets.trust import (
    ATTESTATIONS_NAME,
    BeaconTrust,
    RollupRoots,
    Trust,
    read_hash,
    read_roots,
    read_trust,
    trust_document,
)

FILE_NAME = "deployment.json"
KEYS_NAME = "keys"
RELAYER = "relayer"
FUNDER = "funder"
HOUSE = "house"


def operator_name(number: int) -> str:
    """Return the keystore name of the operator with this number, from 1."""
    return f"operator-{number}"


@dataclass(frozen=True)
class DeployedAsset:
    """One asset of the ledger."""

    asset_id: AssetId
    symbol: str
    quantum_decimals: int
    """One quantum is ``10^-quantum_decimals`` of the asset."""
    minimum_deposit_quanta: int


@dataclass(frozen=True)
class DeployedChain:
    """One chain, its anchor and what an adapter has to know."""

    name: str
    block_seconds: float
    finality_blocks: int
    family: Family
    trust: Trust
    roots: RollupRoots | None
    """Of a rollup."""
    configuration: EvmChainConfiguration

    @property
    def chain_id(self) -> ChainId:
        return self.configuration.chain_id


@dataclass(frozen=True)
class Deployment:
    """A clearinghouse deployed on a devnet."""

    directory: Path
    """Of the devnet: keystores and attestations lie below it."""
    clearinghouse_id: Hash32
    salt: Hash32
    home: ChainId
    windows: Windows
    prepare_deadline_seconds: int
    """From a settlement's cut."""
    decide_by_seconds: int
    """From a settlement's cut."""
    operator_set: OperatorSet
    house: Address
    """The member that receives fees and pays shortfalls first."""
    assets: tuple[DeployedAsset, ...]
    chains: tuple[DeployedChain, ...]
    """By increasing chain id."""

    @property
    def attestations_path(self) -> Path:
        """Of the directory that attesters publish into."""
        return self.directory / ATTESTATIONS_NAME

    @property
    def keystores(self) -> Keystores:
        return Keystores(self.directory / KEYS_NAME)

    @property
    def trusting_seconds(self) -> dict[ChainId, int]:
        """How long light clients last without an update, of the chains whose clients expire."""
        return {
            chain.chain_id: (
                chain.trust.trusting_seconds
                if isinstance(chain.trust, BeaconTrust)
                else ClientPolicy().trusting_seconds
            )
            for chain in self.chains
            if isinstance(chain.trust, BeaconTrust) or chain.family == "committee"
        }

    @property
    def followed(self) -> dict[ChainId, tuple[ChainId, ...]]:
        """Return for every chain which others the light clients on it follow."""
        return {c.chain_id: tuple(sorted(c.configuration.client_of)) for c in self.chains}

    def get_chain(self, chain_id: ChainId) -> DeployedChain:
        """Return a chain by its id.

        Raises
        ------
        KeyError
            When the devnet has no such chain.
        """
        for chain in self.chains:
            if chain.chain_id == chain_id:
                return chain
        raise KeyError(chain_id)

    def open_relayer(self) -> KeystoreSigner:
        """Return the account that pays for settlement transactions."""
        return self.keystores.open(RELAYER)

    def open_funder(self) -> KeystoreSigner:
        """Return the account that holds tokens of every asset, to deposit for members."""
        return self.keystores.open(FUNDER)

    def open_operators(self) -> tuple[KeystoreSigner, ...]:
        """Return all operator keys, sorted by address as signatures have to be."""
        numbers = range(1, len(self.operator_set.signers) + 1)
        signers = [self.keystores.open(operator_name(number)) for number in numbers]
        return tuple(sorted(signers, key=lambda signer: signer.address))


def adapters_of(deployment: Deployment, signer: Signer) -> dict[ChainId, EvmChainAdapter]:
    """Return an adapter per chain; ``signer`` pays for what is submitted through it.

    One account should be used by one such set at a time: two would take each other's nonces.
    """
    return {chain.chain_id: _adapter_of(deployment, chain, signer) for chain in deployment.chains}


def _adapter_of(deployment: Deployment, chain: DeployedChain, signer: Signer) -> EvmChainAdapter:
    connection = connect(chain.configuration.url)
    headers = _headers_of(deployment, chain, Reader(connection))
    return EvmChainAdapter(chain.configuration, signer, headers, connection)


def _headers_of(deployment: Deployment, chain: DeployedChain, reader: Reader) -> HeaderSource:
    if isinstance(chain.trust, Committee):
        attestations = DirectoryAttestations(deployment.attestations_path)
        return CommitteeFinality(chain.trust, attestations, reader.get_header_by_hash)
    return BeaconFinality(
        chain.trust.network,
        chain.trust.checkpoint_root,
        BeaconApi(chain.trust.url, chain.trust.checkpoint_root),
        reader.get_header_by_hash,
        clock=reader.newest_timestamp,  # a devnet's clocks can be moved, this machine's cannot
    )


def find_published_height(deployment: Deployment, chain: DeployedChain) -> int | None:
    """Return the newest height that is said to be final, unverified; None before the first."""
    if isinstance(chain.trust, Committee):
        source = DirectoryAttestations(deployment.attestations_path)
        attestation = source.find_newest(chain.chain_id)
        return None if attestation is None else attestation.height
    update = BeaconApi(chain.trust.url, chain.trust.checkpoint_root).find_newest()
    if update is None or update.finalized_header is None:
        return None
    execution = update.finalized_header.execution
    return execution.block_number if isinstance(execution, ExecutionPayloadHeader) else None


def save_deployment(deployment: Deployment) -> Path:
    """Write the deployment into its directory for its owner's eyes, and return the path."""
    path = deployment.directory / FILE_NAME
    keys = deployment.keystores
    document = {
        "clearinghouse_id": to_hex(deployment.clearinghouse_id),
        "salt": to_hex(deployment.salt),
        "home": deployment.home,
        "windows": msgspec.structs.asdict(deployment.windows),
        "prepare_deadline_seconds": deployment.prepare_deadline_seconds,
        "decide_by_seconds": deployment.decide_by_seconds,
        "operator_set": {
            "epoch": deployment.operator_set.epoch,
            "threshold": deployment.operator_set.threshold,
            "signers": [to_hex(signer) for signer in deployment.operator_set.signers],
            "parameters_hash": to_hex(deployment.operator_set.parameters_hash),
        },
        "house": to_hex(deployment.house),
        "assets": [vars(asset) for asset in deployment.assets],
        "chains": [_chain_document(chain) for chain in deployment.chains],
        "attestations": str(deployment.attestations_path.relative_to(deployment.directory)),
        "keystores": {
            name: str(found.relative_to(deployment.directory))
            for name, found in {
                "passphrase": keys.passphrase_path,
                RELAYER: keys.path(RELAYER),
                FUNDER: keys.path(FUNDER),
                HOUSE: keys.path(HOUSE),
                **{
                    operator_name(number): keys.path(operator_name(number))
                    for number in range(1, len(deployment.operator_set.signers) + 1)
                },
            }.items()
        },
    }
    write_private(path, json.dumps(document, indent=2).encode())
    return path


def load_deployment(path: Path) -> Deployment:
    """Read a ``deployment.json``, or the one in the directory that ``path`` names.

    Raises
    ------
    Unavailable
        ``deployment_missing`` when no devnet wrote one there, ``deployment_unreadable`` when it is
        of another version or damaged.
    """
    if path.is_dir():
        path = path / FILE_NAME
    try:
        document = json.loads(path.read_bytes())
        return _read(document, path.resolve().parent)
    except FileNotFoundError as error:
        raise Unavailable(
            "deployment_missing",
            f"{path} does not exist; start a devnet with `clearinghouse devnet up`",
            file=str(path),
        ) from error
    except (OSError, ValueError, KeyError, TypeError, ProofInvalid) as error:
        raise Unavailable(
            "deployment_unreadable",
            f"{path} is not a deployment of this version ({error!r}); start the devnet again",
            file=str(path),
        ) from error


def _chain_document(chain: DeployedChain) -> dict[str, Any]:
    known = chain.configuration
    return {
        "name": chain.name,
        "chain_id": known.chain_id,
        "block_seconds": chain.block_seconds,
        "finality_blocks": chain.finality_blocks,
        "url": known.url,
        "anchor": to_hex(known.anchor),
        "anchor_code_hash": to_hex(known.anchor_code_hash),
        "tokens": {str(asset): to_hex(token) for asset, token in known.tokens.items()},
        "units_per_quantum": {str(asset): str(u) for asset, u in known.units_per_quantum.items()},
        "client_of": {str(of): to_hex(client) for of, client in known.client_of.items()},
        "family": chain.family,
        **trust_document(chain.trust, chain.roots),
        "inclusion_timeout_seconds": known.inclusion_timeout_seconds,
        "poll_seconds": known.poll_seconds,
    }


def _read(document: Mapping[str, Any], directory: Path) -> Deployment:
    clearinghouse_id = read_hash(document["clearinghouse_id"])
    operators = document["operator_set"]
    return Deployment(
        directory=directory,
        clearinghouse_id=clearinghouse_id,
        salt=read_hash(document["salt"]),
        home=ChainId(document["home"]),
        windows=msgspec.convert(document["windows"], Windows),
        prepare_deadline_seconds=document["prepare_deadline_seconds"],
        decide_by_seconds=document["decide_by_seconds"],
        operator_set=OperatorSet(
            epoch=operators["epoch"],
            threshold=operators["threshold"],
            signers=_addresses(operators["signers"]),
            parameters_hash=read_hash(operators["parameters_hash"]),
        ),
        house=address_from_hex(document["house"]),
        assets=tuple(DeployedAsset(**asset) for asset in document["assets"]),
        chains=tuple(_read_chain(chain, clearinghouse_id) for chain in document["chains"]),
    )


def _read_chain(stored: Mapping[str, Any], clearinghouse_id: Hash32) -> DeployedChain:
    chain_id = ChainId(stored["chain_id"])
    configuration = EvmChainConfiguration(
        chain_id=chain_id,
        url=stored["url"],
        anchor=address_from_hex(stored["anchor"]),
        anchor_code_hash=read_hash(stored["anchor_code_hash"]),
        tokens={AssetId(int(a)): address_from_hex(t) for a, t in stored["tokens"].items()},
        units_per_quantum={
            AssetId(int(asset)): int(units) for asset, units in stored["units_per_quantum"].items()
        },
        client_of={ChainId(int(c)): address_from_hex(a) for c, a in stored["client_of"].items()},
        inclusion_timeout_seconds=stored["inclusion_timeout_seconds"],
        poll_seconds=stored["poll_seconds"],
    )
    return DeployedChain(
        name=stored["name"],
        block_seconds=stored["block_seconds"],
        finality_blocks=stored["finality_blocks"],
        family=stored["family"],
        trust=read_trust(stored, chain_id, clearinghouse_id),
        roots=read_roots(stored, chain_id),
        configuration=configuration,
    )


def _addresses(texts: list[str]) -> tuple[Address, ...]:
    return tuple(address_from_hex(text) for text in texts)
