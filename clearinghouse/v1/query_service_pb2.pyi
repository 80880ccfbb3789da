from clearinghouse.v1 import cycles_pb2 as _cycles_pb2
from clearinghouse.v1 import instruments_pb2 as _instruments_pb2
from clearinghouse.v1 import members_pb2 as _members_pb2
from clearinghouse.v1 import proofs_pb2 as _proofs_pb2
from clearinghouse.v1 import settlements_pb2 as _settlements_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetClearinghouseRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListChainsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListChainsResponse(_message.Message):
    __slots__ = ("chains",)
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    chains: _containers.RepeatedCompositeFieldContainer[_instruments_pb2.Chain]
    def __init__(self, chains: _Optional[_Iterable[_Union[_instruments_pb2.Chain, _Mapping]]] = ...) -> None: ...

class ListInstrumentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListInstrumentsResponse(_message.Message):
    __slots__ = ("instruments", "next_page_token")
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    instruments: _containers.RepeatedCompositeFieldContainer[_instruments_pb2.Instrument]
    next_page_token: str
    def __init__(self, instruments: _Optional[_Iterable[_Union[_instruments_pb2.Instrument, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetMemberRequest(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class GetCycleRequest(_message.Message):
    __slots__ = ("cycle",)
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    cycle: int
    def __init__(self, cycle: _Optional[int] = ...) -> None: ...

class GetSettlementRequest(_message.Message):
    __slots__ = ("settlement_id",)
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    def __init__(self, settlement_id: _Optional[bytes] = ...) -> None: ...

class ListSettlementsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSettlementsResponse(_message.Message):
    __slots__ = ("settlements", "next_page_token")
    SETTLEMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    settlements: _containers.RepeatedCompositeFieldContainer[_settlements_pb2.SettlementSummary]
    next_page_token: str
    def __init__(self, settlements: _Optional[_Iterable[_Union[_settlements_pb2.SettlementSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetClaimBranchRequest(_message.Message):
    __slots__ = ("member", "chain_id", "asset_id")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    chain_id: int
    asset_id: int
    def __init__(self, member: _Optional[bytes] = ..., chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ...) -> None: ...

class GetReleaseBranchRequest(_message.Message):
    __slots__ = ("settlement_id", "chain_id", "asset_id", "index")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    chain_id: int
    asset_id: int
    index: int
    def __init__(self, settlement_id: _Optional[bytes] = ..., chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., index: _Optional[int] = ...) -> None: ...

class GetSolvencyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
