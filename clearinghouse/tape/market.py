"""Make a synthetic tape: the same seed gives the same trades on any machine.

Some accounts are makers that rest orders around a price that wanders; the others take, and one
taking order may sweep several resting ones. So orders have many fills, accounts trade both ways,
and a few accounts carry most of the volume, as on a recorded tape.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from clearinghouse.book.identifiers import Address
from clearinghouse.tape.trades import Tape, TapeTrade

_FIRST_TIME_MS = 1_700_000_000_000
_COINS = (("BTC", 60_000, 5), ("ETH", 3_000, 4), ("SOL", 150, 2), ("XRP", 2, 0))
"""Name, starting price in USDC, decimals of a lot; further coins are numbered like the last."""
_PRICE_STEP = Decimal("0.000001")
_SWEEP_MAX = 4
"""Most resting orders that one taking order meets."""


@dataclass(slots=True)
class _Resting:
    """A maker's order at its price, with what is left of it in lots."""

    maker: Address
    oid: int
    price: Decimal
    lots: int


def synthetic_market(
    accounts: int = 40, instruments: int = 4, trades: int = 1_000, seed: int = 1
) -> Tape:
    """Return a tape of exactly so many trades.

    Raises
    ------
    ValueError
        With fewer than three accounts, one instrument or one trade: nobody could trade then.
    """
    if accounts < 3 or instruments < 1 or trades < 1:
        raise ValueError("a market needs three accounts, one instrument and one trade at least")
    market = _Market(accounts, instruments, seed)
    made: list[TapeTrade] = []
    while len(made) < trades:
        made.extend(market.take())
    return Tape(f"synthetic seed {seed}", tuple(made[:trades]))


class _Market:
    def __init__(self, accounts: int, instruments: int, seed: int) -> None:
        self.random = random.Random(seed)
        everyone = [Address(self.random.randbytes(20)) for _ in range(accounts)]
        makers = max(2, accounts // 5)
        self.makers, self.takers = everyone[:makers], everyone[makers:]
        self.coins = [
            _COINS[i] if i < len(_COINS) else (f"C{i}", *_COINS[-1][1:]) for i in range(instruments)
        ]
        self.prices = [Decimal(price) for _, price, _ in self.coins]
        self.resting: dict[tuple[int, bool], list[_Resting]] = {}
        self.oids, self.tids = count(1), count(1)
        self.time_ms = _FIRST_TIME_MS

    def take(self) -> list[TapeTrade]:
        """Let one taker meet the best resting orders of one coin, one after the other."""
        coin = self._skewed(len(self.coins))
        name, _, places = self.coins[coin]
        taker = self.takers[self._skewed(len(self.takers))]
        buys = self.random.random() < 0.5
        oid = next(self.oids)
        self.time_ms += self.random.randrange(1, 400)
        self.prices[coin] *= 1 + Decimal(self.random.randrange(-8, 9)) / 10_000
        trades = []
        for _ in range(self.random.randrange(1, _SWEEP_MAX + 1)):
            offer = self._offer(coin, not buys)
            lots = min(offer.lots, self._lots(coin))
            offer.lots -= lots
            buyer, seller = (taker, offer.maker) if buys else (offer.maker, taker)
            trades.append(
                TapeTrade(
                    buyer=buyer,
                    seller=seller,
                    coin=name,
                    price=offer.price,
                    size=Decimal(lots).scaleb(-places),
                    time_ms=self.time_ms,
                    buy_oid=oid if buys else offer.oid,
                    sell_oid=offer.oid if buys else oid,
                    tid=next(self.tids),
                )
            )
        return trades

    def _offer(self, coin: int, buys: bool) -> _Resting:
        """Return the best resting order of a side, after makers have replenished it."""
        book = self.resting.setdefault((coin, buys), [])
        book[:] = [order for order in book if order.lots]
        while len(book) < 2 or self.random.random() < 0.2:
            maker = self.makers[self._skewed(len(self.makers))]
            distance = Decimal(self.random.randrange(1, 10)) / 10_000
            price = self.prices[coin] * (1 - distance if buys else 1 + distance)
            price = price.quantize(_PRICE_STEP)
            book.append(_Resting(maker, next(self.oids), price, 3 * self._lots(coin)))
        return (max if buys else min)(book, key=lambda order: order.price)

    def _lots(self, coin: int) -> int:
        """Return a size worth some hundred to some thousand USDC at the starting price."""
        _, price, places = self.coins[coin]
        return max(1, int(self.random.randrange(100, 5_000) * 10**places) // price)

    def _skewed(self, size: int) -> int:
        """Return an index below ``size``; low ones come far more often."""
        return min(self.random.randrange(size), self.random.randrange(size))
