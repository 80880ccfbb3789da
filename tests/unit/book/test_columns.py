"""Columns: every value that exists has columns of one length, and numbers that fit their width."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders, packed
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import Fill, FillBatch, Side
from clearinghouse.errors import Rejected
from tests.builders import ALICE, BOB, OTHER_VENUE, VENUE, build_order

BATCH_ID = Hash32(b"\x07" * 32)
LARGEST = 2**64 - 1
COLUMNS = FillColumns.of(VENUE.address, BATCH_ID, [0, 5], [1, 2**32 - 1], [7, LARGEST], [0, 9])
FILLS = (
    Fill(Hash32(b"\x01" * 32), Hash32(b"\x02" * 32), 7, 0),
    Fill(Hash32(bytes(32)), Hash32(b"\xff" * 32), LARGEST, 2**63),
)
ROWS = FillRows.of(FillBatch(VENUE.address, BATCH_ID, FILLS))
ORDERS = (
    build_order(ALICE, Side.BUY, 10, 100, nonce=LARGEST, expiry=LARGEST),
    build_order(BOB, Side.SELL, LARGEST, 0, maximum_fee_rate=2**32 - 1),
)
MANDATED = MandatedOrders.of(VENUE.address, ORDERS)


def test_fill_columns_hold_what_they_were_made_of_when_read_as_arrays() -> None:
    assert COLUMNS.count == 2
    assert [array.tolist() for array in COLUMNS.arrays()] == [
        [0, 5], [1, 2**32 - 1], [7, LARGEST], [0, 9],
    ]  # fmt: skip
    assert COLUMNS.buy_orders == b"\x00\x00\x00\x00\x05\x00\x00\x00", "little-endian"
    assert len(b"".join(getattr(COLUMNS, name) for name in COLUMNS.WIDTHS)) == 2 * 24


def test_arrays_cannot_be_written_when_the_value_is_frozen() -> None:
    with pytest.raises(ValueError, match="read-only"):
        COLUMNS.array("cash")[0] = 1


def test_fill_rows_unpack_to_the_fills_that_were_packed() -> None:
    assert ROWS.fills == FILLS
    assert [array.shape for array in ROWS.arrays()] == [(2, 32), (2, 32), (2,), (2,)]
    assert FillRows.of(FillBatch(VENUE.address, BATCH_ID, ())).fills == ()


def test_mandated_orders_unpack_to_the_orders_that_were_packed() -> None:
    assert tuple(MANDATED.orders()) == ORDERS
    assert MANDATED.count == 2
    assert MandatedOrders.of(VENUE.address, ()).orders() == []


@pytest.mark.parametrize("value", [COLUMNS, ROWS, MANDATED], ids=["columns", "rows", "mandated"])
def test_columns_are_refused_when_one_is_longer_or_shorter_than_the_others(value: Any) -> None:
    for name in value.WIDTHS:
        column = getattr(value, name)
        for changed in (column[:-1], column + b"\x00", b""):
            fields = msgspec.structs.asdict(value) | {name: changed}
            with pytest.raises(Rejected) as refused:
                type(value)(**fields)
            assert refused.value.reason == "MALFORMED"


@pytest.mark.parametrize("value", [COLUMNS, ROWS, MANDATED], ids=["columns", "rows", "mandated"])
@pytest.mark.parametrize("field", ["venue", "batch_id"])
def test_columns_are_refused_when_an_identifier_has_another_length(value: Any, field: str) -> None:
    fields = msgspec.structs.asdict(value)
    if field in fields:
        with pytest.raises(Rejected) as refused:
            type(value)(**fields | {field: fields[field] + b"\x00"})
        assert refused.value.reason == "MALFORMED"


def test_columns_survive_the_journals_encoding_when_decoded() -> None:
    for value in (COLUMNS, ROWS, MANDATED):
        encoded = msgspec.json.encode(value)
        assert msgspec.json.decode(encoded, type=type(value)) == value


def test_mandated_orders_are_refused_when_a_side_is_neither() -> None:
    fields = msgspec.structs.asdict(MANDATED) | {"sides": b"\x00\x02"}
    with pytest.raises(Rejected) as refused:
        MandatedOrders(**fields)
    assert (refused.value.reason, refused.value.attributes["value"]) == ("OUT_OF_RANGE", 2)


def test_mandated_orders_are_refused_when_an_order_names_another_venue() -> None:
    other = build_order(ALICE, Side.BUY, 1, 1, venue=OTHER_VENUE.address)
    with pytest.raises(Rejected) as refused:
        MandatedOrders.of(VENUE.address, (ORDERS[0], other))
    assert refused.value.reason == "VENUE_MISMATCH"


@pytest.mark.parametrize(
    "fill",
    [
        msgspec.structs.replace(FILLS[0], quantity=-1),
        msgspec.structs.replace(FILLS[0], cash=2**64),
        msgspec.structs.replace(FILLS[0], buy_order=Hash32(bytes(31))),
        msgspec.structs.replace(FILLS[0], sell_order=Hash32(bytes(33))),
    ],
)
def test_fill_rows_are_refused_when_a_field_does_not_fit(fill: Fill) -> None:
    with pytest.raises(Rejected):
        FillRows.of(FillBatch(VENUE.address, BATCH_ID, (FILLS[0], fill)))


UINT32 = np.dtype("<u4")


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2**32 - 1],
        (3, 4),
        range(5),
        np.arange(4, dtype=np.int64),
        np.array([2**32 - 1], np.uint64),
        np.array([9], ">u2"),
        [],
    ],
    ids=repr,
)
def test_packed_gives_little_endian_bytes_when_numbers_fit(values: Any) -> None:
    expected = b"".join(int(value).to_bytes(4, "little") for value in values)
    assert packed("numbers", values, UINT32) == expected


@pytest.mark.parametrize(
    "values",
    [
        [-1],
        [2**32],
        [2**64],
        [-1, 2**63],
        [-(2**70), 1],
        [1.0],
        [1, 0.5],
        [True],
        ["1"],
        np.array([-1], np.int8),
        np.array([2**40], np.uint64),
    ],
    ids=repr,
)
def test_packed_is_refused_when_a_number_does_not_fit(values: Any) -> None:
    with pytest.raises(Rejected) as refused:
        packed("numbers", values, UINT32)
    assert refused.value.reason == "OUT_OF_RANGE"
    assert refused.value.attributes["name"] == "numbers"
