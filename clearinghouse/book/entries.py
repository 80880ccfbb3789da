"""Journal entries: everything that ever changed the state, each a fact already decided.

Deciding (is this fill admitted? what are the nets?) happens once, before an entry is written;
``clearinghouse.book.transition`` only applies. So a replay needs no chain, no solver and no
signature check, and gives the same state on any machine (invariant P8).

An entry is encoded as JSON with a tag that names its type: an auditor can read the journal with
``sqlite3`` alone. Bytes are base64. Fields are only ever added, with a default.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.columns import MandatedOrders
from clearinghouse.book.identifiers import (
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.mandates import MandateAccepted
from clearinghouse.book.orders import PlacementLimit, Release, SignedOrder
from clearinghouse.book.reference import Genesis, Instrument
from clearinghouse.book.settlements import Leg, Phase, Settlement


class GenesisRecorded(msgspec.Struct, frozen=True, tag="genesis_recorded"):
    """The deployment that this journal is about; always entry 1."""

    genesis: Genesis


class InstrumentListed(msgspec.Struct, frozen=True, tag="instrument_listed"):
    """An instrument that orders may name from here on."""

    instrument: Instrument


class VenueRegistered(msgspec.Struct, frozen=True, tag="venue_registered"):
    """A key whose batches are taken."""

    venue: Address
    name: str


class DepositFinalised(msgspec.Struct, frozen=True, tag="deposit_finalised"):
    """A deposit proven against the anchor's storage in a finalised header (invariant P11)."""

    chain_id: ChainId
    asset_id: AssetId
    index: int
    member: Address
    quanta: int
    total: int
    """Quanta deposited so far on this chain in this asset, this deposit included."""
    hash: Hash32
    """The anchor's deposit hash chain after this deposit."""
    height: int
    """Of the finalised header."""
    block_hash: Hash32


class ExitRequested(msgspec.Struct, frozen=True, tag="exit_requested"):
    """A request to leave, proven against the anchor's storage in a finalised header (P11)."""

    chain_id: ChainId
    asset_id: AssetId
    index: int
    member: Address
    """Who asked on chain; anybody can."""
    quanta: int
    """The most that it asks for."""
    time: int
    """Seconds since the epoch, by the chain's clock; from here on the grace runs."""
    height: int
    """Of the finalised header."""
    block_hash: Hash32


class AnchorFrozen(msgspec.Struct, frozen=True, tag="anchor_frozen"):
    """A chain's anchor is proven frozen: it takes no settlement any more, only exits."""

    chain_id: ChainId
    height: int
    block_hash: Hash32


class PlacementLimitAccepted(msgspec.Struct, frozen=True, tag="placement_limit_accepted"):
    """A member's signed limit."""

    limit: PlacementLimit
    signature: bytes


class ReleaseAccepted(msgspec.Struct, frozen=True, tag="release_accepted"):
    """A member's signed request to be paid out; its quanta are held from here on."""

    release_id: Hash32
    release: Release
    signature: bytes


class BatchForm(StrEnum):
    """What a venue's signature covers."""

    ROWS = "rows"
    """``FillBatch``: fills that name orders by digest."""
    COLUMNS = "columns"
    """``FillColumns``: fills that name orders by number."""


class RecordedOrder(msgspec.Struct, frozen=True, array_like=True):
    """An order that became known; it has the next order number."""

    digest: Hash32
    signed: SignedOrder


class UnknownOrders(msgspec.Struct, frozen=True, array_like=True):
    """The digests of a fill of which at least one names no known order."""

    index: int
    """Of the fill in its batch."""
    buy_order: Hash32
    sell_order: Hash32


