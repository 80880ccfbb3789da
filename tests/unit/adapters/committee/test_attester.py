"""Attesters sign what verifies, and never a second hash of one height."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_abi.abi import decode

from adapters.committee.attester import Attester, sign_attestation
from adapters.committee.client import build_freeze_evidence, build_update
from adapters.committee.source import DirectoryAttestations
from adapters.simulated.keys import simulated_keys
from adapters.simulated.network import HOME, SimulatedNetwork
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import Conflict, ProofInvalid
from clearinghouse.proofs.committee import verify_attested_header

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
    update = build_update(b"\xc0", [b"\x05" * 65])
    assert decode(["bytes", "bytes[]"], update) == (b"\xc0", (b"\x05" * 65,))
    first, second = (sign_attestation(COMMITTEE, KEYS[:3], 5, h) for h in (ONE, OTHER))
    evidence = decode(
        ["uint64", "bytes32", "bytes[]", "bytes32", "bytes[]"],
        build_freeze_evidence(first, second),
    )
    assert evidence == (5, ONE, first.signatures, OTHER, second.signatures)
    with pytest.raises(ProofInvalid):
        build_freeze_evidence(first, sign_attestation(COMMITTEE, KEYS[:3], 6, OTHER))
