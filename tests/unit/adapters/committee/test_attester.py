"""Attesters sign what verifies, and never a second hash of one height."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi.abi import decode

from adapters.committee.attester import (
    Attester,
    BlsSigner,
    sign_as_committee,
    sign_attestation,
    sign_handover,
)
from adapters.committee.client import (
    EVIDENCE_TYPES,
    UPDATE_TYPES,
    build_freeze_evidence,
    build_update,
)
from adapters.committee.source import DirectoryAttestations
from adapters.simulated.keys import simulated_keys
from adapters.simulated.network import HOME, SimulatedNetwork
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import Conflict, ProofInvalid
from clearinghouse.proofs.committee import Scheme, verify_attested_header
from clearinghouse.proofs.handover import Epoch, verify_handover
from tests.unit.proofs.committees import attesters_of

NETWORK = SimulatedNetwork(5)
COMMITTEE, KEYS = NETWORK.committees[HOME], NETWORK.attesters[HOME]
ONE, OTHER = Hash32(b"\x01" * 32), Hash32(b"\x02" * 32)


def test_attestation_verifies_when_members_sign_in_any_order() -> None:
    NETWORK.chains[HOME].mine()
    header = NETWORK.chains[HOME].newest
    _, encoded = NETWORK.chains[HOME].get_header_by_hash(header.block_hash)
    signed = sign_attestation(COMMITTEE, KEYS[::-1], header.height, header.block_hash)
    verified = verify_attested_header(COMMITTEE, encoded, signed)
    assert (verified.chain_id, verified.state_root) == (HOME, header.state_root)


def test_signing_is_refused_when_a_signer_is_no_member() -> None:
    with pytest.raises(ValueError, match="no members"):
        sign_attestation(COMMITTEE, simulated_keys(9, "stranger", 1), 1, ONE)


def test_attester_publishes_once_when_asked_twice(tmp_path: Path) -> None:
    attester = Attester(COMMITTEE, KEYS, tmp_path)
    first = attester.attest(5, ONE)
    assert attester.attest(5, ONE) == first
    assert DirectoryAttestations(tmp_path).find_newest(HOME) == first


def test_attester_refuses_when_another_hash_of_the_height_may_be_signed(tmp_path: Path) -> None:
    Attester(COMMITTEE, KEYS, tmp_path).attest(5, ONE)
    restarted = Attester(COMMITTEE, KEYS, tmp_path)
    for height, block_hash in ((5, OTHER), (4, OTHER), (4, ONE)):
        with pytest.raises(Conflict) as raised:
            restarted.attest(height, block_hash)
        assert raised.value.reason == "ATTESTATION_CONFLICT"
    assert DirectoryAttestations(tmp_path).find_at(HOME, 4) is None
    assert restarted.attest(6, OTHER).height == 6


def test_client_arguments_are_those_that_the_contract_decodes() -> None:
    first, second = (sign_attestation(COMMITTEE, KEYS[:3], 5, h) for h in (ONE, OTHER))
    update = build_update(b"\xc0", first)
    assert decode(UPDATE_TYPES, update) == (b"\xc0", first.signatures, COMMITTEE.epoch, ())
    evidence = decode(EVIDENCE_TYPES, build_freeze_evidence(first, second))
    epochs = (COMMITTEE.epoch, COMMITTEE.epoch)
    assert evidence == (5, ONE, first.signatures, OTHER, second.signatures, *epochs)
    bonded = ["bytes", "bytes[]"]  # what a client of bonded attesters reads of the same bytes
    assert decode(bonded, update) == (b"\xc0", first.signatures)
    with pytest.raises(ProofInvalid):
        build_freeze_evidence(first, sign_attestation(COMMITTEE, KEYS[:3], 6, OTHER))


SUCCESSORS = simulated_keys(5, "successor", 4)
SUCCESSOR = replace(
    COMMITTEE, epoch=COMMITTEE.epoch + 1, members=tuple(key.address for key in SUCCESSORS)
)


def test_epochs_share_no_height_when_one_hands_over(tmp_path: Path) -> None:
    old, new = Attester(COMMITTEE, KEYS, tmp_path), Attester(SUCCESSOR, SUCCESSORS, tmp_path)
    old.attest(5, ONE)
    handover = old.hand_over(7, SUCCESSOR)
    assert verify_handover(Epoch(COMMITTEE, 1), handover, 5) == Epoch(SUCCESSOR, 8)
    for attester, height in ((new, 7), (old, 8)):
        with pytest.raises(Conflict) as raised:
            attester.attest(height, OTHER)
        assert raised.value.reason == "EPOCH_CONFLICT"
    assert old.attest(7, OTHER).epoch == COMMITTEE.epoch
    assert new.attest(8, OTHER).epoch == SUCCESSOR.epoch


def test_epoch_is_handed_over_once_when_asked_twice(tmp_path: Path) -> None:
    first = Attester(COMMITTEE, KEYS, tmp_path).hand_over(7, SUCCESSOR)
    restarted = Attester(COMMITTEE, KEYS, tmp_path)
    assert restarted.hand_over(7, SUCCESSOR) == first
    for last_height, successor in ((8, SUCCESSOR), (7, replace(SUCCESSOR, threshold=4))):
        with pytest.raises(Conflict) as raised:
            restarted.hand_over(last_height, successor)
        assert raised.value.reason == "HANDOVER_CONFLICT"
    assert DirectoryAttestations(tmp_path).find_handover(HOME, COMMITTEE.epoch) == first


def test_handover_is_refused_when_heights_above_are_attested_or_an_epoch_is_skipped(
    tmp_path: Path,
) -> None:
    attester = Attester(COMMITTEE, KEYS, tmp_path)
    attester.attest(8, ONE)
    for last_height, successor in ((7, SUCCESSOR), (9, replace(SUCCESSOR, epoch=3))):
        with pytest.raises(Conflict) as raised:
            attester.hand_over(last_height, successor)
        assert raised.value.reason == "EPOCH_CONFLICT"
    assert DirectoryAttestations(tmp_path).find_handover(HOME, COMMITTEE.epoch) is None


def test_bls_members_sign_as_one_when_asked_in_any_order() -> None:
    attesters = attesters_of(Scheme.BLS)
    signers = [BlsSigner(int.from_bytes(key)) for key in attesters.keys]
    signed = sign_as_committee(attesters.committee, [signers[3], signers[0], signers[2]], ONE)
    assert signed == attesters.sign(ONE, (0, 2, 3))
    assert attesters.committee.verify_signed(ONE, signed) == tuple(
        attesters.committee.members[place] for place in (0, 2, 3)
    )
    successor = attesters_of(Scheme.BLS, attesters.committee.epoch + 1).committee
    handover = sign_handover(attesters.committee, signers[:3], 9, successor)
    assert verify_handover(Epoch(attesters.committee, 1), handover).first_height == 10
    with pytest.raises(ValueError, match="no members"):
        sign_as_committee(successor, signers, ONE)
