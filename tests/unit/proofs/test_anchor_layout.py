"""The anchor's slots, against digests that Solidity's documentation rules give by hand."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from clearinghouse.book.identifiers import ZERO_HASH, Address, AssetId, Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import (
    FROZEN_SLOT,
    OPERATOR_SET_HASH_SLOT,
    Deposit,
    Exit,
    decode_deposit,
    decode_exit,
    decode_phase,
    deposit_slots,
    exit_slots,
    mapping_slot,
    next_deposit_hash,
    phase_slot,
)

MEMBER = Address(b"\x5e" * 20)
RECORD = MEMBER + (9).to_bytes(4) + (1_000).to_bytes(8)
CHAIN_HASH = keccak256(bytes(32) + RECORD)
TIME_AND_TOTAL = (5_000 << 64) | 1_700_000_000


def test_mapping_slot_is_the_published_one_when_contract_is_wrapped_ether() -> None:
    """Slot of balanceOf[address 1] in a mapping at slot 3, from the abi.encode rule."""
    key = (1).to_bytes(32)
    assert mapping_slot(key, 3) == keccak256(
        encode(["address", "uint256"], [b"\0" * 19 + b"\1", 3])
    )


def test_phase_slot_follows_abi_encode_when_id_is_any() -> None:
    settlement_id = keccak256(b"settlement")
    assert phase_slot(settlement_id) == keccak256(
        encode(["bytes32", "uint256"], [settlement_id, 0])
    )


def test_deposit_slots_are_three_consecutive_words_when_mapping_is_nested() -> None:
    outer = keccak256(encode(["uint32", "uint256"], [9, 1]))
    inner = int.from_bytes(keccak256(encode(["uint256", "bytes32"], [77, outer])))
    expected = tuple((inner + offset).to_bytes(32) for offset in range(3))
    assert deposit_slots(AssetId(9), 77) == expected


def test_exit_slots_are_two_consecutive_words_when_mapping_is_nested() -> None:
    outer = keccak256(encode(["uint32", "uint256"], [9, 2]))
    inner = int.from_bytes(keccak256(encode(["uint256", "bytes32"], [77, outer])))
    assert exit_slots(AssetId(9), 77) == (inner.to_bytes(32), (inner + 1).to_bytes(32))


def test_exit_is_read_back_when_words_are_whole() -> None:
    request = decode_exit(int.from_bytes(RECORD), 1_700_000_000)
    assert request == Exit(MEMBER, AssetId(9), 1_000, 1_700_000_000)
    assert request.record == RECORD


def test_exit_is_none_when_both_words_are_absent() -> None:
    assert decode_exit(0, 0) is None


@pytest.mark.parametrize(
    ("record", "time"),
    [
        (0, 1_700_000_000),
        (int.from_bytes(RECORD), 0),
        (int.from_bytes(RECORD), 1 << 64),
        (int.from_bytes(bytes(20) + RECORD[20:]), 1_700_000_000),
        (int.from_bytes(RECORD[:24] + bytes(8)), 1_700_000_000),
    ],
    ids=["no record", "no time", "time too large", "nobody", "nothing asked"],
)
def test_exit_is_refused_when_words_do_not_belong_together(record: int, time: int) -> None:
    with pytest.raises(ProofInvalid) as raised:
        decode_exit(record, time)
    assert raised.value.reason == "exit_malformed"


def test_fixed_slots_are_three_and_four_when_read_as_numbers() -> None:
    assert int.from_bytes(OPERATOR_SET_HASH_SLOT) == 3
    assert int.from_bytes(FROZEN_SLOT) == 4


@pytest.mark.parametrize("key", [b"", bytes(20), bytes(33)], ids=len)
def test_mapping_slot_refuses_when_key_is_not_padded(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        mapping_slot(key, 0)


def test_decode_deposit_reads_every_field_when_words_are_whole() -> None:
    words = (int.from_bytes(RECORD), TIME_AND_TOTAL, int.from_bytes(CHAIN_HASH))
    assert decode_deposit(*words) == Deposit(
        member=MEMBER,
        asset_id=AssetId(9),
        quanta=1_000,
        time=1_700_000_000,
        total=5_000,
        hash=CHAIN_HASH,
    )


def test_deposit_record_is_the_first_word_when_it_was_decoded() -> None:
    deposit = decode_deposit(int.from_bytes(RECORD), TIME_AND_TOTAL, int.from_bytes(CHAIN_HASH))
    assert deposit is not None
    assert deposit.record == RECORD


def test_decode_deposit_is_none_when_all_words_are_absent() -> None:
    assert decode_deposit(0, 0, 0) is None


@pytest.mark.parametrize(
    ("record", "time_and_total", "chain_hash"),
    [
        (0, TIME_AND_TOTAL, 1),
        (int.from_bytes(RECORD), 0, 1),
        (int.from_bytes(RECORD), TIME_AND_TOTAL, 0),
        (int.from_bytes(RECORD), 1_700_000_000, 1),
        (int.from_bytes(RECORD), 5_000 << 64, 1),
        (int.from_bytes(RECORD), (999 << 64) | 1_700_000_000, 1),
        (int.from_bytes(RECORD), (1 << 192) | TIME_AND_TOTAL, 1),
        (int.from_bytes(bytes(20) + RECORD[20:]), TIME_AND_TOTAL, 1),
        (int.from_bytes(RECORD[:24] + bytes(8)), TIME_AND_TOTAL, 1),
    ],
    ids=["record", "time and total", "hash", "total", "time", "small", "large", "member", "quanta"],
)
def test_decode_deposit_refuses_when_words_are_not_one_deposit(
    record: int, time_and_total: int, chain_hash: int
) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_deposit(record, time_and_total, chain_hash)
    assert refusal.value.reason == "deposit_malformed"


def test_next_deposit_hash_chains_when_deposits_follow() -> None:
    first = next_deposit_hash(ZERO_HASH, RECORD)
    assert first == CHAIN_HASH
    assert next_deposit_hash(first, RECORD) == Hash32(keccak256(first + RECORD)) != first


def test_decode_phase_reads_each_phase_and_refuses_when_word_is_beyond() -> None:
    assert [decode_phase(word) for word in range(6)] == list(Phase)
    for word in (6, 255, 256, 2**255):
        with pytest.raises(ProofInvalid) as refusal:
            decode_phase(word)
        assert refusal.value.reason == "phase_unknown"
