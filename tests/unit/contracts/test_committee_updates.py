"""Headers and handovers that ``CommitteeLightClient`` takes or refuses, ECDSA and BLS alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.committee.client import build_handover, build_update
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.committee import Attestation, Scheme
from clearinghouse.proofs.handover import Handover, handover_digest
from tests.unit.contracts.client import reverts
from tests.unit.contracts.committee import (
    ACTIVE,
    EXPIRED,
    POLICY,
    CommitteeContract,
    at_epoch,
    deploy_committee,
    refused,
)
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.committees import EPOCH, Attesters, attesters_of, header_rlp

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("committee-contract")]

UINT64_MAX = 2**64 - 1

WRONG_SIGNER = {Scheme.ECDSA: "SignerNotInOrder", Scheme.BLS: "AggregateInvalid"}
"""What a signature by other keys, or over something else, is refused as."""


@pytest.fixture(params=Scheme, ids=lambda scheme: scheme.value)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    found: Scheme = request.param
    return found


@pytest.fixture
def client(committee_evm: Evm, scheme: Scheme) -> CommitteeContract:
    return deploy_committee(committee_evm, attesters_of(scheme))


@pytest.fixture
def successors(scheme: Scheme) -> Attesters:
    return attesters_of(scheme, EPOCH + 1)


def last_height_of(client: CommitteeContract, epoch: int) -> int:
    kept, _ = client.contract.call("epochAt", epoch)
    return int(kept[3])


# ----------------------------------------------------------------------------------- headers


def test_header_is_stored_when_a_quorum_signed(client: CommitteeContract) -> None:
    timestamp = client.now
    encoded = header_rlp(10, timestamp)
    attestation = client.attesters.attest(10, keccak256(encoded), (0, 2, 3))
    data = build_update(encoded, attestation, client.attesters.committee.scheme)
    assert len(client.contract.send("update", data)["logs"]) == 1
    state_root = keccak256(b"block 10 state")
    assert client.contract.call("headerAt", 10) == (state_root, timestamp)
    assert (client.contract.call("latestHeight"), client.status) == (10, ACTIVE)
    assert client.contract.send("update", data)["logs"] == [], "the same again changes nothing"


def test_header_is_refused_when_too_few_signed(client: CommitteeContract) -> None:
    with refused(client, "QuorumNotReached", 2, 3):
        client.store(10, places=(0, 3))


def test_header_is_refused_when_strangers_signed(client: CommitteeContract, scheme: Scheme) -> None:
    with refused(client, WRONG_SIGNER[scheme]):
        client.store(10, by=attesters_of(scheme, label="stranger"))


def test_header_is_refused_when_it_is_of_another_chain_or_clearinghouse(
    client: CommitteeContract, scheme: Scheme
) -> None:
    for change in ({"chain_id": ChainId(5)}, {"clearinghouse_id": Hash32(b"\x05" * 32)}):
        committee = replace(client.attesters.committee, **change)  # type: ignore[arg-type]
        with refused(client, WRONG_SIGNER[scheme]):
            client.store(10, by=replace(client.attesters, committee=committee))


def test_header_is_refused_when_another_was_signed(
    client: CommitteeContract, scheme: Scheme
) -> None:
    attestation = client.attesters.attest(10, keccak256(header_rlp(10, client.now)))
    other = header_rlp(10, client.now, "another block")
    with refused(client, WRONG_SIGNER[scheme]):
        client.contract.send("update", build_update(other, attestation, scheme))


def test_header_is_refused_when_it_is_not_newer(client: CommitteeContract) -> None:
    client.store(10)
    with refused(client, "HeightNotIncreasing", 10, 10):
        client.store(10, label="another block")
    with refused(client, "HeightNotIncreasing", 9, 10):
        client.store(9)
    stored = client.now
    client.store(11, timestamp=stored)
    with refused(client, "TimestampDecreasing", stored - 1, stored):
        client.store(12, timestamp=stored - 1)
    client.store(12, timestamp=stored)  # two blocks of one second


def test_header_is_refused_when_it_is_of_the_future(client: CommitteeContract) -> None:
    # The block that takes the update comes a second later.
    latest = client.now + 1 + POLICY.drift_seconds
    with refused(client, "TimestampInFuture", latest + 1, latest):
        client.store(10, timestamp=latest + 1)
    client.store(10, timestamp=client.now + 1 + POLICY.drift_seconds)


def test_header_is_refused_when_its_epoch_never_was(client: CommitteeContract) -> None:
    for epoch in (0, EPOCH - 1, EPOCH + 1, UINT64_MAX):
        with refused(client, "UnknownEpoch", epoch):
            client.store(10, by=at_epoch(client.attesters, epoch))


def test_update_is_refused_when_it_is_empty(client: CommitteeContract) -> None:
    empty = Attestation(EPOCH, 0, Hash32(bytes(32)), ())
    with refused(client, "InvalidRlp"):
        client.contract.send("update", build_update(b"", empty))


# --------------------------------------------------------------------------------- handovers


def test_next_epoch_begins_when_the_old_one_hands_over(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.store(10)
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    assert client.contract.call("epoch") == EPOCH + 1
    kept, members = client.contract.call("epochAt", EPOCH + 1)
    assert (members, kept[1], kept[2]) == (successors.committee.packed_members, 21, 3)
    assert last_height_of(client, EPOCH) == 20
    client.store(21, by=successors)


def test_header_comes_with_the_handovers_that_lead_to_it(
    client: CommitteeContract, scheme: Scheme, successors: Attesters
) -> None:
    third = attesters_of(scheme, EPOCH + 2)
    handovers = [
        client.attesters.hand_over(20, successors.committee),
        successors.hand_over(20, third.committee),
    ]
    client.hand_over(handovers[0])
    client.store(21, by=third, handovers=handovers)  # the first was taken already
    assert client.contract.call("epoch") == EPOCH + 2


def test_handover_changes_nothing_when_it_is_replayed(
    client: CommitteeContract, successors: Attesters
) -> None:
    handover = client.attesters.hand_over(20, successors.committee)
    client.hand_over(handover)
    before = client.state
    assert client.hand_over(handover)["logs"] == []
    assert client.hand_over(replace(handover, signatures=()))["logs"] == []
    assert client.state == before


def test_handover_is_refused_when_another_of_its_epoch_was_taken(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    with refused(client, "EpochNotCurrent", EPOCH, EPOCH + 1):
        client.hand_over(client.attesters.hand_over(21, successors.committee))


@pytest.mark.parametrize("ending", [EPOCH - 1, EPOCH + 1, UINT64_MAX - 1])
def test_handover_is_refused_when_an_epoch_is_wrong_or_skipped(
    client: CommitteeContract, successors: Attesters, ending: int
) -> None:
    successor = replace(successors.committee, epoch=ending + 1)
    with refused(client, "EpochNotCurrent", ending, EPOCH):
        client.hand_over(client.attesters.hand_over(20, successor))


def test_handover_is_refused_when_the_new_set_signed_it(
    client: CommitteeContract, scheme: Scheme, successors: Attesters
) -> None:
    with refused(client, WRONG_SIGNER[scheme]):
        client.hand_over(successors.hand_over(20, successors.committee))


def test_handover_is_refused_when_too_few_signed(
    client: CommitteeContract, successors: Attesters
) -> None:
    with refused(client, "QuorumNotReached", 2, 3):
        client.hand_over(client.attesters.hand_over(20, successors.committee, (1, 2)))


def test_handover_is_refused_when_any_part_of_it_was_not_signed(
    client: CommitteeContract, scheme: Scheme, successors: Attesters
) -> None:
    signed = client.attesters.hand_over(20, successors.committee)
    four = replace(successors.committee, threshold=4)
    others = attesters_of(scheme, EPOCH + 1, "another").committee
    for changed in (
        replace(signed, last_height=21),
        replace(signed, successor=four),
        replace(signed, successor=others),
    ):
        with refused(client, WRONG_SIGNER[scheme]):
            client.hand_over(changed)


def test_handover_is_refused_when_the_epoch_would_end_too_low_or_never(
    client: CommitteeContract, scheme: Scheme, successors: Attesters
) -> None:
    client.store(10)
    for last_height in (9, UINT64_MAX):
        with refused(client, "LastHeightOutOfRange", last_height, 10):
            client.hand_over(client.attesters.hand_over(last_height, successors.committee))
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    third = attesters_of(scheme, EPOCH + 2)
    with refused(client, "LastHeightOutOfRange", 19, 20):
        client.hand_over(successors.hand_over(19, third.committee))
    client.hand_over(successors.hand_over(20, third.committee))  # an epoch that attests nothing


def test_old_epoch_counts_only_below_its_last_height_and_for_the_overlap(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    retired = client.now
    client.store(19)
    with refused(client, "HeightOutsideEpoch", 21, EPOCH):
        client.store(21)
    with refused(client, "HeightOutsideEpoch", 20, EPOCH + 1):
        client.store(20, by=successors)
    data = client.encode_header(20)
    client.evm.set_next_time(retired + POLICY.overlap_seconds + 1)
    with refused(client, "EpochEnded", EPOCH, retired + POLICY.overlap_seconds):
        client.contract.send("update", data)
    client.store(21, by=successors)


def test_old_epoch_counts_to_the_last_second_of_the_overlap(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    data = client.encode_header(20)
    client.evm.set_next_time(client.now + POLICY.overlap_seconds)
    client.contract.send("update", data)
    assert client.contract.call("latestHeight") == 20


# ------------------------------------------------------------------------------------ expiry


def test_client_expires_when_nothing_newer_comes_for_the_trusting_period(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.store(10, timestamp=(stored := client.now))
    handover = client.attesters.hand_over(20, successors.committee)
    client.evm.set_next_time(stored + POLICY.trusting_seconds)
    client.evm.request("evm_mine")
    assert client.status == ACTIVE
    client.wait(1)
    assert client.status == EXPIRED
    with refused(client, "ClientExpired"):
        client.store(11)
    with refused(client, "ClientExpired"):
        client.hand_over(handover)
    assert client.contract.call("headerAt", 10)[1] == stored, "what it holds still counts"


def test_client_lives_on_when_a_newer_header_comes_in_time(client: CommitteeContract) -> None:
    client.wait(POLICY.trusting_seconds - 10)
    client.store(10)
    client.wait(POLICY.trusting_seconds - 10)
    client.store(11)
    assert client.status == ACTIVE


# ----------------------------------------------------------------------------------- digests


def test_digests_are_those_of_python(client: CommitteeContract, successors: Attesters) -> None:
    successor = successors.committee
    assert client.contract.call(
        "handoverDigest", EPOCH, 20, successor.threshold, successor.packed_members
    ) == handover_digest(20, successor)


def test_handover_can_be_built_for_the_contract_when_its_signatures_are_missing(
    client: CommitteeContract, successors: Attesters
) -> None:
    unsigned = Handover(20, successors.committee, ())
    assert build_handover(unsigned)[3] == []
    with reverts(
        "QuorumNotReached"
        if client.attesters.committee.scheme is Scheme.ECDSA
        else "NotOneAggregate"
    ):
        client.hand_over(unsigned)
