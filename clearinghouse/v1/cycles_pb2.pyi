from clearinghouse.v1 import settlements_pb2 as _settlements_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NettingFigures(_message.Message):
    __slots__ = ("gross_quanta", "net_quanta", "gross_legs", "net_legs")
    GROSS_QUANTA_FIELD_NUMBER: _ClassVar[int]
    NET_QUANTA_FIELD_NUMBER: _ClassVar[int]
    GROSS_LEGS_FIELD_NUMBER: _ClassVar[int]
    NET_LEGS_FIELD_NUMBER: _ClassVar[int]
    gross_quanta: bytes
    net_quanta: bytes
    gross_legs: int
    net_legs: int
    def __init__(self, gross_quanta: _Optional[bytes] = ..., net_quanta: _Optional[bytes] = ..., gross_legs: _Optional[int] = ..., net_legs: _Optional[int] = ...) -> None: ...

class Crossing(_message.Message):
    __slots__ = ("asset_id", "quanta")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    quanta: int
    def __init__(self, asset_id: _Optional[int] = ..., quanta: _Optional[int] = ...) -> None: ...

class CycleLeg(_message.Message):
    __slots__ = ("chain_id", "phase", "prepare_gas", "commit_gas", "abort_gas", "finalize_gas", "update_gas", "proofs_verified")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PREPARE_GAS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_GAS_FIELD_NUMBER: _ClassVar[int]
    ABORT_GAS_FIELD_NUMBER: _ClassVar[int]
    FINALIZE_GAS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_GAS_FIELD_NUMBER: _ClassVar[int]
    PROOFS_VERIFIED_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    phase: _settlements_pb2.Phase
    prepare_gas: int
    commit_gas: int
    abort_gas: int
    finalize_gas: int
    update_gas: int
    proofs_verified: int
    def __init__(self, chain_id: _Optional[int] = ..., phase: _Optional[_Union[_settlements_pb2.Phase, str]] = ..., prepare_gas: _Optional[int] = ..., commit_gas: _Optional[int] = ..., abort_gas: _Optional[int] = ..., finalize_gas: _Optional[int] = ..., update_gas: _Optional[int] = ..., proofs_verified: _Optional[int] = ...) -> None: ...

class Cycle(_message.Message):
    __slots__ = ("cycle", "settlement_id", "outcome", "fills", "positions", "cash", "bilateral", "crossings", "legs")
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    BILATERAL_FIELD_NUMBER: _ClassVar[int]
    CROSSINGS_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    cycle: int
    settlement_id: bytes
    outcome: _settlements_pb2.Phase
    fills: int
    positions: NettingFigures
    cash: NettingFigures
    bilateral: NettingFigures
    crossings: _containers.RepeatedCompositeFieldContainer[Crossing]
    legs: _containers.RepeatedCompositeFieldContainer[CycleLeg]
    def __init__(self, cycle: _Optional[int] = ..., settlement_id: _Optional[bytes] = ..., outcome: _Optional[_Union[_settlements_pb2.Phase, str]] = ..., fills: _Optional[int] = ..., positions: _Optional[_Union[NettingFigures, _Mapping]] = ..., cash: _Optional[_Union[NettingFigures, _Mapping]] = ..., bilateral: _Optional[_Union[NettingFigures, _Mapping]] = ..., crossings: _Optional[_Iterable[_Union[Crossing, _Mapping]]] = ..., legs: _Optional[_Iterable[_Union[CycleLeg, _Mapping]]] = ...) -> None: ...
