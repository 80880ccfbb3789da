"""A devnet's beacon chain, judged by the light client that follows real ones."""

from __future__ import annotations

import pytest

from clearinghouse.book.identifiers import Hash32
from clearinghouse.proofs.ethereum.containers import ExecutionPayloadHeader, LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.store import LightClientStore, verify_bootstrap
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from devnets.beacon.chain import BeaconChain, SparseTree
from devnets.beacon.validators import Validators
from tests.unit.devnets.beacon.execution import (
    COMMITTEE_SIZE,
    SEED,
    SLOTS_PER_PERIOD,
    ExecutionChain,
    build_test_network,
)


class Grown:
    """A beacon chain over an execution chain, and a client that is given every update."""

    def __init__(self) -> None:
        self.network: Network = build_test_network()
        self.execution = ExecutionChain()
        validators = Validators(self.network, SEED)
        self.chain = BeaconChain(self.network, validators, self.execution.payload(0))
        self.store: LightClientStore = verify_bootstrap(
            self.network, self.chain.checkpoint_root, self.chain.bootstrap()
        )

    def grow(self, slot: int) -> list[LightClientUpdate]:
        """Mine a block in that slot and apply what it brings, all but repetitions."""
        payload = self.execution.mine()
        return self.extend(slot, payload)

    def extend(self, slot: int, payload: ExecutionPayloadHeader) -> list[LightClientUpdate]:
        final = self.execution.payload(self.execution.final_height)
        updates = self.chain.extend(slot, payload, final, self.execution.canonical_hash)
        for update in updates:
            assert update.finalized_header is not None
            held = self.store.finalized_header.beacon.slot
            is_rotation = update.next_sync_committee is not None
            if is_rotation or update.finalized_header.beacon.slot > held:
                verify_update(self.network, self.store, update, current_slot=slot)
                self.store = apply_update(self.network, self.store, update)
        return updates

    @property
    def finalised_height(self) -> int:
        execution = self.store.finalized_header.execution
        assert isinstance(execution, ExecutionPayloadHeader)
        return execution.block_number


def test_client_follows_when_a_block_comes_in_every_slot() -> None:
    grown = Grown()
    for slot in range(1, 3 * SLOTS_PER_PERIOD):
        grown.grow(slot)
    # Two blocks until it is final, one whose state says so, one that carries the signatures.
    assert grown.finalised_height == grown.execution.final_height - 1
    assert grown.network.period_at(grown.store.finalized_header.beacon.slot) == 2
    assert grown.store.next_sync_committee is not None


def test_every_period_has_one_rotation_when_blocks_come_regularly() -> None:
    grown = Grown()
    updates = [u for slot in range(1, 4 * SLOTS_PER_PERIOD) for u in grown.grow(slot)]
    rotations = [u for u in updates if u.next_sync_committee is not None]
    periods = [grown.network.period_at(u.attested_header.beacon.slot) for u in rotations]
    assert periods == [0, 1, 2, 3]
    assert len({u.next_sync_committee for u in rotations}) == 4


def test_client_follows_when_periods_pass_without_a_block() -> None:
    grown = Grown()
    for slot in range(1, 8):
        grown.grow(slot)
    jumped = 7 + 5 * SLOTS_PER_PERIOD
    updates = grown.grow(jumped)
    rotated = [
        grown.network.period_at(u.attested_header.beacon.slot)
        for u in updates
        if u.next_sync_committee is not None
    ]
    assert rotated == [1, 2, 3, 4, 5]
    for slot in range(jumped + 1, jumped + 5):
        grown.grow(slot)
    assert grown.finalised_height == grown.execution.final_height - 1


def test_client_follows_when_a_period_is_left_before_its_rotation() -> None:
    grown = Grown()
    grown.grow(1)
    grown.grow(2)
    for slot in range(2 * SLOTS_PER_PERIOD + 1, 2 * SLOTS_PER_PERIOD + 6):
        grown.grow(slot)
    assert grown.network.period_at(grown.store.finalized_header.beacon.slot) == 2


def test_replaced_block_never_becomes_final_when_the_execution_chain_reorganises() -> None:
    grown = Grown()
    for slot in range(1, 6):
        grown.grow(slot)
    replaced = grown.execution.canonical_hash(5)
    grown.execution.reorganise(1)
    grown.execution.mine(b"other")
    for slot in range(6, 12):
        updates = grown.grow(slot)
        for update in updates:
            assert update.finalized_header is not None
            execution = update.finalized_header.execution
            assert isinstance(execution, ExecutionPayloadHeader)
            assert execution.block_hash != replaced
    assert grown.finalised_height > 5


def test_extend_is_refused_when_the_slot_has_its_block() -> None:
    grown = Grown()
    grown.grow(3)
    with pytest.raises(ValueError, match="not after 3"):
        grown.grow(3)


def test_signature_lacks_a_few_members_when_committees_sign() -> None:
    network = build_test_network()
    validators = Validators(network, SEED)
    chain = BeaconChain(network, validators, ExecutionChain().payload(0))
    header = chain.bootstrap().header.beacon
    counts = {validators.sign(header, slot).participants for slot in range(1, 12)}
    assert len(counts) > 1
    assert min(counts) * 3 >= COMMITTEE_SIZE * 2


def test_committees_are_the_same_again_when_drawn_of_one_seed() -> None:
    network = build_test_network()
    first, again = Validators(network, SEED), Validators(network, SEED)
    assert first.committee(3) == again.committee(3)
    assert first.committee(3) != first.committee(4)
    assert first.committee(3) != Validators(network, b"\x08" * 32).committee(3)


def test_branch_leads_to_the_root_when_the_tree_is_sparse() -> None:
    leaf = Hash32(b"\x01" * 32)
    tree = SparseTree({169: leaf, 86: Hash32(b"\x02" * 32)})
    assert len(tree.branch(169)) == 7
    assert SparseTree({169: leaf}).root != tree.root
