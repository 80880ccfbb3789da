"""A tape: trades in the order in which a venue matched them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from clearinghouse.book.identifiers import Address


@dataclass(frozen=True, slots=True)
class TapeTrade:
    """One match between a buyer's and a seller's order."""

    buyer: Address
    seller: Address
    coin: str
    """The venue's name of what is traded."""
    price: Decimal
    """USDC per unit of the coin, positive."""
    size: Decimal
    """Units of the coin, positive."""
    time_ms: int
    """Milliseconds since the epoch."""
    buy_oid: int
    """The venue's id of the buyer's order; one order has one account, side and coin."""
    sell_oid: int
    tid: int
    """The venue's id of the trade, unique in the tape."""


@dataclass(frozen=True, slots=True)
class Tape:
    """Trades with a note of where they come from."""

    source: str
    trades: tuple[TapeTrade, ...]

    @property
    def accounts(self) -> list[Address]:
        """Return everyone who traded, in ascending order."""
        return sorted({account for t in self.trades for account in (t.buyer, t.seller)})

    @property
    def coins(self) -> list[str]:
        """Return everything that was traded, in ascending order."""
        return sorted({trade.coin for trade in self.trades})
