"""Every update that must not be taken, refused by the contract for its own reason, cheaply, and
without effect: the same table as in Python."""

from __future__ import annotations

import pytest
from eth_abi.abi import decode, encode

from adapters.ethereum.update import UPDATE_TYPE
from clearinghouse.proofs.ethereum.forks import Network
from tests.unit.contracts.client import ELECTRA_PERIOD, Client, deploy_client
from tests.unit.contracts.evm import Evm, Reverted
from tests.unit.proofs.ethereum.bad_updates import (
    BAD_SIGNATURES,
    BAD_UPDATES,
    NEXT,
    SLOT,
    TAKEN,
    coordinates_of,
)
from tests.unit.proofs.ethereum.chain import NETWORK, update_at

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

REFUSAL_GAS_MAX = 1_300_000
"""Of 16 million offered: what anything malformed may burn, a committee of 512 included."""

SIGNATURE = 1
"""Of ``struct CommitteeSignature``."""


def client_that_took(evm: Evm, network: Network = NETWORK) -> Client:
    client = deploy_client(evm, ELECTRA_PERIOD, network)
    client.update(TAKEN if network is NETWORK else update_at(SLOT, network=network))
    return client


def standing(client: Client) -> tuple[object, ...]:
    """Return all that the contract believes."""
    height = client.contract.call("latestHeight")
    committees = tuple(client.committee_root(period) for period in range(3, 10))
    return (
        height,
        client.contract.call("headerAt", height),
        client.finalized_slot,
        client.status,
        committees,
    )


@pytest.mark.parametrize("name", BAD_UPDATES)
def test_update_is_refused_when_it_is(evm: Evm, name: str) -> None:
    case = BAD_UPDATES[name]
    client = client_that_took(evm, case.network)
    before = standing(client)
    with pytest.raises(Reverted) as refusal:
        client.update(case.update())
    assert refusal.value.error.name == case.error
    if case.arguments is not None:
        assert refusal.value.error.arguments == case.arguments
    assert 0 < refusal.value.gas_used < REFUSAL_GAS_MAX
    assert standing(client) == before
    if case.network is NETWORK:
        client.update(NEXT)
        assert standing(client) != before


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_update_is_refused_when_its_signature_is(evm: Evm, name: str) -> None:
    """A precompile burns all gas that it is given: it is given little, whatever comes."""
    case, client = BAD_SIGNATURES[name], client_that_took(evm)
    before = standing(client)
    ((*rest, signed),) = decode([UPDATE_TYPE], client.encode(NEXT))
    forged = case.change(coordinates_of(NEXT.sync_aggregate.signature))
    parts = list(signed)
    parts[SIGNATURE] = b"".join(coordinate.to_bytes(64) for coordinate in forged)
    with pytest.raises(Reverted) as refusal:
        client.contract.send("update", encode([UPDATE_TYPE], [(*rest, tuple(parts))]))
    assert refusal.value.error.name == case.error
    assert 0 < refusal.value.gas_used < REFUSAL_GAS_MAX
    assert standing(client) == before
    client.update(NEXT)
    assert client.finalized_slot > SLOT - 16
