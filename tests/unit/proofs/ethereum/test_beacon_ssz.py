"""The binary form: the specification's and clients' recordings, and bytes that are none."""

from __future__ import annotations

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum import beacon_ssz
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientHeader,
    LightClientUpdate,
)
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork
from clearinghouse.proofs.ethereum.networks import MAINNET, SEPOLIA
from tests.unit.proofs.ethereum.chain import FIRST_SLOT, NETWORK, bootstrap_at, update_at
from tests.unit.proofs.ethereum.recordings import nimbus

FINALITY = FIRST_SLOT[Fork.ELECTRA] + 20


def uint(value: int, size: int = 8) -> bytes:
    return value.to_bytes(size, "little")


def write_header(header: LightClientHeader) -> bytes:
    """Write a header the slow way, for the decoder to read."""
    beacon = header.beacon
    fixed = uint(beacon.slot) + uint(beacon.proposer_index)
    fixed += beacon.parent_root + beacon.state_root + beacon.body_root
    branch = b"".join(header.execution_branch)
    if not isinstance(header.execution, ExecutionPayloadHeader):
        return fixed + (header.execution or b"") + branch
    return fixed + uint(len(fixed) + 4 + len(branch), 4) + branch + write_payload(header)


def write_payload(header: LightClientHeader) -> bytes:
    payload = header.execution
    assert isinstance(payload, ExecutionPayloadHeader)
    has_blob_fields = NETWORK.rules_at(header.beacon.slot).has_blob_fields
    before = (
        payload.parent_hash
        + payload.fee_recipient
        + payload.state_root
        + payload.receipts_root
        + payload.logs_bloom
        + payload.prev_randao
        + b"".join(
            map(
                uint, (payload.block_number, payload.gas_limit, payload.gas_used, payload.timestamp)
            )
        )
    )
    after = (
        uint(payload.base_fee_per_gas, 32)
        + payload.block_hash
        + payload.transactions_root
        + payload.withdrawals_root
        + (uint(payload.blob_gas_used) + uint(payload.excess_blob_gas) if has_blob_fields else b"")
    )
    return before + uint(len(before) + 4 + len(after), 4) + after + payload.extra_data


def write_update(update: LightClientUpdate) -> bytes:
    """Write a full update: two headers by offset where their size varies."""
    headers = [write_header(update.attested_header)]
    assert update.finalized_header is not None
    assert update.next_sync_committee is not None
    headers.append(write_header(update.finalized_header))
    is_fixed = not isinstance(update.attested_header.execution, ExecutionPayloadHeader)
    committee = b"".join(
        (*update.next_sync_committee.public_keys, update.next_sync_committee.aggregate_public_key)
    )
    middle = committee + b"".join(update.next_sync_committee_branch)
    flags = update.sync_aggregate.participation
    bits = uint(sum(flag << place for place, flag in enumerate(flags)), len(flags) // 8)
    end = b"".join(update.finality_branch) + bits + update.sync_aggregate.signature
    end += uint(update.signature_slot)
    if is_fixed:
        return headers[0] + middle + headers[1] + end
    size = 4 + len(middle) + 4 + len(end)
    offsets = [uint(size, 4), uint(size + len(headers[0]), 4)]
    return offsets[0] + middle + offsets[1] + end + headers[0] + headers[1]


def refuse(data: bytes) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        beacon_ssz.decode_update(NETWORK, data)
    assert refusal.value.reason == "ssz_malformed"


@pytest.mark.parametrize("fork", list(STANDARD_RULES))
def test_decode_update_reads_the_form_of_its_fork(fork: Fork) -> None:
    update = update_at(FIRST_SLOT[fork] + 20, places=range(25))
    assert beacon_ssz.decode_update(NETWORK, write_update(update)) == update


@pytest.mark.parametrize("fork", [Fork.ALTAIR, Fork.CAPELLA, Fork.ELECTRA, Fork.GLOAS])
def test_decode_bootstrap_reads_the_form_of_its_fork(fork: Fork) -> None:
    bootstrap = bootstrap_at(FIRST_SLOT[fork])
    committee = bootstrap.current_sync_committee
    header = write_header(bootstrap.header)
    rest = b"".join((*committee.public_keys, committee.aggregate_public_key))
    rest += b"".join(bootstrap.current_sync_committee_branch)
    is_fixed = not isinstance(bootstrap.header.execution, ExecutionPayloadHeader)
    data = header + rest if is_fixed else uint(4 + len(rest), 4) + rest + header
    assert beacon_ssz.decode_bootstrap(NETWORK, data) == bootstrap


@pytest.mark.parametrize("fork", [Fork.BELLATRIX, Fork.FULU, Fork.GLOAS])
def test_decode_update_refuses_when_bytes_are_missing_or_follow(fork: Fork) -> None:
    data = write_update(update_at(FIRST_SLOT[fork] + 20))
    assert data
    for cut in (0, 1, 4, 100, len(data) // 2, len(data) - 33, len(data) - 8):
        refuse(data[:cut])
    for tail in (b"\x00" * 33, data):
        refuse(data + tail)
    refuse(b"\x00" + data)


def test_decode_update_refuses_when_an_offset_leaves_a_gap_or_overlaps() -> None:
    data = write_update(update_at(FINALITY))
    first = int.from_bytes(data[:4], "little")
    for offset in (0, first - 1, first + 1, 2**32 - 1):
        refuse(uint(offset, 4) + data[4:])
    at = data.index(uint(first + 112 + 4 + 128 + 584 + 5, 4))
    for offset in (0, first - 1, len(data) + 1, 2**32 - 1):
        refuse(data[:at] + uint(offset, 4) + data[at + 4 :])


def test_decode_update_refuses_when_the_slot_is_of_another_fork() -> None:
    """The form of Capella cannot carry a slot of Electra, whose branches are longer."""
    data = bytearray(write_update(update_at(FIRST_SLOT[Fork.CAPELLA] + 20)))
    first = int.from_bytes(data[:4], "little")
    data[first : first + 8] = uint(FINALITY)
    refuse(bytes(data))


def test_decode_update_refuses_when_a_recording_is_read_as_of_another_network() -> None:
    """Mainnet was in Capella at that slot, Sepolia in Deneb; committees have one size."""
    data = nimbus("finUpdate")
    assert beacon_ssz.decode_update(MAINNET, data).attested_header.beacon.slot == 6_730_825
    with pytest.raises(ProofInvalid):
        beacon_ssz.decode_update(SEPOLIA, data)
    refuse(data)


def test_decode_update_reads_empty_parts_as_none() -> None:
    update = update_at(FINALITY)
    assert update.next_sync_committee is not None
    assert update.finalized_header is not None
    data = write_update(update)
    committee = b"".join(update.next_sync_committee.public_keys)
    at = data.index(committee)
    size = len(committee) + 48 + 32 * len(update.next_sync_committee_branch)
    empty = data[:at] + bytes(size) + data[at + size :]
    found = beacon_ssz.decode_update(NETWORK, empty)
    assert found.next_sync_committee is None
    assert not found.has_next_sync_committee
