from clearinghouse.v1 import instruments_pb2 as _instruments_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OperationStatus(_message.Message):
    __slots__ = ("clearinghouse_id", "sequence", "journal_head", "halted", "cycle", "in_flight", "last_committed", "members", "instruments", "fills", "fills_since_cut")
    CLEARINGHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_HEAD_FIELD_NUMBER: _ClassVar[int]
    HALTED_FIELD_NUMBER: _ClassVar[int]
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    LAST_COMMITTED_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    FILLS_SINCE_CUT_FIELD_NUMBER: _ClassVar[int]
    clearinghouse_id: bytes
    sequence: int
    journal_head: bytes
    halted: str
    cycle: int
    in_flight: bytes
    last_committed: bytes
    members: int
    instruments: int
    fills: int
    fills_since_cut: int
    def __init__(self, clearinghouse_id: _Optional[bytes] = ..., sequence: _Optional[int] = ..., journal_head: _Optional[bytes] = ..., halted: _Optional[str] = ..., cycle: _Optional[int] = ..., in_flight: _Optional[bytes] = ..., last_committed: _Optional[bytes] = ..., members: _Optional[int] = ..., instruments: _Optional[int] = ..., fills: _Optional[int] = ..., fills_since_cut: _Optional[int] = ...) -> None: ...

class CutCycleRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CutCycleResponse(_message.Message):
    __slots__ = ("cycle",)
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    cycle: int
    def __init__(self, cycle: _Optional[int] = ...) -> None: ...

class CreateInstrumentRequest(_message.Message):
    __slots__ = ("instrument",)
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    instrument: _instruments_pb2.Instrument
    def __init__(self, instrument: _Optional[_Union[_instruments_pb2.Instrument, _Mapping]] = ...) -> None: ...

class CreateInstrumentResponse(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class RegisterVenueRequest(_message.Message):
    __slots__ = ("venue", "display_name")
    VENUE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    venue: bytes
    display_name: str
    def __init__(self, venue: _Optional[bytes] = ..., display_name: _Optional[str] = ...) -> None: ...

class RegisterVenueResponse(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...
