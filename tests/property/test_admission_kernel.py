"""Admission three times: machine code, the interpreter, and the reference model, fill by fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings

from clearinghouse.book.columns import FillColumns, FillRows
from clearinghouse.book.earlier_entries import decode_any_entry
from clearinghouse.book.entries import BatchRecorded, encode_entry
from clearinghouse.book.identifiers import ZERO_HASH, Hash32, Position
from clearinghouse.book.orders import Fill, FillBatch, Reason
from clearinghouse.book.snapshot import encode_state
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.compiled import interpreted, warm_up
from clearinghouse.intake.admission import admit_columns, admit_rows
from clearinghouse.intake.admission_kernel import admit_fills
from clearinghouse.intake.verification import VerifiedBatch, VerifiedColumns
from tests.builders import START_SECONDS
from tests.ledger import reasons_of
from tests.property.admission_worlds import (
    INSTRUMENTS,
    MEMBERS,
    VENUES,
    Market,
    Program,
    digest_of,
    markets,
    programs,
)
from tests.reference.admission import Model, ModelFill


@pytest.fixture(scope="module", autouse=True)
def _machine_code() -> None:
    if not warm_up():
        pytest.skip("there is no numba here, so there is nothing to compare")
    assert admit_fills.is_ready


@dataclass
class Batch:
    """Fills that one venue sends at one time, with the model's decisions."""

    now_seconds: int
    venue: int
    fills: list[ModelFill] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


def decide(model: Model, program: Program) -> list[Batch]:
    """Have the model decide a program, and return what it came to."""
    batches = []
    for after_seconds, venue, intents in program:
        batch = Batch(START_SECONDS + after_seconds, venue)
        for intent in intents:
            fill = intent.fill(model)
            batch.fills.append(fill)
            batch.reasons.append(model.decide(fill, venue, batch.now_seconds))
        batches.append(batch)
    return batches


def columns_entry(state: State, batch: Batch, batch_id: Hash32) -> BatchRecorded:
    columns = FillColumns.of(
        VENUES[batch.venue],
        batch_id,
        *(
            [getattr(fill, name) for fill in batch.fills]
            for name in ("buy", "sell", "quantity", "cash")
        ),
    )
    verified = VerifiedColumns(columns, ZERO_HASH, b"")
    return admit_columns(state, verified, batch.now_seconds)


def rows_entry(state: State, batch: Batch, batch_id: Hash32) -> BatchRecorded:
    fills = [
        Fill(digest_of(fill.buy), digest_of(fill.sell), fill.quantity, fill.cash)
        for fill in batch.fills
    ]
    rows = FillRows.of(FillBatch(VENUES[batch.venue], batch_id, tuple(fills)))
    return admit_rows(state, VerifiedBatch(rows, ZERO_HASH, b"", {}, {}), batch.now_seconds)


def admit(market: Market, batches: Sequence[Batch], build: Any, compiled: bool) -> State:
    """Admit all batches and compare every decision; return the state after seeing that the entries
    alone lead to it as well."""
    state, replayed = market.state(), market.state()
    with nullcontext() if compiled else interpreted():
        assert admit_fills.is_ready is compiled
        for number, batch in enumerate(batches):
            batch_id = Hash32(number.to_bytes(32, "big"))
            entry = build(state, batch, batch_id)
            assert reasons_of(entry) == batch.reasons
            for each in (state, replayed):
                each.sequence += 1
            state.batches[(entry.venue, batch_id)] = state.sequence
            apply(replayed, decode_any_entry(encode_entry(entry)))
    assert encode_state(replayed) == encode_state(state)
    return state


def assert_equal(state: State, model: Model) -> None:
    """Compare everything that fills change."""
    rows = state.instrument_table.rows
    for number, instrument in enumerate(INSTRUMENTS):
        mark = model.mark(number)
        assert state.marks.get(instrument.instrument_id) == mark
        assert int(rows[number]["open_interest"]) == model.open_interest(number)
        for member in range(len(MEMBERS)):
            held = state.holdings_of(Position(member)).get(instrument.instrument_id, (0, 0))
            assert tuple(held) == (model.lots(member, number), model.basis(member, number))
    filled = state.orders.rows[: len(state.orders)]["filled"].tolist()
    assert filled == [model.filled(number) for number in range(len(model.orders))]
    assert state.fill_count == len(model.admitted)


SEEN: Counter[Reason] = Counter()


@given(markets, programs)
@settings(max_examples=2 * settings().max_examples)
def test_admission_decides_as_the_reference_when_fills_are_random_and_absurd(
    market: Market, program: Program
) -> None:
    model = market.model()
    batches = decide(model, program)
    states = [
        admit(market, batches, build, compiled)
        for build, compiled in (
            (columns_entry, True),
            (columns_entry, False),
            (rows_entry, True),
            (rows_entry, False),
        )
    ]
    for state in states:
        assert_equal(state, model)
    assert len({encode_state(state) for state in states}) == 1
    SEEN.update(reason for batch in batches for reason in batch.reasons)


def test_every_reason_of_a_fill_was_met_when_all_programs_were_decided() -> None:
    """The property above says little if its programs never reach a rule."""
    if not SEEN:
        pytest.skip("run together with the property")
    assert set(SEEN) == {
        Reason.ADMITTED,
        Reason.QUANTITY_INVALID,
        Reason.CASH_INVALID,
        Reason.ORDER_UNKNOWN,
        Reason.SIDE_MISMATCH,
        Reason.INSTRUMENT_MISMATCH,
        Reason.VENUE_MISMATCH,
        Reason.SELF_TRADE,
        Reason.ORDER_EXPIRED,
        Reason.ORDER_OVERFILLED,
        Reason.PRICE_OUTSIDE_LIMIT,
        Reason.TOTAL_OVERFLOW,
        Reason.MARGIN_INSUFFICIENT,
    }
