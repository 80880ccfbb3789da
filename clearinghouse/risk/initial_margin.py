"""Initial margin by instrument: a rate on the notional at the last admitted price.

The simplest model that is safe to say out loud: margins of a member's instruments add up, nothing
offsets, everything rounds against the member.
"""

from __future__ import annotations

from collections.abc import Mapping

from clearinghouse.book.identifiers import AssetId, InstrumentId, Position
from clearinghouse.book.reference import Instrument
from clearinghouse.book.rounding import divide_up
from clearinghouse.book.state import State

PARTS_PER_MILLION = 1_000_000


def instrument_margin_quanta(quantity: int, mark: int, instrument: Instrument) -> int:
    """Return ``|quantity| * mark * rate`` in quanta of the quote asset, rounded up."""
    return divide_up(abs(quantity) * mark * instrument.initial_margin_ppm, PARTS_PER_MILLION)


def required_quanta(
    state: State,
    position: Position,
    asset: AssetId,
    marks: Mapping[InstrumentId, int] | None = None,
) -> int:
    """Return the initial margin of all of a member's instruments quoted in ``asset``.

    ``marks`` defaults to the prices of the last admitted fills, quanta per lot.
    """
    marks = state.marks if marks is None else marks
    return sum(
        instrument_margin_quanta(held.quantity, marks[number], state.instruments[number])
        for number, held in state.holdings.get(position, {}).items()
        if held.quantity and state.instruments[number].quote_asset == asset
    )


def covers_fill(
    state: State,
    position: Position,
    instrument: Instrument,
    quantity: int,
    cash: int,
    price: int,
) -> bool:
    """Tell whether a member may take a fill of signed ``quantity`` for signed ``cash``.

    It may when it only reduces the position, or when collateral plus variation margin after the
    fill, valued at its ``price``, reaches the initial margin. One pass over the member's own
    instruments: this runs for every fill.
    """
    holdings = state.holdings.get(position, {})
    held = holdings.get(instrument.instrument_id)
    before = held.quantity if held is not None else 0
    after = before + quantity
    if abs(after) < abs(before) and after * before >= 0:
        return True
    asset = instrument.quote_asset
    basis = (held.basis if held is not None else 0) + cash
    equity = state.collateral(position, asset) + after * price - basis
    required = instrument_margin_quanta(after, price, instrument)
    for number, other in holdings.items():
        other_instrument = state.instruments[number]
        if number == instrument.instrument_id or other_instrument.quote_asset != asset:
            continue
        mark = state.marks[number]
        equity += other.quantity * mark - other.basis
        required += instrument_margin_quanta(other.quantity, mark, other_instrument)
    return equity >= required


def free_quanta(state: State, position: Position, asset: AssetId) -> int:
    """Return what a member could be paid out now: equity beyond the initial margin, at least 0.

    A gain that no cut has realised yet cannot be paid out, so it does not count; a loss does.
    """
    variation = min(0, state.variation(position, asset))
    equity = state.collateral(position, asset) + variation
    return max(0, equity - required_quanta(state, position, asset))
