"""Variation margin, exact shares, and who pays for a shortfall."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.identifiers import Position
from clearinghouse.book.state import State
from clearinghouse.errors import Corruption
from clearinghouse.netting.nets import share_pro_rata, shortfall_flows, variation_amounts
from tests.builders import ALICE, BOB, BTC, CAROL, ETH, EUR, EURO_STOXX, USD, Clearing
from tests.ledger import amounts_of, mapping_of, with_marks, with_residuals

A, B, C, H = (Position(number) for number in range(4))


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB, CAROL)
    for member in (ALICE, BOB):
        clearing.deposit(member, 1_000_000, asset=EUR)
        clearing.accept_limits(member, asset=EUR)
    yield clearing
    clearing.close()


def variation_of(state: State) -> dict[int, dict[int, int]]:
    return {asset: mapping_of(amounts) for asset, amounts in variation_amounts(state).items()}


def variation(clearing: Clearing, **marks: int) -> dict[int, dict[int, int]]:
    by_name = {"btc": BTC, "eth": ETH, "estx": EURO_STOXX}
    prices = {by_name[name]: mark for name, mark in marks.items()}
    return clearing.read(lambda state: variation_of(with_marks(state, prices)))


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
        return variation_of(with_residuals(with_marks(state, {BTC: 103}), USD, {A: -30, C: 30}))

    assert clearing.read(look) == {USD: {B: -30, C: 30}, EUR: {}}


def test_variation_raises_when_it_does_not_sum_to_zero(clearing: Clearing) -> None:
    with pytest.raises(Corruption) as caught:
        clearing.read(lambda state: variation_amounts(with_residuals(state, USD, {A: 1})))
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
        (2**64, {A: 2**64, B: 2**64 - 1, C: 1}, {A: 2**63, B: 2**63}),
        (2**61 - 2, {A: 2**61 - 1}, {A: 2**61 - 2}),
    ],
)
def test_share_is_exact_and_largest_remainder_first_when_it_does_not_divide(
    total: int, bases: dict[Position, int], expected: dict[Position, int]
) -> None:
    bases_by_member = amounts_of(bases, 3)
    shares = share_pro_rata(total, bases_by_member)
    assert mapping_of(shares) == expected
    assert shares.dtype == bases_by_member.dtype


@pytest.mark.parametrize(("total", "bases"), [(1, {}), (6, {A: 5}), (-1, {A: 5})])
def test_share_raises_when_bases_cannot_bear_it(total: int, bases: dict[Position, int]) -> None:
    with pytest.raises(Corruption) as caught:
        share_pro_rata(total, amounts_of(bases, len(bases)))
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
    for factor in (1, 2**64):  # the second in Python integers
        many_before, many_nets = (
            amounts_of({position: factor * quanta for position, quanta in amounts.items()}, 4)
            for amounts in (before, nets)
        )
        flows = shortfall_flows(many_before, many_nets, house)
        assert mapping_of(flows) == {p: factor * quanta for p, quanta in expected.items()}
        assert flows.sum() == 0
        closings = many_before + many_nets + flows
        assert (closings >= 0).all()
        for position in {*before, *nets}:
            if position != house and nets.get(position, 0) >= 0:
                assert closings[position] >= many_before[position], (
                    "only a gain is given up, never what one had"
                )
