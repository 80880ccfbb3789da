"""Hashes of earlier blocks by EIP-2935, from synthetic states with the real slots."""

from __future__ import annotations

import pytest

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.history import (
    ARBITRUM_HISTORY_WINDOW_BLOCKS,
    HISTORY_CONTRACT,
    HISTORY_WINDOW_BLOCKS,
    history_slot,
    verify_ancestor,
)
from clearinghouse.proofs.state import StateProof
from tests.unit.proofs.rollups.chains import ROLLUP, Chain, L1Account, named

NEWEST = 20_000
HASH = keccak256(b"block")


def prove(height: int, window: int, holds: int | None = None) -> tuple[VerifiedHeader, StateProof]:
    """Return a header whose state keeps ``HASH`` where the block at ``holds`` belongs."""
    chain = Chain({HISTORY_CONTRACT: L1Account(b"history", {0: 1}), named("a"): L1Account(b"b")})
    kept = height if holds is None else holds
    chain.accounts[HISTORY_CONTRACT].storage[kept % window] = int.from_bytes(HASH)
    header = VerifiedHeader(ROLLUP, NEWEST, keccak256(b"newest"), chain.state_root, 1)
    proof = StateProof(
        chain.prove_account(HISTORY_CONTRACT),
        chain.prove_slot(HISTORY_CONTRACT, height % window),
    )
    return header, proof


@pytest.mark.parametrize("window", [HISTORY_WINDOW_BLOCKS, ARBITRUM_HISTORY_WINDOW_BLOCKS])
@pytest.mark.parametrize("height", [NEWEST - 1, NEWEST - 8191, NEWEST - 77])
def test_ancestor_gives_the_hash_when_the_history_holds_it(height: int, window: int) -> None:
    header, proof = prove(height, window)
    assert verify_ancestor(header, height, window, proof) == HASH


@pytest.mark.parametrize("height", [0, -1, NEWEST, NEWEST + 1, NEWEST - 8192])
def test_ancestor_is_refused_when_the_history_cannot_hold_it(height: int) -> None:
    """The slot of NEWEST - 8192 holds a later block's hash by then."""
    header, proof = prove(height % HISTORY_WINDOW_BLOCKS, HISTORY_WINDOW_BLOCKS)
    with pytest.raises(ProofInvalid) as refusal:
        verify_ancestor(header, height, HISTORY_WINDOW_BLOCKS, proof)
    assert refusal.value.reason == "outside_history"


def test_ancestor_is_refused_when_the_history_began_after_it() -> None:
    header, proof = prove(NEWEST - 9, HISTORY_WINDOW_BLOCKS, holds=NEWEST - 8)
    with pytest.raises(ProofInvalid) as refusal:
        verify_ancestor(header, NEWEST - 9, HISTORY_WINDOW_BLOCKS, proof)
    assert refusal.value.reason == "outside_history"


def test_ancestor_is_refused_when_the_chain_keeps_no_history() -> None:
    chain = Chain({named("a"): L1Account(b"b"), named("c"): L1Account(b"d")})
    header = VerifiedHeader(ROLLUP, NEWEST, keccak256(b"newest"), chain.state_root, 1)
    proof = StateProof(chain.prove_account(HISTORY_CONTRACT), ())
    with pytest.raises(ProofInvalid) as refusal:
        verify_ancestor(header, NEWEST - 1, HISTORY_WINDOW_BLOCKS, proof)
    assert refusal.value.reason == "account_absent"


def test_ancestor_is_refused_when_the_proof_is_of_another_block() -> None:
    header, _ = prove(NEWEST - 9, HISTORY_WINDOW_BLOCKS)
    _, other = prove(NEWEST - 10, HISTORY_WINDOW_BLOCKS)
    with pytest.raises(ProofInvalid) as refusal:
        verify_ancestor(header, NEWEST - 9, HISTORY_WINDOW_BLOCKS, other)
    assert refusal.value.reason == "node_hash_mismatch"


def test_history_slot_is_the_height_within_the_ring() -> None:
    assert history_slot(8191 * 3 + 5, HISTORY_WINDOW_BLOCKS) == Hash32((5).to_bytes(32))
