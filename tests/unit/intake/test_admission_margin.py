"""Margin as admission applies it: measured at the fill's own price, exact, in two halves."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import pytest

from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.orders import Reason
from clearinghouse.intake.admission_kernel import _is_covered, margin_quanta
from clearinghouse.risk.initial_margin import instrument_margin_quanta
from tests.builders import ALICE, BOB, BTC, CAROL, DAVE, ETH, HOUSE, INSTRUMENTS, Clearing


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Alice and Bob with 1,000 quanta each."""
    clearing = Clearing().start(ALICE, BOB, quanta=1_000)
    yield clearing
    clearing.close()


def covers(clearing: Clearing, quantity: int, price: int, cash: int | None = None) -> bool:
    position = clearing.position(ALICE)
    cash = quantity * price if cash is None else cash
    return clearing.read(
        lambda state: _is_covered(
            state.accounts.accounts,
            state.instrument_table.rows,
            state.holdings.rows,
            state.holdings.heads,
            position,
            state.instrument_table.numbers[BTC],
            quantity,
            cash,
            price,
        )
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_margin_is_exact_when_margin_is_just_enough(clearing: Clearing, sign: int) -> None:
    assert covers(clearing, sign * 100, 100)
    assert not covers(clearing, sign * 101, 100)


def test_margin_rounds_margin_up_when_a_fraction_is_missing(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 1)
    assert not covers(clearing, 1, 10_011)
    assert covers(clearing, 1, 10_010)


def test_margin_counts_what_the_fill_itself_loses_when_price_rounds(
    clearing: Clearing,
) -> None:
    # 100 lots for 10,050 quanta: price 100 by half-even, so 50 quanta are lost at once.
    assert not covers(clearing, 100, 100, cash=10_050)
    assert covers(clearing, 95, 100, cash=9_549)


def others_trade(clearing: Clearing, price: int, instrument: InstrumentId = BTC) -> None:
    """Set the mark without Alice and Bob."""
    for member in (CAROL, DAVE):
        clearing.deposit(member, 1_000)
        clearing.accept_limits(member)
    assert clearing.trade(CAROL, DAVE, 1, price, instrument) is Reason.ADMITTED


@pytest.mark.parametrize(("lots", "mark"), [(90, 40), (-90, 160)], ids=["long", "short"])
def test_margin_allows_reduction_when_a_price_is_no_worse_than_the_mark(
    clearing: Clearing, lots: int, mark: int
) -> None:
    clearing.trade(*((ALICE, BOB) if lots > 0 else (BOB, ALICE)), 90, 100)
    others_trade(clearing, mark)
    sign = 1 if lots > 0 else -1
    assert covers(clearing, -lots, mark), "closing"
    assert covers(clearing, -50 * sign, mark), "reducing"
    assert covers(clearing, -50 * sign, mark + sign), "better"
    assert not covers(clearing, -lots, mark - sign), "closing at a worse price"
    assert not covers(clearing, -50 * sign, mark, cash=-50 * sign * mark + 1), "worse by a quantum"
    assert not covers(clearing, sign, mark), "enlarging"
    assert not covers(clearing, -2 * lots, mark), "turning over to the same size"


def test_margin_allows_reduction_at_a_worse_price_when_equity_stays_at_zero(
    clearing: Clearing,
) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    assert covers(clearing, -10, 0), "loses all of the 1,000"
    assert covers(clearing, -5, 0), "the rest is worth as little"
    clearing.trade(ALICE, BOB, 1, 50, ETH)
    others_trade(clearing, 49, ETH)
    assert not covers(clearing, -10, 0), "one quantum is lost elsewhere"
    assert covers(clearing, -10, 0, cash=-1)


def test_house_pays_nothing_when_two_members_close_at_an_absurd_price(clearing: Clearing) -> None:
    clearing.deposit(HOUSE, 1_000_000)
    clearing.accept_limits(HOUSE)
    assert clearing.trade(ALICE, BOB, 1, 5_000) is Reason.ADMITTED
    for price in (1_000_000, 6_001):
        assert clearing.trade(BOB, ALICE, 1, price) is Reason.MARGIN_INSUFFICIENT
    assert clearing.trade(BOB, ALICE, 1, 6_000) is Reason.ADMITTED
    clearing.settle()
    owned = {member: sum(clearing.claims(member).values()) for member in (ALICE, BOB, HOUSE)}
    assert owned == {ALICE: 2_000, BOB: 0, HOUSE: 1_000_000}


def test_margin_needs_margin_when_position_turns_over(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 50, 100)
    assert covers(clearing, -150, 100)
    assert not covers(clearing, -151, 100)


def test_margin_values_other_instruments_when_they_gain_or_lose(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 100, 50, ETH)
    clearing.trade(ALICE, BOB, 1, 45, ETH)
    loss, margin = 100 * 5, -(-101 * 45 * 5 // 100)
    most = (1_000 - loss - margin) // 10
    assert covers(clearing, most, 100)
    assert not covers(clearing, most + 1, 100)


@pytest.mark.parametrize("notional", [0, 1, 999_999, 10**6, 10**6 + 1, 2**61 - 1])
@pytest.mark.parametrize("rate_ppm", [0, 1, 333_333, 999_999, 1_000_000])
def test_margin_of_a_notional_is_exact_when_it_needs_81_bits_in_between(
    notional: int, rate_ppm: int
) -> None:
    assert margin_quanta(notional, rate_ppm) == ceil(Fraction(notional * rate_ppm, 10**6))


def test_margin_is_that_of_the_risk_room_when_applied_to_a_holding() -> None:
    for lots in (-7, 0, 1, 12_345):
        for mark in (0, 1, 10_011):
            expected = instrument_margin_quanta(lots, mark, INSTRUMENTS[0])
            assert margin_quanta(abs(lots) * mark, INSTRUMENTS[0].initial_margin_ppm) == expected
