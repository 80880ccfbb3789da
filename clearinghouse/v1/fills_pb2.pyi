from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FillReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILL_REASON_UNSPECIFIED: _ClassVar[FillReason]
    FILL_REASON_ADMITTED: _ClassVar[FillReason]
    FILL_REASON_SIGNATURE_INVALID: _ClassVar[FillReason]
    FILL_REASON_SIGNATURE_MALLEABLE: _ClassVar[FillReason]
    FILL_REASON_ORDER_UNKNOWN: _ClassVar[FillReason]
    FILL_REASON_ORDER_EXPIRED: _ClassVar[FillReason]
    FILL_REASON_ORDER_OVERFILLED: _ClassVar[FillReason]
    FILL_REASON_ORDER_MALFORMED: _ClassVar[FillReason]
    FILL_REASON_INSTRUMENT_UNKNOWN: _ClassVar[FillReason]
    FILL_REASON_INSTRUMENT_MISMATCH: _ClassVar[FillReason]
    FILL_REASON_SIDE_MISMATCH: _ClassVar[FillReason]
    FILL_REASON_VENUE_MISMATCH: _ClassVar[FillReason]
    FILL_REASON_PRICE_OUTSIDE_LIMIT: _ClassVar[FillReason]
    FILL_REASON_QUANTITY_INVALID: _ClassVar[FillReason]
    FILL_REASON_CASH_INVALID: _ClassVar[FillReason]
    FILL_REASON_TOTAL_OVERFLOW: _ClassVar[FillReason]
    FILL_REASON_SELF_TRADE: _ClassVar[FillReason]
    FILL_REASON_MEMBER_UNKNOWN: _ClassVar[FillReason]
    FILL_REASON_PLACEMENT_LIMIT_MISSING: _ClassVar[FillReason]
    FILL_REASON_MARGIN_INSUFFICIENT: _ClassVar[FillReason]
    FILL_REASON_MANDATE_UNKNOWN: _ClassVar[FillReason]
    FILL_REASON_MANDATE_EXPIRED: _ClassVar[FillReason]
    FILL_REASON_MANDATE_EXCEEDED: _ClassVar[FillReason]
FILL_REASON_UNSPECIFIED: FillReason
FILL_REASON_ADMITTED: FillReason
FILL_REASON_SIGNATURE_INVALID: FillReason
FILL_REASON_SIGNATURE_MALLEABLE: FillReason
FILL_REASON_ORDER_UNKNOWN: FillReason
FILL_REASON_ORDER_EXPIRED: FillReason
FILL_REASON_ORDER_OVERFILLED: FillReason
FILL_REASON_ORDER_MALFORMED: FillReason
FILL_REASON_INSTRUMENT_UNKNOWN: FillReason
FILL_REASON_INSTRUMENT_MISMATCH: FillReason
FILL_REASON_SIDE_MISMATCH: FillReason
FILL_REASON_VENUE_MISMATCH: FillReason
FILL_REASON_PRICE_OUTSIDE_LIMIT: FillReason
FILL_REASON_QUANTITY_INVALID: FillReason
FILL_REASON_CASH_INVALID: FillReason
FILL_REASON_TOTAL_OVERFLOW: FillReason
FILL_REASON_SELF_TRADE: FillReason
FILL_REASON_MEMBER_UNKNOWN: FillReason
FILL_REASON_PLACEMENT_LIMIT_MISSING: FillReason
FILL_REASON_MARGIN_INSUFFICIENT: FillReason
FILL_REASON_MANDATE_UNKNOWN: FillReason
FILL_REASON_MANDATE_EXPIRED: FillReason
FILL_REASON_MANDATE_EXCEEDED: FillReason

class Fill(_message.Message):
    __slots__ = ("buy_order", "sell_order", "quantity", "cash")
    BUY_ORDER_FIELD_NUMBER: _ClassVar[int]
    SELL_ORDER_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    buy_order: bytes
    sell_order: bytes
    quantity: int
    cash: int
    def __init__(self, buy_order: _Optional[bytes] = ..., sell_order: _Optional[bytes] = ..., quantity: _Optional[int] = ..., cash: _Optional[int] = ...) -> None: ...

class FillBatch(_message.Message):
    __slots__ = ("venue", "batch_id", "fills")
    VENUE_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    venue: bytes
    batch_id: bytes
    fills: _containers.RepeatedCompositeFieldContainer[Fill]
    def __init__(self, venue: _Optional[bytes] = ..., batch_id: _Optional[bytes] = ..., fills: _Optional[_Iterable[_Union[Fill, _Mapping]]] = ...) -> None: ...

class FillColumns(_message.Message):
    __slots__ = ("venue", "batch_id", "buy_orders", "sell_orders", "quantities", "cash")
    VENUE_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    BUY_ORDERS_FIELD_NUMBER: _ClassVar[int]
    SELL_ORDERS_FIELD_NUMBER: _ClassVar[int]
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    venue: bytes
    batch_id: bytes
    buy_orders: bytes
    sell_orders: bytes
    quantities: bytes
    cash: bytes
    def __init__(self, venue: _Optional[bytes] = ..., batch_id: _Optional[bytes] = ..., buy_orders: _Optional[bytes] = ..., sell_orders: _Optional[bytes] = ..., quantities: _Optional[bytes] = ..., cash: _Optional[bytes] = ...) -> None: ...

class BatchReceipt(_message.Message):
    __slots__ = ("batch_id", "sequence", "reasons")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    sequence: int
    reasons: _containers.RepeatedScalarFieldContainer[FillReason]
    def __init__(self, batch_id: _Optional[bytes] = ..., sequence: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[FillReason, str]]] = ...) -> None: ...

class ColumnsReceipt(_message.Message):
    __slots__ = ("batch_id", "sequence", "reasons", "admitted")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    sequence: int
    reasons: bytes
    admitted: int
    def __init__(self, batch_id: _Optional[bytes] = ..., sequence: _Optional[int] = ..., reasons: _Optional[bytes] = ..., admitted: _Optional[int] = ...) -> None: ...

class BatchRefusal(_message.Message):
    __slots__ = ("batch_id", "code", "reason", "message", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    code: int
    reason: str
    message: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, batch_id: _Optional[bytes] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...
