"""Pre-trade validation: which fills of a verified batch are admitted, and why not the others.

Fills are decided one by one in their order, each against the state that the ones before it left,
so the decision is the same wherever and whenever it is repeated. Decided fills are applied to the
sequencer's state at once; the entry that records them replays to the same state.
"""

from __future__ import annotations

from clearinghouse.book.entries import BatchRecorded, RecordedFill
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import Fill, Order, Reason, Side, SignedOrder
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.rounding import divide_half_even
from clearinghouse.book.state import OpenOrder, State
from clearinghouse.book.transition import apply_fill
from clearinghouse.intake.verification import VerifiedBatch
from clearinghouse.risk.initial_margin import covers_fill


def admit_batch(state: State, verified: VerifiedBatch, now_seconds: int) -> BatchRecorded:
    """Decide a batch and apply its admitted fills and new orders to ``state``.

    Returns the entry to record; the caller must record it or throw ``state`` away. The batch id
    is entered by the caller when it knows the entry's sequence.
    """
    batch = verified.batch
    refused = dict(verified.refused)
    new_orders: list[tuple[Hash32, SignedOrder]] = []
    for digest, signed in verified.orders.items():
        if digest in state.orders:
            continue
        reason = _refuse_order(state, signed.order, batch.venue)
        if reason is not None:
            refused[digest] = reason
            continue
        position = state.positions[signed.order.member]
        state.orders[digest] = OpenOrder(signed.order, position)
        new_orders.append((digest, signed))
    fills = []
    for fill in batch.fills:
        reason = _decide(state, fill, refused, batch.venue, now_seconds)
        recorded = RecordedFill(fill.buy_order, fill.sell_order, fill.quantity, fill.cash, reason)
        if reason is Reason.ADMITTED:
            apply_fill(state, recorded)
        fills.append(recorded)
    return BatchRecorded(
        venue=batch.venue,
        batch_id=batch.batch_id,
        digest=verified.digest,
        signature=verified.signature,
        admitted_at=now_seconds,
        orders=tuple(new_orders),
        fills=tuple(fills),
    )


def _refuse_order(state: State, order: Order, venue: bytes) -> Reason | None:
    """Return why an order with a good signature cannot be taken, or None."""
    instrument = state.instruments.get(order.instrument)
    if instrument is None:
        return Reason.INSTRUMENT_UNKNOWN
    if order.venue != venue:
        return Reason.VENUE_MISMATCH
    if order.member not in state.positions:
        return Reason.MEMBER_UNKNOWN
    genesis = state.get_genesis()
    placed = any(
        (order.member, chain.chain_id, instrument.quote_asset) in state.placement_limits
        for chain in genesis.chains
    )
    return None if placed else Reason.PLACEMENT_LIMIT_MISSING


def _decide(
    state: State,
    fill: Fill,
    refused: dict[Hash32, Reason],
    venue: bytes,
    now_seconds: int,
) -> Reason:
    if not 0 < fill.quantity <= INT64_MAX:
        return Reason.QUANTITY_INVALID
    if not 0 <= fill.cash <= INT64_MAX:
        return Reason.CASH_INVALID
    buy, sell = state.orders.get(fill.buy_order), state.orders.get(fill.sell_order)
    if buy is None or sell is None:
        missing = fill.buy_order if buy is None else fill.sell_order
        return refused.get(missing, Reason.ORDER_UNKNOWN)
    if buy.order.side is not Side.BUY or sell.order.side is not Side.SELL:
        return Reason.SIDE_MISMATCH
    if buy.order.instrument != sell.order.instrument:
        return Reason.INSTRUMENT_MISMATCH
    if buy.order.venue != venue or sell.order.venue != venue:
        return Reason.VENUE_MISMATCH
    if buy.position == sell.position:
        return Reason.SELF_TRADE
    if buy.order.expiry < now_seconds or sell.order.expiry < now_seconds:
        return Reason.ORDER_EXPIRED
    if _exceeds(buy, fill.quantity) or _exceeds(sell, fill.quantity):
        return Reason.ORDER_OVERFILLED
    if fill.cash > buy.order.limit_price * fill.quantity:
        return Reason.PRICE_OUTSIDE_LIMIT
    if fill.cash < sell.order.limit_price * fill.quantity:
        return Reason.PRICE_OUTSIDE_LIMIT
    return _decide_risk(state, fill, buy, sell)


def _exceeds(open_order: OpenOrder, quantity: int) -> bool:
    return open_order.filled + quantity > open_order.order.quantity


def _decide_risk(state: State, fill: Fill, buy: OpenOrder, sell: OpenOrder) -> Reason:
    instrument = state.instruments[buy.order.instrument]
    price = divide_half_even(fill.cash, fill.quantity)
    for open_order, sign in ((buy, 1), (sell, -1)):
        quantity, cash = sign * fill.quantity, sign * fill.cash
        if _overflows(state, open_order, quantity, cash, price):
            return Reason.TOTAL_OVERFLOW
        if not covers_fill(state, open_order.position, instrument, quantity, cash, price):
            return Reason.MARGIN_INSUFFICIENT
    return Reason.ADMITTED


def _overflows(state: State, open_order: OpenOrder, quantity: int, cash: int, price: int) -> bool:
    """Tell whether a running total would leave the 63 bits that every store and contract takes."""
    held = state.holdings.get(open_order.position, {}).get(open_order.order.instrument)
    total_quantity = quantity + (held.quantity if held else 0)
    total_basis = cash + (held.basis if held else 0)
    largest = max(abs(total_quantity), abs(total_basis), abs(total_quantity) * price)
    return largest > INT64_MAX
