"""Netting figures against hand-made books and the published reference numbers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fractions import Fraction

import pytest

from clearinghouse.netting.metrics import (
    NOTHING,
    NetTally,
    NettingFigures,
    figures_of_fills,
    figures_of_transfers,
)
from tests.recorded import recorded_path

OBLIGATIONS = (("A", "B", 100), ("B", "A", 60), ("B", "C", 90), ("C", "A", 80), ("C", "D", 50))
"""With D>B 30: gross 410, bilateral 290, multilateral 60, worked out on paper."""


def tally(payments: list[tuple[str, str, int]], by_pair: bool) -> NettingFigures:
    result = NetTally()
    for payer, payee, quanta in payments:
        if by_pair:
            low, high = sorted((payer, payee))
            result.post((low, high), "cash", quanta if payer == low else -quanta, quanta)
        else:
            result.post(payer, "cash", -quanta, quanta)
            result.post(payee, "cash", quanta, quanta)
    return result.figures()


def test_net_tally_matches_the_worked_example() -> None:
    payments = [*OBLIGATIONS, ("D", "B", 30)]
    multilateral = tally(payments, by_pair=False)
    assert multilateral == NettingFigures(gross=820, net=120, gross_legs=12, net_legs=4)
    assert multilateral.efficiency_exact == 1 - Fraction(60, 410)
    bilateral = tally(payments, by_pair=True)
    assert bilateral == NettingFigures(gross=410, net=290, gross_legs=6, net_legs=5)
    assert bilateral.efficiency == pytest.approx(0.292683, abs=1e-6)


@pytest.mark.parametrize("number", [1, 2])
def test_net_tally_matches_the_recorded_vectors(number: int) -> None:
    folder = recorded_path("vectors/risk")
    payments: dict[str, list[tuple[str, str, int]]] = {}
    with (folder / f"netting_trades_{number}.csv").open() as file:
        for row in csv.DictReader(file):
            quantity, price = int(row["qty"]), int(row["price"])
            payments.setdefault(row["asset"], []).append((row["seller"], row["buyer"], quantity))
            payments.setdefault("USDC", []).append((row["buyer"], row["seller"], quantity * price))
    with (folder / f"netting_metrics_{number}.csv").open() as file:
        expected = {row["asset"]: row for row in csv.DictReader(file)}
    assert set(expected) == set(payments)
    for asset, row in expected.items():
        multilateral = tally(payments[asset], by_pair=False)
        bilateral = tally(payments[asset], by_pair=True)
        assert multilateral.gross == 2 * bilateral.gross == 2 * int(row["gross"])
        assert bilateral.net == int(row["bilateral_net"])
        assert multilateral.net == 2 * int(row["multilateral_net"])
        assert multilateral.efficiency == pytest.approx(float(row["eff_multilateral"]), abs=1e-12)
        assert bilateral.efficiency == pytest.approx(float(row["eff_bilateral"]), abs=1e-12)


def test_figures_of_fills_nets_positions_cash_and_pairs_apart() -> None:
    """A round trip at a profit: no position is left, the profit is."""
    fills = [(1, 2, 7, 10, 1_000), (2, 1, 7, 10, 1_200)]
    figures = figures_of_fills(fills)
    assert figures.positions == NettingFigures(gross=4_400, net=0, gross_legs=4, net_legs=0)
    assert figures.cash == NettingFigures(gross=4_400, net=400, gross_legs=4, net_legs=2)
    assert figures.bilateral == NettingFigures(gross=2_200, net=0, gross_legs=2, net_legs=0)


def test_figures_of_fills_value_nets_at_the_last_price_or_at_the_marks() -> None:
    fills = [(1, 2, 7, 10, 1_000), (3, 2, 7, 2, 220)]
    assert figures_of_fills(fills).positions.net == (10 + 12 + 2) * 110
    assert figures_of_fills(fills, {7: 50}).positions.net == (10 + 12 + 2) * 50
    assert figures_of_fills(fills, {7: 50}).bilateral.net == (10 + 2) * 50


def test_figures_of_fills_cancel_through_a_third_member_only_multilaterally() -> None:
    ring = [(1, 2, 7, 5, 50), (2, 3, 7, 5, 50), (3, 1, 7, 5, 50)]
    figures = figures_of_fills(ring)
    assert figures.positions.efficiency == figures.cash.efficiency == 1
    assert figures.bilateral.efficiency == 0
    assert figures.bilateral.net_legs == 3


def test_figures_of_fills_ignore_a_fill_of_a_member_with_itself() -> None:
    figures = figures_of_fills([(1, 1, 7, 5, 50)])
    assert figures.positions.net == figures.cash.net == figures.bilateral.net == 0


@dataclass(frozen=True)
class Moved:
    sender: str
    receiver: str
    asset: str
    source: str
    destination: str
    amount: int
    worth_quanta: int


def test_figures_of_transfers_keep_assets_apart_and_value_them_together() -> None:
    """Opposite transfers of two users: the chains' inventory nets, the users' accounts do not."""
    transfers = [
        Moved("a", "a", "ETH", "one", "two", 3, 6_000),
        Moved("b", "b", "ETH", "two", "one", 2, 4_000),
        Moved("b", "b", "USDC", "two", "one", 500, 500),
    ]
    figures = figures_of_transfers(transfers)
    assert figures.accounts == NettingFigures(gross=21_000, net=21_000, gross_legs=6, net_legs=6)
    assert figures.chains == NettingFigures(gross=21_000, net=5_000, gross_legs=6, net_legs=4)


def test_figures_of_transfers_is_empty_when_nothing_moved() -> None:
    figures = figures_of_transfers([])
    assert figures.chains == NOTHING
    assert figures.chains.efficiency == 0


def test_netting_figures_add_up_over_windows() -> None:
    hour = figures_of_fills([(1, 2, 7, 10, 1_000)])
    other = figures_of_fills([(2, 1, 7, 10, 1_000)])
    assert (hour + other).positions == NettingFigures(4_000, 4_000, 4, 4)
    assert (hour + other).positions.efficiency == 0
