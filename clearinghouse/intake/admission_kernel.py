"""The rules of admission, fill by fill in the order of arrival; compiled where possible.

Each fill is decided against the state that the ones before it left. The same rules exist once more
in ``tests/reference/admission.py``, slow and readable, and a property test holds the two together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.account_table import ACCOUNT_ROW
from clearinghouse.book.holding_table import HOLDING_ROW
from clearinghouse.book.instrument_table import INSTRUMENT_ROW
from clearinghouse.book.novation import (
    ADMITTED,
    LARGEST,
    Whole,
    empty_fills,
    find_holding,
    novate,
    open_interest_change,
    rounded_price,
)
from clearinghouse.book.order_table import ORDER_ROW
from clearinghouse.book.orders import REASON_CODE, Reason
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.compiled import inlined, kernel

_QUANTITY_INVALID = REASON_CODE[Reason.QUANTITY_INVALID]
_CASH_INVALID = REASON_CODE[Reason.CASH_INVALID]
_ORDER_UNKNOWN = REASON_CODE[Reason.ORDER_UNKNOWN]
_SIDE_MISMATCH = REASON_CODE[Reason.SIDE_MISMATCH]
_INSTRUMENT_MISMATCH = REASON_CODE[Reason.INSTRUMENT_MISMATCH]
_VENUE_MISMATCH = REASON_CODE[Reason.VENUE_MISMATCH]
_SELF_TRADE = REASON_CODE[Reason.SELF_TRADE]
_ORDER_EXPIRED = REASON_CODE[Reason.ORDER_EXPIRED]
_ORDER_OVERFILLED = REASON_CODE[Reason.ORDER_OVERFILLED]
_PRICE_OUTSIDE_LIMIT = REASON_CODE[Reason.PRICE_OUTSIDE_LIMIT]
_TOTAL_OVERFLOW = REASON_CODE[Reason.TOTAL_OVERFLOW]
_MARGIN_INSUFFICIENT = REASON_CODE[Reason.MARGIN_INSUFFICIENT]

_PARTS_PER_MILLION = 1_000_000


@inlined
def _exceeds(cash: Whole, limit_price: Whole, quantity: Whole) -> Whole:
    """Compare cash with limit * quantity, which may need 126 bits; return -1, 0 or 1."""
    if limit_price > INT64_MAX // quantity:
        return -1
    worth = limit_price * quantity
    if cash == worth:
        return 0
    return 1 if cash > worth else -1


@inlined
def margin_quanta(notional: Whole, parts_per_million: Whole) -> Whole:
    """Return ``notional * ppm / 10^6`` rounded up, without a product beyond 63 bits."""
    whole = notional // _PARTS_PER_MILLION
    rest = (notional - whole * _PARTS_PER_MILLION) * parts_per_million
    return whole * parts_per_million + (rest + _PARTS_PER_MILLION - 1) // _PARTS_PER_MILLION


@inlined
def _is_covered(
    accounts: NDArray[Any],
    instruments: NDArray[Any],
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    position: Whole,
    instrument: Whole,
    quantity: Whole,
    cash: Whole,
    price: Whole,
) -> bool:
    """Tell whether a member may take a signed fill.

    Equity is collateral plus variation margin after the fill, valued at its price; it must reach
    the initial margin after it. A fill that only reduces needs no margin, but equity of at least
    0, unless it is no worse for the member than the mark: else two members could close at any
    price, and whoever guarantees the loser would pay. Both sums run over the member's instruments
    quoted in the same asset, in two halves of 32 bits: a single one may need 63 bits already.
    """
    row = find_holding(holdings, heads, position, instrument)
    before = holdings[row]["quantity"] if row >= 0 else 0
    basis = holdings[row]["basis"] if row >= 0 else 0
    after = before + quantity
    reduces = (0 <= after < before) or (before < after <= 0)
    # At most open interest times mark, which ``_fits`` kept within ``LARGEST``.
    if reduces and cash <= quantity * instruments[instrument]["mark"]:
        return True
    asset = instruments[instrument]["asset"]
    account = accounts[asset, position]
    excess = account["claims"] + account["pending"] - account["held"]
    excess += min(0, account["residual"])
    high, low = excess >> 32, excess & 0xFFFFFFFF
    excess = after * price - (basis + cash)
    high, low = high + (excess >> 32), low + (excess & 0xFFFFFFFF)
    if not reduces:
        excess = margin_quanta(abs(after) * price, instruments[instrument]["initial_margin_ppm"])
        high, low = high - (excess >> 32), low - (excess & 0xFFFFFFFF)
    row = heads[position]
    while row >= 0:
        other = holdings[row]["instrument"]
        if other != instrument and instruments[other]["asset"] == asset:
            worth = holdings[row]["quantity"] * instruments[other]["mark"]
            excess = worth - holdings[row]["basis"]
            high, low = high + (excess >> 32), low + (excess & 0xFFFFFFFF)
            if not reduces:
                excess = margin_quanta(abs(worth), instruments[other]["initial_margin_ppm"])
                high, low = high - (excess >> 32), low - (excess & 0xFFFFFFFF)
        row = holdings[row]["next"]
    return bool(high + (low >> 32) >= 0)


@inlined
def _fits(
    instruments: NDArray[Any],
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    buyer: Whole,
    seller: Whole,
    instrument: Whole,
    quantity: Whole,
    cash: Whole,
    price: Whole,
) -> bool:
    """Tell whether every total after the fill stays within ``LARGEST``."""
    if quantity > LARGEST or cash > LARGEST:
        return False
    change = 0
    for position, sign in ((buyer, 1), (seller, -1)):
        row = find_holding(holdings, heads, position, instrument)
        before = holdings[row]["quantity"] if row >= 0 else 0
        basis = holdings[row]["basis"] if row >= 0 else 0
        if abs(basis + sign * cash) > LARGEST:
            return False
        change += open_interest_change(before, sign * quantity)
    before = instruments[instrument]["open_interest"]
    largest = max(before, before + change)
    return bool(largest <= LARGEST and (price == 0 or largest <= LARGEST // price))


@inlined
def _decide(
    orders: NDArray[Any],
    instruments: NDArray[Any],
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    accounts: NDArray[Any],
    order_count: Whole,
    venue: Whole,
    now_seconds: Whole,
    buy: Whole,
    sell: Whole,
    quantity: Whole,
    cash: Whole,
) -> Whole:
    if buy >= order_count or sell >= order_count:
        return _ORDER_UNKNOWN
    bid, ask = orders[buy], orders[sell]
    if bid["side"] != 0 or ask["side"] != 1:
        return _SIDE_MISMATCH
    if bid["instrument"] != ask["instrument"]:
        return _INSTRUMENT_MISMATCH
    if bid["venue"] != venue or ask["venue"] != venue:
        return _VENUE_MISMATCH
    if bid["position"] == ask["position"]:
        return _SELF_TRADE
    if bid["expiry"] < now_seconds or ask["expiry"] < now_seconds:
        return _ORDER_EXPIRED
    if bid["filled"] > bid["quantity"] - quantity or ask["filled"] > ask["quantity"] - quantity:
        return _ORDER_OVERFILLED
    if _exceeds(cash, bid["limit_price"], quantity) > 0:
        return _PRICE_OUTSIDE_LIMIT
    if _exceeds(cash, ask["limit_price"], quantity) < 0:
        return _PRICE_OUTSIDE_LIMIT
    instrument, buyer, seller = bid["instrument"], bid["position"], ask["position"]
    price = rounded_price(cash, quantity)
    if not _fits(instruments, holdings, heads, buyer, seller, instrument, quantity, cash, price):
        return _TOTAL_OVERFLOW
    for position, sign in ((buyer, 1), (seller, -1)):
        if not _is_covered(
            accounts,
            instruments,
            holdings,
            heads,
            position,
            instrument,
            sign * quantity,
            sign * cash,
            price,
        ):
            return _MARGIN_INSUFFICIENT
    return ADMITTED


def _sample() -> tuple[Any, ...]:
    return (
        np.zeros(0, ORDER_ROW),
        np.zeros(0, INSTRUMENT_ROW),
        np.zeros(0, HOLDING_ROW),
        np.zeros(0, np.int64),
        np.zeros((1, 0), ACCOUNT_ROW),
        0,
        0,
        0,
        0,
        *empty_fills(),
        np.zeros(0, np.uint8),
    )


@kernel(sample=_sample)
def admit_fills(
    orders: NDArray[Any],
    instruments: NDArray[Any],
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    accounts: NDArray[Any],
    holding_count: Whole,
    order_count: Whole,
    venue: Whole,
    now_seconds: Whole,
    buys: NDArray[np.uint32],
    sells: NDArray[np.uint32],
    quantities: NDArray[np.uint64],
    cash: NDArray[np.uint64],
    reasons: NDArray[np.uint8],
) -> tuple[Whole, Whole]:
    """Decide a batch and apply what is admitted; ``reasons`` gets a code per fill.

    ``holdings`` has room for two more rows per fill. Returns the holdings' new count and how many
    fills were admitted.
    """
    admitted = 0
    for i in range(len(reasons)):
        buy, sell = np.int64(buys[i]), np.int64(sells[i])
        # Beyond 63 bits a number turns negative here. Compared as it is with a signed one, compiled
        # code would make floats of both, which takes 2^63 for 2^63 - 1.
        lots, quanta = np.int64(quantities[i]), np.int64(cash[i])
        if lots < 1:
            reasons[i] = _QUANTITY_INVALID
            continue
        if quanta < 0:
            reasons[i] = _CASH_INVALID
            continue
        reason = _decide(
            orders,
            instruments,
            holdings,
            heads,
            accounts,
            order_count,
            venue,
            now_seconds,
            buy,
            sell,
            lots,
            quanta,
        )
        reasons[i] = reason
        if reason == ADMITTED:
            holding_count = novate(
                orders, instruments, holdings, heads, holding_count, buy, sell, lots, quanta
            )
            admitted += 1
    return holding_count, admitted
