"""The synthetic market repeats by seed and looks like a tape."""

from __future__ import annotations

from collections import Counter

import pytest

from clearinghouse.tape.market import synthetic_market


def test_synthetic_market_repeats_when_the_seed_is_the_same() -> None:
    assert synthetic_market(seed=7) == synthetic_market(seed=7)
    assert synthetic_market(seed=7).trades != synthetic_market(seed=8).trades


def test_synthetic_market_has_the_asked_shape() -> None:
    tape = synthetic_market(accounts=50, instruments=6, trades=2_000, seed=3)
    assert len(tape.trades) == 2_000
    assert len(tape.coins) == 6
    assert 40 <= len(tape.accounts) <= 50
    assert [trade.tid for trade in tape.trades] == list(range(1, 2_001))
    assert all(trade.buyer != trade.seller for trade in tape.trades)
    assert all(trade.size > 0 and trade.price > 0 for trade in tape.trades)
    times = [trade.time_ms for trade in tape.trades]
    assert times == sorted(times)


def test_synthetic_market_has_orders_with_many_fills_on_both_sides() -> None:
    tape = synthetic_market(trades=2_000, seed=3)
    assert max(Counter(trade.buy_oid for trade in tape.trades).values()) >= 3
    assert max(Counter(trade.sell_oid for trade in tape.trades).values()) >= 3
    both = {t.buyer for t in tape.trades} & {t.seller for t in tape.trades}
    assert len(both) > len(tape.accounts) // 2


@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 0, 1), (3, 1, 0)])
def test_synthetic_market_refuses_when_nobody_could_trade(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        synthetic_market(*shape)
