"""Novation of admitted fills: each side now faces the clearinghouse. Compiled where possible.

Everything here is a loop over rows of ``clearinghouse.book``'s tables, so that a batch costs no
Python object per fill. All numbers are 64-bit integers that cannot overflow, because no fill is
admitted that takes an instrument's open interest, its worth at the fill's price, or a member's
basis beyond ``LARGEST``: then every notional at a mark is at most ``LARGEST``. A commit opens a
basis anew at the worth at its cut plus what was paid since, which is at most four times as much; so
a variation margin is below 5 * 2^60, and what is beyond them is summed in two halves
(``clearinghouse.intake.admission_kernel``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.holding_table import HOLDING_ROW
from clearinghouse.book.instrument_table import INSTRUMENT_ROW
from clearinghouse.book.order_table import ORDER_ROW
from clearinghouse.book.orders import REASON_CODE, Reason
from clearinghouse.compiled import inlined, kernel

Whole = Any
"""An integer: NumPy's or Python's in the interpreter, 64 bits in machine code."""

LARGEST = 2**60 - 1
"""Of open interest in lots, of its worth in quanta and of a basis in quanta."""

ADMITTED = REASON_CODE[Reason.ADMITTED]

INTACT, OVERFILLED, SIDES = 0, 1, 2
"""What ``novate_fills`` found: everything in order, or a fill that never was admitted."""


@inlined
def rounded_price(cash: Whole, quantity: Whole) -> Whole:
    """Return cash / quantity, halves to the even neighbour, for non-negative cash."""
    quotient = cash // quantity
    rest = cash - quotient * quantity
    if rest > quantity - rest or (rest == quantity - rest and quotient & 1 == 1):
        return quotient + 1
    return quotient


@inlined
def open_interest_change(before: Whole, quantity: Whole) -> Whole:
    """Return by how much a trade of signed ``quantity`` changes what a member holds long."""
    return max(before + quantity, 0) - max(before, 0)


@inlined
def find_holding(
    holdings: NDArray[Any], heads: NDArray[np.int64], position: Whole, instrument: Whole
) -> Whole:
    """Return the row of a member's holding, -1 where there is none."""
    row = heads[position]
    while row >= 0 and holdings[row]["instrument"] != instrument:
        row = holdings[row]["next"]
    return row


@inlined
def trade(
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    count: Whole,
    position: Whole,
    instrument: Whole,
    quantity: Whole,
    cash: Whole,
) -> tuple[Whole, Whole]:
    """Change one holding; return the table's new count and the change of open interest."""
    row = find_holding(holdings, heads, position, instrument)
    if row < 0:
        row = count
        count += 1
        holdings[row]["quantity"] = 0
        holdings[row]["basis"] = 0
        holdings[row]["position"] = position
        holdings[row]["instrument"] = instrument
        holdings[row]["next"] = -1
        # At the end of the chain, so that a member's rows stay in the order of its first fills.
        last = heads[position]
        if last < 0:
            heads[position] = row
        else:
            while holdings[last]["next"] >= 0:
                last = holdings[last]["next"]
            holdings[last]["next"] = row
    before = holdings[row]["quantity"]
    holdings[row]["quantity"] = before + quantity
    holdings[row]["basis"] += cash
    return count, open_interest_change(before, quantity)


@inlined
def novate(
    orders: NDArray[Any],
    instruments: NDArray[Any],
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    count: Whole,
    buy: Whole,
    sell: Whole,
    quantity: Whole,
    cash: Whole,
) -> Whole:
    """Apply one admitted fill; return the holdings' new count."""
    orders[buy]["filled"] += quantity
    orders[sell]["filled"] += quantity
    instrument = orders[buy]["instrument"]
    count, bought = trade(
        holdings, heads, count, orders[buy]["position"], instrument, quantity, cash
    )
    count, sold = trade(
        holdings, heads, count, orders[sell]["position"], instrument, -quantity, -cash
    )
    instruments[instrument]["open_interest"] += bought + sold
    instruments[instrument]["mark"] = rounded_price(cash, quantity)
    instruments[instrument]["is_marked"] = 1
    return count


def _sample() -> tuple[Any, ...]:
    return (
        np.zeros(0, ORDER_ROW),
        np.zeros(0, INSTRUMENT_ROW),
        np.zeros(0, HOLDING_ROW),
        np.zeros(0, np.int64),
        0,
        *empty_fills(),
        np.frombuffer(b"", np.uint8),
    )


def empty_fills() -> tuple[Any, ...]:
    """Return columns of the types that compiled code takes: read-only, as bytes are."""
    return tuple(np.frombuffer(b"", kind) for kind in ("<u4", "<u4", "<u8", "<u8"))


@kernel(sample=_sample)
def novate_fills(
    orders: NDArray[Any],
    instruments: NDArray[Any],
    holdings: NDArray[Any],
    heads: NDArray[np.int64],
    count: Whole,
    buys: NDArray[np.uint32],
    sells: NDArray[np.uint32],
    quantities: NDArray[np.uint64],
    cash: NDArray[np.uint64],
    reasons: NDArray[np.uint8],
) -> tuple[Whole, Whole, Whole]:
    """Apply the admitted fills of a batch that was decided before.

    Returns the holdings' new count, the number of fills applied, and what was found; anything but
    ``INTACT`` means that the batch contradicts the orders, and the tables are then worthless.
    """
    admitted = 0
    for i in range(len(reasons)):
        if reasons[i] != ADMITTED:
            continue
        buy, sell = buys[i], sells[i]
        quantity, quanta = np.int64(quantities[i]), np.int64(cash[i])
        if quantity < 1 or quanta < 0:
            return count, admitted, OVERFILLED
        if buy >= len(orders) or sell >= len(orders):
            return count, admitted, SIDES
        if orders[buy]["side"] != 0 or orders[sell]["side"] != 1:
            return count, admitted, SIDES
        for number in (buy, sell):
            if orders[number]["filled"] > orders[number]["quantity"] - quantity:
                return count, admitted, OVERFILLED
        count = novate(orders, instruments, holdings, heads, count, buy, sell, quantity, quanta)
        admitted += 1
    return count, admitted, INTACT
