from clearinghouse.v1 import cycles_pb2 as _cycles_pb2
from clearinghouse.v1 import settlements_pb2 as _settlements_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClaimChange(_message.Message):
    __slots__ = ("chain_id", "asset_id", "position", "quanta")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    asset_id: int
    position: int
    quanta: int
    def __init__(self, chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., position: _Optional[int] = ..., quanta: _Optional[int] = ...) -> None: ...

class PlannedRelease(_message.Message):
    __slots__ = ("chain_id", "asset_id", "position", "quanta", "release_id")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    RELEASE_ID_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    asset_id: int
    position: int
    quanta: int
    release_id: bytes
    def __init__(self, chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., position: _Optional[int] = ..., quanta: _Optional[int] = ..., release_id: _Optional[bytes] = ...) -> None: ...

class MemberFlow(_message.Message):
    __slots__ = ("asset_id", "position", "quanta")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    position: int
    quanta: int
    def __init__(self, asset_id: _Optional[int] = ..., position: _Optional[int] = ..., quanta: _Optional[int] = ...) -> None: ...

class MarkAtCut(_message.Message):
    __slots__ = ("instrument_id", "mark")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    mark: int
    def __init__(self, instrument_id: _Optional[int] = ..., mark: _Optional[int] = ...) -> None: ...

class SettlementProposed(_message.Message):
    __slots__ = ("settlement_id", "settlement", "legs", "marks", "claims", "releases", "residuals", "shortfalls", "crossings")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    RESIDUALS_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    CROSSINGS_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    settlement: _settlements_pb2.Settlement
    legs: _containers.RepeatedCompositeFieldContainer[_settlements_pb2.Leg]
    marks: _containers.RepeatedCompositeFieldContainer[MarkAtCut]
    claims: _containers.RepeatedCompositeFieldContainer[ClaimChange]
    releases: _containers.RepeatedCompositeFieldContainer[PlannedRelease]
    residuals: _containers.RepeatedCompositeFieldContainer[MemberFlow]
    shortfalls: _containers.RepeatedCompositeFieldContainer[MemberFlow]
    crossings: _containers.RepeatedCompositeFieldContainer[_cycles_pb2.Crossing]
    def __init__(self, settlement_id: _Optional[bytes] = ..., settlement: _Optional[_Union[_settlements_pb2.Settlement, _Mapping]] = ..., legs: _Optional[_Iterable[_Union[_settlements_pb2.Leg, _Mapping]]] = ..., marks: _Optional[_Iterable[_Union[MarkAtCut, _Mapping]]] = ..., claims: _Optional[_Iterable[_Union[ClaimChange, _Mapping]]] = ..., releases: _Optional[_Iterable[_Union[PlannedRelease, _Mapping]]] = ..., residuals: _Optional[_Iterable[_Union[MemberFlow, _Mapping]]] = ..., shortfalls: _Optional[_Iterable[_Union[MemberFlow, _Mapping]]] = ..., crossings: _Optional[_Iterable[_Union[_cycles_pb2.Crossing, _Mapping]]] = ...) -> None: ...

class SettlementSigned(_message.Message):
    __slots__ = ("settlement_id", "signatures")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    signatures: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, settlement_id: _Optional[bytes] = ..., signatures: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PhaseProven(_message.Message):
    __slots__ = ("settlement_id", "chain_id", "phase", "height", "block_hash", "timestamp")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    chain_id: int
    phase: _settlements_pb2.Phase
    height: int
    block_hash: bytes
    timestamp: int
    def __init__(self, settlement_id: _Optional[bytes] = ..., chain_id: _Optional[int] = ..., phase: _Optional[_Union[_settlements_pb2.Phase, str]] = ..., height: _Optional[int] = ..., block_hash: _Optional[bytes] = ..., timestamp: _Optional[int] = ...) -> None: ...

class TransactionIncluded(_message.Message):
    __slots__ = ("settlement_id", "chain_id", "action", "transaction_hash", "gas_used", "proofs_verified")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    GAS_USED_FIELD_NUMBER: _ClassVar[int]
    PROOFS_VERIFIED_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    chain_id: int
    action: str
    transaction_hash: bytes
    gas_used: int
    proofs_verified: int
    def __init__(self, settlement_id: _Optional[bytes] = ..., chain_id: _Optional[int] = ..., action: _Optional[str] = ..., transaction_hash: _Optional[bytes] = ..., gas_used: _Optional[int] = ..., proofs_verified: _Optional[int] = ...) -> None: ...

class FinalityViolated(_message.Message):
    __slots__ = ("chain_id", "detail")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    detail: str
    def __init__(self, chain_id: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...

class SettlementEvent(_message.Message):
    __slots__ = ("sequence", "time_milliseconds", "settlement_proposed", "settlement_signed", "phase_proven", "transaction_included", "finality_violated")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_PROPOSED_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_SIGNED_FIELD_NUMBER: _ClassVar[int]
    PHASE_PROVEN_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_INCLUDED_FIELD_NUMBER: _ClassVar[int]
    FINALITY_VIOLATED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    time_milliseconds: int
    settlement_proposed: SettlementProposed
    settlement_signed: SettlementSigned
    phase_proven: PhaseProven
    transaction_included: TransactionIncluded
    finality_violated: FinalityViolated
    def __init__(self, sequence: _Optional[int] = ..., time_milliseconds: _Optional[int] = ..., settlement_proposed: _Optional[_Union[SettlementProposed, _Mapping]] = ..., settlement_signed: _Optional[_Union[SettlementSigned, _Mapping]] = ..., phase_proven: _Optional[_Union[PhaseProven, _Mapping]] = ..., transaction_included: _Optional[_Union[TransactionIncluded, _Mapping]] = ..., finality_violated: _Optional[_Union[FinalityViolated, _Mapping]] = ...) -> None: ...
