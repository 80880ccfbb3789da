"""Variation margin, exact shares, and who pays for a shortfall."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.identifiers import Position
from clearinghouse.book.state import State
from clearinghouse.errors import Corruption
from clearinghouse.netting.nets import share_pro_rata, shortfall_flows, variation_amounts
from tests.builders import ALICE, BOB, BTC, CAROL, ETH, EUR, EURO_STOXX, USD, Clearing

A, B, C, H = (Position(number) for number in range(4))


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB, CAROL)
    for member in (ALICE, BOB):
        clearing.deposit(member, 1_000_000, asset=EUR)
        clearing.accept_limits(member, asset=EUR)
    yield clearing
    clearing.close()


def variation(clearing: Clearing, **marks: int) -> dict[int, dict[int, int]]:
    by_name = {"btc": BTC, "eth": ETH, "estx": EURO_STOXX}
    return clearing.read(
        lambda state: variation_amounts(
            state, state.marks | {by_name[name]: mark for name, mark in marks.items()}
        )
    )


def test_variation_is_zero_when_marks_are_the_traded_prices(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    assert variation(clearing) == {USD: {}, EUR: {}}


def test_variation_is_quantity_times_move_when_marks_move(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    assert variation(clearing, btc=103) == {USD: {A: 30, B: -30}, EUR: {}}


def test_variation_adds_instruments_of_one_asset_when_several_are_held(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100, BTC)
    clearing.trade(BOB, CAROL, 5, 20, ETH)
    clearing.trade(ALICE, BOB, 2, 50, EURO_STOXX)
    assert variation(clearing, btc=103, eth=18, estx=51) == {
        USD: {A: 30, B: -30 - 10, C: 10},
        EUR: {A: 2, B: -2},
    }


def test_variation_keeps_realised_profit_when_position_was_closed(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.trade(BOB, ALICE, 10, 107)
    assert variation(clearing, btc=1) == {USD: {A: 70, B: -70}, EUR: {}}


def test_variation_counts_from_the_last_committed_mark_when_cycles_follow(
    clearing: Clearing,
) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.trade(ALICE, CAROL, 1, 104)
    clearing.settle()
    assert variation(clearing) == {USD: {}, EUR: {}}
    clearing.trade(CAROL, BOB, 1, 103)
    assert variation(clearing) == {USD: {A: -11, B: 10, C: 1}, EUR: {}}


def test_variation_adds_what_was_carried_when_there_is_a_residual(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100)

    def look(state: State) -> dict[int, dict[int, int]]:
        state.residuals[USD] = {A: -30, C: 30}
        return variation_amounts(state, {BTC: 103})

    assert clearing.read(look) == {USD: {B: -30, C: 30}, EUR: {}}


def test_variation_raises_when_it_does_not_sum_to_zero(clearing: Clearing) -> None:
    def look(state: State) -> None:
        state.residuals[USD] = {A: 1}
        variation_amounts(state, {})

    with pytest.raises(Corruption) as caught:
        clearing.read(look)
    assert caught.value.reason == "nets_not_zero"


@pytest.mark.parametrize(
    ("total", "bases", "expected"),
    [
        (0, {}, {}),
        (0, {A: 5}, {}),
        (5, {A: 5}, {A: 5}),
        (3, {A: 1, B: 1, C: 1}, {A: 1, B: 1, C: 1}),
        (1, {A: 1, B: 1, C: 1}, {A: 1}),
        (2, {C: 1, B: 1, A: 1}, {A: 1, B: 1}),
        (5, {A: 6, B: 3, C: 1}, {A: 3, B: 2}),
        (7, {A: 6, B: 3, C: 1}, {A: 4, B: 2, C: 1}),
        (10, {A: 2**64, B: 2**64, C: 0}, {A: 5, B: 5}),
    ],
)
def test_share_is_exact_and_largest_remainder_first_when_it_does_not_divide(
    total: int, bases: dict[Position, int], expected: dict[Position, int]
) -> None:
    assert share_pro_rata(total, bases) == expected


@pytest.mark.parametrize(("total", "bases"), [(1, {}), (6, {A: 5}), (-1, {A: 5})])
def test_share_raises_when_bases_cannot_bear_it(total: int, bases: dict[Position, int]) -> None:
    with pytest.raises(Corruption) as caught:
        share_pro_rata(total, bases)
    assert caught.value.reason == "share_exceeds_bases"


@pytest.mark.parametrize(
    ("before", "nets", "house", "expected"),
    [
        pytest.param({A: 50, B: 0}, {A: -50, B: 50}, None, {}, id="exactly_covered"),
        pytest.param({A: 30}, {A: -50, B: 50}, None, {A: 20, B: -20}, id="gainer_pays"),
        pytest.param(
            {A: 30, H: 100}, {A: -50, B: 50}, H, {A: 20, H: -20}, id="house_pays_all"
        ),
        pytest.param(
            {A: 30, H: 5}, {A: -50, B: 50}, H, {A: 20, H: -5, B: -15}, id="house_first"
        ),
        pytest.param(
            {A: 30, H: 0}, {A: -50, B: 50}, H, {A: 20, B: -20}, id="house_has_nothing"
        ),
        pytest.param(
            {A: 0}, {A: -50, B: 40, C: 10}, None, {A: 50, B: -40, C: -10}, id="all_gains_go"
        ),
        pytest.param(
            {A: 45, B: 1_000}, {A: -50, B: 40, C: 10}, None, {A: 5, B: -4, C: -1}, id="pro_rata"
        ),
        pytest.param(
            {A: 10, C: 1_000}, {A: -50, B: 50}, None, {A: 40, B: -40}, id="no_gain_no_payment"
        ),
        pytest.param(
            {A: 0, H: 0}, {A: -50, H: 50}, H, {A: 50, H: -50}, id="house_is_the_gainer"
        ),
        pytest.param(
            {A: 0, H: 10}, {A: -50, H: 30, B: 20}, H, {A: 50, H: -40, B: -10},
            id="house_pays_its_gain_once",
        ),
        pytest.param(
            {H: 10}, {H: -50, B: 50}, H, {H: 40, B: -40}, id="house_is_short"
        ),
        pytest.param(
            {A: 10, H: 10}, {A: -30, H: -30, B: 60}, H, {A: 20, H: 20, B: -40}, id="both_short"
        ),
    ],
)  # fmt: skip
def test_shortfall_is_paid_by_house_then_gainers_when_closings_are_negative(
    before: dict[Position, int],
    nets: dict[Position, int],
    house: Position | None,
    expected: dict[Position, int],
) -> None:
    flows = shortfall_flows(before, nets, house)
    assert {position: quanta for position, quanta in flows.items() if quanta} == expected
    assert sum(flows.values()) == 0
    for position in {*before, *nets}:
        opening = before.get(position, 0)
        closing = opening + nets.get(position, 0) + flows.get(position, 0)
        assert closing >= 0
        if position != house and nets.get(position, 0) >= 0:
            assert closing >= opening, "only a gain is given up, never what one had"
