"""Holdings in rows: chains per member that survive growing and being put in order."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.book.holding_table import HoldingTable
from clearinghouse.book.identifiers import Position
from clearinghouse.book.novation import find_holding, open_interest_change, trade

Trade = tuple[int, int, int, int]
"""Position, instrument row, signed lots, signed quanta."""
trades = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(-3, 3), st.integers(-3, 3)),
    max_size=40,
)


def enter(table: HoldingTable, *entered: Trade) -> None:
    for position, instrument, lots, quanta in entered:
        table.reserve(position + 1, 1)
        table.count, _ = trade(
            table.rows, table.heads, table.count, position, instrument, lots, quanta
        )


def content(table: HoldingTable) -> dict[tuple[int, int], tuple[int, int]]:
    return {
        (position, instrument): (lots, quanta)
        for position in range(len(table.heads))
        for instrument, lots, quanta in table.of(Position(position))
    }


def sums(entered: list[Trade]) -> dict[tuple[int, int], tuple[int, int]]:
    found: dict[tuple[int, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for position, instrument, lots, quanta in entered:
        before = found[position, instrument]
        found[position, instrument] = (before[0] + lots, before[1] + quanta)
    return dict(found)


@given(trades, trades)
def test_holdings_are_the_sums_of_trades_when_the_table_was_compacted_between(
    before: list[Trade], after: list[Trade]
) -> None:
    table = HoldingTable()
    enter(table, *before)
    expected = sums(before)
    assert content(table) == expected
    table.compact()
    assert content(table) == {key: held for key, held in expected.items() if held != (0, 0)}
    keys = list(zip(table.used()["position"], table.used()["instrument"], strict=True))
    assert keys == sorted(keys)
    assert table.count == len(keys)
    enter(table, *after)
    kept = [(*key, *held) for key, held in content(table).items()]
    assert content(table) == sums(kept)
    for key, held in sums(before + after).items():
        assert content(table).get(key, (0, 0)) == held


def test_chain_is_in_the_order_of_first_trades_when_rows_interleave() -> None:
    table = HoldingTable()
    enter(table, (1, 4, 1, 1), (0, 2, 1, 1), (1, 0, 1, 1), (1, 4, 1, 1), (1, 3, 0, 0))
    assert [row for row, *_ in table.of(Position(1))] == [4, 0, 3]
    table.compact()
    assert [row for row, *_ in table.of(Position(1))] == [0, 4]
    assert [row for row, *_ in table.of(Position(0))] == [2]


def test_compacted_table_is_empty_when_every_holding_is() -> None:
    table = HoldingTable()
    table.compact()
    enter(table, (0, 0, 5, 7), (3, 1, 5, 7), (0, 0, -5, -7), (3, 1, -5, -7))
    table.compact()
    assert (table.count, table.heads.tolist()[:4]) == (0, [-1] * 4)
    enter(table, (3, 1, 2, 2))
    assert content(table) == {(3, 1): (2, 2)}


def test_row_stays_when_its_lots_are_closed_but_something_was_won() -> None:
    table = HoldingTable()
    enter(table, (0, 0, 5, 7), (0, 0, -5, -9))
    table.compact()
    assert content(table) == {(0, 0): (0, -2)}


def test_reserve_keeps_what_is_there_and_gives_new_members_no_row() -> None:
    table = HoldingTable()
    enter(table, (0, 0, 5, 7))
    table.reserve(1_000, 5_000)
    assert len(table.heads) >= 1_000
    assert len(table.rows) >= 5_001
    assert (table.heads[1:] == -1).all()
    assert content(table) == {(0, 0): (5, 7)}
    rows, heads = table.rows, table.heads
    table.reserve(1_000, 4_000)
    assert table.rows is rows
    assert table.heads is heads


def test_copy_stays_when_the_table_changes() -> None:
    table = HoldingTable()
    enter(table, (0, 0, 5, 7))
    copy = table.copied()
    enter(table, (0, 0, 1, 1), (1, 0, 1, 1))
    table.compact()
    assert content(copy) == {(0, 0): (5, 7)}


def test_member_beyond_the_table_has_nothing() -> None:
    assert list(HoldingTable().of(Position(7))) == []
    table = HoldingTable()
    enter(table, (0, 0, 5, 7))
    assert find_holding(table.rows, table.heads, 0, 1) == -1


@given(st.integers(-(2**60), 2**60), st.integers(-(2**60), 2**60))
def test_open_interest_follows_long_lots_when_a_position_changes(before: int, lots: int) -> None:
    change = open_interest_change(before, lots)
    assert max(before, 0) + change == max(before + lots, 0)
    assert int(np.int64(change)) == change
