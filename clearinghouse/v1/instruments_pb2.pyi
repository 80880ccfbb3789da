from clearinghouse.v1 import settlements_pb2 as _settlements_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Asset(_message.Message):
    __slots__ = ("asset_id", "symbol", "decimals")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    symbol: str
    decimals: int
    def __init__(self, asset_id: _Optional[int] = ..., symbol: _Optional[str] = ..., decimals: _Optional[int] = ...) -> None: ...

class VaultAsset(_message.Message):
    __slots__ = ("asset_id", "token", "token_units_per_quantum", "minimum_deposit_quanta")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOKEN_UNITS_PER_QUANTUM_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_DEPOSIT_QUANTA_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    token: bytes
    token_units_per_quantum: bytes
    minimum_deposit_quanta: int
    def __init__(self, asset_id: _Optional[int] = ..., token: _Optional[bytes] = ..., token_units_per_quantum: _Optional[bytes] = ..., minimum_deposit_quanta: _Optional[int] = ...) -> None: ...

class Chain(_message.Message):
    __slots__ = ("chain_id", "name", "anchor", "assets")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    name: str
    anchor: bytes
    assets: _containers.RepeatedCompositeFieldContainer[VaultAsset]
    def __init__(self, chain_id: _Optional[int] = ..., name: _Optional[str] = ..., anchor: _Optional[bytes] = ..., assets: _Optional[_Iterable[_Union[VaultAsset, _Mapping]]] = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ("instrument_id", "symbol", "quote_asset", "lot_exponent", "initial_margin_ppm")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUOTE_ASSET_FIELD_NUMBER: _ClassVar[int]
    LOT_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    INITIAL_MARGIN_PPM_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    symbol: str
    quote_asset: int
    lot_exponent: int
    initial_margin_ppm: int
    def __init__(self, instrument_id: _Optional[int] = ..., symbol: _Optional[str] = ..., quote_asset: _Optional[int] = ..., lot_exponent: _Optional[int] = ..., initial_margin_ppm: _Optional[int] = ...) -> None: ...

class Windows(_message.Message):
    __slots__ = ("challenge_seconds", "grace_seconds", "stall_seconds", "freeze_delay_seconds", "max_decide_seconds", "client_latency_seconds")
    CHALLENGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    GRACE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STALL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FREEZE_DELAY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_DECIDE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_LATENCY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    challenge_seconds: int
    grace_seconds: int
    stall_seconds: int
    freeze_delay_seconds: int
    max_decide_seconds: int
    client_latency_seconds: int
    def __init__(self, challenge_seconds: _Optional[int] = ..., grace_seconds: _Optional[int] = ..., stall_seconds: _Optional[int] = ..., freeze_delay_seconds: _Optional[int] = ..., max_decide_seconds: _Optional[int] = ..., client_latency_seconds: _Optional[int] = ...) -> None: ...

class Clearinghouse(_message.Message):
    __slots__ = ("clearinghouse_id", "home_chain_id", "assets", "operator_set", "windows", "house")
    CLEARINGHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
    HOME_CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_SET_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    clearinghouse_id: bytes
    home_chain_id: int
    assets: _containers.RepeatedCompositeFieldContainer[Asset]
    operator_set: _settlements_pb2.OperatorSet
    windows: Windows
    house: bytes
    def __init__(self, clearinghouse_id: _Optional[bytes] = ..., home_chain_id: _Optional[int] = ..., assets: _Optional[_Iterable[_Union[Asset, _Mapping]]] = ..., operator_set: _Optional[_Union[_settlements_pb2.OperatorSet, _Mapping]] = ..., windows: _Optional[_Union[Windows, _Mapping]] = ..., house: _Optional[bytes] = ...) -> None: ...
