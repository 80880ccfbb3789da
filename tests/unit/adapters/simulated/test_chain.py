"""Faults of simulated chains, and that everything follows from the seed."""

from __future__ import annotations

import pytest

from adapters.simulated.network import HOME, SimulatedNetwork
from clearinghouse.book.identifiers import Address, AssetId
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.rlp import decode_list
from clearinghouse.proofs.state import verify_account, verify_storage

ALICE = Address(b"\x0a" * 20)
COIN = AssetId(1)


def funded(seed: int = 3) -> SimulatedNetwork:
    network = SimulatedNetwork(seed)
    network.mint(HOME, COIN, ALICE, 1_000)
    return network


def deposited(network: SimulatedNetwork) -> int:
    return network.adapter(HOME, ALICE).solvency(COIN).vault


def not_included(network: SimulatedNetwork, quanta: int) -> None:
    with pytest.raises(Unavailable) as raised:
        network.adapter(HOME, ALICE).submit_deposit(COIN, quanta, ALICE)
    assert raised.value.reason == "transaction_not_included"


def test_blocks_are_the_same_when_seed_and_calls_are() -> None:
    hashes = []
    for seed in (3, 3, 4):
        network = funded(seed)
        network.adapter(HOME, ALICE).submit_deposit(COIN, 5, ALICE)
        network.chains[HOME].mine(3)
        hashes.append((network.chains[HOME].newest.block_hash, network.clearinghouse_id))
    assert hashes[0] == hashes[1] != hashes[2]


def test_header_is_a_genuine_one_when_decoded_by_position() -> None:
    chain = funded().chains[HOME]
    chain.mine()
    header, encoded = chain.get_header_by_hash(chain.newest.block_hash)
    assert keccak256(encoded) == header.block_hash
    parent, _ = chain.get_header_by_hash(header.parent_hash)
    assert (parent.height + 1, parent.timestamp + 1) == (header.height, header.timestamp)
    assert len(decode_list(encoded)) == 21  # as a Prague header


def test_proofs_verify_at_every_block_when_states_have_moved_on() -> None:
    network = funded()
    adapter, chain = network.adapter(HOME, ALICE), network.chains[HOME]
    roots = []
    for quanta in (5, 6, 7):
        adapter.submit_deposit(COIN, quanta, ALICE)
        roots.append((chain.newest, chain.state.anchor.storage()))
    for header, words in roots:
        for slot, word in words.items():
            proof = chain.get_proof(adapter.anchor, [slot], header.height)
            account = verify_account(header.state_root, adapter.anchor, proof.account_nodes)
            assert account is not None
            assert verify_storage(account.storage_root, slot, proof.storage_nodes[0]) == word
    first, last = roots[0], roots[-1]
    later = next(slot for slot in last[1] if slot not in first[1])
    proof = chain.get_proof(adapter.anchor, [later], first[0].height)
    account = verify_account(first[0].state_root, adapter.anchor, proof.account_nodes)
    assert account is not None
    assert verify_storage(account.storage_root, later, proof.storage_nodes[0]) == 0
    nobody = chain.get_proof(ALICE, [], first[0].height).account_nodes
    assert verify_account(first[0].state_root, ALICE, nobody) is None


def test_transaction_waits_when_the_chain_is_halted_and_runs_when_it_resumes() -> None:
    network = funded()
    chain = network.chains[HOME]
    height = chain.newest.height
    chain.halted = True
    not_included(network, 5)
    chain.mine(4)
    chain.advance_time(100)
    assert (chain.newest.height, deposited(network)) == (height, 0)
    chain.halted = False
    chain.mine()
    assert (chain.newest.height, deposited(network)) == (height + 1, 5)


def test_transaction_is_lost_when_dropped() -> None:
    network = funded()
    network.chains[HOME].drop_next = 1
    not_included(network, 5)
    network.chains[HOME].mine(5)
    assert deposited(network) == 0
    network.adapter(HOME, ALICE).submit_deposit(COIN, 6, ALICE)
    assert deposited(network) == 6


def test_transaction_comes_blocks_later_when_delayed() -> None:
    network = funded()
    chain = network.chains[HOME]
    chain.delay_blocks = 3
    not_included(network, 5)
    chain.mine(2)
    assert deposited(network) == 0
    chain.mine()
    assert deposited(network) == 5


def test_transaction_that_waits_has_no_effect_when_it_reverts_in_its_block() -> None:
    network = funded()
    chain = network.chains[HOME]
    chain.mines_at_once = False
    not_included(network, 700)
    not_included(network, 600)  # together more than there is
    chain.mine()
    assert deposited(network) == 700


def test_effects_are_undone_and_hashes_change_when_reorganised() -> None:
    network = funded()
    chain = network.chains[HOME]
    kept = chain.newest.block_hash
    network.adapter(HOME, ALICE).submit_deposit(COIN, 5, ALICE)
    undone = chain.newest
    chain.reorganise(1)
    assert deposited(network) == 0
    assert chain.newest.parent_hash == kept
    assert chain.newest.height == undone.height
    assert chain.newest.timestamp == undone.timestamp
    assert chain.newest.block_hash != undone.block_hash
    assert chain.get_header_by_hash(undone.block_hash)[0] == undone  # still known, not canonical


def test_finalised_header_has_so_many_blocks_on_top() -> None:
    chain = funded().chains[HOME]
    chain.mine(5)
    assert chain.finalised().height == chain.newest.height - chain.finality_depth
    assert SimulatedNetwork(1).chains[HOME].finalised().height == 0
