"""Epochs follow each other by the old set's word, and share no height; both schemes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account.messages import encode_typed_data

from clearinghouse.book.identifiers import Address, ChainId, Hash32, to_hex
from clearinghouse.book.ranges import UINT64_MAX
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Scheme, verify_attested_header, verify_equivocation
from clearinghouse.proofs.handover import (
    Epoch,
    Handover,
    extend_epochs,
    get_epoch,
    verify_handover,
    verify_handover_conflict,
    verify_height,
)
from clearinghouse.proofs.recovery import RecoveryAttempt, recovery_digest, veto_digest
from tests.unit.proofs.committees import (
    CHAIN,
    CLEARINGHOUSE,
    EPOCH,
    Attesters,
    attesters_of,
    header_rlp,
)

ONE, OTHER = Hash32(b"\x01" * 32), Hash32(b"\x02" * 32)


@pytest.fixture(params=Scheme, ids=lambda scheme: scheme.value)
def attesters(request: pytest.FixtureRequest) -> Attesters:
    return attesters_of(request.param)


@pytest.fixture
def successors(attesters: Attesters) -> Attesters:
    return attesters_of(attesters.committee.scheme, EPOCH + 1)


@pytest.fixture
def handover(attesters: Attesters, successors: Attesters) -> Handover:
    return attesters.hand_over(20, successors.committee)


def refusal_of(epoch: Epoch, handover: Handover, held_height: int = 0) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_handover(epoch, handover, held_height)
    return refusal.value.reason


def test_header_verifies_when_any_quorum_of_either_scheme_signed(attesters: Attesters) -> None:
    encoded = header_rlp(10, 1_700_000_000)
    for places in ((0, 1, 2), (1, 2, 3), (0, 1, 2, 3)):
        attestation = attesters.attest(10, keccak256(encoded), places)
        header = verify_attested_header(attesters.committee, encoded, attestation)
        assert (header.height, header.timestamp) == (10, 1_700_000_000)
    few = attesters.attest(10, keccak256(encoded), (0, 2))
    with pytest.raises(ProofInvalid) as refusal:
        verify_attested_header(attesters.committee, encoded, few)
    assert refusal.value.reason == "quorum_too_small"


def test_epochs_share_no_height_when_one_hands_over(
    attesters: Attesters, successors: Attesters, handover: Handover
) -> None:
    epochs = extend_epochs([Epoch(attesters.committee, 1)], handover, held_height=20)
    assert epochs == (
        Epoch(attesters.committee, 1, 20, handover),
        Epoch(successors.committee, 21),
    )
    for number, height, is_its in (
        (EPOCH, 1, True),
        (EPOCH, 20, True),
        (EPOCH, 21, False),
        (EPOCH, 0, False),
        (EPOCH + 1, 20, False),
        (EPOCH + 1, 21, True),
        (EPOCH + 1, UINT64_MAX, True),
    ):
        epoch = get_epoch(epochs, number)
        if is_its:
            verify_height(epoch, height)
        else:
            with pytest.raises(ProofInvalid) as refusal:
                verify_height(epoch, height)
            assert refusal.value.reason == "height_outside_epoch"
    with pytest.raises(ProofInvalid) as refusal:
        get_epoch(epochs, EPOCH + 2)
    assert refusal.value.reason == "epoch_unknown"


def test_handover_is_refused_when_it_is_of_another_epoch(
    attesters: Attesters, successors: Attesters, handover: Handover
) -> None:
    assert refusal_of(Epoch(successors.committee, 21), handover) == "handover_epoch_mismatch"
    skipping = attesters.hand_over(20, replace(successors.committee, epoch=EPOCH + 2))
    assert refusal_of(Epoch(attesters.committee, 1), skipping) == "handover_epoch_mismatch"


def test_handover_is_refused_when_it_is_foreign(
    attesters: Attesters, successors: Attesters
) -> None:
    other_scheme = next(s for s in Scheme if s is not attesters.committee.scheme)
    for successor in (
        replace(successors.committee, chain_id=ChainId(5)),
        replace(successors.committee, clearinghouse_id=ONE),
        attesters_of(other_scheme, EPOCH + 1).committee,
    ):
        foreign = attesters.hand_over(20, successor)
        assert refusal_of(Epoch(attesters.committee, 1), foreign) == "handover_foreign"


def test_handover_is_refused_when_its_last_height_is_out_of_range(
    attesters: Attesters, successors: Attesters, handover: Handover
) -> None:
    assert refusal_of(Epoch(attesters.committee, 22), handover) == "last_height_out_of_range"
    verify_handover(Epoch(attesters.committee, 21), handover)
    epoch = Epoch(attesters.committee, 1)
    assert refusal_of(epoch, handover, held_height=21) == "last_height_out_of_range"
    for last_height in (UINT64_MAX, UINT64_MAX + 1):
        endless = attesters.hand_over(last_height, successors.committee)
        assert refusal_of(epoch, endless) == "last_height_out_of_range"


def test_handover_is_refused_when_the_old_set_did_not_sign_it(
    attesters: Attesters, successors: Attesters, handover: Handover
) -> None:
    epoch = Epoch(attesters.committee, 1)
    wrong = {"signer_unknown", "bls_signature_wrong"}
    assert refusal_of(epoch, successors.hand_over(20, successors.committee)) in wrong
    assert refusal_of(epoch, replace(handover, last_height=21)) in wrong
    few = attesters.hand_over(20, successors.committee, (0, 1))
    assert refusal_of(epoch, few) == "quorum_too_small"


def test_conflict_is_proven_when_one_epoch_hands_over_twice(
    attesters: Attesters, successors: Attesters, handover: Handover
) -> None:
    later = attesters.hand_over(21, successors.committee)
    verify_handover_conflict(attesters.committee, handover, later)
    for pair in (
        (handover, replace(handover, signatures=())),  # the same words
        (handover, successors.hand_over(21, replace(successors.committee, epoch=EPOCH + 2))),
    ):
        with pytest.raises(ProofInvalid) as refusal:
            verify_handover_conflict(attesters.committee, *pair)
        assert refusal.value.reason == "not_equivocation"
    few = attesters.hand_over(21, successors.committee, (0, 1))
    for pair in ((handover, few), (few, handover)):
        with pytest.raises(ProofInvalid) as refusal:
            verify_handover_conflict(attesters.committee, *pair)
        assert refusal.value.reason == "quorum_too_small"


def test_equivocation_is_proven_when_two_epochs_sign_one_height(
    attesters: Attesters, successors: Attesters
) -> None:
    first, second = attesters.attest(20, ONE), successors.attest(20, OTHER)
    verify_equivocation(attesters.committee, first, second, successors.committee)
    culprits = verify_equivocation(
        attesters.committee, first, attesters.attest(20, OTHER, (1, 2, 3))
    )
    assert culprits == attesters.committee.members[1:3]
    with pytest.raises(ProofInvalid) as refusal:
        verify_equivocation(attesters.committee, first, second)
    assert refusal.value.reason == "committee_epoch_mismatch"


TYPES = {
    "CommitteeHandover": (
        "uint256 chainId,uint64 epoch,uint64 lastHeight,uint32 threshold,bytes members"
    ),
    "CommitteeRecovery": (
        "uint256 chainId,uint256 hostChainId,address client,uint64 attempt,uint32 threshold,"
        "bytes members"
    ),
    "RecoveryVeto": "uint256 chainId,uint256 hostChainId,address client,uint64 attempt",
}
"""Written out again from the interface, so that a slip in the source's type strings shows."""