class BatchRecorded(msgspec.Struct, frozen=True, tag="batch_recorded.2"):
    """A venue's batch, decided fill by fill. A column holds one little-endian number per fill."""

    venue: Address
    batch_id: Hash32
    form: BatchForm
    """What the venue signed: with the digests of the orders and this, its batch can be rebuilt."""
    digest: Hash32
    """EIP-712 digest of the batch: tells one content of a batch id from another."""
    signature: bytes
    admitted_at: int
    """Seconds since the epoch by the coordinator's clock: what expiries were compared with."""
    buy_orders: bytes
    """Order numbers, 4 bytes each; 2^32 - 1 where the order is unknown."""
    sell_orders: bytes
    quantities: bytes
    """Lots, 8 bytes each, as the venue sent them: only admitted ones are known to be in range."""
    cash: bytes
    """Quanta, 8 bytes each, likewise."""
    reasons: bytes
    """``REASON_CODE`` of the decision, 1 byte each; only admitted fills change positions."""
    orders: tuple[RecordedOrder, ...] = ()
    """Orders that became known with this batch."""
    unknown: tuple[UnknownOrders, ...] = ()

    @property
    def columns(self) -> FillArrays:
        """Return the batch as arrays, without a copy."""
        return FillArrays(
            np.frombuffer(self.buy_orders, "<u4"),
            np.frombuffer(self.sell_orders, "<u4"),
            np.frombuffer(self.quantities, "<u8"),
            np.frombuffer(self.cash, "<u8"),
            np.frombuffer(self.reasons, "<u1"),
        )


class FillArrays(NamedTuple):
    """The columns of a batch, one element per fill."""

    buys: NDArray[np.uint32]
    sells: NDArray[np.uint32]
    quantities: NDArray[np.uint64]
    cash: NDArray[np.uint64]
    reasons: NDArray[np.uint8]


class OrdersRecorded(msgspec.Struct, frozen=True, tag="orders_recorded"):
    """Orders that a venue sent ahead of their fills."""

    venue: Address
    recorded_at: int
    """Seconds since the epoch by the coordinator's clock: what mandates' expiries were compared
    with."""
    orders: tuple[RecordedOrder, ...]


class MandatedOrdersRecorded(msgspec.Struct, frozen=True, tag="mandated_orders_recorded"):
    """Orders that a venue placed under its members' mandates, with one signature for all."""

    orders: MandatedOrders
    digest: Hash32
    """EIP-712 digest of the columns."""
    signature: bytes
    recorded_at: int
    """Seconds since the epoch by the coordinator's clock."""
    digests: bytes
    """Of the orders, 32 bytes each."""
    reasons: bytes
    """``REASON_CODE`` of each, 1 byte each; ``ADMITTED`` where the order has a number."""


class CycleCut(msgspec.Struct, frozen=True, tag="cycle_cut"):
    """A cycle is cut here: the next settlement nets what the entries before this one made."""

    cut_time: int
    """Seconds since the epoch by home's clock."""
    journal_count: int
    """Sequence of the entry before this one."""
    journal_head: Hash32
    """Its hash."""


