"""Losses beyond 63 bits: the same arithmetic on Python integers, and nobody owed what is not there.

No admitted fill leads here; a ledger of many instruments at absurd prices would.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from clearinghouse.book.entries import InstrumentListed, ShortfallFlow
from clearinghouse.book.identifiers import InstrumentId, Position
from clearinghouse.book.orders import Reason
from clearinghouse.book.reference import Instrument
from clearinghouse.book.snapshot import decode_state, encode_state
from clearinghouse.book.state import State
from clearinghouse.netting.cut import cut
from clearinghouse.netting.nets import variation_amounts
from clearinghouse.settlement.proposal import Timing, build_proposal
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    CHAINS,
    HOME,
    HOUSE,
    START_SECONDS,
    USD,
    Clearing,
)
from tests.ledger import changed_claims, mapping_of

A, B, C = (Position(number) for number in range(3))
LOSS = 2**62
INSTRUMENTS = [Instrument(InstrumentId(50 + n), f"FREE{n}", USD, 0, 0) for n in range(6)]


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Alice holds a lot of six instruments that Bob has sold her; Carol looks on."""
    clearing = Clearing().start(ALICE, BOB, CAROL)
    for instrument in INSTRUMENTS:
        clearing.record(InstrumentListed(instrument))
        number = instrument.instrument_id
        assert clearing.trade(ALICE, BOB, 1, 5, number) is Reason.ADMITTED
    yield clearing
    clearing.close()


def lost(state: State) -> State:
    """Return a copy in which Alice has lost 2^62 quanta in each instrument to Bob."""
    copy = state.copied()
    rows = copy.holdings.rows
    for row in range(copy.holdings.count):
        rows[row]["basis"] += LOSS if rows[row]["position"] == A else -LOSS
    return copy


def test_variation_is_exact_when_a_member_loses_more_than_63_bits(clearing: Clearing) -> None:
    amounts = clearing.read(lambda state: variation_amounts(lost(state)))[USD]
    assert amounts.dtype == object
    assert mapping_of(amounts) == {A: -6 * LOSS, B: 6 * LOSS}


def test_variation_is_in_machine_integers_when_it_surely_fits(clearing: Clearing) -> None:
    assert clearing.read(lambda state: variation_amounts(state))[USD].dtype == np.int64


@pytest.mark.parametrize("house", [0, 700])
def test_cut_gives_away_what_there_is_when_a_loss_exceeds_63_bits(
    clearing: Clearing, house: int
) -> None:
    if house:
        clearing.deposit(HOUSE, house)
    at_cut = clearing.read(lost)
    plan = cut(at_cut, CHAINS, START_SECONDS)
    missing = 6 * LOSS - 1_000_000
    flows = {flow.position: flow.quanta for flow in plan.shortfalls}
    assert flows == {A: missing, B: house - missing} | ({Position(3): -house} if house else {})
    assert plan.nets[USD].dtype == np.int64
    expected = {(HOME, USD, B): 2_000_000 + house, (HOME, USD, C): 1_000_000}
    assert changed_claims(plan.changes) == expected
    assert plan.residuals == ()


def test_proposal_survives_journal_and_snapshot_when_its_flows_exceed_63_bits(
    clearing: Clearing,
) -> None:
    at_cut = clearing.read(lost)
    timing = Timing(START_SECONDS, START_SECONDS + 5, START_SECONDS + 9)
    plan = cut(at_cut, CHAINS, START_SECONDS)
    proposal = build_proposal(at_cut, plan, sorted(CHAINS), timing)
    clearing.cut(START_SECONDS)
    clearing.record(proposal)
    flow = ShortfallFlow(USD, A, 6 * LOSS - 1_000_000)
    for _ in range(2):
        encoding = clearing.read(encode_state)
        restored = decode_state(encoding)
        assert encode_state(restored) == encoding
        assert flow in restored.settlements[proposal.settlement_id].proposal.shortfalls
        clearing.restart()
