"""Initial margin: rounded against the member, added up, and measured at the fill's own price."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.identifiers import AssetId, InstrumentId
from clearinghouse.book.orders import Reason
from clearinghouse.book.reference import Instrument
from clearinghouse.risk.initial_margin import (
    free_quanta,
    instrument_margin_quanta,
    required_quanta,
)
from tests.builders import ALICE, BOB, BTC, CAROL, DAVE, ETH, EUR, SPOKE, USD, Clearing
from tests.ledger import with_residuals


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Alice and Bob with 1,000 quanta each."""
    clearing = Clearing().start(ALICE, BOB, quanta=1_000)
    yield clearing
    clearing.close()


@pytest.mark.parametrize(
    ("quantity", "mark", "rate_ppm", "expected"),
    [
        (0, 100, 100_000, 0),
        (10, 100, 100_000, 100),
        (-10, 100, 100_000, 100),
        (1, 1, 1, 1),
        (3, 3, 333_333, 3),
        (1_000_000, 1, 1, 1),
        (1_000_001, 1, 1, 2),
        (10, 0, 100_000, 0),
        (2**62, 2**62, 1_000_000, 2**124),
    ],
)
def test_instrument_margin_rounds_up_when_not_whole(
    quantity: int, mark: int, rate_ppm: int, expected: int
) -> None:
    instrument = Instrument(InstrumentId(9), "X", AssetId(1), 0, rate_ppm)
    assert instrument_margin_quanta(quantity, mark, instrument) == expected


def required(clearing: Clearing, asset: AssetId = USD) -> int:
    position = clearing.position(ALICE)
    return clearing.read(lambda state: required_quanta(state, position, asset))


def free(clearing: Clearing) -> int:
    position = clearing.position(ALICE)
    return clearing.read(lambda state: free_quanta(state, position, USD))


def test_required_adds_instruments_of_the_asset_when_several_are_held(clearing: Clearing) -> None:
    assert clearing.trade(ALICE, BOB, 10, 100, BTC) is Reason.ADMITTED
    assert clearing.trade(BOB, ALICE, 4, 50, ETH) is Reason.ADMITTED
    assert required(clearing) == 100 + 10
    assert required(clearing, EUR) == 0


def test_required_takes_given_marks_when_they_are_not_the_last(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    position = clearing.position(ALICE)
    assert clearing.read(lambda s: required_quanta(s, position, USD, {BTC: 200})) == 200


def test_required_is_zero_when_position_was_closed(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.trade(BOB, ALICE, 10, 120)
    assert required(clearing) == 0


def test_free_leaves_margin_and_losses_out_but_no_gain_in(clearing: Clearing) -> None:
    assert free(clearing) == 1_000
    clearing.trade(ALICE, BOB, 10, 100)
    assert free(clearing) == 1_000 - 100
    clearing.trade(ALICE, BOB, 1, 110)
    assert free(clearing) == 1_000 - 11 * 11, "a gain of 100 is not paid out before a cut"
    clearing.trade(ALICE, BOB, 1, 90)
    loss = 1_000 + 110 + 90 - 12 * 90
    assert free(clearing) == 1_000 - loss - 12 * 9


def test_free_is_zero_when_loss_exceeds_collateral(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 90, 100)
    for member in (CAROL, DAVE):
        clearing.deposit(member, 1_000)
        clearing.accept_limits(member)
    assert clearing.trade(CAROL, DAVE, 1, 50) is Reason.ADMITTED
    assert free(clearing) == 0


def test_free_leaves_accepted_releases_out_when_they_are_not_settled(clearing: Clearing) -> None:
    clearing.release(ALICE, 300)
    assert free(clearing) == 700


def test_collateral_leaves_an_owed_residual_out_but_counts_no_credit(clearing: Clearing) -> None:
    position = clearing.position(ALICE)

    def collateral(residual: int) -> int:
        return clearing.read(
            lambda state: with_residuals(state, USD, {position: residual}).collateral(position, USD)
        )

    assert collateral(-40) == 960
    assert collateral(40) == 1_000


def test_collateral_counts_deposits_of_every_chain_when_final(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 500, SPOKE)
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.collateral(position, USD)) == 1_500