class ClaimChanges(msgspec.Struct, frozen=True, array_like=True):
    """The claims on one vault that a settlement replaces, as columns."""

    chain_id: ChainId
    asset_id: AssetId
    positions: bytes
    """Ascending, 4 bytes each, little-endian."""
    quanta: bytes
    """After, 8 bytes each, little-endian; zero removes the claim."""

    @property
    def columns(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return positions and quanta as arrays, without a copy."""
        return np.frombuffer(self.positions, "<u4"), np.frombuffer(self.quanta, "<i8")


class PlannedRelease(msgspec.Struct, frozen=True, array_like=True):
    """A payment that a leg makes payable; the index counts per (chain, asset) in list order."""

    chain_id: ChainId
    asset_id: AssetId
    position: Position
    quanta: int
    release_id: Hash32
    """Zero where it answers an exit."""
    is_exit: bool = False
    """Whether it answers an exit that was requested on chain; those come first, in their order."""


class ResidualChange(msgspec.Struct, frozen=True, array_like=True):
    """What the allocation could not place and carries to the next cycle (instrument 0)."""

    asset_id: AssetId
    position: Position
    quanta: int
    """Carried credit where positive; the sum over members is zero."""


class ShortfallFlow(msgspec.Struct, frozen=True, array_like=True):
    """What brings a closing up to zero, or pays for that (instrument 1)."""

    asset_id: AssetId
    position: Position
    quanta: int
    """Received where positive; the sum over members is zero."""


class AssetCrossing(msgspec.Struct, frozen=True, array_like=True):
    """What of an asset's nets crosses chains; for reports, no claim depends on it."""

    asset_id: AssetId
    quanta: int


class MarkAtCut(msgspec.Struct, frozen=True, array_like=True):
    """The price at which a cut realises an instrument's profit and loss."""

    instrument_id: InstrumentId
    mark: int
    """Quanta of the quote asset per lot."""


class SettlementProposed(msgspec.Struct, frozen=True, tag="settlement_proposed.2"):
    """The settlement of the last ``CycleCut``, and all that its legs stand for."""

    settlement_id: Hash32
    settlement: Settlement
    legs: tuple[Leg, ...]
    """Of the active chains, in chain order."""
    marks: tuple[MarkAtCut, ...]
    claims: tuple[ClaimChanges, ...]
    releases: tuple[PlannedRelease, ...]
    residuals: tuple[ResidualChange, ...]
    shortfalls: tuple[ShortfallFlow, ...]
    crossings: tuple[AssetCrossing, ...] = ()


class SettlementSigned(msgspec.Struct, frozen=True, tag="settlement_signed"):
    """The operator quorum's signatures, sorted by signer. From here on anyone can drive it."""

    settlement_id: Hash32
    signatures: tuple[bytes, ...]


class PhaseProven(msgspec.Struct, frozen=True, tag="phase_proven"):
    """A settlement's phase on one chain, proven in a finalised header."""

    settlement_id: Hash32
    chain_id: ChainId
    phase: Phase
    height: int
    block_hash: Hash32
    timestamp: int
    """Of the header, seconds since the epoch: NONE counts only past the prepare deadline."""


class TransactionIncluded(msgspec.Struct, frozen=True, tag="transaction_included"):
    """A transaction of ours that a chain included; for reports, it changes no claim."""

    settlement_id: Hash32
    chain_id: ChainId
    action: str
    """prepare, commit, abort, finalize or update."""
    transaction_hash: Hash32
    gas_used: int
    proofs_verified: int
    """Counter-proofs that the contract verified in it."""


class FinalityViolated(msgspec.Struct, frozen=True, tag="finality_violated"):
    """A chain contradicted its own finality: nothing is admitted or cut from here on."""

    chain_id: ChainId
    detail: str


Entry = (
    GenesisRecorded
    | InstrumentListed
    | VenueRegistered
    | DepositFinalised
    | ExitRequested
    | AnchorFrozen
    | PlacementLimitAccepted
    | ReleaseAccepted
    | MandateAccepted
    | OrdersRecorded
    | MandatedOrdersRecorded
    | BatchRecorded
    | CycleCut
    | SettlementProposed
    | SettlementSigned
    | PhaseProven
    | TransactionIncluded
    | FinalityViolated
)

_encoder = msgspec.json.Encoder()


def encode_entry(entry: Entry) -> bytes:
    """Return the one encoding of an entry: field order is declaration order."""
    return _encoder.encode(entry)


class JournalRecord(msgspec.Struct, frozen=True):
    """An encoded entry in its place in the journal."""

    sequence: int
    """1, 2, 3, ... without gaps."""
    time_milliseconds: int
    """Since the epoch, by the writer's clock; informative."""
    payload: bytes
    """``encode_entry`` of the entry."""
    hash: Hash32
    """``clearinghouse.commitment.journal.record_hash``: chains every entry to all before it."""
    before: Hash32 | None = None
    """The hash that ``hash`` was made with, where the writer has just made it; not stored."""
