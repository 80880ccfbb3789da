"""Which evidence freezes ``SyncCommitteeLightClient``, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.misbehaviour import Misbehaviour, find_contradiction
from tests.unit.contracts.client import (
    ACTIVE,
    ELECTRA_PERIOD,
    FROZEN,
    SLOT,
    Client,
    deploy_client,
    payload_of,
    reverts,
    with_finalized,
)
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.ethereum.chain import NETWORK, PERIOD, signers_of, update_at

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

OTHER = signers_of(9).committee

CONTRADICTIONS = {
    Misbehaviour.FINALIZED_HEADER: (
        update_at(SLOT, with_committee=False),
        update_at(SLOT + 1, finalized_slot=SLOT - 16, label="fork", with_committee=False),
    ),
    Misbehaviour.ATTESTED_HEADER: (
        update_at(SLOT, with_committee=False),
        update_at(SLOT, following=OTHER, with_committee=False),
    ),
    Misbehaviour.NEXT_SYNC_COMMITTEE: (update_at(SLOT), update_at(SLOT + 2, following=OTHER)),
}


@pytest.fixture
def client(evm: Evm) -> Client:
    return deploy_client(evm, ELECTRA_PERIOD)


@pytest.mark.parametrize("kind", list(Misbehaviour))
def test_client_freezes_for_ever_on_a_contradiction(client: Client, kind: Misbehaviour) -> None:
    first, second = CONTRADICTIONS[kind]
    assert find_contradiction(NETWORK, first, second) == kind
    client.update(first)
    height = payload_of(first).block_number
    receipt = client.freeze(first, second)
    assert len(receipt["logs"]) == 1
    assert client.status == FROZEN
    assert client.contract.call("headerAt", height), "it says what it held, and that it is frozen"
    with reverts("AlreadyFrozen"):
        client.update(update_at(SLOT + 5))
    with reverts("AlreadyFrozen"):
        client.freeze(first, second)


@pytest.mark.parametrize("kind", list(Misbehaviour))
def test_evidence_needs_the_signatures_of_two_thirds(client: Client, kind: Misbehaviour) -> None:
    first, second = CONTRADICTIONS[kind]
    forged = replace(second, sync_aggregate=first.sync_aggregate)
    assert first.attested_header.beacon != second.attested_header.beacon
    for pair in ((first, forged), (forged, first)):
        with reverts("SignatureInvalid"):
            client.freeze(*pair)
    few = update_at(SLOT, places=range(21), with_committee=False)
    with reverts("ParticipationTooLow", 21, 32):
        client.freeze(few, CONTRADICTIONS[Misbehaviour.FINALIZED_HEADER][1])
    assert client.status == ACTIVE


def test_evidence_must_contradict_itself(client: Client) -> None:
    update = update_at(SLOT)
    later = update_at(6 * PERIOD + 20)  # another committee, but of another period
    for other in (update, update_at(SLOT + 1), update_at(SLOT, places=range(30)), later):
        with reverts("NotMisbehaviour"):
            client.freeze(update, other)


def test_evidence_must_be_proven_in_every_part(client: Client) -> None:
    first, second = CONTRADICTIONS[Misbehaviour.NEXT_SYNC_COMMITTEE]
    claimed = replace(update_at(SLOT + 2), next_sync_committee=OTHER)
    with reverts("BranchInvalid", 87):
        client.freeze(first, claimed)
    with reverts("BranchInvalid", 169):
        client.freeze(first, with_finalized(second, slot=first_finalized_slot(first)))


def first_finalized_slot(update: LightClientUpdate) -> int:
    assert update.finalized_header is not None
    return update.finalized_header.beacon.slot


def test_evidence_by_an_unknown_committee_is_refused(client: Client) -> None:
    slot = 6 * PERIOD + 20
    first = update_at(slot, with_committee=False)
    second = update_at(slot, following=OTHER, with_committee=False)
    with reverts("UnknownCommittee", 6):
        client.freeze(first, second)


def test_evidence_of_a_former_committee_counts(client: Client) -> None:
    """A client that was led astray has moved on by the time somebody notices."""
    client.update(update_at(SLOT))
    client.update(update_at(6 * PERIOD + 20, with_committee=False))
    client.freeze(*CONTRADICTIONS[Misbehaviour.FINALIZED_HEADER])
    assert client.status == FROZEN


@pytest.mark.parametrize("seconds_late", [0, 1])
def test_evidence_counts_until_its_signers_have_nothing_to_lose(
    evm: Evm, seconds_late: int
) -> None:
    """Later, old keys that anyone may have bought would stop a healthy client."""
    first, second = CONTRADICTIONS[Misbehaviour.ATTESTED_HEADER]
    trusting_seconds, time = 900, now(evm) + 50
    signed_seconds = (SLOT + 1) * NETWORK.seconds_per_slot
    network = replace(NETWORK, genesis_time=time - trusting_seconds - signed_seconds - seconds_late)
    client = deploy_client(evm, ELECTRA_PERIOD, network, trusting_seconds=trusting_seconds)
    evm.set_next_time(time)
    if seconds_late:
        with reverts("EvidenceTooOld", SLOT + 1):
            client.freeze(first, second)
    else:
        client.freeze(first, second)
        assert client.status == FROZEN


def test_evidence_is_refused_when_one_part_is_too_old(evm: Evm) -> None:
    old, recent = CONTRADICTIONS[Misbehaviour.NEXT_SYNC_COMMITTEE]
    trusting_seconds, time = 900, now(evm) + 50
    signed_seconds = (SLOT + 2) * NETWORK.seconds_per_slot
    network = replace(NETWORK, genesis_time=time - trusting_seconds - signed_seconds)
    client = deploy_client(evm, ELECTRA_PERIOD, network, trusting_seconds=trusting_seconds)
    for seconds, pair in ((0, (old, recent)), (1, (recent, old))):
        evm.set_next_time(time + seconds)
        with reverts("EvidenceTooOld", SLOT + 1):
            client.freeze(*pair)
    assert client.status != FROZEN


def now(evm: Evm) -> int:
    return int(evm.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def test_evidence_of_the_future_is_refused(evm: Evm) -> None:
    network = replace(NETWORK, genesis_time=now(evm) - SLOT * NETWORK.seconds_per_slot + 30)
    client = deploy_client(evm, ELECTRA_PERIOD, network)
    with reverts("SlotInFuture", SLOT + 1):
        client.freeze(*CONTRADICTIONS[Misbehaviour.ATTESTED_HEADER])


def test_evidence_needs_finalised_headers(client: Client) -> None:
    first, second = CONTRADICTIONS[Misbehaviour.ATTESTED_HEADER]
    with pytest.raises(ProofInvalid, match="update_not_final"):
        client.freeze(first, replace(second, finalized_header=None, finality_branch=()))
