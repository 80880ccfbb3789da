"""Goal: orders go ahead and get numbers, fills name them in columns, mandates sign for members."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest

from clearinghouse.api.client import (
    sign_fill_batch,
    sign_fill_columns,
    sign_mandate,
    sign_mandated_orders,
    sign_order,
    sign_order_as_delegate,
)
from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import (
    REASON_CODE,
    REASON_OF_CODE,
    Fill,
    FillBatch,
    Reason,
    Side,
    SignedOrder,
)
from clearinghouse.errors import Conflict, Rejected, Unavailable
from clearinghouse.intake.ports import ColumnsReceipt
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CLEARINGHOUSE_ID,
    NEVER,
    OTHER_VENUE,
    VENUE,
    Account,
    Clearing,
    build_order,
    hash_of,
)
from tests.unit.api.serving import (
    FakeIntake,
    Served,
    columns_of,
    columns_receipt,
    serving,
)

NO_ORDER = 2**32 - 1


def signed(member: Account, side: Side, nonce: int, **fields: Any) -> SignedOrder:
    order = build_order(member, side, 10, 100, nonce=nonce, **fields)
    return sign_order(member.key, CLEARINGHOUSE_ID, order)


def numbers_of(receipt: Any) -> list[int]:
    return np.frombuffer(receipt.numbers, "<u4").tolist()


def reasons_of(receipt: Any) -> list[Reason]:
    return [REASON_OF_CODE[code] for code in receipt.reasons]


def submit(served: Served, number: int, *columns: Any) -> ColumnsReceipt:
    value = FillColumns.of(VENUE.address, Hash32(number.to_bytes(32, "big")), *columns)
    signature = sign_fill_columns(VENUE.key, CLEARINGHOUSE_ID, value)
    return served.client.submit_columns(value, signature)


def give_mandate(served: Served, delegate: Address, **fields: Any) -> int:
    mandates = []
    for member in (ALICE, BOB):
        mandate = Mandate(
            **{
                "member": member.address,
                "delegate": delegate,
                "venue": VENUE.address,
                "instrument": BTC,
                "maximum_order_notional": 1_000,
                "maximum_total_notional": 2_000,
                "minimum_sell_price": 100,
                "expiry": NEVER,
                "nonce": 1,
            }
            | fields
        )
        mandates.append((mandate, sign_mandate(member.key, CLEARINGHOUSE_ID, mandate)))
    return served.client.register_mandates(mandates)


def test_fills_of_numbered_orders_are_novated_when_orders_went_ahead(
    clearing: Clearing, served: Served
) -> None:
    orders = [signed(ALICE, Side.BUY, 1), signed(BOB, Side.SELL, 2)]
    ahead = served.client.register_orders(VENUE.address, orders)
    assert (numbers_of(ahead), reasons_of(ahead)) == ([0, 1], [Reason.ADMITTED] * 2)
    receipt = submit(served, 1, [0, 0, 0], [1, 1, 99], [4, 7, 1], [400, 700, 100])
    assert reasons_of(receipt) == [Reason.ADMITTED, Reason.ORDER_OVERFILLED, Reason.ORDER_UNKNOWN]
    assert clearing.holding(ALICE) == (4, 400)
    assert clearing.holding(BOB) == (-4, -400)


def test_columns_are_answered_as_the_first_time_when_repeated(served: Served) -> None:
    served.client.register_orders(
        VENUE.address, [signed(ALICE, Side.BUY, 1), signed(BOB, Side.SELL, 2)]
    )
    first = submit(served, 1, [0], [1], [4], [400])
    assert submit(served, 1, [0], [1], [4], [400]) == first
    with pytest.raises(Conflict) as refused:
        submit(served, 1, [0], [1], [3], [300])
    assert refused.value.reason == "BATCH_CONFLICT"


def test_orders_keep_their_numbers_when_sent_again_with_others(served: Served) -> None:
    first, second = signed(ALICE, Side.BUY, 1), signed(ALICE, Side.BUY, 2)
    forged = SignedOrder(second.order, first.signature)
    elsewhere = signed(ALICE, Side.BUY, 4, venue=OTHER_VENUE.address)
    served.client.register_orders(VENUE.address, [first])
    again = served.client.register_orders(VENUE.address, [forged, first, elsewhere])
    assert numbers_of(again) == [NO_ORDER, 0, NO_ORDER]
    assert reasons_of(again) == [
        Reason.SIGNATURE_INVALID, Reason.ADMITTED, Reason.VENUE_MISMATCH,
    ]  # fmt: skip
    assert numbers_of(served.client.register_orders(VENUE.address, [second, first])) == [1, 0]


def test_orders_of_several_calls_at_once_have_distinct_numbers(served: Served) -> None:
    calls = [[signed(ALICE, Side.BUY, 100 * call + n) for n in range(40)] for call in range(6)]
    with ThreadPoolExecutor(6) as pool:
        receipts = pool.map(lambda o: served.client.register_orders(VENUE.address, o), calls)
        numbers = [number for receipt in receipts for number in numbers_of(receipt)]
    assert sorted(numbers) == list(range(240))


def test_session_key_orders_within_its_mandate_and_no_further(
    clearing: Clearing, served: Served
) -> None:
    buy, sell, more = (
        sign_order_as_delegate(
            CAROL.key, CLEARINGHOUSE_ID, build_order(member, side, 10, 100, nonce=nonce)
        )
        for member, side, nonce in ((ALICE, Side.BUY, 1), (BOB, Side.SELL, 2), (ALICE, Side.BUY, 3))
    )
    assert reasons_of(served.client.register_orders(VENUE.address, [buy])) == [
        Reason.MANDATE_UNKNOWN
    ]
    assert give_mandate(served, CAROL.address, maximum_total_notional=1_000) > 0
    receipt = served.client.register_orders(VENUE.address, [buy, sell, more])
    assert reasons_of(receipt) == [Reason.ADMITTED, Reason.ADMITTED, Reason.MANDATE_EXCEEDED]
    assert reasons_of(submit(served, 1, [0], [1], [10], [1_000])) == [Reason.ADMITTED]
    assert clearing.holding(ALICE) == (10, 1_000)


def test_venue_orders_for_its_members_when_they_gave_it_a_mandate(
    clearing: Clearing, served: Served
) -> None:
    orders = [
        build_order(ALICE, Side.BUY, 10, 100),
        build_order(BOB, Side.SELL, 10, 100),
        build_order(BOB, Side.SELL, 10, 99),
        build_order(CAROL, Side.SELL, 10, 100),
    ]
    columns = MandatedOrders.of(VENUE.address, orders)
    signature = sign_mandated_orders(VENUE.key, CLEARINGHOUSE_ID, columns)
    give_mandate(served, VENUE.address)
    receipt = served.client.register_mandated_orders(columns, signature)
    assert numbers_of(receipt) == [0, 1, NO_ORDER, NO_ORDER]
    assert reasons_of(receipt)[2:] == [Reason.MANDATE_EXCEEDED, Reason.MANDATE_UNKNOWN]
    assert numbers_of(served.client.register_mandated_orders(columns, signature))[:2] == [0, 1]
    submit(served, 1, [0], [1], [10], [1_000])
    before = clearing.hash()
    clearing.restart()
    assert clearing.hash() == before, "the journal alone gives the same orders and mandates"


def test_mandates_are_refused_when_one_is_superseded(served: Served) -> None:
    give_mandate(served, CAROL.address, nonce=5)
    assert give_mandate(served, CAROL.address, nonce=5) > 0, "a repetition is harmless"
    with pytest.raises(Conflict) as refused:
        give_mandate(served, CAROL.address, nonce=4)
    assert refused.value.reason == "MANDATE_SUPERSEDED"


@pytest.mark.parametrize("count", [0, 8_193])
def test_mandates_are_refused_when_none_or_too_many_are_sent(count: int) -> None:
    mandate = Mandate(bytes(20), bytes(20), bytes(20), BTC, 1, 1, 1, 1, 1)  # type: ignore[arg-type]
    with serving() as served:
        with pytest.raises(Rejected) as refused:
            served.client.register_mandates([(mandate, b"")] * count)
    assert (refused.value.reason, refused.value.attributes) == (
        "MANDATES_COUNT", {"count": str(count)},
    )  # fmt: skip


def test_calls_hand_over_what_was_sent_when_intake_is_another() -> None:
    intake = FakeIntake()
    order = signed(ALICE, Side.BUY, 1)
    columns = MandatedOrders.of(VENUE.address, [order.order])
    with serving(intake) as served:
        served.client.register_orders(VENUE.address, [order])
        served.client.register_mandated_orders(columns, b"s")
    assert intake.sent == [(VENUE.address, [order]), (columns, b"s")]


def test_batch_is_answered_alike_when_its_rows_come_packed(served: Served) -> None:
    buy, sell = signed(ALICE, Side.BUY, 1), signed(BOB, Side.SELL, 2)
    fill = Fill(hash_of(buy), hash_of(sell), 1, 100)
    batch = FillBatch(VENUE.address, Hash32(b"\x09" * 32), (fill,) * 3)
    rows = FillRows.of(batch)
    signature = sign_fill_batch(VENUE.key, CLEARINGHOUSE_ID, rows)
    assert signature == sign_fill_batch(VENUE.key, CLEARINGHOUSE_ID, batch)
    first = served.client.submit_batch(rows, [buy, sell], signature)
    assert first.reasons == (Reason.ADMITTED,) * 3
    assert served.client.submit_batch(batch, [buy, sell], signature) == first
    assert list(served.client.stream_batches([(rows, [], signature)])) == [first]


# -- streams of columns -------------------------------------------------------------------------


def test_stream_of_columns_answers_in_order_when_all_are_admitted() -> None:
    intake = FakeIntake()
    with serving(intake) as served:
        sent = [(columns_of(number, 3), bytes(65)) for number in range(1, 201)]
        answers = list(served.client.stream_columns(sent))
    assert answers == [columns_receipt(number) for number in range(1, 201)]
    assert intake.batches == [columns for columns, _ in sent]


def test_stream_of_columns_stops_reading_when_the_window_has_its_weight() -> None:
    """Each request has a little more than 24 kB, so a window of 100 kB holds four of them."""
    intake = FakeIntake()
    intake.deciding = False
    with serving(intake, window_bytes=100_000) as served:
        answers = served.client.stream_columns(
            (columns_of(number, 1_000), bytes(65)) for number in range(1, 21)
        )
        with ThreadPoolExecutor(1) as pool:
            collected = pool.submit(list, answers)
            for decided in range(20):
                # One more is being answered than the window holds, and never another.
                intake.wait_for(min(20, decided + 5))
                assert len(intake.futures) <= decided + 5
                intake.futures[decided].set_result(columns_receipt(decided + 1))
            assert collected.result() == [columns_receipt(number) for number in range(1, 21)]


def test_stream_of_columns_takes_one_of_any_weight_when_the_window_is_empty() -> None:
    with serving(window_bytes=10) as served:
        sent = [(columns_of(number, 1_000), bytes(65)) for number in range(1, 6)]
        answers = list(served.client.stream_columns(sent))
    assert answers == [columns_receipt(number) for number in range(1, 6)]


def test_stream_of_columns_goes_on_when_some_are_refused() -> None:
    intake = FakeIntake()
    full = Unavailable("queue_full", "send it again after a moment", limit=7)
    refused = columns_of(2).batch_id
    intake.refuse = lambda batch: full if batch.batch_id == refused else None
    with serving(intake) as served:
        sent = [(columns_of(number), bytes(65)) for number in range(1, 4)]
        first, second, third = served.client.stream_columns(sent)
    assert (first, third) == (columns_receipt(1), columns_receipt(2))
    assert isinstance(second, Unavailable)
    assert (second.reason, second.attributes) == ("queue_full", {"limit": "7"})


def test_call_has_the_code_resource_exhausted_when_the_venues_queue_is_full() -> None:
    intake = FakeIntake()
    intake.refuse = lambda batch: Unavailable("queue_full", "send it again after a moment")
    with serving(intake) as served:
        with pytest.raises(Unavailable) as refused:
            served.client.submit_columns(columns_of(1), b"")
    cause = refused.value.__cause__
    assert isinstance(cause, grpc.RpcError)
    assert cause.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_largest_columns_fit_a_message_when_submitted() -> None:
    with serving() as served:
        receipt = served.client.submit_columns(columns_of(1, 65_536), bytes(65))
    assert receipt == columns_receipt(1)


def test_reasons_on_the_wire_are_bytes_of_the_ledgers_numbers() -> None:
    assert REASON_CODE[Reason.ADMITTED] == 1
    assert max(REASON_CODE.values()) < 256
    assert sorted(REASON_CODE.values()) == list(range(1, len(Reason) + 1))
