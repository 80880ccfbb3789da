"""A whole clearinghouse on simulated chains, from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.committee.attester import sign_attestation
from adapters.simulated.adapter import SimulatedChainAdapter, SimulatedNode
from adapters.simulated.anchor import AnchorIdentity, SimulatedAnchor
from adapters.simulated.attestations import MemoryAttestations
from adapters.simulated.chain import ChainState, SimulatedChain
from adapters.simulated.keys import SimulatedKey, simulated_key, simulated_keys
from adapters.simulated.light_client import SimulatedLightClient
from adapters.simulated.peer import PeerAnchor
from adapters.simulated.token import SimulatedToken
from adapters.simulated.vault import Asset, SimulatedVault
from clearinghouse.book.identifiers import ZERO_HASH, Address, AssetId, ChainId, Hash32
from clearinghouse.book.settlements import OperatorSet, Windows
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.settlements import clearinghouse_id, operator_set_hash
from clearinghouse.proofs.committee import Attestation, Committee

HOME = ChainId(31_001)
"""Home of the default plan."""

ANCHOR_CODE_HASH = keccak256(b"simulated anchor")


@dataclass(frozen=True)
class SimulatedAssetPlan:
    """An asset on one chain."""

    units_per_quantum: int = 1
    minimum_deposit_quanta: int = 1
    fee_divisor: int | None = None
    """100 for a token that keeps a hundredth of every transfer."""


@dataclass(frozen=True)
class SimulatedNetworkPlan:
    """A clearinghouse before it exists; the default has three chains and one asset."""

    assets: Mapping[ChainId, Mapping[AssetId, SimulatedAssetPlan]] = field(
        default_factory=lambda: {
            ChainId(HOME + index): {AssetId(1): SimulatedAssetPlan()} for index in range(3)
        }
    )
    """By chain; all chains stand here."""
    home: ChainId = HOME
    windows: Windows = field(
        default_factory=lambda: Windows(
            challenge_seconds=60,
            grace_seconds=20_000,
            stall_seconds=20_000,
            freeze_delay_seconds=20_000,
            max_decide_seconds=5_000,
            client_latency_seconds=600,
        )
    )
    operators: int = 3
    operator_threshold: int = 2
    attesters: int = 4
    attester_threshold: int = 3
    finality_depth: int = 2
    block_seconds: int = 1
    genesis_time: int = 1_900_000_000
    """Seconds since the epoch, on all chains."""


class SimulatedNetwork:
    """Chains, anchors, light clients and committees; everything follows from seed and calls."""

    def __init__(self, seed: int, plan: SimulatedNetworkPlan | None = None) -> None:
        self._plan = plan = plan or SimulatedNetworkPlan()
        self.home = plan.home
        self.chain_ids = tuple(sorted(plan.assets))
        self.operators = simulated_keys(seed, "operator", plan.operators)
        self.operator_set = OperatorSet(
            epoch=1,
            threshold=plan.operator_threshold,
            signers=tuple(key.address for key in self.operators),
            parameters_hash=ZERO_HASH,
        )
        self.attestations = MemoryAttestations()
        salt = keccak256(b"simulated network" + seed.to_bytes(8))
        self.clearinghouse_id = clearinghouse_id(salt, plan.home, self.chain_ids, plan.windows)
        self.attesters = {
            c: simulated_keys(seed, f"attester {c}", plan.attesters) for c in self.chain_ids
        }
        self.committees = {c: self._committee(c) for c in self.chain_ids}
        self._anchors = {c: simulated_key(seed, f"anchor {c}").address for c in self.chain_ids}
        self.chains = {c: self._chain(c) for c in self.chain_ids}

    def adapter(
        self, chain_id: ChainId, account: Address, node: SimulatedNode | None = None
    ) -> SimulatedChainAdapter:
        """Return an adapter that sends from ``account`` and reads from ``node``, or the chain."""
        return SimulatedChainAdapter(
            self.chains[chain_id],
            account,
            self.committees[chain_id],
            ANCHOR_CODE_HASH,
            self.attestations,
            node,
        )

    def mint(self, chain_id: ChainId, asset_id: AssetId, owner: Address, units: int) -> None:
        """Give an account token units, in a block of its own."""
        self.chains[chain_id].submit(
            lambda state, _: state.anchor.vault.assets[asset_id].token.mint(owner, units)
        )

    def attest(self, chain_id: ChainId) -> Attestation:
        """Let a quorum sign and publish what the chain holds final."""
        header = self.chains[chain_id].finalised()
        return self._publish(chain_id, header.height, header.block_hash)

    def equivocate(self, chain_id: ChainId, height: int) -> Attestation:
        """Let a quorum sign and publish a block that never was, at ``height``."""
        return self._publish(chain_id, height, keccak256(b"no such block" + height.to_bytes(8)))

    def _publish(self, chain_id: ChainId, height: int, block_hash: Hash32) -> Attestation:
        committee = self.committees[chain_id]
        signers: tuple[SimulatedKey, ...] = self.attesters[chain_id][: committee.threshold]
        attestation = sign_attestation(committee, signers, height, block_hash)
        self.attestations.publish(chain_id, attestation)
        return attestation

    def _committee(self, chain_id: ChainId) -> Committee:
        return Committee(
            clearinghouse_id=self.clearinghouse_id,
            chain_id=chain_id,
            epoch=1,
            threshold=self._plan.attester_threshold,
            members=tuple(key.address for key in self.attesters[chain_id]),
        )

    def _chain(self, chain_id: ChainId) -> SimulatedChain:
        plan, address = self._plan, self._anchors[chain_id]
        others = [c for c in self.chain_ids if c != chain_id]
        followed = others if chain_id == plan.home else [plan.home]
        clients = {c: SimulatedLightClient(self.committees[c]) for c in followed}
        assets = {
            asset_id: Asset(
                SimulatedToken(asset.fee_divisor),
                asset.units_per_quantum,
                asset.minimum_deposit_quanta,
            )
            for asset_id, asset in sorted(plan.assets[chain_id].items())
        }
        anchor = SimulatedAnchor(
            AnchorIdentity(
                clearinghouse_id=self.clearinghouse_id,
                home=plan.home,
                chain_id=chain_id,
                address=address,
                windows=plan.windows,
                operator_set_hash=operator_set_hash(self.operator_set),
            ),
            SimulatedVault(address, assets, plan.windows.grace_seconds),
            {c: PeerAnchor(c, self._anchors[c], ANCHOR_CODE_HASH, clients[c]) for c in followed},
        )
        return SimulatedChain(
            chain_id,
            ChainState(anchor, clients),
            ANCHOR_CODE_HASH,
            genesis_time=plan.genesis_time,
            block_seconds=plan.block_seconds,
            finality_depth=plan.finality_depth,
        )
