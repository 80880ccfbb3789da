"""Orders, fills and batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clearinghouse.api.conversion.fields import address_of, fitting, hash_of, submessage_of
from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.orders import Fill, FillBatch, Order, Reason, Side, SignedOrder
from clearinghouse.errors import Rejected
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.intake.verification import MAXIMUM_BATCH_FILLS, MAXIMUM_BATCH_ORDERS
from clearinghouse.v1 import fills_pb2, intake_service_pb2, orders_pb2

_SIDE_TO_MESSAGE = {Side.BUY: orders_pb2.SIDE_BUY, Side.SELL: orders_pb2.SIDE_SELL}
_SIDE_FROM_MESSAGE = {number: side for side, number in _SIDE_TO_MESSAGE.items()}

_REASON_TO_MESSAGE: Mapping[Reason, Any] = {
    reason: fills_pb2.FillReason.Value(f"FILL_REASON_{reason.value}") for reason in Reason
}
_REASON_FROM_MESSAGE = {number: reason for reason, number in _REASON_TO_MESSAGE.items()}


def order_to_message(order: Order) -> orders_pb2.Order:
    """Return the message of an order."""
    with fitting("order"):
        return orders_pb2.Order(
            member=order.member,
            instrument_id=order.instrument,
            side=_SIDE_TO_MESSAGE[order.side],
            quantity=order.quantity,
            limit_price=order.limit_price,
            maximum_fee_rate=order.maximum_fee_rate,
            expiry=order.expiry,
            nonce=order.nonce,
            venue=order.venue,
        )


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


def signed_order_to_message(signed: SignedOrder) -> orders_pb2.SignedOrder:
    """Return the message of a signed order."""
    return orders_pb2.SignedOrder(order=order_to_message(signed.order), signature=signed.signature)


def signed_order_from_message(message: orders_pb2.SignedOrder) -> SignedOrder:
    """Return the signed order; the signature's own form is intake's to judge, order by order."""
    return SignedOrder(order_from_message(submessage_of(message, "order")), message.signature)


def batch_to_message(batch: FillBatch) -> fills_pb2.FillBatch:
    """Return the message of a batch."""
    with fitting("batch"):
        return fills_pb2.FillBatch(
            venue=batch.venue,
            batch_id=batch.batch_id,
            fills=[
                fills_pb2.Fill(
                    buy_order=fill.buy_order,
                    sell_order=fill.sell_order,
                    quantity=fill.quantity,
                    cash=fill.cash,
                )
                for fill in batch.fills
            ],
        )


def batch_from_message(message: fills_pb2.FillBatch) -> FillBatch:
    """Return the batch of a message; quantities and cash are judged fill by fill, later."""
    return FillBatch(
        venue=address_of("venue", message.venue),
        batch_id=hash_of("batch id", message.batch_id),
        fills=tuple(
            Fill(
                buy_order=hash_of("buy order", fill.buy_order),
                sell_order=hash_of("sell order", fill.sell_order),
                quantity=fill.quantity,
                cash=fill.cash,
            )
            for fill in message.fills
        ),
    )


def submission_to_message(
    batch: FillBatch, orders: Sequence[SignedOrder], signature: bytes
) -> intake_service_pb2.SubmitBatchRequest:
    """Return the request that submits a batch."""
    return intake_service_pb2.SubmitBatchRequest(
        batch=batch_to_message(batch),
        orders=[signed_order_to_message(order) for order in orders],
        signature=signature,
    )


def submission_from_message(
    message: intake_service_pb2.SubmitBatchRequest,
) -> tuple[FillBatch, list[SignedOrder], bytes]:
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
        reasons=[_REASON_TO_MESSAGE[reason] for reason in receipt.reasons],
    )


def receipt_from_message(message: fills_pb2.BatchReceipt) -> BatchReceipt:
    """Return the receipt of a message.

    Raises
    ------
    Rejected
        ``REASON_UNKNOWN`` when the server knows a reason that this release does not.
    """
    unknown = [number for number in message.reasons if number not in _REASON_FROM_MESSAGE]
    if unknown:
        raise Rejected(
            "REASON_UNKNOWN",
            f"the batch is recorded, but reason {unknown[0]} is of a newer release; upgrade",
            sequence=message.sequence,
        )
    reasons = tuple(_REASON_FROM_MESSAGE[number] for number in message.reasons)
    return BatchReceipt(message.sequence, reasons)
