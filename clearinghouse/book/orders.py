"""What members and venues sign, and what the clearinghouse answers to a fill."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId


class Side(IntEnum):
    """Direction of an order, as signed."""

    BUY = 0
    SELL = 1


class Order(msgspec.Struct, frozen=True):
    """A member's order on one venue, signed by the member (EIP-712)."""

    member: Address
    instrument: InstrumentId
    side: Side
    quantity: int
    """Lots, 1 .. 2^63 - 1: all fills of the order together stay within it."""
    limit_price: int
    """Quanta of the quote asset per lot: the most a buyer pays, the least a seller takes."""
    maximum_fee_rate: int
    """Parts per million of a fill's cash."""
    expiry: int
    """Seconds since the epoch; the order takes no fill after it."""
    nonce: int
    """Makes two otherwise equal orders different."""
    venue: Address
    """The only venue that may fill it."""


class SignedOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order and its signature, r || s || v: its member's, or a delegate's under a mandate."""

    order: Order
    signature: bytes
    delegate: Address | None = None
    """Who signed, where that was not the member."""


class PlacementLimit(msgspec.Struct, frozen=True):
    """How much of an asset a member accepts to own on one chain, signed by the member."""

    member: Address
    chain_id: ChainId
    asset_id: AssetId
    maximum_quanta: int
    nonce: int
    """The limit with the greatest nonce per (member, chain, asset) is in force."""


class Release(msgspec.Struct, frozen=True):
    """A member's request to be paid out on one chain, signed by the member."""

    member: Address
    chain_id: ChainId
    asset_id: AssetId
    quanta: int
    nonce: int
    expiry: int
    """Seconds since the epoch; not cut into a settlement after it."""


class Fill(msgspec.Struct, frozen=True):
    """A match of two orders as a venue reports it; its price is cash / quantity."""

    buy_order: Hash32
    """EIP-712 digest of the buyer's order."""
    sell_order: Hash32
    quantity: int
    """Lots, 1 .. 2^63 - 1."""
    cash: int
    """Quanta of the quote asset that the buyer owes the seller, 0 .. 2^63 - 1."""


class FillBatch(msgspec.Struct, frozen=True):
    """Fills of one venue, signed by it; the batch id makes a repetition harmless."""

    venue: Address
    batch_id: Hash32
    fills: tuple[Fill, ...]


class Reason(StrEnum):
    """Why a fill, or an order that a fill names, was not admitted. Stable: programs match on it."""

    ADMITTED = "ADMITTED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURE_MALLEABLE = "SIGNATURE_MALLEABLE"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    ORDER_OVERFILLED = "ORDER_OVERFILLED"
    ORDER_MALFORMED = "ORDER_MALFORMED"
    INSTRUMENT_UNKNOWN = "INSTRUMENT_UNKNOWN"
    INSTRUMENT_MISMATCH = "INSTRUMENT_MISMATCH"
    SIDE_MISMATCH = "SIDE_MISMATCH"
    VENUE_MISMATCH = "VENUE_MISMATCH"
    PRICE_OUTSIDE_LIMIT = "PRICE_OUTSIDE_LIMIT"
    QUANTITY_INVALID = "QUANTITY_INVALID"
    CASH_INVALID = "CASH_INVALID"
    TOTAL_OVERFLOW = "TOTAL_OVERFLOW"
    SELF_TRADE = "SELF_TRADE"
    MEMBER_UNKNOWN = "MEMBER_UNKNOWN"
    PLACEMENT_LIMIT_MISSING = "PLACEMENT_LIMIT_MISSING"
    MARGIN_INSUFFICIENT = "MARGIN_INSUFFICIENT"
    MANDATE_UNKNOWN = "MANDATE_UNKNOWN"
    MANDATE_EXPIRED = "MANDATE_EXPIRED"
    MANDATE_EXCEEDED = "MANDATE_EXCEEDED"


REASON_CODE: dict[Reason, int] = {reason: code for code, reason in enumerate(Reason, start=1)}
"""The number of each reason in arrays, in receipts and on the wire; given once, never changed."""

REASON_OF_CODE: dict[int, Reason] = {code: reason for reason, code in REASON_CODE.items()}
