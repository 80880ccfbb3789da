"""Every update that must not be taken, refused in Python for its own reason, and without effect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.store import LightClientStore
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from tests.unit.proofs.ethereum.bad_updates import (
    BAD_SIGNATURES,
    BAD_UPDATES,
    NEXT,
    NOW_SLOT,
    SLOT,
    TAKEN,
    compress,
    coordinates_of,
)
from tests.unit.proofs.ethereum.chain import NETWORK, store_at, update_at


def held(network: Network = NETWORK) -> LightClientStore:
    """Return the store of a client that took the network's form of ``TAKEN``."""
    store = store_at(SLOT - 20, network=network)
    taken = TAKEN if network is NETWORK else update_at(SLOT, network=network)
    verify_update(network, store, taken, NOW_SLOT)
    return apply_update(network, store, taken)


@pytest.mark.parametrize("name", BAD_UPDATES)
def test_update_is_refused_when_it_is(name: str) -> None:
    case = BAD_UPDATES[name]
    store = held(case.network)
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(case.network, store, case.update(), NOW_SLOT)
    assert refusal.value.reason == case.reason
    assert store == held(case.network)
    if case.network is NETWORK:
        verify_update(NETWORK, store, NEXT, NOW_SLOT)


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_update_is_refused_when_its_signature_is(name: str) -> None:
    case, store = BAD_SIGNATURES[name], held()
    honest = NEXT.sync_aggregate
    assert compress(coordinates_of(honest.signature)) == honest.signature
    forged = compress(case.change(coordinates_of(honest.signature)))
    bad = replace(NEXT, sync_aggregate=replace(honest, signature=forged))
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(NETWORK, store, bad, NOW_SLOT)
    assert refusal.value.reason == case.reason
    assert store == held()
    verify_update(NETWORK, store, NEXT, NOW_SLOT)


@pytest.mark.parametrize("nodes", [18, 31_250])
def test_update_is_refused_when_its_branch_is_longer_than_any(nodes: int) -> None:
    """Zeros pad a branch to a later fork's length; a megabyte of them pads it to none."""
    padded = replace(NEXT, finality_branch=(ZERO_HASH,) * nodes + NEXT.finality_branch)
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(NETWORK, held(), padded, NOW_SLOT)
    assert refusal.value.reason == "branch_length_wrong"
