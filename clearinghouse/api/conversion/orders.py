"""Orders, fills and batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import astuple

from clearinghouse.api.conversion.fields import address_of, fitting, hash_of, submessage_of
from clearinghouse.book.columns import FillRows
from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.orders import (
    REASON_CODE,
    REASON_OF_CODE,
    FillBatch,
    Order,
    Reason,
    Side,
    SignedOrder,
)
from clearinghouse.errors import Rejected
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.intake.verification import MAXIMUM_BATCH_FILLS, MAXIMUM_BATCH_ORDERS
from clearinghouse.v1 import fills_pb2, intake_service_pb2, orders_pb2

_SIDE_TO_MESSAGE = {Side.BUY: orders_pb2.SIDE_BUY, Side.SELL: orders_pb2.SIDE_SELL}
_SIDE_FROM_MESSAGE = {number: side for side, number in _SIDE_TO_MESSAGE.items()}

_REASON_NUMBER: Mapping[Reason, Any] = REASON_CODE
"""The numbers of FillReason are the ledger's own."""


def order_to_message(order: Order) -> orders_pb2.Order:
    """Return the message of an order."""
    with fitting("order"):
        return orders_pb2.Order(**_fields_of(order))


def _fields_of(order: Order) -> dict[str, Any]:
    return {
        "member": order.member,
        "instrument_id": order.instrument,
        "side": _SIDE_TO_MESSAGE[order.side],
        "quantity": order.quantity,
        "limit_price": order.limit_price,
        "maximum_fee_rate": order.maximum_fee_rate,
        "expiry": order.expiry,
        "nonce": order.nonce,
        "venue": order.venue,
    }


def order_from_message(message: orders_pb2.Order) -> Order:
    """Return the order of a message."""
    side = _SIDE_FROM_MESSAGE.get(message.side)
    if side is None:
        raise Rejected("MALFORMED", f"side must be SIDE_BUY or SIDE_SELL, was {message.side}")
    return Order(
        member=address_of("member", message.member),
        instrument=InstrumentId(message.instrument_id),
        side=side,
        quantity=message.quantity,
        limit_price=message.limit_price,
        maximum_fee_rate=message.maximum_fee_rate,
        expiry=message.expiry,
        nonce=message.nonce,
        venue=address_of("venue", message.venue),
    )


def add_signed_orders(messages: Any, orders: Sequence[SignedOrder]) -> None:
    """Append orders to a repeated field, in place: what is given as a list is copied one by one."""
    with fitting("order"):
        for signed in orders:
            messages.add(
                order=_fields_of(signed.order),
                signature=signed.signature,
                delegate=signed.delegate or b"",
            )


def signed_order_from_message(message: orders_pb2.SignedOrder) -> SignedOrder:
    """Return the signed order; the signature's own form is intake's to judge, order by order."""
    delegate = message.delegate
    return SignedOrder(
        order_from_message(submessage_of(message, "order")),
        message.signature,
        address_of("delegate", delegate) if delegate else None,
    )


def signed_orders_from_messages(
    messages: Sequence[orders_pb2.SignedOrder],
) -> list[SignedOrder]:
    """Return the orders of a call; ``BATCH_TOO_LARGE`` before anything is converted."""
    if len(messages) > MAXIMUM_BATCH_ORDERS:
        raise Rejected(
            "BATCH_TOO_LARGE",
            f"send at most {MAXIMUM_BATCH_ORDERS} orders at once, was {len(messages)}",
            orders=len(messages),
        )
    return [signed_order_from_message(message) for message in messages]


def batch_to_message(batch: FillBatch | FillRows) -> fills_pb2.FillBatch:
    """Return the message of a batch, in either form."""
    rows = batch.rows() if isinstance(batch, FillRows) else map(astuple, batch.fills)
    with fitting("batch"):
        message = fills_pb2.FillBatch(venue=batch.venue, batch_id=batch.batch_id)
        add = message.fills.add  # in place: a list given to the constructor is copied, one by one
        for buy_order, sell_order, quantity, cash in rows:
            add(buy_order=buy_order, sell_order=sell_order, quantity=quantity, cash=cash)
    return message


def batch_from_message(message: fills_pb2.FillBatch) -> FillRows:
    """Return the batch of a message, straight into columns.

    Quantities and cash are judged fill by fill, later.
    """
    fills = list(message.fills)
    return FillRows(
        venue=address_of("venue", message.venue),
        batch_id=hash_of("batch id", message.batch_id),
        buy_orders=_joined_hashes("buy order", [fill.buy_order for fill in fills]),
        sell_orders=_joined_hashes("sell order", [fill.sell_order for fill in fills]),
        quantities=np.array([fill.quantity for fill in fills], "<u8").tobytes(),
        cash=np.array([fill.cash for fill in fills], "<u8").tobytes(),
    )


def _joined_hashes(name: str, hashes: list[bytes]) -> bytes:
    if set(map(len, hashes)) - {32}:
        for value in hashes:
            hash_of(name, value)
    return b"".join(hashes)


def submission_to_message(
    batch: FillBatch | FillRows, orders: Sequence[SignedOrder], signature: bytes
) -> intake_service_pb2.SubmitBatchRequest:
    """Return the request that submits a batch."""
    request = intake_service_pb2.SubmitBatchRequest(
        batch=batch_to_message(batch), signature=signature
    )
    add_signed_orders(request.orders, orders)
    return request


def submission_from_message(
    message: intake_service_pb2.SubmitBatchRequest,
) -> tuple[FillRows, list[SignedOrder], bytes]:
    """Return batch, orders and the venue's signature.

    Raises
    ------
    Rejected
        ``BATCH_TOO_LARGE`` before anything is converted, else as the module's package says.
    """
    batch = submessage_of(message, "batch")
    if len(batch.fills) > MAXIMUM_BATCH_FILLS or len(message.orders) > MAXIMUM_BATCH_ORDERS:
        raise Rejected(
            "BATCH_TOO_LARGE",
            f"split the batch: at most {MAXIMUM_BATCH_FILLS} fills and {MAXIMUM_BATCH_ORDERS} "
            f"orders, was {len(batch.fills)} and {len(message.orders)}",
            fills=len(batch.fills),
            orders=len(message.orders),
        )
    orders = [signed_order_from_message(order) for order in message.orders]
    return batch_from_message(batch), orders, message.signature


def receipt_to_message(batch_id: bytes, receipt: BatchReceipt) -> fills_pb2.BatchReceipt:
    """Return the message of a receipt."""
    return fills_pb2.BatchReceipt(
        batch_id=batch_id,
        sequence=receipt.sequence,
        reasons=[_REASON_NUMBER[reason] for reason in receipt.reasons],
    )


def receipt_from_message(message: fills_pb2.BatchReceipt) -> BatchReceipt:
    """Return the receipt of a message.

    Raises
    ------
    Rejected
        ``REASON_UNKNOWN`` when the server knows a reason that this release does not.
    """
    unknown = [number for number in message.reasons if number not in REASON_OF_CODE]
    if unknown:
        raise Rejected(
            "REASON_UNKNOWN",
            f"the batch is recorded, but reason {unknown[0]} is of a newer release; upgrade",
            sequence=message.sequence,
        )
    reasons = tuple(REASON_OF_CODE[number] for number in message.reasons)
    return BatchReceipt(message.sequence, reasons)
