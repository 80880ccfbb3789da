"""Goal: what does not fit a value is refused by name, whichever side sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from clearinghouse.api.conversion import (
    columns,
    events,
    evidence,
    mandates,
    members,
    orders,
    reference,
    settlements,
)
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import (
    REASON_CODE,
    Order,
    PlacementLimit,
    Release,
    Side,
)
from clearinghouse.book.reference import Instrument
from clearinghouse.errors import Rejected
from clearinghouse.intake.ports import ColumnsReceipt
from clearinghouse.v1 import (
    cycles_pb2,
    fills_pb2,
    instruments_pb2,
    intake_service_pb2,
    mandates_pb2,
    members_pb2,
    orders_pb2,
    proofs_pb2,
    settlement_events_pb2,
    settlements_pb2,
)

ORDER = orders_pb2.Order(
    member=bytes(20), instrument_id=3, side=orders_pb2.SIDE_BUY, quantity=1, venue=bytes(20)
)
FILL = fills_pb2.Fill(buy_order=bytes(32), sell_order=bytes(32), quantity=1)
BATCH = fills_pb2.FillBatch(venue=bytes(20), batch_id=bytes(32), fills=[FILL])
COLUMNS = fills_pb2.FillColumns(
    venue=bytes(20), batch_id=bytes(32), buy_orders=bytes(4), sell_orders=bytes(4),
    quantities=bytes(8), cash=bytes(8),
)  # fmt: skip
MANDATED = orders_pb2.MandatedOrders(
    venue=bytes(20), members=bytes(20), instruments=bytes(4), sides=bytes(1),
    quantities=bytes(8), limit_prices=bytes(8), maximum_fee_rates=bytes(4), expiries=bytes(8),
    nonces=bytes(8),
)  # fmt: skip
MANDATE = mandates_pb2.Mandate(member=bytes(20), delegate=bytes(20), venue=bytes(20))
LIMIT = members_pb2.PlacementLimit(member=bytes(20), chain_id=1, maximum_quanta=bytes(16))
RELEASE = members_pb2.Release(member=bytes(20), chain_id=1)
INSTRUMENT = instruments_pb2.Instrument(instrument_id=3, symbol="BTC")
ENTRY = settlements_pb2.ChainEntry(chain_id=1, anchor=bytes(20), leg_hash=bytes(32))


def changed(message: Any, **fields: Any) -> Any:
    """Return a copy of a message with other fields."""
    copy = type(message)()
    copy.CopyFrom(message)
    for name, value in fields.items():
        copy.ClearField(name)
        copy.MergeFrom(type(message)(**{name: value}))
    return copy


MALFORMED = [
    (orders.order_from_message, changed(ORDER, member=bytes(19))),
    (orders.order_from_message, changed(ORDER, member=b"")),
    (orders.order_from_message, changed(ORDER, venue=bytes(21))),
    (orders.order_from_message, changed(ORDER, side=orders_pb2.SIDE_UNSPECIFIED)),
    (orders.order_from_message, orders_pb2.Order.FromString(
        ORDER.SerializeToString() + b"\x18\x09")),
    (orders.signed_order_from_message, orders_pb2.SignedOrder(signature=bytes(65))),
    (orders.batch_from_message, changed(BATCH, batch_id=bytes(31))),
    (orders.batch_from_message, changed(BATCH, venue=bytes(32))),
    (orders.batch_from_message, changed(BATCH, fills=[changed(FILL, buy_order=bytes(33))])),
    (orders.batch_from_message, changed(BATCH, fills=[changed(FILL, sell_order=b"")])),
    (orders.submission_from_message, intake_service_pb2.SubmitBatchRequest()),
    (orders.signed_order_from_message, orders_pb2.SignedOrder(order=ORDER, delegate=bytes(19))),
    (columns.columns_from_message, intake_service_pb2.SubmitColumnsRequest()),
    (columns.fill_columns_from_message, changed(COLUMNS, venue=bytes(19))),
    (columns.fill_columns_from_message, changed(COLUMNS, batch_id=bytes(33))),
    (columns.fill_columns_from_message, changed(COLUMNS, buy_orders=bytes(3))),
    (columns.fill_columns_from_message, changed(COLUMNS, buy_orders=bytes(8))),
    (columns.fill_columns_from_message, changed(COLUMNS, sell_orders=bytes(5))),
    (columns.fill_columns_from_message, changed(COLUMNS, quantities=bytes(16))),
    (columns.fill_columns_from_message, changed(COLUMNS, cash=b"")),
    (columns.mandated_orders_from_message, changed(MANDATED, members=bytes(21))),
    (columns.mandated_orders_from_message, changed(MANDATED, nonces=bytes(7))),
    (columns.mandated_orders_from_message, changed(MANDATED, venue=b"")),
    (columns.orders_receipt_from_message, orders_pb2.OrdersReceipt(reasons=b"\x01")),
    (mandates.signed_mandate_from_message, mandates_pb2.SignedMandate()),
    (mandates.mandate_from_message, changed(MANDATE, member=bytes(19))),
    (mandates.mandate_from_message, changed(MANDATE, delegate=b"")),
    (mandates.mandate_from_message, changed(MANDATE, venue=bytes(21))),
    (members.placement_limit_from_message, changed(LIMIT, member=bytes(1))),
    (members.placement_limit_from_message, changed(LIMIT, maximum_quanta=bytes(15))),
    (members.placement_limit_from_message, changed(LIMIT, maximum_quanta=bytes(17))),
    (members.signed_limit_from_message, members_pb2.SignedPlacementLimit()),
    (members.release_from_message, changed(RELEASE, member=bytes(0))),
    (reference.instrument_from_message, changed(INSTRUMENT, symbol="")),
    (reference.instrument_from_message, changed(INSTRUMENT, symbol="x" * 65)),
    (reference.instrument_from_message, changed(INSTRUMENT, symbol="line\nbreak")),
    (settlements.phase_from_message, 0),
    (settlements.phase_from_message, 99),
    (settlements.settlement_record_from_message, settlements_pb2.SettlementRecord(
        settlement_id=bytes(32))),
    (evidence.claim_branch_from_message, proofs_pb2.ClaimBranch()),
    (evidence.cycle_from_message, cycles_pb2.Cycle(settlement_id=bytes(32), outcome=1)),
]  # fmt: skip
OUT_OF_RANGE = [
    (columns.mandated_orders_from_message, changed(MANDATED, sides=b"\x02")),
    (members.placement_limit_from_message, changed(LIMIT, chain_id=0)),
    (members.placement_limit_from_message, changed(LIMIT, chain_id=2**63)),
    (members.release_from_message, changed(RELEASE, chain_id=0)),
    (reference.instrument_from_message, changed(INSTRUMENT, lot_exponent=37)),
    (reference.instrument_from_message, changed(INSTRUMENT, lot_exponent=-37)),
]


@pytest.mark.parametrize(("convert", "message"), MALFORMED)
def test_conversion_is_refused_when_the_message_is_malformed(
    convert: Callable[[Any], Any], message: Any
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(message)
    assert refused.value.reason == "MALFORMED"


@pytest.mark.parametrize(("convert", "message"), OUT_OF_RANGE)
def test_conversion_is_refused_when_a_number_is_out_of_range(
    convert: Callable[[Any], Any], message: Any
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(message)
    assert refused.value.reason == "OUT_OF_RANGE"


def test_conversion_keeps_what_intake_judges_when_it_is_odd() -> None:
    odd = changed(BATCH, fills=[changed(FILL, quantity=0, cash=2**64 - 1)])
    (fill,) = orders.batch_from_message(odd).fills
    assert (fill.quantity, fill.cash) == (0, 2**64 - 1)


@pytest.mark.parametrize(("fills", "known"), [(8_193, 0), (0, 16_385), (8_193, 16_385)])
def test_submission_is_refused_when_it_is_too_large(fills: int, known: int) -> None:
    request = intake_service_pb2.SubmitBatchRequest(
        batch=changed(BATCH, fills=[fills_pb2.Fill()] * fills),
        orders=[orders_pb2.SignedOrder()] * known,
    )
    with pytest.raises(Rejected) as refused:
        orders.submission_from_message(request)
    assert refused.value.reason == "BATCH_TOO_LARGE"
    assert refused.value.attributes == {"fills": fills, "orders": known}


def test_submission_is_taken_when_it_is_as_large_as_allowed() -> None:
    request = intake_service_pb2.SubmitBatchRequest(batch=changed(BATCH, fills=[FILL] * 8_192))
    batch, _, _ = orders.submission_from_message(request)
    assert batch.count == 8_192


def test_receipt_is_refused_when_a_reason_is_of_a_newer_release() -> None:
    message = fills_pb2.BatchReceipt(batch_id=bytes(32), sequence=5)
    message.MergeFromString(b"\x1a\x01\x63")  # reasons: 99
    with pytest.raises(Rejected) as refused:
        orders.receipt_from_message(message)
    assert (refused.value.reason, refused.value.attributes) == ("REASON_UNKNOWN", {"sequence": 5})


@pytest.mark.parametrize("codes", [b"\x00", b"\x01\x63", bytes((len(REASON_CODE) + 1,))])
@pytest.mark.parametrize(
    ("convert", "kind"),
    [
        (columns.columns_receipt_from_message, fills_pb2.ColumnsReceipt),
        (columns.orders_receipt_from_message, orders_pb2.OrdersReceipt),
    ],
)
def test_byte_receipt_is_refused_when_a_reason_is_of_a_newer_release(
    convert: Callable[[Any], Any], kind: Any, codes: bytes
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(kind(sequence=5, reasons=codes))
    assert (refused.value.reason, refused.value.attributes) == ("REASON_UNKNOWN", {"sequence": 5})


def test_columns_receipt_counts_the_admitted_when_it_is_sent() -> None:
    message = columns.columns_receipt_to_message(bytes(32), ColumnsReceipt(4, b"\x01\x05\x01"))
    assert (message.sequence, message.admitted) == (4, 2)


def test_orders_are_refused_when_too_many() -> None:
    with pytest.raises(Rejected) as refused:
        orders.signed_orders_from_messages([orders_pb2.SignedOrder()] * 16_385)
    assert refused.value.reason == "BATCH_TOO_LARGE"
    assert refused.value.attributes == {"orders": 16_385}


def test_event_is_refused_when_its_kind_is_of_a_newer_release() -> None:
    message = settlement_events_pb2.SettlementEvent(sequence=9)
    message.MergeFromString(b"\xfa\x01\x00")  # field 31, which no release has yet
    with pytest.raises(Rejected) as refused:
        events.event_from_message(message)
    assert refused.value.reason == "EVENT_UNKNOWN"


VALID_ORDER = Order(bytes(20), 3, Side.BUY, 1, 1, 0, 1, 0, bytes(20))  # type: ignore[arg-type]
VALID_MANDATE = Mandate(bytes(20), bytes(20), bytes(20), 3, 1, 1, 1, 1, 1)  # type: ignore[arg-type]
VALID_LIMIT = PlacementLimit(bytes(20), 1, 1, 1, 0)  # type: ignore[arg-type]
VALID_RELEASE = Release(bytes(20), 1, 1, 1, 0, 0)  # type: ignore[arg-type]
VALID_INSTRUMENT = Instrument(3, "BTC", 1, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convert", "value", "field", "number"),
    [
        (orders.order_to_message, VALID_ORDER, "quantity", -1),
        (orders.order_to_message, VALID_ORDER, "quantity", 2**64),
        (orders.order_to_message, VALID_ORDER, "instrument", 2**32),
        (orders.order_to_message, VALID_ORDER, "limit_price", 1.5),
        (mandates.mandate_to_message, VALID_MANDATE, "maximum_total_notional", 2**64),
        (mandates.mandate_to_message, VALID_MANDATE, "nonce", -1),
        (members.placement_limit_to_message, VALID_LIMIT, "maximum_quanta", -1),
        (members.placement_limit_to_message, VALID_LIMIT, "maximum_quanta", 2**128),
        (members.placement_limit_to_message, VALID_LIMIT, "nonce", 2**64),
        (members.release_to_message, VALID_RELEASE, "quanta", -5),
        (reference.instrument_to_message, VALID_INSTRUMENT, "lot_exponent", 2**31),
    ],
)
def test_sending_is_refused_when_a_number_does_not_fit(
    convert: Callable[[Any], Any], value: Any, field: str, number: object
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(msgspec.structs.replace(value, **{field: number}))
    assert refused.value.reason == "OUT_OF_RANGE"
