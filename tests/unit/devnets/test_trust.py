"""What is believed about a chain reads back as it was written, family by family."""

from __future__ import annotations

import json

import pytest

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.rollups.l1_contract import L1Contract
from clearinghouse.proofs.rollups.nitro import NitroOutbox
from clearinghouse.proofs.rollups.opstack import OutputOracle
from devnets.trust import (
    BeaconTrust,
    RollupRoots,
    Trust,
    read_hash,
    read_roots,
    read_trust,
    trust_document,
)
from tests.unit.devnets.beacon.execution import build_test_network

CLEARINGHOUSE_ID = Hash32(b"\x05" * 32)
CHAIN, L1 = ChainId(31_203), ChainId(31_202)
COMMITTEE = Committee(CLEARINGHOUSE_ID, CHAIN, 1, 1, (Address(b"\x01" * 20),))
CONTRACT = L1Contract(Address(b"\x02" * 20), Hash32(b"\x03" * 32), None)

TRUSTS: dict[str, tuple[Trust, RollupRoots | None]] = {
    "committee": (COMMITTEE, None),
    "ethereum": (
        BeaconTrust(build_test_network(), Hash32(b"\x04" * 32), 86_400, "http://127.0.0.1:5052"),
        None,
    ),
    "opstack": (COMMITTEE, RollupRoots(L1, OutputOracle(CHAIN, CONTRACT, 604_800))),
    "nitro": (COMMITTEE, RollupRoots(L1, NitroOutbox(CHAIN, CONTRACT))),
}


@pytest.mark.parametrize("family", TRUSTS)
def test_trust_reads_back_when_it_was_written(family: str) -> None:
    trust, roots = TRUSTS[family]
    stored = json.loads(json.dumps(trust_document(trust, roots)))
    assert read_trust(stored, CHAIN, CLEARINGHOUSE_ID) == trust
    assert read_roots(stored, CHAIN) == roots


@pytest.mark.parametrize("text", ["", "0x", "0x11", "0x" + "11" * 33, "0x" + "zz" * 32])
def test_read_hash_is_refused_when_it_has_not_32_bytes(text: str) -> None:
    with pytest.raises(ValueError):
        read_hash(text)
