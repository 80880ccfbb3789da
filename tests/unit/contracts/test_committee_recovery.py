"""How ``CommitteeLightClient`` is stopped by evidence or age, and by whom it is started again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.committee.client import build_set
from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.proofs.committee import Attestation, Scheme
from clearinghouse.proofs.recovery import recovered_epoch, recovery_digest, veto_digest
from tests.unit.contracts.committee import (
    ACTIVE,
    EXPIRED,
    FROZEN,
    POLICY,
    RECOVERERS,
    CommitteeContract,
    deploy_committee,
    refused,
)
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.committees import EPOCH, Attesters, addresses, attesters_of, sign_all

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("committee-contract")]

ONE, OTHER = Hash32(b"\x01" * 32), Hash32(b"\x02" * 32)

WRONG_SIGNER = {Scheme.ECDSA: "SignerNotInOrder", Scheme.BLS: "AggregateInvalid"}


@pytest.fixture(params=Scheme, ids=lambda scheme: scheme.value)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    found: Scheme = request.param
    return found


@pytest.fixture
def client(committee_evm: Evm, scheme: Scheme) -> CommitteeContract:
    """Holds the header of height 10."""
    deployed = deploy_committee(committee_evm, attesters_of(scheme))
    deployed.store(10)
    return deployed


@pytest.fixture
def successors(scheme: Scheme) -> Attesters:
    return attesters_of(scheme, EPOCH + 1)


def expire(client: CommitteeContract) -> None:
    client.wait(POLICY.trusting_seconds + 1)
    assert client.status == EXPIRED


def freeze(client: CommitteeContract) -> None:
    client.freeze(*client.equivocate())
    assert client.status == FROZEN


def recovery_of(client: CommitteeContract) -> tuple[int, int, int, bytes]:
    attempt, ready_at, since_epoch, set_hash = client.contract.call("recovery")
    return attempt, ready_at, since_epoch, set_hash


# ------------------------------------------------------------------------------------ freeze


def test_client_freezes_when_two_headers_of_a_height_are_signed(client: CommitteeContract) -> None:
    evidence = client.equivocate()
    receipt: Any = client.freeze(*evidence)
    assert (len(receipt["logs"]), client.status) == (1, FROZEN)
    for again in (lambda: client.store(11), lambda: client.freeze(*evidence)):
        with refused(client, "AlreadyFrozen"):
            again()


def test_client_freezes_when_the_two_epochs_of_a_boundary_contradict_each_other(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    client.wait(POLICY.overlap_seconds + 1)  # the old epoch attests no more, and still answers
    pair = (client.attesters.attest(25, ONE), successors.attest(25, OTHER, (1, 2, 3)))
    client.freeze(*pair)
    assert client.status == FROZEN


def test_evidence_counts_until_the_trusting_period_after_an_epoch_retired(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    until = client.now + POLICY.trusting_seconds
    client.wait(POLICY.trusting_seconds)  # the next block comes a second later
    with refused(client, "EpochEnded", EPOCH, until):
        client.freeze(*client.equivocate())
    client.freeze(successors.attest(25, ONE), successors.attest(25, OTHER))
    assert client.status == FROZEN, "the current epoch answers as long as it is current"


def test_evidence_counts_in_the_last_second_and_against_an_expired_client(
    client: CommitteeContract, successors: Attesters
) -> None:
    client.hand_over(client.attesters.hand_over(20, successors.committee))
    client.evm.set_next_time(client.now + POLICY.trusting_seconds)
    client.freeze(*client.equivocate())
    assert client.status == FROZEN


def test_evidence_is_refused_when_it_shows_nothing(
    client: CommitteeContract, scheme: Scheme
) -> None:
    first, second = client.equivocate()
    with refused(client, "NotEquivocation", ONE):
        client.freeze(first, first)
    few = client.attesters.attest(50, OTHER, (0, 1))
    for pair in ((first, few), (few, first)):
        with refused(client, "QuorumNotReached", 2, 3):
            client.freeze(*pair)
    copied = replace(second, signatures=first.signatures)
    with refused(client, WRONG_SIGNER[scheme]):
        client.freeze(first, copied)
    other_height = replace(client.attesters.attest(51, OTHER), height=50)
    with refused(client, WRONG_SIGNER[scheme]):
        client.freeze(first, other_height)
    unknown = Attestation(EPOCH + 1, 50, OTHER, second.signatures)
    with refused(client, "UnknownEpoch", EPOCH + 1):
        client.freeze(first, unknown)


def test_client_freezes_when_an_epoch_is_handed_over_twice(
    client: CommitteeContract, successors: Attesters, scheme: Scheme
) -> None:
    first = client.attesters.hand_over(20, successors.committee)
    second = client.attesters.hand_over(20, attesters_of(scheme, EPOCH + 1, "other").committee)
    with refused(client, "NotEquivocation", first.digest):
        client.freeze_by_handovers(first, first)
    few = client.attesters.hand_over(21, successors.committee, (0, 1))
    for pair in ((first, few), (few, first)):
        with refused(client, "QuorumNotReached", 2, 3):
            client.freeze_by_handovers(*pair)
    client.hand_over(first)
    later = successors.hand_over(30, attesters_of(scheme, EPOCH + 2).committee)
    with refused(client, "EpochNotCurrent", EPOCH + 1, EPOCH):
        client.freeze_by_handovers(first, later)
    client.freeze_by_handovers(first, second)
    assert client.status == FROZEN
    with refused(client, "AlreadyFrozen"):
        client.freeze_by_handovers(first, second)


# ---------------------------------------------------------------------------------- recovery


def test_client_is_recovered_when_it_expired_and_nobody_vetoes(
    client: CommitteeContract, successors: Attesters
) -> None:
    expire(client)
    client.propose(successors.committee)
    ready_at = client.now + POLICY.recovery_delay_seconds
    assert recovery_of(client)[:2] == (1, ready_at)
    client.evm.set_next_time(ready_at)
    client.complete(successors.committee)
    digest = recovery_digest(client.attempt(0), successors.committee)
    begins = recovered_epoch(EPOCH, digest)
    assert begins >> 32 == 1
    assert (client.contract.call("epoch"), client.status) == (begins, ACTIVE)
    assert recovery_of(client)[:3] == (1, 0, begins)
    begun, _ = client.contract.call("epochAt", begins)
    successors = successors.in_epoch(begins)
    assert begun[1] == 11, "it begins above all that was stored"
    ended, _ = client.contract.call("epochAt", EPOCH)
    assert ended[3:] == (10, ready_at, bytes(32)), "ended without a handover"
    with refused(client, "UnknownHeader", 10):  # what was stored may be what it recovers from
        client.contract.call("headerAt", 10)
    with refused(client, "HeightNotIncreasing", 10, 10):
        client.store(10, by=successors, label="another history")
    client.store(11, by=successors)


def test_nothing_old_counts_when_a_frozen_client_was_recovered(
    client: CommitteeContract, successors: Attesters
) -> None:
    evidence = client.equivocate()
    handover = client.attesters.hand_over(20, successors.committee)
    freeze(client)
    client.propose(successors.committee)
    client.wait(POLICY.recovery_delay_seconds)
    client.complete(successors.committee)
    assert client.status == ACTIVE
    successors = successors.in_epoch(client.contract.call("epoch"))
    with refused(client, "UnknownHeader", 10):
        client.contract.call("headerAt", 10)
    with refused(client, "UnknownEpoch", EPOCH):
        client.store(11)
    with refused(client, "UnknownEpoch", EPOCH):
        client.freeze(*evidence)
    with refused(client, "EpochNotCurrent", EPOCH, successors.committee.epoch):
        client.hand_over(handover)
    for height in (9, 10):  # stored or passed over before: never rewritten
        with refused(client, "HeightNotIncreasing", height, 10):
            client.store(height, by=successors)
    client.store(11, by=successors)
    assert client.contract.call("latestHeight") == 11


def test_honest_handovers_are_no_conflict_when_only_one_client_was_recovered(
    committee_evm: Evm, client: CommitteeContract, successors: Attesters, scheme: Scheme
) -> None:
    """The same attesters serve both clients of the chain, and replace some keys twice."""
    other = deploy_committee(committee_evm, client.attesters)
    expire(client)
    same = client.attesters
    client.propose(same.committee)
    client.wait(POLICY.recovery_delay_seconds)
    client.complete(same.committee)
    recovered = same.in_epoch(client.contract.call("epoch"))
    for_other = successors.hand_over(60, attesters_of(scheme, EPOCH + 2).committee)
    next_epoch = recovered.committee.epoch + 1
    for_recovered = recovered.hand_over(50, successors.in_epoch(next_epoch).committee)
    assert for_recovered.epoch > for_other.epoch + 2**31
    for each in (client, other):
        with refused(each, "EpochNotCurrent"):
            each.freeze_by_handovers(for_other, for_recovered)


def test_new_attesters_can_hand_over_and_be_convicted_when_they_came_by_recovery(
    client: CommitteeContract, successors: Attesters, scheme: Scheme
) -> None:
    expire(client)
    client.propose(successors.committee)
    client.wait(POLICY.recovery_delay_seconds)
    client.complete(successors.committee)
    successors = successors.in_epoch(client.contract.call("epoch"))
    third = attesters_of(scheme, successors.committee.epoch + 1)
    client.hand_over(successors.hand_over(30, third.committee))
    client.store(31, by=third)
    client.freeze(successors.attest(40, ONE), third.attest(40, OTHER))
    assert client.status == FROZEN


def test_recovery_is_refused_when_the_client_works(
    client: CommitteeContract, successors: Attesters
) -> None:
    with refused(client, "ClientActive"):
        client.propose(successors.committee)
    for call in (lambda: client.veto(0), lambda: client.complete(successors.committee)):
        with refused(client, "NoRecovery"):
            call()


def test_recovery_is_refused_when_the_client_has_no_recovery_set(
    committee_evm: Evm, scheme: Scheme, successors: Attesters
) -> None:
    alone = replace(POLICY, recovery_threshold=0, recovery_members=())
    client = deploy_committee(committee_evm, attesters_of(scheme), alone)
    freeze(client)
    with refused(client, "NoRecovery"):
        client.propose(successors.committee)


def test_recovery_is_refused_when_a_single_key_or_too_few_propose_it(
    client: CommitteeContract, successors: Attesters
) -> None:
    freeze(client)
    for keys in (RECOVERERS[:1], RECOVERERS[:2], ()):
        with refused(client, "QuorumNotReached", len(keys), 3):
            client.propose(successors.committee, keys=keys)
    thrice = [RECOVERERS[0]] * 3
    with refused(client, "SignerNotInOrder", 1, to_hex(addresses(thrice)[0])):
        client.propose(successors.committee, keys=thrice)


def test_recovery_is_refused_when_the_attesters_propose_it(
    committee_evm: Evm, successors: Attesters
) -> None:
    client = deploy_committee(committee_evm, attesters_of(Scheme.ECDSA))
    freeze(client)
    with refused(client, "SignerNotInOrder"):
        client.propose(successors.committee, keys=client.attesters.keys[:3])


def test_recovery_is_refused_when_its_delay_has_not_passed(
    client: CommitteeContract, successors: Attesters
) -> None:
    freeze(client)
    client.propose(successors.committee)
    ready_at = recovery_of(client)[1]
    client.evm.set_next_time(ready_at - 1)
    with refused(client, "RecoveryTooEarly", ready_at):
        client.complete(successors.committee)
    client.complete(successors.committee)


def test_recovery_is_refused_when_other_attesters_were_proposed(
    client: CommitteeContract, successors: Attesters, scheme: Scheme
) -> None:
    freeze(client)
    client.propose(successors.committee)
    client.wait(POLICY.recovery_delay_seconds)
    for other in (
        attesters_of(scheme, EPOCH + 1, "other").committee,
        replace(successors.committee, threshold=4),
    ):
        with refused(client, "RecoverySetMismatch"):
            client.complete(other)
    client.complete(successors.committee)
    with refused(client, "NoRecovery"):
        client.complete(successors.committee)


def test_recovery_is_void_when_the_attesters_veto_it(
    client: CommitteeContract, successors: Attesters, scheme: Scheme
) -> None:
    expire(client)
    client.propose(successors.committee)
    with refused(client, "QuorumNotReached", 2, 3):
        client.veto(0, places=(1, 3))
    with refused(client, WRONG_SIGNER[scheme]):
        client.veto(1)  # a veto of another attempt
    with refused(client, WRONG_SIGNER[scheme]):
        client.veto(0, by=successors)
    client.veto(0)
    client.wait(POLICY.recovery_delay_seconds)
    for call in (lambda: client.complete(successors.committee), lambda: client.veto(0)):
        with refused(client, "NoRecovery"):
            call()
    with refused(client, "SignerNotInOrder"):
        client.propose(successors.committee, attempt=0)  # the vetoed signatures again
    client.propose(successors.committee, attempt=1)
    with refused(client, WRONG_SIGNER[scheme]):
        client.veto(0)  # the veto of the first again


def test_attesters_cannot_veto_when_they_were_convicted(
    client: CommitteeContract, successors: Attesters
) -> None:
    expire(client)
    client.propose(successors.committee)
    freeze(client)
    with refused(client, "ConvictedCannotVeto"):
        client.veto(0)
    client.wait(POLICY.recovery_delay_seconds)
    client.complete(successors.committee)
    assert client.status == ACTIVE


def test_delay_begins_anew_when_another_recovery_is_proposed(
    client: CommitteeContract, successors: Attesters, scheme: Scheme
) -> None:
    freeze(client)
    client.propose(successors.committee)
    other = attesters_of(scheme, EPOCH + 1, "other").committee
    client.wait(POLICY.recovery_delay_seconds - 10)
    client.propose(other, attempt=1)
    client.wait(100)
    with refused(client, "RecoveryTooEarly"):
        client.complete(other)
    client.wait(POLICY.recovery_delay_seconds)
    with refused(client, "RecoverySetMismatch"):
        client.complete(successors.committee)
    client.complete(other)


def test_recovery_is_refused_when_it_was_signed_for_another_client(
    client: CommitteeContract, committee_evm: Evm, successors: Attesters, scheme: Scheme
) -> None:
    twin = deploy_committee(committee_evm, attesters_of(scheme))
    freeze(twin)
    with refused(twin, "SignerNotInOrder"):
        digest = recovery_digest(client.attempt(0), successors.committee)
        signatures = list(sign_all(digest, RECOVERERS[:3]))
        twin.contract.send("proposeRecovery", build_set(successors.committee), signatures)


def test_digests_are_those_of_python(client: CommitteeContract, successors: Attesters) -> None:
    one, attempt = successors.committee, client.attempt(5)
    call = client.contract.call
    assert call("recoveryDigest", 5, one.threshold, one.packed_members) == recovery_digest(
        attempt, one
    )
    assert call("vetoDigest", 5) == veto_digest(attempt)
    assert len(set(addresses(RECOVERERS))) == 4
