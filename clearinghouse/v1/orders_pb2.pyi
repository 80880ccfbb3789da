from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_BUY: _ClassVar[Side]
    SIDE_SELL: _ClassVar[Side]
SIDE_UNSPECIFIED: Side
SIDE_BUY: Side
SIDE_SELL: Side

class Order(_message.Message):
    __slots__ = ("member", "instrument_id", "side", "quantity", "limit_price", "maximum_fee_rate", "expiry", "nonce", "venue")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FEE_RATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    VENUE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    instrument_id: int
    side: Side
    quantity: int
    limit_price: int
    maximum_fee_rate: int
    expiry: int
    nonce: int
    venue: bytes
    def __init__(self, member: _Optional[bytes] = ..., instrument_id: _Optional[int] = ..., side: _Optional[_Union[Side, str]] = ..., quantity: _Optional[int] = ..., limit_price: _Optional[int] = ..., maximum_fee_rate: _Optional[int] = ..., expiry: _Optional[int] = ..., nonce: _Optional[int] = ..., venue: _Optional[bytes] = ...) -> None: ...

class SignedOrder(_message.Message):
    __slots__ = ("order", "signature", "delegate")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DELEGATE_FIELD_NUMBER: _ClassVar[int]
    order: Order
    signature: bytes
    delegate: bytes
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ..., signature: _Optional[bytes] = ..., delegate: _Optional[bytes] = ...) -> None: ...

class MandatedOrders(_message.Message):
    __slots__ = ("venue", "members", "instruments", "sides", "quantities", "limit_prices", "maximum_fee_rates", "expiries", "nonces")
    VENUE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    SIDES_FIELD_NUMBER: _ClassVar[int]
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICES_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FEE_RATES_FIELD_NUMBER: _ClassVar[int]
    EXPIRIES_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    venue: bytes
    members: bytes
    instruments: bytes
    sides: bytes
    quantities: bytes
    limit_prices: bytes
    maximum_fee_rates: bytes
    expiries: bytes
    nonces: bytes
    def __init__(self, venue: _Optional[bytes] = ..., members: _Optional[bytes] = ..., instruments: _Optional[bytes] = ..., sides: _Optional[bytes] = ..., quantities: _Optional[bytes] = ..., limit_prices: _Optional[bytes] = ..., maximum_fee_rates: _Optional[bytes] = ..., expiries: _Optional[bytes] = ..., nonces: _Optional[bytes] = ...) -> None: ...

class OrdersReceipt(_message.Message):
    __slots__ = ("sequence", "numbers", "reasons")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    numbers: bytes
    reasons: bytes
    def __init__(self, sequence: _Optional[int] = ..., numbers: _Optional[bytes] = ..., reasons: _Optional[bytes] = ...) -> None: ...
