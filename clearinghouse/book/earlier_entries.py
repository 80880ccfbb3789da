"""Entries as earlier releases wrote them, and what they are called today.

A journal is never rewritten. An old entry is upcast when it is read: ``current_entries`` returns
the entries of this release that say the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from clearinghouse.book.entries import (
    AssetCrossing,
    BatchForm,
    BatchRecorded,
    ClaimChanges,
    CycleCut,
    Entry,
    MarkAtCut,
    PlannedRelease,
    RecordedOrder,
    ResidualChange,
    SettlementProposed,
    ShortfallFlow,
    UnknownOrders,
)
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, Position
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import REASON_CODE, Reason, SignedOrder
from clearinghouse.book.settlements import Leg, Settlement


class FirstRecordedFill(msgspec.Struct, frozen=True, array_like=True):
    """A fill with the decision on it."""

    buy_order: Hash32
    sell_order: Hash32
    quantity: int
    cash: int
    reason: Reason


class FirstBatchRecorded(msgspec.Struct, frozen=True, tag="batch_recorded"):
    """A batch with one object per fill; orders named by digest."""

    venue: Address
    batch_id: Hash32
    digest: Hash32
    signature: bytes
    admitted_at: int
    orders: tuple[tuple[Hash32, SignedOrder], ...]
    fills: tuple[FirstRecordedFill, ...]


class FirstClaimChange(msgspec.Struct, frozen=True, array_like=True):
    """A claim that a settlement replaces."""

    chain_id: ChainId
    asset_id: AssetId
    position: Position
    quanta: int


class FirstSettlementProposed(msgspec.Struct, frozen=True, tag="settlement_proposed"):
    """A settlement cut from the very state that it was recorded in; one object per claim."""

    settlement_id: Hash32
    settlement: Settlement
    legs: tuple[Leg, ...]
    marks: tuple[MarkAtCut, ...]
    claims: tuple[FirstClaimChange, ...]
    releases: tuple[PlannedRelease, ...]
    residuals: tuple[ResidualChange, ...]
    shortfalls: tuple[ShortfallFlow, ...]
    crossings: tuple[AssetCrossing, ...] = ()


EarlierEntry = FirstBatchRecorded | FirstSettlementProposed

_decoder: msgspec.json.Decoder[Entry | EarlierEntry] = msgspec.json.Decoder(Entry | EarlierEntry)


def decode_any_entry(payload: bytes) -> Entry | EarlierEntry:
    """Return the entry of a payload of this or an earlier release.

    Raises
    ------
    msgspec.ValidationError, msgspec.DecodeError
        When the payload is no entry; whoever reads a journal turns it into ``Corruption``.
    """
    return _decoder.decode(payload)


def current_entries(
    entry: Entry | EarlierEntry, numbers: Mapping[Hash32, int]
) -> tuple[Entry, ...]:
    """Return the entries of this release that say what ``entry`` says.

    ``numbers`` are the orders known before it, by digest.
    """
    if isinstance(entry, FirstBatchRecorded):
        return (_batch(entry, numbers),)
    if isinstance(entry, FirstSettlementProposed):
        settlement = entry.settlement
        cut = CycleCut(settlement.cut_time, settlement.journal_count, settlement.journal_head)
        return cut, _proposal(entry)
    return (entry,)


def _batch(entry: FirstBatchRecorded, known: Mapping[Hash32, int]) -> BatchRecorded:
    new: dict[Hash32, int] = {}
    for digest, _ in entry.orders:
        if digest not in known and digest not in new:
            new[digest] = len(known) + len(new)

    def number(digest: Hash32) -> int:
        return known.get(digest, new.get(digest, NO_ORDER))

    buys = [number(fill.buy_order) for fill in entry.fills]
    sells = [number(fill.sell_order) for fill in entry.fills]
    return BatchRecorded(
        venue=entry.venue,
        batch_id=entry.batch_id,
        form=BatchForm.ROWS,
        digest=entry.digest,
        signature=entry.signature,
        admitted_at=entry.admitted_at,
        buy_orders=np.array(buys, "<u4").tobytes(),
        sell_orders=np.array(sells, "<u4").tobytes(),
        quantities=np.array([fill.quantity for fill in entry.fills], "<u8").tobytes(),
        cash=np.array([fill.cash for fill in entry.fills], "<u8").tobytes(),
        reasons=bytes(REASON_CODE[fill.reason] for fill in entry.fills),
        orders=tuple(RecordedOrder(*pair) for pair in entry.orders),
        unknown=tuple(
            UnknownOrders(index, fill.buy_order, fill.sell_order)
            for index, fill in enumerate(entry.fills)
            if NO_ORDER in (buys[index], sells[index])
        ),
    )


def _proposal(entry: FirstSettlementProposed) -> SettlementProposed:
    columns: dict[tuple[ChainId, AssetId], list[tuple[int, int]]] = {}
    for change in entry.claims:
        vault = (change.chain_id, change.asset_id)
        columns.setdefault(vault, []).append((change.position, change.quanta))
    return SettlementProposed(
        settlement_id=entry.settlement_id,
        settlement=entry.settlement,
        legs=entry.legs,
        marks=entry.marks,
        claims=tuple(
            ClaimChanges(
                *vault,
                np.array([position for position, _ in changes], "<u4").tobytes(),
                np.array([quanta for _, quanta in changes], "<i8").tobytes(),
            )
            for vault, changes in sorted(columns.items())
        ),
        releases=entry.releases,
        residuals=entry.residuals,
        shortfalls=entry.shortfalls,
        crossings=entry.crossings,
    )
