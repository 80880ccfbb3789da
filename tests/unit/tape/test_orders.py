"""The orders that a tape implies admit every one of its fills."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from clearinghouse.book.identifiers import Address
from clearinghouse.tape.hyperliquid import read_hyperliquid
from clearinghouse.tape.instruments import cash_quanta, instruments_of
from clearinghouse.tape.market import synthetic_market
from clearinghouse.tape.orders import TapeOrder, orders_of
from clearinghouse.tape.trades import Tape, TapeTrade
from tests.recorded import recorded_path

BUYER, SELLER = Address(b"b" * 20), Address(b"s" * 20)
FIRST = TapeTrade(BUYER, SELLER, "XRP", Decimal("2.0000001"), Decimal("1.5"), 0, 10, 20, 1)


def orders(*trades: TapeTrade) -> list[TapeOrder]:
    tape = Tape("test", trades)
    return list(orders_of(tape, instruments_of(tape)).values())


def test_orders_of_sums_the_fills_of_one_order_and_takes_the_worst_price() -> None:
    second = replace(FIRST, price=Decimal("2.5"), size=Decimal(1), sell_oid=21, tid=2)
    assert orders(FIRST, second) == [
        TapeOrder(10, BUYER, "XRP", buys=True, quantity_lots=25, limit_quanta=250_000),
        TapeOrder(20, SELLER, "XRP", buys=False, quantity_lots=15, limit_quanta=200_000),
        TapeOrder(21, SELLER, "XRP", buys=False, quantity_lots=10, limit_quanta=250_000),
    ]


def test_orders_of_rounds_the_limit_against_the_member() -> None:
    bought, sold = orders(FIRST)
    assert (bought.limit_quanta, sold.limit_quanta) == (200_001, 200_000)


def test_orders_of_keeps_a_limit_of_one_when_the_price_is_less_than_a_quantum() -> None:
    bought, sold = orders(replace(FIRST, price=Decimal("0.0000001")))
    assert (bought.limit_quanta, sold.limit_quanta) == (1, 1)


def test_orders_of_keeps_accounts_apart_when_they_share_an_order_id() -> None:
    other = replace(FIRST, buyer=Address(b"c" * 20), sell_oid=30)
    assert Counter(order.oid for order in orders(FIRST, other)) == {10: 2, 20: 1, 30: 1}


@pytest.mark.parametrize(
    "changes", [{"coin": "BTC"}, {"buyer": SELLER, "seller": BUYER, "buy_oid": 20}]
)
def test_orders_of_refuses_when_an_order_has_two_sides_or_coins(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="two sides or coins"):
        orders(FIRST, replace(FIRST, **changes))


def assert_every_fill_is_within_its_orders(tape: Tape) -> None:
    instruments = instruments_of(tape)
    found = orders_of(tape, instruments)
    left = {key: order.quantity_lots for key, order in found.items()}
    for trade in tape.trades:
        buy, sell = (trade.buyer, trade.buy_oid), (trade.seller, trade.sell_oid)
        lots, cash = instruments[trade.coin].lots(trade), cash_quanta(trade)
        assert lots > 0
        assert found[sell].limit_quanta * lots <= cash <= found[buy].limit_quanta * lots
        left[buy] -= lots
        left[sell] -= lots
    assert not any(left.values())


def test_orders_of_admits_every_fill_of_the_synthetic_market() -> None:
    assert_every_fill_is_within_its_orders(synthetic_market(60, 6, 3_000, seed=5))


def test_orders_of_admits_every_fill_of_the_recorded_slice() -> None:
    tape = read_hyperliquid(recorded_path("data/hyperliquid_fills_20251027"))
    assert_every_fill_is_within_its_orders(tape)
    assert len(orders_of(tape, instruments_of(tape))) == 3_270
