"""Journal entries: everything that ever changed the state, each a fact already decided.

Deciding (is this fill admitted? what are the nets?) happens once, before an entry is written;
``clearinghouse.book.transition`` only applies. So a replay needs no chain, no solver and no
signature check, and gives the same state on any machine (invariant P8).

An entry is encoded as JSON with a tag that names its type: an auditor can read the journal with
``sqlite3`` alone. Bytes are base64. Fields are only ever added, with a default.
"""

from __future__ import annotations

import msgspec

from clearinghouse.book.identifiers import (
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.orders import PlacementLimit, Reason, Release, SignedOrder
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


class PlacementLimitAccepted(msgspec.Struct, frozen=True, tag="placement_limit_accepted"):
    """A member's signed limit."""

    limit: PlacementLimit
    signature: bytes


class ReleaseAccepted(msgspec.Struct, frozen=True, tag="release_accepted"):
    """A member's signed request to be paid out; its quanta are held from here on."""

    release_id: Hash32
    release: Release
    signature: bytes


class RecordedFill(msgspec.Struct, frozen=True, array_like=True):
    """A fill of a batch with the decision on it; only ``ADMITTED`` ones change positions."""

    buy_order: Hash32
    sell_order: Hash32
    quantity: int
    cash: int
    reason: Reason


class BatchRecorded(msgspec.Struct, frozen=True, tag="batch_recorded"):
    """A venue's batch, decided fill by fill."""

    venue: Address
    batch_id: Hash32
    digest: Hash32
    """EIP-712 digest of the batch: tells one content of a batch id from another."""
    signature: bytes
    admitted_at: int
    """Seconds since the epoch by the coordinator's clock: what expiries were compared with."""
    orders: tuple[tuple[Hash32, SignedOrder], ...]
    """Orders that became known with this batch, by digest."""
    fills: tuple[RecordedFill, ...]


class ClaimChange(msgspec.Struct, frozen=True, array_like=True):
    """A claim that a settlement replaces."""

    chain_id: ChainId
    asset_id: AssetId
    position: Position
    quanta: int
    """After; zero removes the claim."""


class PlannedRelease(msgspec.Struct, frozen=True, array_like=True):
    """A payment that a leg makes payable; the index counts per (chain, asset) in list order."""

    chain_id: ChainId
    asset_id: AssetId
    position: Position
    quanta: int
    release_id: Hash32


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


class SettlementProposed(msgspec.Struct, frozen=True, tag="settlement_proposed"):
    """A cycle was cut: the settlement, and all that its legs stand for."""

    settlement_id: Hash32
    settlement: Settlement
    legs: tuple[Leg, ...]
    """Of the active chains, in chain order."""
    marks: tuple[MarkAtCut, ...]
    claims: tuple[ClaimChange, ...]
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
    | PlacementLimitAccepted
    | ReleaseAccepted
    | BatchRecorded
    | SettlementProposed
    | SettlementSigned
    | PhaseProven
    | TransactionIncluded
    | FinalityViolated
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """Return the one encoding of an entry: field order is declaration order."""
    return _encoder.encode(entry)


def decode_entry(payload: bytes) -> Entry:
    """Return the entry of a payload.

    Raises
    ------
    msgspec.ValidationError, msgspec.DecodeError
        When the payload is no entry; the journal turns it into ``Corruption``.
    """
    return _decoder.decode(payload)


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
