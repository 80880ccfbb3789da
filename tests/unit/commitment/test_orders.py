"""What members and venues sign: every field counts, and none is signed out of its range (P12).

That the digests are EIP-712's is shown in ``test_vectors``.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import AssetId, ChainId, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import Fill, FillBatch, Order, PlacementLimit, Release, Side
from clearinghouse.commitment.orders import (
    fill_batch_digest,
    fill_columns_digest,
    fill_rows_digest,
    mandate_digest,
    mandated_order_digests,
    mandated_orders_digest,
    order_digest,
    order_digests,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.errors import Rejected
from tests.builders import ALICE, BOB, BTC, CLEARINGHOUSE_ID, OTHER_VENUE, VENUE, build_order
from tests.machine_code import on_both_paths

OTHER_ID = Hash32(b"\x55" * 32)
ORDER = build_order(ALICE, Side.BUY, 10, 100, maximum_fee_rate=3, nonce=4)
LIMIT = PlacementLimit(ALICE.address, ChainId(10), AssetId(1), 500, 4)
MANDATE = Mandate(
    ALICE.address, BOB.address, VENUE.address, BTC, 1_000, 2_000, 90, 1_900_000_000, 4
)
COLUMNS = FillColumns.of(VENUE.address, Hash32(b"\x03" * 32), [1, 2], [3, 4], [5, 6], [7, 8])
RELEASE = Release(ALICE.address, ChainId(10), AssetId(1), 500, 4, 1_900_000_000)
FILL = Fill(Hash32(b"\x01" * 32), Hash32(b"\x02" * 32), 10, 1_000)
BATCH = FillBatch(VENUE.address, Hash32(b"\x03" * 32), (FILL,))


def batch_of_fill(clearinghouse_id: Hash32, fill: Fill) -> Hash32:
    return fill_batch_digest(clearinghouse_id, FillBatch(VENUE.address, BATCH.batch_id, (fill,)))


SIGNED = [
    (order_digest, ORDER),
    (placement_limit_digest, LIMIT),
    (release_digest, RELEASE),
    (batch_of_fill, FILL),
    (mandate_digest, MANDATE),
    (fill_columns_digest, COLUMNS),
    (mandated_orders_digest, MandatedOrders.of(VENUE.address, [ORDER])),
]
SIGNED_IDS = ["order", "placement_limit", "release", "fill", "mandate", "columns", "mandated"]


@pytest.mark.parametrize(("digest", "value"), SIGNED, ids=SIGNED_IDS)
def test_digest_changes_when_any_field_changes(digest: Any, value: Any) -> None:
    digests = {digest(CLEARINGHOUSE_ID, value), digest(OTHER_ID, value)}
    for name in value.__struct_fields__:
        old = getattr(value, name)
        new = bytes(len(old) - 1) + b"\x99" if isinstance(old, bytes) else old + 1
        if name == "sides":
            new = b"\x01"
        changed = msgspec.structs.replace(value, **{name: new})
        digests.add(digest(CLEARINGHOUSE_ID, changed))
    assert len(digests) == 2 + len(value.__struct_fields__)


def test_batch_digest_changes_when_fills_are_swapped_dropped_or_doubled() -> None:
    other = msgspec.structs.replace(FILL, quantity=11)
    lists = [(), (FILL,), (other,), (FILL, other), (other, FILL), (FILL, FILL)]
    batches = [FillBatch(VENUE.address, BATCH.batch_id, fills) for fills in lists]
    batches.append(FillBatch(OTHER_VENUE.address, BATCH.batch_id, (FILL,)))
    batches.append(FillBatch(VENUE.address, OTHER_ID, (FILL,)))
    assert len({fill_batch_digest(CLEARINGHOUSE_ID, batch) for batch in batches}) == len(batches)


UINT32, UINT64, UINT128, CHAIN = 2**32, 2**64, 2**128, 2**63
BOUNDS = [
    (order_digest, ORDER, "instrument", UINT32),
    (order_digest, ORDER, "side", 2),
    (order_digest, ORDER, "quantity", UINT64),
    (order_digest, ORDER, "limit_price", UINT64),
    (order_digest, ORDER, "maximum_fee_rate", UINT32),
    (order_digest, ORDER, "expiry", UINT64),
    (order_digest, ORDER, "nonce", UINT64),
    (placement_limit_digest, LIMIT, "chain_id", CHAIN),
    (placement_limit_digest, LIMIT, "asset_id", UINT32),
    (placement_limit_digest, LIMIT, "maximum_quanta", UINT128),
    (placement_limit_digest, LIMIT, "nonce", UINT64),
    (release_digest, RELEASE, "chain_id", CHAIN),
    (release_digest, RELEASE, "asset_id", UINT32),
    (release_digest, RELEASE, "quanta", UINT64),
    (release_digest, RELEASE, "nonce", UINT64),
    (release_digest, RELEASE, "expiry", UINT64),
    (mandate_digest, MANDATE, "instrument", UINT32),
    (mandate_digest, MANDATE, "maximum_order_notional", UINT64),
    (mandate_digest, MANDATE, "maximum_total_notional", UINT64),
    (mandate_digest, MANDATE, "minimum_sell_price", UINT64),
    (mandate_digest, MANDATE, "expiry", UINT64),
    (mandate_digest, MANDATE, "nonce", UINT64),
    (batch_of_fill, FILL, "quantity", UINT64),
    (batch_of_fill, FILL, "cash", UINT64),
]


@pytest.mark.parametrize(("digest", "value", "name", "bound"), BOUNDS)
def test_digest_names_the_field_when_number_does_not_fit(
    digest: Any, value: Any, name: str, bound: int
) -> None:
    digest(CLEARINGHOUSE_ID, msgspec.structs.replace(value, **{name: bound - 1}))
    for outside in (-1, bound):
        with pytest.raises(Rejected) as caught:
            digest(CLEARINGHOUSE_ID, msgspec.structs.replace(value, **{name: outside}))
        assert caught.value.reason == "OUT_OF_RANGE"
        assert caught.value.attributes["name"] == name.replace("_", " ")
        assert caught.value.attributes["value"] == outside


@pytest.mark.parametrize(
    ("digest", "value", "name"),
    [
        (order_digest, ORDER, "member"),
        (order_digest, ORDER, "venue"),
        (mandate_digest, MANDATE, "member"),
        (mandate_digest, MANDATE, "delegate"),
        (mandate_digest, MANDATE, "venue"),
        (placement_limit_digest, LIMIT, "member"),
        (release_digest, RELEASE, "member"),
        (fill_batch_digest, BATCH, "venue"),
        (fill_batch_digest, BATCH, "batch_id"),
        (batch_of_fill, FILL, "buy_order"),
        (batch_of_fill, FILL, "sell_order"),
    ],
)
def test_digest_names_the_field_when_bytes_are_too_few_or_many(
    digest: Any, value: Any, name: str
) -> None:
    whole = getattr(value, name)
    for malformed in (b"", whole[:-1], whole + b"\x00"):
        with pytest.raises(Rejected) as caught:
            digest(CLEARINGHOUSE_ID, msgspec.structs.replace(value, **{name: malformed}))
        assert caught.value.reason == "MALFORMED"
        assert caught.value.attributes["name"] == name.replace("_", " ")


def test_order_digests_differ_when_only_the_member_does() -> None:
    orders = [Order(m.address, BTC, Side.BUY, 1, 1, 0, 1, 0, VENUE.address) for m in (ALICE, BOB)]
    assert len({order_digest(CLEARINGHOUSE_ID, order) for order in orders}) == 2


# -- many at once -------------------------------------------------------------------------------

uint32, uint64 = st.integers(0, UINT32 - 1), st.integers(0, UINT64 - 1)
addresses = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)
orders = st.builds(
    Order,
    member=addresses,
    instrument=uint32,
    side=st.sampled_from(Side),
    quantity=uint64,
    limit_price=uint64,
    maximum_fee_rate=uint32,
    expiry=uint64,
    nonce=uint64,
    venue=st.just(VENUE.address),
)
fills = st.builds(Fill, buy_order=hashes, sell_order=hashes, quantity=uint64, cash=uint64)


@given(st.lists(orders, max_size=20))
def test_order_digests_are_those_of_each_when_hashed_together(batch: list[Order]) -> None:
    expected = b"".join(order_digest(CLEARINGHOUSE_ID, order) for order in batch)
    columns = MandatedOrders.of(VENUE.address, batch)
    for digests in (
        on_both_paths(lambda: order_digests(CLEARINGHOUSE_ID, batch).tobytes()),
        on_both_paths(lambda: mandated_order_digests(CLEARINGHOUSE_ID, columns).tobytes()),
    ):
        assert digests == expected


def test_order_digests_are_those_of_each_when_there_are_more_than_one_core_takes() -> None:
    batch = [msgspec.structs.replace(ORDER, nonce=nonce) for nonce in range(5_000)]
    digests = on_both_paths(lambda: order_digests(CLEARINGHOUSE_ID, batch).tobytes())
    for index in (0, 4_095, 4_096, 4_999):
        one = order_digest(CLEARINGHOUSE_ID, batch[index])
        assert digests[32 * index : 32 * index + 32] == one


@given(st.lists(fills, max_size=20), hashes)
def test_rows_have_the_digest_of_their_batch_when_packed(
    batch: list[Fill], batch_id: bytes
) -> None:
    readable = FillBatch(VENUE.address, Hash32(batch_id), tuple(batch))
    rows = FillRows.of(readable)
    digest = on_both_paths(lambda: fill_rows_digest(CLEARINGHOUSE_ID, rows))
    assert digest == fill_batch_digest(CLEARINGHOUSE_ID, readable)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("instrument", UINT32, "OUT_OF_RANGE"),
        ("maximum_fee_rate", UINT32, "OUT_OF_RANGE"),
        ("side", 2, "OUT_OF_RANGE"),
        ("quantity", -1, "OUT_OF_RANGE"),
        ("nonce", UINT64, "OUT_OF_RANGE"),
        ("member", bytes(19), "MALFORMED"),
        ("venue", bytes(21), "MALFORMED"),
    ],
)
def test_order_digests_name_the_field_when_one_order_does_not_fit(
    field: str, value: Any, reason: str
) -> None:
    bad = msgspec.structs.replace(ORDER, **{field: value})
    with pytest.raises(Rejected) as caught:
        order_digests(CLEARINGHOUSE_ID, [ORDER, bad, ORDER])
    assert caught.value.reason == reason
    assert caught.value.attributes["name"] == field.replace("_", " ")
