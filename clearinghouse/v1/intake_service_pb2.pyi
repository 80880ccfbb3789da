from clearinghouse.v1 import fills_pb2 as _fills_pb2
from clearinghouse.v1 import mandates_pb2 as _mandates_pb2
from clearinghouse.v1 import members_pb2 as _members_pb2
from clearinghouse.v1 import orders_pb2 as _orders_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitBatchRequest(_message.Message):
    __slots__ = ("batch", "orders", "signature")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    batch: _fills_pb2.FillBatch
    orders: _containers.RepeatedCompositeFieldContainer[_orders_pb2.SignedOrder]
    signature: bytes
    def __init__(self, batch: _Optional[_Union[_fills_pb2.FillBatch, _Mapping]] = ..., orders: _Optional[_Iterable[_Union[_orders_pb2.SignedOrder, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SubmitBatchResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _fills_pb2.BatchReceipt
    def __init__(self, receipt: _Optional[_Union[_fills_pb2.BatchReceipt, _Mapping]] = ...) -> None: ...

class StreamBatchesRequest(_message.Message):
    __slots__ = ("submission",)
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    submission: SubmitBatchRequest
    def __init__(self, submission: _Optional[_Union[SubmitBatchRequest, _Mapping]] = ...) -> None: ...

class StreamBatchesResponse(_message.Message):
    __slots__ = ("receipt", "refusal")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    receipt: _fills_pb2.BatchReceipt
    refusal: _fills_pb2.BatchRefusal
    def __init__(self, receipt: _Optional[_Union[_fills_pb2.BatchReceipt, _Mapping]] = ..., refusal: _Optional[_Union[_fills_pb2.BatchRefusal, _Mapping]] = ...) -> None: ...

class RegisterOrdersRequest(_message.Message):
    __slots__ = ("venue", "orders")
    VENUE_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    venue: bytes
    orders: _containers.RepeatedCompositeFieldContainer[_orders_pb2.SignedOrder]
    def __init__(self, venue: _Optional[bytes] = ..., orders: _Optional[_Iterable[_Union[_orders_pb2.SignedOrder, _Mapping]]] = ...) -> None: ...

class RegisterOrdersResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _orders_pb2.OrdersReceipt
    def __init__(self, receipt: _Optional[_Union[_orders_pb2.OrdersReceipt, _Mapping]] = ...) -> None: ...

class RegisterMandatedOrdersRequest(_message.Message):
    __slots__ = ("orders", "signature")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    orders: _orders_pb2.MandatedOrders
    signature: bytes
    def __init__(self, orders: _Optional[_Union[_orders_pb2.MandatedOrders, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class RegisterMandatedOrdersResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _orders_pb2.OrdersReceipt
    def __init__(self, receipt: _Optional[_Union[_orders_pb2.OrdersReceipt, _Mapping]] = ...) -> None: ...

class SubmitColumnsRequest(_message.Message):
    __slots__ = ("columns", "signature")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    columns: _fills_pb2.FillColumns
    signature: bytes
    def __init__(self, columns: _Optional[_Union[_fills_pb2.FillColumns, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SubmitColumnsResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _fills_pb2.ColumnsReceipt
    def __init__(self, receipt: _Optional[_Union[_fills_pb2.ColumnsReceipt, _Mapping]] = ...) -> None: ...

class StreamColumnsRequest(_message.Message):
    __slots__ = ("submission",)
    SUBMISSION_FIELD_NUMBER: _ClassVar[int]
    submission: SubmitColumnsRequest
    def __init__(self, submission: _Optional[_Union[SubmitColumnsRequest, _Mapping]] = ...) -> None: ...

class StreamColumnsResponse(_message.Message):
    __slots__ = ("receipt", "refusal")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    receipt: _fills_pb2.ColumnsReceipt
    refusal: _fills_pb2.BatchRefusal
    def __init__(self, receipt: _Optional[_Union[_fills_pb2.ColumnsReceipt, _Mapping]] = ..., refusal: _Optional[_Union[_fills_pb2.BatchRefusal, _Mapping]] = ...) -> None: ...

class RegisterMandatesRequest(_message.Message):
    __slots__ = ("mandates",)
    MANDATES_FIELD_NUMBER: _ClassVar[int]
    mandates: _containers.RepeatedCompositeFieldContainer[_mandates_pb2.SignedMandate]
    def __init__(self, mandates: _Optional[_Iterable[_Union[_mandates_pb2.SignedMandate, _Mapping]]] = ...) -> None: ...

class RegisterMandatesResponse(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class RegisterPlacementLimitsRequest(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: _containers.RepeatedCompositeFieldContainer[_members_pb2.SignedPlacementLimit]
    def __init__(self, limits: _Optional[_Iterable[_Union[_members_pb2.SignedPlacementLimit, _Mapping]]] = ...) -> None: ...

class RegisterPlacementLimitsResponse(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class RequestReleaseRequest(_message.Message):
    __slots__ = ("release",)
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    release: _members_pb2.SignedRelease
    def __init__(self, release: _Optional[_Union[_members_pb2.SignedRelease, _Mapping]] = ...) -> None: ...

class RequestReleaseResponse(_message.Message):
    __slots__ = ("release_id",)
    RELEASE_ID_FIELD_NUMBER: _ClassVar[int]
    release_id: bytes
    def __init__(self, release_id: _Optional[bytes] = ...) -> None: ...
