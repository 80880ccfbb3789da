"""Batches that travel as columns: the bytes of a field are the bytes of the value."""

from __future__ import annotations

import numpy as np

from clearinghouse.api.conversion.fields import fitting, submessage_of
from clearinghouse.book.columns import FillColumns, MandatedOrders
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.orders import REASON_CODE, Reason
from clearinghouse.errors import Rejected
from clearinghouse.intake.ports import ColumnsReceipt, OrdersReceipt
from clearinghouse.v1 import fills_pb2, intake_service_pb2, orders_pb2

_ADMITTED = REASON_CODE[Reason.ADMITTED]


def fill_columns_to_message(columns: FillColumns) -> fills_pb2.FillColumns:
    """Return the message of fills as columns."""
    with fitting("columns"):
        return fills_pb2.FillColumns(
            venue=columns.venue,
            batch_id=columns.batch_id,
            buy_orders=columns.buy_orders,
            sell_orders=columns.sell_orders,
            quantities=columns.quantities,
            cash=columns.cash,
        )


def fill_columns_from_message(message: fills_pb2.FillColumns) -> FillColumns:
    """Return the fills of a message; what they hold is judged fill by fill, later."""
    return FillColumns(
        venue=Address(message.venue),
        batch_id=Hash32(message.batch_id),
        buy_orders=message.buy_orders,
        sell_orders=message.sell_orders,
        quantities=message.quantities,
        cash=message.cash,
    )


def columns_to_message(
    columns: FillColumns, signature: bytes
) -> intake_service_pb2.SubmitColumnsRequest:
    """Return the request that submits columns."""
    with fitting("signature"):
        return intake_service_pb2.SubmitColumnsRequest(
            columns=fill_columns_to_message(columns), signature=signature
        )


def columns_from_message(
    message: intake_service_pb2.SubmitColumnsRequest,
) -> tuple[FillColumns, bytes]:
    """Return columns and the venue's signature."""
    return fill_columns_from_message(submessage_of(message, "columns")), message.signature


def mandated_orders_to_message(columns: MandatedOrders) -> orders_pb2.MandatedOrders:
    """Return the message of orders under mandates."""
    with fitting("columns"):
        return orders_pb2.MandatedOrders(
            venue=columns.venue, **{name: getattr(columns, name) for name in columns.WIDTHS}
        )


def mandated_orders_from_message(message: orders_pb2.MandatedOrders) -> MandatedOrders:
    """Return the orders of a message."""
    return MandatedOrders(
        venue=Address(message.venue),
        **{name: getattr(message, name) for name in MandatedOrders.WIDTHS},
    )


def columns_receipt_to_message(
    batch_id: bytes, receipt: ColumnsReceipt
) -> fills_pb2.ColumnsReceipt:
    """Return the message of a receipt."""
    return fills_pb2.ColumnsReceipt(
        batch_id=batch_id,
        sequence=receipt.sequence,
        reasons=receipt.reasons,
        admitted=receipt.reasons.count(_ADMITTED),
    )


def columns_receipt_from_message(message: fills_pb2.ColumnsReceipt) -> ColumnsReceipt:
    """Return the receipt of a message; ``REASON_UNKNOWN`` as ``receipt_from_message``."""
    _require_known("columns are", message.reasons, message.sequence)
    return ColumnsReceipt(message.sequence, message.reasons)


def orders_receipt_to_message(receipt: OrdersReceipt) -> orders_pb2.OrdersReceipt:
    """Return the message of a receipt."""
    return orders_pb2.OrdersReceipt(
        sequence=receipt.sequence, numbers=receipt.numbers, reasons=receipt.reasons
    )


def orders_receipt_from_message(message: orders_pb2.OrdersReceipt) -> OrdersReceipt:
    """Return the receipt of a message; ``REASON_UNKNOWN`` as ``receipt_from_message``."""
    _require_known("orders are", message.reasons, message.sequence)
    if len(message.numbers) != 4 * len(message.reasons):
        raise Rejected("MALFORMED", "the receipt has not one number for each reason")
    return OrdersReceipt(message.sequence, message.numbers, message.reasons)


def _require_known(subject: str, reasons: bytes, sequence: int) -> None:
    """Refuse numbers of a newer release; a receipt has up to 65,536."""
    codes = np.frombuffer(reasons, np.uint8)
    if codes.size and not 1 <= codes.min() <= codes.max() <= len(REASON_CODE):
        raise Rejected(
            "REASON_UNKNOWN",
            f"the {subject} recorded, but a reason is of a newer release; upgrade",
            sequence=sequence,
        )
