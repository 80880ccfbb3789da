"""From a devnet file to the clearinghouse to deploy, and from what was deployed to its users."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.evm.adapter import EvmChainConfiguration
from adapters.evm.deployer import (
    ChainPlan,
    ClearinghousePlan,
    DeployedClearinghouse,
    LightClientPlan,
    TokenPlan,
)
from adapters.evm.keystore import KeystoreSigner
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import ZERO_HASH, Address, ChainId, Hash32
from clearinghouse.book.settlements import OperatorSet
from clearinghouse.commitment.settlements import clearinghouse_id
from clearinghouse.proofs.committee import Committee
from devnets.configuration import ChainConfiguration, DevnetConfiguration
from devnets.deployment import (
    FUNDER,
    HOUSE,
    RELAYER,
    DeployedAsset,
    DeployedChain,
    Deployment,
    operator_name,
)
from devnets.keystores import Keystores
from devnets.trust import RollupRoots, Trust

FIRST_EPOCH = 1
"""Of the operator set and of the committees."""


@dataclass(frozen=True)
class DevnetKeys:
    """Every key of a devnet but the deployer's, which is worth nothing after the deployment."""

    operators: tuple[KeystoreSigner, ...]
    relayer: KeystoreSigner
    funder: KeystoreSigner
    house: KeystoreSigner
    attesters: Mapping[ChainId, tuple[KeystoreSigner, ...]]
    posters: Mapping[ChainId, KeystoreSigner]
    """Post rollups' roots, by the rollup."""

    @property
    def accounts(self) -> tuple[KeystoreSigner, ...]:
        """Those that pay for transactions."""
        return (self.relayer, self.funder, *self.operators, *self.posters.values())


def create_keys(devnet: DevnetConfiguration, keystores: Keystores) -> DevnetKeys:
    """Draw all keys and store them under a new passphrase."""
    keystores.create_passphrase()
    return DevnetKeys(
        operators=tuple(
            keystores.create(operator_name(number))
            for number in range(1, devnet.operators.members + 1)
        ),
        relayer=keystores.create(RELAYER),
        funder=keystores.create(FUNDER),
        house=keystores.create(HOUSE),
        attesters={
            chain.id: tuple(
                keystores.create(f"attester-{chain.name}-{number}")
                for number in range(1, chain.committee.members + 1)
            )
            for chain in devnet.chains
            if chain.committee is not None
        },
        posters={
            chain.id: keystores.create(f"poster-{chain.name}")
            for chain in devnet.chains
            if chain.rollup is not None
        },
    )


def plan_committees(
    devnet: DevnetConfiguration, keys: DevnetKeys, salt: Hash32
) -> dict[ChainId, Committee]:
    """Return the committees of the chains that have one, of the clearinghouse of ``salt``."""
    chain_ids = [chain.id for chain in devnet.chains]
    windows = devnet.windows.windows
    identity = clearinghouse_id(salt, devnet.home_chain.id, chain_ids, windows)
    return {
        chain.id: Committee(
            clearinghouse_id=identity,
            chain_id=chain.id,
            epoch=FIRST_EPOCH,
            threshold=chain.committee.quorum,
            members=tuple(sorted(s.address for s in keys.attesters[chain.id])),
        )
        for chain in devnet.chains
        if chain.committee is not None
    }


def draw_salt() -> Hash32:
    """Return a new random salt: it makes a clearinghouse's id its own."""
    return Hash32(secrets.token_bytes(32))


def build_plan(
    devnet: DevnetConfiguration,
    keys: DevnetKeys,
    salt: Hash32,
    light_clients: Mapping[ChainId, LightClientPlan],
    senders: Mapping[ChainId, Sender],
) -> ClearinghousePlan:
    """Return what to deploy."""
    return ClearinghousePlan(
        salt=salt,
        home=devnet.home_chain.id,
        windows=devnet.windows.windows,
        operator_set=OperatorSet(
            epoch=FIRST_EPOCH,
            threshold=devnet.operators.threshold,
            signers=tuple(sorted(signer.address for signer in keys.operators)),
            parameters_hash=ZERO_HASH,
        ),
        chains=tuple(
            ChainPlan(
                sender=senders[chain.id],
                light_client=light_clients[chain.id],
                tokens=_plan_tokens(devnet, chain),
            )
            for chain in devnet.chains
        ),
    )


def describe(
    directory: Path,
    devnet: DevnetConfiguration,
    plan: ClearinghousePlan,
    trusts: Mapping[ChainId, tuple[Trust, RollupRoots | None]],
    deployed: DeployedClearinghouse,
    urls: Mapping[ChainId, str],
    house: Address,
) -> Deployment:
    """Return what the users of a deployed clearinghouse have to know."""
    return Deployment(
        directory=directory,
        clearinghouse_id=deployed.clearinghouse_id,
        salt=plan.salt,
        home=deployed.home,
        windows=plan.windows,
        prepare_deadline_seconds=devnet.settlement.prepare_deadline_seconds,
        decide_by_seconds=devnet.settlement.decide_by_seconds,
        operator_set=plan.operator_set,
        house=house,
        assets=tuple(
            DeployedAsset(
                asset.asset_id, asset.symbol, asset.quantum_decimals, asset.minimum_deposit_quanta
            )
            for asset in devnet.assets
        ),
        chains=tuple(
            _describe_chain(devnet, chain, *trusts[chain.id], deployed, urls[chain.id])
            for chain in devnet.chains
        ),
    )


def _plan_tokens(devnet: DevnetConfiguration, chain: ChainConfiguration) -> tuple[TokenPlan, ...]:
    return tuple(
        TokenPlan(
            asset_id=asset.asset_id,
            units_per_quantum=devnet.units_per_quantum(chain, asset),
            minimum_deposit_quanta=asset.minimum_deposit_quanta,
            symbol=asset.symbol,
            decimals=chain.token_decimals[asset.symbol],
        )
        for asset in devnet.assets_of(chain)
    )


def _describe_chain(
    devnet: DevnetConfiguration,
    chain: ChainConfiguration,
    trust: Trust,
    roots: RollupRoots | None,
    deployed: DeployedClearinghouse,
    url: str,
) -> DeployedChain:
    contracts = deployed.chains[chain.id]
    return DeployedChain(
        name=chain.name,
        block_seconds=chain.block_seconds,
        finality_blocks=chain.finality_blocks,
        family=chain.family,
        trust=trust,
        roots=roots,
        configuration=EvmChainConfiguration(
            chain_id=chain.id,
            url=url,
            anchor=contracts.anchor.address,
            anchor_code_hash=contracts.anchor.code_hash,
            tokens=contracts.tokens,
            units_per_quantum=contracts.units_per_quantum,
            client_of=contracts.client_of,
            inclusion_timeout_seconds=devnet.settlement.inclusion_timeout_seconds,
            poll_seconds=devnet.settlement.poll_seconds,
        ),
    )
