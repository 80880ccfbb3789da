"""Every listed instrument as a row, with its mark and its open interest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.growth import grown
from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.reference import Instrument

INSTRUMENT_ROW = np.dtype(
    [
        ("mark", np.int64),
        ("open_interest", np.int64),
        ("initial_margin_ppm", np.int64),
        ("asset", np.uint32),
        ("is_marked", np.uint32),
    ]
)
"""Quanta a lot, the price of the last admitted fill; lots held long, which equals those held short;
parts per million; row of the quote asset in the accounts; 1 from the first fill on."""


class InstrumentTable:
    """Instruments by row, in the order in which they were listed."""

    def __init__(self) -> None:
        self.rows: NDArray[Any] = np.zeros(0, INSTRUMENT_ROW)
        self.numbers: dict[InstrumentId, int] = {}
        self.ids: list[InstrumentId] = []

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, instrument: Instrument, asset: int) -> None:
        """Enter an instrument whose quote asset has row ``asset``."""
        number = len(self.ids)
        self.rows = grown(self.rows, number + 1)
        self.rows[number] = (0, 0, instrument.initial_margin_ppm, asset, 0)
        self.numbers[instrument.instrument_id] = number
        self.ids.append(instrument.instrument_id)

    def copied(self) -> InstrumentTable:
        """Return a copy."""
        copy = InstrumentTable()
        copy.rows, copy.numbers, copy.ids = self.rows.copy(), dict(self.numbers), list(self.ids)
        return copy

    def marks(self) -> dict[InstrumentId, int]:
        """Return the price of the last admitted fill of every instrument that has traded."""
        rows = self.rows[: len(self.ids)]
        return {
            instrument: int(mark)
            for instrument, mark, marked in zip(
                self.ids, rows["mark"], rows["is_marked"], strict=True
            )
            if marked
        }
