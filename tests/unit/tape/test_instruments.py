"""Decimals of a tape become exact lots and cash that is rounded once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from clearinghouse.book.identifiers import Address
from clearinghouse.tape.instruments import TapeInstrument, cash_quanta, instruments_of
from clearinghouse.tape.trades import Tape, TapeTrade


def trade(coin: str, price: str, size: str) -> TapeTrade:
    return TapeTrade(
        Address(b"b" * 20), Address(b"s" * 20), coin, Decimal(price), Decimal(size), 0, 1, 2, 3
    )


def test_instruments_of_takes_the_fewest_decimals_that_make_every_size_whole() -> None:
    tape = Tape(
        "test",
        (
            trade("ETH", "3000", "0.3500"),
            trade("ETH", "3000", "2"),
            trade("PEPE", "0.5", "12000"),
            trade("BTC", "9", "0.00001"),
        ),
    )
    instruments = instruments_of(tape)
    assert list(instruments) == ["BTC", "ETH", "PEPE"]
    assert {coin: i.size_decimals for coin, i in instruments.items()} == {
        "BTC": 5,
        "ETH": 2,
        "PEPE": 0,
    }
    assert [instruments[t.coin].lots(t) for t in tape.trades] == [35, 200, 12_000, 1]


def test_price_quanta_is_exact_per_lot() -> None:
    assert TapeInstrument("ETH", 2).price_quanta(trade("ETH", "0.00005", "1")) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("price", "size", "quanta"),
    [
        ("0.0000005", "1", 0),
        ("0.0000005", "3", 2),
        ("0.0000005", "5", 2),
        ("0.0000015", "1", 2),
        ("4215.9", "0.3565", 1_502_968_350),
        ("100000000000000000001", "1", 100_000_000_000_000_000_001_000_000),
    ],
)
def test_cash_quanta_rounds_half_even_once(price: str, size: str, quanta: int) -> None:
    assert cash_quanta(trade("ETH", price, size)) == quanta


def test_lots_refuses_when_the_size_is_finer_than_the_lot() -> None:
    with pytest.raises(ValueError, match="not whole lots"):
        TapeInstrument("ETH", 2).lots(trade("ETH", "1", "0.001"))


def test_lots_refuses_when_the_coin_is_another() -> None:
    with pytest.raises(ValueError, match="not whole lots"):
        TapeInstrument("ETH", 2).lots(trade("BTC", "1", "1"))
