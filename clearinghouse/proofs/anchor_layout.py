"""Where an anchor keeps what other chains prove: its fixed storage slots.

========================  ====  =================================================================
variable                  slot  type
========================  ====  =================================================================
``phase``                 0     ``mapping(bytes32 settlementId => uint8)``
``deposits``              1     ``mapping(uint32 assetId => mapping(uint256 index => Deposit))``
``exits``                 2     ``mapping(uint32 assetId => mapping(uint256 index => Exit))``
``operatorSetHash``       3     ``bytes32``
``frozen``                4     ``bool``
========================  ====  =================================================================

``struct Deposit { bytes32 record; uint64 time; uint128 total; bytes32 hash; }`` takes three words:
the record (member 20 bytes | asset id 4 | quanta 8, most significant first), then time in the low
64 bits with the running total in the 128 bits above, then hash = H(hashBefore || record).
``struct Exit { bytes32 record; uint64 time; }`` takes two: a record of the same form, whose quanta
are those asked for, then the time.

The contract's compiled storage layout is compared with this table in a test. Source: Solidity
documentation, "Layout of state variables in storage".

Reasons raised: ``deposit_malformed``, ``exit_malformed``, ``phase_unknown``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import ZERO_ADDRESS, Address, AssetId, Hash32
from clearinghouse.book.ranges import UINT64_MAX, UINT128_MAX
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid

PHASE_SLOT = 0
DEPOSITS_SLOT = 1
EXITS_SLOT = 2

OPERATOR_SET_HASH_SLOT = Hash32((3).to_bytes(32))
"""Storage key of the hash of the operator set in force."""

FROZEN_SLOT = Hash32((4).to_bytes(32))
"""Storage key of the flag that stops deposits, exit requests and prepares for good."""

_SLOT_COUNT = 2**256


@dataclass(frozen=True, slots=True)
class Deposit:
    """One deposit as the anchor recorded it."""

    member: Address
    asset_id: AssetId
    quanta: int
    time: int
    """Seconds since the epoch, by the anchor's chain."""
    total: int
    """Quanta of this asset ever deposited, this deposit included."""
    hash: Hash32
    """The hash chain after this deposit."""

    @property
    def record(self) -> bytes:
        """The 32 bytes that the anchor keeps first and chains into its hash."""
        return self.member + self.asset_id.to_bytes(4) + self.quanta.to_bytes(8)


@dataclass(frozen=True, slots=True)
class Exit:
    """One request to leave as the anchor recorded it."""

    member: Address
    asset_id: AssetId
    quanta: int
    """The most that the member asks for."""
    time: int
    """Seconds since the epoch, by the anchor's chain."""

    @property
    def record(self) -> bytes:
        """The 32 bytes that the anchor keeps."""
        return self.member + self.asset_id.to_bytes(4) + self.quanta.to_bytes(8)


def mapping_slot(key: bytes, base_slot: int | bytes) -> Hash32:
    """Return the slot of a mapping's value: H(key, 32 bytes || base slot, 32 bytes).

    A nested mapping is this applied twice, the outer value's slot being the inner base.
    """
    if len(key) != 32:
        raise ValueError(f"a mapping's key is padded to 32 bytes, was {len(key)}")
    base = base_slot.to_bytes(32) if isinstance(base_slot, int) else base_slot
    return keccak256(key + base)


def phase_slot(settlement_id: Hash32) -> Hash32:
    """Return the storage key of a settlement's phase."""
    return mapping_slot(settlement_id, PHASE_SLOT)


def deposit_slots(asset_id: AssetId, index: int) -> tuple[Hash32, Hash32, Hash32]:
    """Return the storage keys of a deposit's record, its time and total, and its hash."""
    record, time_and_total, chain_hash = _struct_slots(DEPOSITS_SLOT, asset_id, index, 3)
    return record, time_and_total, chain_hash


def exit_slots(asset_id: AssetId, index: int) -> tuple[Hash32, Hash32]:
    """Return the storage keys of an exit's record and its time."""
    record, time = _struct_slots(EXITS_SLOT, asset_id, index, 2)
    return record, time


def _struct_slots(base_slot: int, asset_id: AssetId, index: int, words: int) -> list[Hash32]:
    by_asset = mapping_slot(asset_id.to_bytes(32), base_slot)
    first = int.from_bytes(mapping_slot(index.to_bytes(32), by_asset))
    return [Hash32(((first + offset) % _SLOT_COUNT).to_bytes(32)) for offset in range(words)]


def decode_phase(word: int) -> Phase:
    """Return the phase that a proven word holds.

    Raises
    ------
    ProofInvalid
        ``phase_unknown`` when no anchor of ours writes such a value.
    """
    try:
        return Phase(word)
    except ValueError as error:
        raise ProofInvalid(
            "phase_unknown", f"{word} is no phase; this is not an anchor of ours", word=word
        ) from error


def decode_deposit(record: int, time_and_total: int, chain_hash: int) -> Deposit | None:
    """Return the deposit that three proven words hold, ``None`` when all are proven absent.

    Raises
    ------
    ProofInvalid
        ``deposit_malformed`` when the words cannot be one deposit: a mixture of two blocks or of
        two slots.
    """
    if record == time_and_total == chain_hash == 0:
        return None
    raw = record.to_bytes(32)
    deposit = Deposit(
        member=Address(raw[:20]),
        asset_id=AssetId(int.from_bytes(raw[20:24])),
        quanta=int.from_bytes(raw[24:]),
        time=time_and_total & UINT64_MAX,
        total=time_and_total >> 64,
        hash=Hash32(chain_hash.to_bytes(32)),
    )
    whole = deposit.member != ZERO_ADDRESS and deposit.time > 0 and chain_hash > 0
    if not whole or not 0 < deposit.quanta <= deposit.total <= UINT128_MAX:
        raise ProofInvalid(
            "deposit_malformed",
            "these three words are not one deposit; prove them under one header",
            record=record,
            time_and_total=time_and_total,
        )
    return deposit


def decode_exit(record: int, time: int) -> Exit | None:
    """Return the exit that two proven words hold, ``None`` when both are proven absent.

    Raises
    ------
    ProofInvalid
        ``exit_malformed`` when the words cannot be one exit: a mixture of two blocks or slots.
    """
    if record == time == 0:
        return None
    raw = record.to_bytes(32)
    request = Exit(
        member=Address(raw[:20]),
        asset_id=AssetId(int.from_bytes(raw[20:24])),
        quanta=int.from_bytes(raw[24:]),
        time=time,
    )
    if request.member == ZERO_ADDRESS or request.quanta == 0 or not 0 < time <= UINT64_MAX:
        raise ProofInvalid(
            "exit_malformed",
            "these two words are not one exit; prove them under one header",
            record=record,
            time=time,
        )
    return request


def next_deposit_hash(hash_before: Hash32, record: bytes) -> Hash32:
    """Return the anchor's deposit hash after a deposit, whose 32-byte record is given."""
    return keccak256(hash_before + record)
