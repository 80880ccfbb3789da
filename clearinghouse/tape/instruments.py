"""Turn a tape's decimals into the ledger's integers: lots and quanta.

A coin's lot is the smallest size step that its trades show, so a quantity in lots is exact. Cash is
rounded once per trade, half even, and the same integer is credited and debited.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from clearinghouse.tape.trades import Tape, TapeTrade

QUANTA_PER_USDC = 10**6
"""One quantum is 1e-6 USDC, the token's own base unit."""


@dataclass(frozen=True, slots=True)
class TapeInstrument:
    """What is traded under one coin name."""

    coin: str
    size_decimals: int
    """One lot is ``10**-size_decimals`` units of the coin; never negative."""

    @property
    def lots_per_unit(self) -> int:
        """Return how many lots one unit of the coin is."""
        return int(10**self.size_decimals)

    def lots(self, trade: TapeTrade) -> int:
        """Return the trade's quantity in lots.

        Raises
        ------
        ValueError
            When the size is not a whole number of lots, so the instrument is of another tape.
        """
        lots = Fraction(trade.size) * self.lots_per_unit
        if trade.coin != self.coin or lots.denominator != 1:
            raise ValueError(f"{trade.size} {trade.coin} is not whole lots of {self}")
        return lots.numerator

    def price_quanta(self, trade: TapeTrade) -> Fraction:
        """Return the trade's price in quanta per lot, exact."""
        return Fraction(trade.price) * QUANTA_PER_USDC / self.lots_per_unit


def instruments_of(tape: Tape) -> dict[str, TapeInstrument]:
    """Return the instruments of a tape by coin name, in ascending order.

    A coin's lot is the largest of 1, 0.1, 0.01 ... units of which every size on the tape is a
    multiple. Steps above one unit are not taken for lots: a few round sizes would suggest them.
    """
    decimals = dict.fromkeys(tape.coins, 0)
    for trade in tape.trades:
        exponent = trade.size.normalize().as_tuple().exponent
        if isinstance(exponent, int):
            decimals[trade.coin] = max(decimals[trade.coin], -exponent)
    return {coin: TapeInstrument(coin, places) for coin, places in decimals.items()}


def cash_quanta(trade: TapeTrade) -> int:
    """Return what the buyer owes the seller, in quanta, rounded half even once."""
    return round(Fraction(trade.price) * Fraction(trade.size) * QUANTA_PER_USDC)
