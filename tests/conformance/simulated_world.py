"""The world on three chains in memory."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.evm.reader import UnverifiedStateProof
from adapters.simulated.adapter import SimulatedChainAdapter
from adapters.simulated.chain import SimulatedChain
from adapters.simulated.keys import SimulatedKey, simulated_key
from adapters.simulated.network import SimulatedAssetPlan, SimulatedNetwork, SimulatedNetworkPlan
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32
from clearinghouse.proofs.committee import Attestation, Committee
from clearinghouse.proofs.header import Header
from tests.conformance.world import (
    CHAIN_IDS,
    DOLLAR,
    FEE_TAKER,
    FINALITY_DEPTH,
    GENESIS_TIME,
    HOME,
    MINIMUM_DEPOSIT_QUANTA,
    SEED,
    UNITS_PER_QUANTUM,
    WINDOWS,
    Lie,
)

FUNDED_QUANTA = 10**9


class SimulatedWorld:
    """See ``World``."""

    def __init__(self) -> None:
        assets = {
            chain_id: {DOLLAR: SimulatedAssetPlan(units, MINIMUM_DEPOSIT_QUANTA)}
            for chain_id, units in UNITS_PER_QUANTUM.items()
        }
        assets[HOME][FEE_TAKER] = SimulatedAssetPlan(1, MINIMUM_DEPOSIT_QUANTA, fee_divisor=100)
        plan = SimulatedNetworkPlan(
            assets=assets,
            home=HOME,
            windows=WINDOWS,
            finality_depth=FINALITY_DEPTH,
            genesis_time=GENESIS_TIME,
        )
        self._network = network = SimulatedNetwork(SEED, plan)
        self.clearinghouse_id = network.clearinghouse_id
        self.funder = simulated_key(SEED, "funder")
        self.operators = network.operators
        self.operator_set = network.operator_set
        self.adapters = {c: network.adapter(c, self.funder.address) for c in CHAIN_IDS}
        for chain_id, assets_here in assets.items():
            for asset_id in assets_here:
                units = FUNDED_QUANTA * UNITS_PER_QUANTUM[chain_id]
                network.mint(chain_id, asset_id, self.funder.address, units)

    def adapter_through(self, chain_id: ChainId, lie: Lie) -> SimulatedChainAdapter:
        node = _LyingNode(self._network.chains[chain_id], lie)
        return self._network.adapter(chain_id, self.funder.address, node)

    def mine(self, chain_id: ChainId, blocks: int = 1) -> None:
        self._network.chains[chain_id].mine(blocks)

    def advance_time(self, chain_id: ChainId, seconds: int) -> None:
        self._network.chains[chain_id].advance_time(seconds)

    def finalised_hash(self, chain_id: ChainId) -> tuple[int, Hash32]:
        header = self._network.chains[chain_id].finalised()
        return header.height, header.block_hash

    def committee(self, chain_id: ChainId) -> Committee:
        return self._network.committees[chain_id]

    def committee_keys(self, chain_id: ChainId) -> tuple[SimulatedKey, ...]:
        return self._network.attesters[chain_id]

    def publish(self, chain_id: ChainId, attestation: Attestation) -> None:
        self._network.attestations.publish(chain_id, attestation)

    def reorganise(self, chain_id: ChainId, depth: int) -> None:
        self._network.chains[chain_id].reorganise(depth)

    def set_including(self, chain_id: ChainId, including: bool) -> None:
        self._network.chains[chain_id].mines_at_once = including

    def stop(self, chain_id: ChainId) -> None:
        self._network.chains[chain_id].unreachable = True

    def token_balance(self, chain_id: ChainId, owner: Address) -> int:
        assets = self._network.chains[chain_id].state.anchor.vault.assets
        return assets[DOLLAR].token.balance_of(owner)

    def deposit_units(
        self, chain_id: ChainId, asset_id: AssetId, units: int, member: Address
    ) -> None:
        self.adapters[chain_id].submit_deposit_units(asset_id, units, member)

    def clients_status(self, chain_id: ChainId, of_chain: ChainId) -> int:
        return self._network.chains[chain_id].state.clients[of_chain].status


class _LyingNode:
    """A chain's answers, altered as a ``Lie`` says."""

    def __init__(self, chain: SimulatedChain, lie: Lie) -> None:
        self._chain = chain
        self._lie = lie

    def get_header_by_hash(self, block_hash: Hash32) -> tuple[Header, bytes]:
        header, encoded = self._chain.get_header_by_hash(block_hash)
        if self._lie.parent_instead:
            return self._chain.get_header_by_hash(header.parent_hash)
        return header, encoded

    def get_proof(
        self, account: Address, slots: Sequence[Hash32], height: int
    ) -> UnverifiedStateProof:
        lie = self._lie
        proof = self._chain.get_proof(account, [lie.slots(s) for s in slots], lie.height(height))
        return UnverifiedStateProof(
            lie.account_nodes(proof.account_nodes),
            tuple(lie.storage_nodes(nodes) for nodes in proof.storage_nodes),
        )

    def deposit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        return self._lie.deposit_count(self._chain.deposit_count(anchor, asset_id, height))

    def exit_count(self, anchor: Address, asset_id: AssetId, height: int) -> int:
        return self._lie.exit_count(self._chain.exit_count(anchor, asset_id, height))
