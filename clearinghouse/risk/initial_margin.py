"""Initial margin by instrument: a rate on the notional at the last admitted price.

The simplest model that is safe to say out loud: margins of a member's instruments add up, nothing
offsets, everything rounds against the member. Admission applies it fill by fill in compiled code
(``clearinghouse.intake.admission_kernel``); this is for whoever asks about one member.
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
        for number, held in state.holdings_of(position).items()
        if held.quantity and state.instruments[number].quote_asset == asset
    )


def free_quanta(state: State, position: Position, asset: AssetId) -> int:
    """Return what a member could be paid out now: equity beyond the initial margin, at least 0.

    A gain that no cut has realised yet cannot be paid out, so it does not count; a loss does.
    """
    variation = min(0, state.variation(position, asset))
    equity = state.collateral(position, asset) + variation
    return max(0, equity - required_quanta(state, position, asset))
