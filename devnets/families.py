"""How the finalised headers of a devnet's chains are proven to the others, family by family."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.committee.deployment import CommitteeClientPlan
from adapters.ethereum.deployment import SyncCommitteeClientPlan
from adapters.evm.bonded_client import BondedClientPlan
from adapters.evm.connection import connect
from adapters.evm.deployer import LightClientPlan
from adapters.evm.sender import Sender, SenderPolicy
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.proofs.committee import Committee
from devnets.anvil import Anvil
from devnets.attesters import CommitteeAttesters
from devnets.beacon.network import build_network, network_document
from devnets.beacon.node import BeaconNode
from devnets.beacon.validators import Validators
from devnets.configuration import (
    BeaconConfiguration,
    ChainConfiguration,
    DevnetConfiguration,
    RollupConfiguration,
)
from devnets.finality import FinalityService
from devnets.planning import DevnetKeys
from devnets.rollups.contracts import (
    OracleContract,
    OutboxContract,
    deploy_oracle,
    deploy_outbox,
)
from devnets.rollups.poster import RootPoster
from devnets.trust import (
    ATTESTATIONS_NAME,
    BeaconTrust,
    RollupRoots,
    Trust,
    network_path,
)

FIRST_PERIOD = 0

BOND_UNITS = 10**18
CHALLENGER_BASIS_POINTS = 1_000

HISTORY_WINDOW = 8_191
"""Hashes that EIP-2935's contract holds."""

NO_HISTORY = 0
"""Nitro-like chains keep anvil's hashes in there, not their own."""


@dataclass(frozen=True)
class ChainNode:
    """One chain's node."""

    configuration: ChainConfiguration
    anvil: Anvil
    url: str
    """Where the chain is read, by attesters as by everybody."""
    sender: Sender
    """The deployer's account there."""


@dataclass(frozen=True)
class Proving:
    """How one chain's finalised headers are proven."""

    service: FinalityService
    """Not started."""
    trust: Trust
    """What its users believe."""
    light_client: LightClientPlan
    """What the other chains believe."""
    roots: RollupRoots | None = None
    poster: RootPoster | None = None
    """Not started; of a rollup."""


class ProvingPlanner:
    """Sets up whatever proves headers, before the clearinghouse is deployed."""

    def __init__(
        self,
        devnet: DevnetConfiguration,
        directory: Path,
        nodes: Mapping[ChainId, ChainNode],
        keys: DevnetKeys,
        committees: Mapping[ChainId, Committee],
    ) -> None:
        self._devnet = devnet
        self._directory = directory
        self._nodes = nodes
        self._keys = keys
        self._committees = committees

    def plan(self, chain_id: ChainId) -> Proving:
        """Return how a chain's headers are proven; what rollups post to is deployed by that."""
        node = self._nodes[chain_id]
        if node.configuration.beacon is not None:
            return self._plan_beacon(node, node.configuration.beacon)
        committee = self._committees[chain_id]
        attesters = CommitteeAttesters(
            node.anvil,
            node.url,
            committee,
            self._keys.attesters[chain_id],
            self._directory / ATTESTATIONS_NAME,
        )
        if node.configuration.rollup is None:
            return Proving(attesters, committee, CommitteeClientPlan(committee))
        return self._plan_rollup(node, node.configuration.rollup, attesters)

    def _plan_beacon(self, node: ChainNode, beacon: BeaconConfiguration) -> Proving:
        """Return a beacon chain of new validators."""
        chain, root = node.configuration, Hash32(secrets.token_bytes(32))
        network = build_network(chain, beacon, node.anvil.genesis_time(), root)
        validators = Validators(network, secrets.token_bytes(32))
        service = BeaconNode(node.anvil, network, validators)
        path = network_path(self._directory, chain.id)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(network_document(network), indent=2))
        first_committee = validators.committee_root(FIRST_PERIOD)
        return Proving(
            service,
            BeaconTrust(network, service.checkpoint_root, beacon.trusting_seconds, service.url),
            SyncCommitteeClientPlan(
                network, beacon.trusting_seconds, FIRST_PERIOD, first_committee
            ),
        )

    def _plan_rollup(
        self, node: ChainNode, rollup: RollupConfiguration, attesters: CommitteeAttesters
    ) -> Proving:
        """Return bonded attesters, and who posts the roots that they are audited by."""
        chain_id = node.configuration.id
        l1 = next(n for n in self._nodes.values() if n.configuration.name == rollup.l1)
        key = self._keys.posters[chain_id]
        contract: OracleContract | OutboxContract
        if node.configuration.family == "opstack":
            seconds = rollup.finalization_seconds
            contract = deploy_oracle(l1.sender, chain_id, key.address, seconds)
            roots = RollupRoots(l1.configuration.id, contract.oracle)
        else:
            contract = deploy_outbox(l1.sender, chain_id, key.address)
            roots = RollupRoots(l1.configuration.id, contract.outbox)
        light_client = BondedClientPlan(
            committee=self._committees[chain_id],
            l1=l1.configuration.id,
            root=contract.root_plan,
            history_window=(
                HISTORY_WINDOW if node.configuration.family == "opstack" else NO_HISTORY
            ),
            bond_units=BOND_UNITS,
            unbonding_seconds=rollup.unbonding_seconds,
            challenger_basis_points=CHALLENGER_BASIS_POINTS,
            insurance=self._keys.house.address,
        )
        return Proving(
            attesters,
            self._committees[chain_id],
            light_client,
            roots,
            RootPoster(
                node.url,
                Sender(connect(l1.url), l1.configuration.id, key, self._posting_policy()),
                contract,
                rollup.posting_seconds,
            ),
        )

    def _posting_policy(self) -> SenderPolicy:
        asked = self._devnet.settlement
        return SenderPolicy(
            inclusion_timeout_seconds=asked.inclusion_timeout_seconds,
            poll_seconds=asked.poll_seconds,
        )
