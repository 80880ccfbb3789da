"""Pre-trade validation: which fills of a verified batch are admitted, and why not the others.

Fills are decided one by one in their order, each against the state that the ones before it left,
so the decision is the same wherever and whenever it is repeated. Decided fills are applied to the
sequencer's state at once; the entry that records them replays to the same state. Batches of rows
and of columns differ only in how they name orders: both become columns of order numbers, which
compiled code decides (``clearinghouse.intake.admission_kernel``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.columns import FillColumns
from clearinghouse.book.entries import (
    BatchForm,
    BatchRecorded,
    RecordedOrder,
    UnknownOrders,
)
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import REASON_CODE, Order, Reason, SignedOrder
from clearinghouse.book.state import State
from clearinghouse.book.transition import enter_order
from clearinghouse.errors import Unavailable
from clearinghouse.intake.admission_kernel import admit_fills
from clearinghouse.intake.mandates import mandate_refusal
from clearinghouse.intake.verification import VerifiedBatch, VerifiedColumns

_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class EnteredOrders:
    """What became of the orders of a call."""

    recorded: tuple[RecordedOrder, ...]
    """Those that were not known before, entered in the state."""
    refused: dict[Hash32, Reason]


def enter_orders(
    state: State, venue: Address, orders: Mapping[Hash32, SignedOrder], now_seconds: int
) -> EnteredOrders:
    """Enter verified orders that are not known yet; the caller records them or throws ``state``.

    Raises
    ------
    Unavailable
        ``orders_exhausted``: nothing was entered. Orders that are known can be filled as before.
    """
    numbers = state.orders.numbers
    if not state.orders.has_room(len(orders)) and any(d not in numbers for d in orders):
        raise Unavailable(
            "orders_exhausted",
            "all order numbers are given; fill orders that are recorded, and have the operator "
            "begin a new journal",
        )
    recorded: list[RecordedOrder] = []
    refused: dict[Hash32, Reason] = {}
    for digest, signed in orders.items():
        if digest in numbers:
            continue
        reason = refuse_order(state, signed.order, signed.delegate, venue, now_seconds)
        if reason is not None:
            refused[digest] = reason
            continue
        recorded.append(RecordedOrder(digest, signed))
        enter_order(state, digest, signed.order, signed.delegate)
    return EnteredOrders(tuple(recorded), refused)


def admit_rows(state: State, verified: VerifiedBatch, now_seconds: int) -> BatchRecorded:
    """Decide a batch of rows and apply its admitted fills and new orders to ``state``.

    Returns the entry to record; the caller must record it or throw ``state`` away. The batch id
    is entered by the caller when it knows the entry's sequence.
    """
    rows = verified.batch
    entered = enter_orders(state, rows.venue, verified.orders, now_seconds)
    buys, sells = _digests(rows.buy_orders), _digests(rows.sell_orders)
    numbers = state.orders.numbers
    buy_numbers = np.array([numbers.get(digest, NO_ORDER) for digest in buys], "<u4")
    sell_numbers = np.array([numbers.get(digest, NO_ORDER) for digest in sells], "<u4")
    recorded = _admit(
        state,
        FillColumns(
            rows.venue,
            rows.batch_id,
            buy_numbers.tobytes(),
            sell_numbers.tobytes(),
            rows.quantities,
            rows.cash,
        ),
        now_seconds,
    )
    (unknown,) = np.nonzero((buy_numbers == NO_ORDER) | (sell_numbers == NO_ORDER))
    refused = {**verified.refused, **entered.refused}
    for index in unknown.tolist():
        if recorded[index] == REASON_CODE[Reason.ORDER_UNKNOWN]:
            missing = buys[index] if buy_numbers[index] == NO_ORDER else sells[index]
            recorded[index] = REASON_CODE[refused.get(missing, Reason.ORDER_UNKNOWN)]
    return BatchRecorded(
        venue=rows.venue,
        batch_id=rows.batch_id,
        form=BatchForm.ROWS,
        digest=verified.digest,
        signature=verified.signature,
        admitted_at=now_seconds,
        buy_orders=buy_numbers.tobytes(),
        sell_orders=sell_numbers.tobytes(),
        quantities=rows.quantities,
        cash=rows.cash,
        reasons=recorded.tobytes(),
        orders=entered.recorded,
        unknown=tuple(UnknownOrders(i, buys[i], sells[i]) for i in unknown.tolist()),
    )


def admit_columns(state: State, verified: VerifiedColumns, now_seconds: int) -> BatchRecorded:
    """Decide a batch of columns; as ``admit_rows``."""
    columns = verified.columns
    reasons = _admit(state, columns, now_seconds)
    return BatchRecorded(
        venue=columns.venue,
        batch_id=columns.batch_id,
        form=BatchForm.COLUMNS,
        digest=verified.digest,
        signature=verified.signature,
        admitted_at=now_seconds,
        buy_orders=columns.buy_orders,
        sell_orders=columns.sell_orders,
        quantities=columns.quantities,
        cash=columns.cash,
        reasons=reasons.tobytes(),
    )


def _admit(state: State, columns: FillColumns, now_seconds: int) -> NDArray[np.uint8]:
    holdings = state.holdings
    holdings.reserve(len(state.members), 2 * columns.count)
    reasons = np.zeros(columns.count, np.uint8)
    holdings.count, admitted = admit_fills(
        state.orders.rows,
        state.instrument_table.rows,
        holdings.rows,
        holdings.heads,
        state.accounts.accounts,
        holdings.count,
        len(state.orders),
        state.venue_rows[columns.venue],
        now_seconds,
        columns.array("buy_orders"),
        columns.array("sell_orders"),
        columns.array("quantities"),
        columns.array("cash"),
        reasons,
    )
    state.fill_count += admitted
    return reasons


def _digests(column: bytes) -> Sequence[Hash32]:
    starts = range(0, len(column), _HASH_BYTES)
    return [Hash32(column[start : start + _HASH_BYTES]) for start in starts]


def refuse_order(
    state: State, order: Order, delegate: Address | None, venue: Address, now_seconds: int
) -> Reason | None:
    """Return why an order with a good signature cannot be taken, or None.

    ``delegate`` is who signed in the member's place, under a mandate.
    """
    instrument = state.instruments.get(order.instrument)
    if instrument is None:
        return Reason.INSTRUMENT_UNKNOWN
    if order.venue != venue:
        return Reason.VENUE_MISMATCH
    if order.expiry < now_seconds:
        return Reason.ORDER_EXPIRED
    position = state.positions.get(order.member)
    if position is None:
        return Reason.MEMBER_UNKNOWN
    if not state.accounts.accepts_asset(position, instrument.quote_asset):
        return Reason.PLACEMENT_LIMIT_MISSING
    if delegate is None:
        return None
    return mandate_refusal(state, order, delegate, now_seconds)
