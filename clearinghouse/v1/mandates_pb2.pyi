from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Mandate(_message.Message):
    __slots__ = ("member", "delegate", "venue", "instrument_id", "maximum_order_notional", "maximum_total_notional", "minimum_sell_price", "expiry", "nonce")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    DELEGATE_FIELD_NUMBER: _ClassVar[int]
    VENUE_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_ORDER_NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_TOTAL_NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_SELL_PRICE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    delegate: bytes
    venue: bytes
    instrument_id: int
    maximum_order_notional: int
    maximum_total_notional: int
    minimum_sell_price: int
    expiry: int
    nonce: int
    def __init__(self, member: _Optional[bytes] = ..., delegate: _Optional[bytes] = ..., venue: _Optional[bytes] = ..., instrument_id: _Optional[int] = ..., maximum_order_notional: _Optional[int] = ..., maximum_total_notional: _Optional[int] = ..., minimum_sell_price: _Optional[int] = ..., expiry: _Optional[int] = ..., nonce: _Optional[int] = ...) -> None: ...

class SignedMandate(_message.Message):
    __slots__ = ("mandate", "signature")
    MANDATE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    mandate: Mandate
    signature: bytes
    def __init__(self, mandate: _Optional[_Union[Mandate, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...
