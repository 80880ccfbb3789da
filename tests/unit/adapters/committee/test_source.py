"""Attestations as files: whole or not at all, and one hash per height."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.committee import source
from adapters.committee.documents import (
    committee_document,
    decode_committee,
    decode_handover,
    handover_document,
)
from adapters.committee.source import (
    DirectoryAttestations,
    publish_attestation,
    publish_handover,
)
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.errors import Conflict, ProofInvalid
from clearinghouse.proofs.committee import Attestation, Scheme
from clearinghouse.proofs.handover import Handover
from tests.unit.proofs.committees import CHAIN as COMMITTEE_CHAIN
from tests.unit.proofs.committees import EPOCH, attesters_of

CHAIN = ChainId(31_001)


def attestation(height: int, byte: int = 1) -> Attestation:
    return Attestation(1, height, Hash32(bytes((byte,)) * 32), (b"\x05" * 65, b"\x06" * 65))


def test_attestation_is_read_back_when_published(tmp_path: Path) -> None:
    published = DirectoryAttestations(tmp_path)
    assert published.find_newest(CHAIN) is None
    for height in (7, 120, 9):
        publish_attestation(tmp_path, CHAIN, attestation(height))
    assert published.find_newest(CHAIN) == attestation(120)
    assert published.find_at(CHAIN, 9) == attestation(9)
    assert published.find_at(CHAIN, 8) is None
    assert published.find_newest(ChainId(2)) is None
    assert sorted(path.name for path in (tmp_path / "31001").iterdir()) == [
        "000000000007.json",
        "000000000009.json",
        "000000000120.json",
    ]


def test_attestation_is_published_once_when_given_twice(tmp_path: Path) -> None:
    publish_attestation(tmp_path, CHAIN, attestation(7))
    publish_attestation(tmp_path, CHAIN, attestation(7))
    with pytest.raises(Conflict) as raised:
        publish_attestation(tmp_path, CHAIN, attestation(7, byte=2))
    assert raised.value.reason == "ATTESTATION_CONFLICT"
    assert DirectoryAttestations(tmp_path).find_at(CHAIN, 7) == attestation(7)
    assert len(list((tmp_path / "31001").iterdir())) == 1


def test_newest_is_the_one_before_when_a_file_vanishes_under_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_attestation(tmp_path, CHAIN, attestation(7))
    listed = ["000000000007.json", "000000000008.json", "notes.txt", ".000000000009.json.12"]
    monkeypatch.setattr("os.listdir", lambda _: listed)
    assert DirectoryAttestations(tmp_path).find_newest(CHAIN) == attestation(7)


def test_oldest_files_go_when_there_are_more_than_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "RETAINED_ATTESTATIONS", 3)
    for height in range(1, 6):
        publish_attestation(tmp_path, CHAIN, attestation(height))
    published = DirectoryAttestations(tmp_path)
    assert [published.find_at(CHAIN, height) is None for height in range(1, 6)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 5},
        {"height": "7"},
        {"height": 8},
        {"epoch": None},
        {"block_hash": "0xzz"},
        {"signatures": "0x05"},
        {"signatures": [5]},
    ],
)
def test_file_is_refused_when_it_is_no_attestation(tmp_path: Path, change: dict[str, Any]) -> None:
    publish_attestation(tmp_path, CHAIN, attestation(7))
    path = tmp_path / "31001" / "000000000007.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ProofInvalid) as raised:
        DirectoryAttestations(tmp_path).find_newest(CHAIN)
    assert raised.value.reason == "attestation_malformed"
    path.write_text("{")
    with pytest.raises(ProofInvalid):
        DirectoryAttestations(tmp_path).find_at(CHAIN, 7)


def handover(scheme: Scheme, last_height: int = 20) -> Handover:
    successor = attesters_of(scheme, EPOCH + 1).committee
    return attesters_of(scheme).hand_over(last_height, successor)


@pytest.mark.parametrize("scheme", Scheme)
def test_handover_is_read_back_when_published(tmp_path: Path, scheme: Scheme) -> None:
    published = DirectoryAttestations(tmp_path)
    assert published.find_handover(COMMITTEE_CHAIN, EPOCH) is None
    for _ in range(2):
        publish_handover(tmp_path, handover(scheme))
    assert published.find_handover(COMMITTEE_CHAIN, EPOCH) == handover(scheme)
    assert published.find_newest(COMMITTEE_CHAIN) is None, "a handover is no attestation"
    with pytest.raises(Conflict) as raised:
        publish_handover(tmp_path, handover(scheme, 21))
    assert raised.value.reason == "HANDOVER_CONFLICT"
    assert published.find_handover(COMMITTEE_CHAIN, EPOCH) == handover(scheme)


def test_handover_is_refused_when_its_file_is_anothers(tmp_path: Path) -> None:
    publish_handover(tmp_path, handover(Scheme.ECDSA))
    (path,) = (tmp_path / str(COMMITTEE_CHAIN)).iterdir()
    path.rename(path.with_name("handover-000000000009.json"))
    with pytest.raises(ProofInvalid) as raised:
        DirectoryAttestations(tmp_path).find_handover(COMMITTEE_CHAIN, 9)
    assert raised.value.reason == "handover_malformed"


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 1},
        {"threshold": True},
        {"members": []},
        {"members": [5]},
        {"members": ["0x05"]},
        {"possessions": ["0x05"]},
        {"scheme": "rsa"},
        {"chain_id": "5"},
    ],
    ids=str,
)
def test_document_is_refused_when_no_client_would_take_it(
    scheme: Scheme, change: dict[str, Any]
) -> None:
    document = handover_document(handover(scheme))
    successor = document["successor"] | change
    with pytest.raises(ProofInvalid) as raised:
        decode_handover(json.dumps(document | {"successor": successor}).encode())
    refusals = {"handover_malformed", "possession_count", "bls_public_key_invalid"}
    assert raised.value.reason in refusals
    with pytest.raises(ProofInvalid):
        decode_committee(json.dumps(successor).encode())
    committee = attesters_of(scheme).committee
    assert decode_committee(json.dumps(committee_document(committee)).encode()) == committee


def test_document_is_refused_when_it_is_no_json() -> None:
    for decode in (decode_handover, decode_committee):
        for text in (b"", b"{", b"[]", b"{}"):
            with pytest.raises(ProofInvalid):
                decode(text)
