"""The ledger's tables as plain mappings and Python integers: what tests compare and change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np

from clearinghouse.book.account_table import Vault
from clearinghouse.book.columns import FillColumns, MandatedOrders
from clearinghouse.book.entries import BatchForm, BatchRecorded, ClaimChanges, RecordedOrder
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId, Position
from clearinghouse.book.mandates import ANY_INSTRUMENT, Mandate
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import REASON_CODE, REASON_OF_CODE, Order, Reason, SignedOrder
from clearinghouse.book.ranges import UINT64_MAX
from clearinghouse.book.state import Holding, State
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import (
    fill_columns_digest,
    mandate_digest,
    mandated_orders_digest,
    order_digest,
)
from clearinghouse.intake.ports import ColumnsReceipt, OrdersReceipt
from clearinghouse.netting.nets import Amounts
from tests.builders import CLEARINGHOUSE_ID, NEVER, VENUE, Account, Clearing

# -- amounts ------------------------------------------------------------------------------------


def amounts_of(quanta: Mapping[Position, int], members: int) -> Amounts:
    """Return an element per member; Python integers where one needs more than 63 bits."""
    amounts = [quanta.get(Position(position), 0) for position in range(members)]
    is_large = any(abs(amount) >= 2**61 for amount in amounts)
    return np.array(amounts, object if is_large else np.int64)


def mapping_of(amounts: Amounts) -> dict[int, int]:
    """Return the amounts by position, zeros left out."""
    return {position: int(quanta) for position, quanta in enumerate(amounts) if quanta}


# -- the state ----------------------------------------------------------------------------------


def holdings(state: State) -> dict[Position, dict[InstrumentId, Holding]]:
    """Return every holding ever opened and not dropped since, by member and instrument."""
    positions = (Position(position) for position in range(len(state.members)))
    return {position: held for position in positions if (held := state.holdings_of(position))}


def claims(state: State) -> dict[Vault, dict[Position, int]]:
    """Return the claims by vault and member, zeros left out."""
    return {vault: state.claims_of(vault) for vault in state.deposits}


def totals(state: State, kind: str) -> dict[Position, dict[AssetId, int]]:
    """Return ``claims``, ``pending``, ``held`` or ``residual`` by member, zeros left out."""
    found = {}
    for position in range(len(state.members)):
        accounts = {
            asset: int(state.accounts.account(Position(position), asset)[kind])
            for asset in state.accounts.assets
        }
        if any(accounts.values()):
            found[Position(position)] = {asset: q for asset, q in accounts.items() if q}
    return found


def residuals(state: State) -> dict[AssetId, dict[Position, int]]:
    """Return what the last settlement carried, by asset and member."""
    found: dict[AssetId, dict[Position, int]] = {}
    for position, own in totals(state, "residual").items():
        for asset, quanta in own.items():
            found.setdefault(asset, {})[position] = quanta
    return found


def with_marks(state: State, marks: Mapping[InstrumentId, int]) -> State:
    """Return a copy of the state in which other prices were the last."""
    copy = state.copied()
    for instrument, mark in marks.items():
        copy.instrument_table.rows["mark"][copy.instrument_table.numbers[instrument]] = mark
    return copy


def with_residuals(state: State, asset: AssetId, quanta: Mapping[Position, int]) -> State:
    """Return a copy of the state in which the last settlement carried these."""
    copy = state.copied()
    for position, carried in quanta.items():
        row = copy.accounts.asset_rows[asset]
        copy.accounts.own_accounts()[row, position]["residual"] = carried
    return copy


def filled(state: State) -> dict[Hash32, int]:
    """Return the filled lots of every known order, by digest."""
    return {digest: state.orders.get(digest)["filled"] for digest in state.orders.digests}


def facts(state: State) -> dict[str, Any]:
    """Return what members, venues and chains can see of a state, in values that compare."""
    return {
        "members": list(state.members),
        "holdings": holdings(state),
        "claims": claims(state),
        "totals": [totals(state, k) for k in ("claims", "pending", "held", "residual")],
        "deposits": {v: (q.consumed, q.consumed_hash, list(q.unconsumed)) for v, q in
                     state.deposits.items()},
        "releases": dict(state.releases),
        "marks": state.marks,
        "legs": dict(state.legs),
        "leg_hashes": dict(state.leg_hashes),
        "cut_fill_count": state.cut_fill_count,
    }  # fmt: skip


# -- entries ------------------------------------------------------------------------------------


A_BATCH = Hash32(b"\x09" * 32)


class RecordedFill(NamedTuple):
    """A fill in a batch entry, with the decision on it."""

    buy: int
    """Order number."""
    sell: int
    quantity: int
    cash: int
    reason: Reason = Reason.ADMITTED


def batch_entry(
    fills: Sequence[RecordedFill],
    orders: Iterable[tuple[Hash32, SignedOrder]] = (),
    batch_id: Hash32 = A_BATCH,
    venue: Address = VENUE.address,
) -> BatchRecorded:
    """Return a batch as decided, without a good signature."""
    return BatchRecorded(
        venue=venue,
        batch_id=batch_id,
        form=BatchForm.ROWS,
        digest=batch_id,
        signature=b"",
        admitted_at=0,
        buy_orders=np.array([fill.buy for fill in fills], "<u4").tobytes(),
        sell_orders=np.array([fill.sell for fill in fills], "<u4").tobytes(),
        quantities=np.array([fill.quantity for fill in fills], "<u8").tobytes(),
        cash=np.array([fill.cash for fill in fills], "<u8").tobytes(),
        reasons=bytes(REASON_CODE[fill.reason] for fill in fills),
        orders=tuple(RecordedOrder(*pair) for pair in orders),
    )


def reasons_of(entry: BatchRecorded | ColumnsReceipt | OrdersReceipt) -> list[Reason]:
    """Return the decision on every fill or order."""
    return [REASON_OF_CODE[code] for code in entry.reasons]


def changed_claims(changes: Iterable[ClaimChanges]) -> dict[tuple[ChainId, AssetId, int], int]:
    """Return the claims that a settlement replaces, by chain, asset and member."""
    return {
        (change.chain_id, change.asset_id, position): quanta
        for change in changes
        for position, quanta in zip(*(column.tolist() for column in change.columns), strict=True)
    }


# -- batches of columns -------------------------------------------------------------------------


def numbers_of(clearing: Clearing, orders: Sequence[SignedOrder], venue: Account = VENUE) -> Any:
    """Record orders ahead of their fills; return their numbers."""
    receipt = clearing.get(clearing.sequencer.register_orders(venue.address, orders))
    numbers = np.frombuffer(receipt.numbers, "<u4").tolist()
    assert NO_ORDER not in numbers, reasons_of(receipt)
    return numbers


def submit_columns(
    clearing: Clearing,
    fills: Sequence[tuple[int, int, int, int]],
    batch_id: Hash32 | None = None,
    venue: Account = VENUE,
) -> Future[ColumnsReceipt]:
    """Queue fills (buy number, sell number, lots, quanta) signed by their venue."""
    batch_id = batch_id or keccak256(b"columns" + clearing.number().to_bytes(8, "big"))
    columns = columns_of(fills, batch_id, venue)
    return clearing.sequencer.submit_columns(columns, sign_columns(columns, venue))


def sign_columns(columns: FillColumns, venue: Account = VENUE) -> bytes:
    """Return the venue's signature over fills as columns."""
    return venue.sign_digest(fill_columns_digest(CLEARINGHOUSE_ID, columns))