def typed_digest_of(name: str, message: dict[str, object]) -> bytes:
    """Return the EIP-712 digest that eth-account, which wallets' users sign with, gives."""
    pairs = [field.split(" ") for field in TYPES[name].split(",")]
    types = {name: [{"type": kind, "name": field} for kind, field in pairs]}
    domain = {"name": "Clearinghouse", "version": "1", "salt": CLEARINGHOUSE}
    signable = encode_typed_data(domain, types, message)
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


def test_digests_are_those_of_wallets(handover: Handover, successors: Attesters) -> None:
    committee = successors.committee
    names_set = {"threshold": committee.threshold, "members": committee.packed_members}
    assert handover.digest == typed_digest_of(
        "CommitteeHandover", {"chainId": CHAIN, "epoch": EPOCH, "lastHeight": 20, **names_set}
    )
    client = Address(b"\x0c" * 20)
    attempt = RecoveryAttempt(CLEARINGHOUSE, CHAIN, ChainId(777), client, 5)
    names_attempt = {
        "chainId": CHAIN,
        "hostChainId": 777,
        "client": to_hex(client),
        "attempt": 5,
    }
    assert veto_digest(attempt) == typed_digest_of("RecoveryVeto", names_attempt)
    assert recovery_digest(attempt, committee) == typed_digest_of(
        "CommitteeRecovery", {**names_attempt, **names_set}
    )
