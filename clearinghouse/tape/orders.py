"""Rebuild from a tape the orders that its fills imply.

A tape shows fills, not orders. The least order that explains the fills of one order id has the sum
of their quantities and their worst price as its limit, rounded in the member's disfavour to whole
quanta per lot: up for a buy, down for a sell.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from clearinghouse.book.identifiers import Address
from clearinghouse.tape.instruments import TapeInstrument
from clearinghouse.tape.trades import Tape


@dataclass(frozen=True, slots=True)
class TapeOrder:
    """What a member must have signed for its fills to be valid."""

    oid: int
    account: Address
    coin: str
    buys: bool
    quantity_lots: int
    limit_quanta: int
    """Quanta per lot, at least 1: the most a buyer pays, the least a seller takes."""


def orders_of(
    tape: Tape, instruments: dict[str, TapeInstrument]
) -> dict[tuple[Address, int], TapeOrder]:
    """Return one order per (account, order id), in the order of their first fills.

    Raises
    ------
    ValueError
        When the fills of one order differ in side or coin.
    """
    quantity: dict[tuple[Address, int], int] = {}
    terms: dict[tuple[Address, int], tuple[str, bool]] = {}
    worst: dict[tuple[Address, int], Fraction] = {}
    for trade in tape.trades:
        instrument = instruments[trade.coin]
        price, lots = instrument.price_quanta(trade), instrument.lots(trade)
        for account, oid, buys in (
            (trade.buyer, trade.buy_oid, True),
            (trade.seller, trade.sell_oid, False),
        ):
            key = (account, oid)
            if terms.setdefault(key, (trade.coin, buys)) != (trade.coin, buys):
                raise ValueError(f"order {oid} has fills of two sides or coins, at {trade.tid}")
            quantity[key] = quantity.get(key, 0) + lots
            worst[key] = (max if buys else min)(worst.get(key, price), price)
    return {
        key: TapeOrder(
            oid=key[1],
            account=key[0],
            coin=coin,
            buys=buys,
            quantity_lots=quantity[key],
            limit_quanta=max(1, ceil(worst[key]) if buys else floor(worst[key])),
        )
        for key, (coin, buys) in terms.items()
    }