def columns_of(
    fills: Sequence[tuple[int, int, int, int]], batch_id: Hash32, venue: Account = VENUE
) -> FillColumns:
    """Return fills (buy number, sell number, lots, quanta) as columns."""
    return FillColumns.of(
        venue.address, batch_id, *([fill[column] for fill in fills] for column in range(4))
    )


# -- mandates -----------------------------------------------------------------------------------


def sign_mandate(member: Account, delegate: Account, **fields: Any) -> tuple[Mandate, bytes]:
    """Return a mandate for ``VENUE``, wide and without an end, and the member's signature."""
    defaults: dict[str, Any] = {
        "venue": VENUE.address,
        "instrument": ANY_INSTRUMENT,
        "maximum_order_notional": UINT64_MAX,
        "maximum_total_notional": UINT64_MAX,
        "minimum_sell_price": 0,
        "expiry": 2 * NEVER,
        "nonce": 1,
    }
    mandate = Mandate(member.address, delegate.address, **(defaults | fields))
    return mandate, member.sign_digest(mandate_digest(CLEARINGHOUSE_ID, mandate))


def sign_mandated(orders: Sequence[Order], venue: Account = VENUE) -> tuple[MandatedOrders, bytes]:
    """Return orders as a venue places them under mandates, and its signature."""
    columns = MandatedOrders.of(venue.address, orders)
    return columns, venue.sign_digest(mandated_orders_digest(CLEARINGHOUSE_ID, columns))


def delegated(order: Order, delegate: Account) -> SignedOrder:
    """Return an order signed by a delegate in its member's place."""
    signature = delegate.sign_digest(order_digest(CLEARINGHOUSE_ID, order))
    return SignedOrder(order, signature, delegate.address)
