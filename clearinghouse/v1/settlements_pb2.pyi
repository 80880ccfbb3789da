from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_NONE: _ClassVar[Phase]
    PHASE_PREPARED: _ClassVar[Phase]
    PHASE_COMMITTED: _ClassVar[Phase]
    PHASE_ABORTED: _ClassVar[Phase]
    PHASE_INVALID: _ClassVar[Phase]
    PHASE_FINAL: _ClassVar[Phase]
PHASE_UNSPECIFIED: Phase
PHASE_NONE: Phase
PHASE_PREPARED: Phase
PHASE_COMMITTED: Phase
PHASE_ABORTED: Phase
PHASE_INVALID: Phase
PHASE_FINAL: Phase

class ChainEntry(_message.Message):
    __slots__ = ("chain_id", "anchor", "leg_hash", "active")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    LEG_HASH_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    anchor: bytes
    leg_hash: bytes
    active: bool
    def __init__(self, chain_id: _Optional[int] = ..., anchor: _Optional[bytes] = ..., leg_hash: _Optional[bytes] = ..., active: _Optional[bool] = ...) -> None: ...

class Settlement(_message.Message):
    __slots__ = ("clearinghouse_id", "cycle", "parent", "operator_epoch", "cut_time", "journal_count", "journal_head", "statements_root", "flows_root", "fills_root", "prices_root", "prepare_deadline", "decide_by", "chains")
    CLEARINGHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CUT_TIME_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_HEAD_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_ROOT_FIELD_NUMBER: _ClassVar[int]
    FLOWS_ROOT_FIELD_NUMBER: _ClassVar[int]
    FILLS_ROOT_FIELD_NUMBER: _ClassVar[int]
    PRICES_ROOT_FIELD_NUMBER: _ClassVar[int]
    PREPARE_DEADLINE_FIELD_NUMBER: _ClassVar[int]
    DECIDE_BY_FIELD_NUMBER: _ClassVar[int]
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    clearinghouse_id: bytes
    cycle: int
    parent: bytes
    operator_epoch: int
    cut_time: int
    journal_count: int
    journal_head: bytes
    statements_root: bytes
    flows_root: bytes
    fills_root: bytes
    prices_root: bytes
    prepare_deadline: int
    decide_by: int
    chains: _containers.RepeatedCompositeFieldContainer[ChainEntry]
    def __init__(self, clearinghouse_id: _Optional[bytes] = ..., cycle: _Optional[int] = ..., parent: _Optional[bytes] = ..., operator_epoch: _Optional[int] = ..., cut_time: _Optional[int] = ..., journal_count: _Optional[int] = ..., journal_head: _Optional[bytes] = ..., statements_root: _Optional[bytes] = ..., flows_root: _Optional[bytes] = ..., fills_root: _Optional[bytes] = ..., prices_root: _Optional[bytes] = ..., prepare_deadline: _Optional[int] = ..., decide_by: _Optional[int] = ..., chains: _Optional[_Iterable[_Union[ChainEntry, _Mapping]]] = ...) -> None: ...

class LegAsset(_message.Message):
    __slots__ = ("asset_id", "claims_tree", "claims", "releases_tree", "released", "deposit_cursor", "deposit_hash", "exit_cursor")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_TREE_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    RELEASES_TREE_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_HASH_FIELD_NUMBER: _ClassVar[int]
    EXIT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    claims_tree: bytes
    claims: bytes
    releases_tree: bytes
    released: bytes
    deposit_cursor: int
    deposit_hash: bytes
    exit_cursor: int
    def __init__(self, asset_id: _Optional[int] = ..., claims_tree: _Optional[bytes] = ..., claims: _Optional[bytes] = ..., releases_tree: _Optional[bytes] = ..., released: _Optional[bytes] = ..., deposit_cursor: _Optional[int] = ..., deposit_hash: _Optional[bytes] = ..., exit_cursor: _Optional[int] = ...) -> None: ...

class Leg(_message.Message):
    __slots__ = ("chain_id", "anchor", "cycle", "parent_leg", "assets", "data_hash")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    PARENT_LEG_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    DATA_HASH_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    anchor: bytes
    cycle: int
    parent_leg: bytes
    assets: _containers.RepeatedCompositeFieldContainer[LegAsset]
    data_hash: bytes
    def __init__(self, chain_id: _Optional[int] = ..., anchor: _Optional[bytes] = ..., cycle: _Optional[int] = ..., parent_leg: _Optional[bytes] = ..., assets: _Optional[_Iterable[_Union[LegAsset, _Mapping]]] = ..., data_hash: _Optional[bytes] = ...) -> None: ...

class OperatorSet(_message.Message):
    __slots__ = ("epoch", "threshold", "signers", "parameters_hash")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    SIGNERS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_HASH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    threshold: int
    signers: _containers.RepeatedScalarFieldContainer[bytes]
    parameters_hash: bytes
    def __init__(self, epoch: _Optional[int] = ..., threshold: _Optional[int] = ..., signers: _Optional[_Iterable[bytes]] = ..., parameters_hash: _Optional[bytes] = ...) -> None: ...

class ChainPhase(_message.Message):
    __slots__ = ("chain_id", "phase", "lapsed")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    LAPSED_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    phase: Phase
    lapsed: bool
    def __init__(self, chain_id: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ..., lapsed: _Optional[bool] = ...) -> None: ...

class PayableRelease(_message.Message):
    __slots__ = ("chain_id", "asset_id", "index", "member", "quanta", "release_id")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    RELEASE_ID_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    asset_id: int
    index: int
    member: bytes
    quanta: int
    release_id: bytes
    def __init__(self, chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., index: _Optional[int] = ..., member: _Optional[bytes] = ..., quanta: _Optional[int] = ..., release_id: _Optional[bytes] = ...) -> None: ...

class SettlementRecord(_message.Message):
    __slots__ = ("settlement_id", "settlement", "legs", "operator_set", "signatures", "chain_phases", "outcome", "releases", "sequence")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_SET_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    CHAIN_PHASES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    settlement: Settlement
    legs: _containers.RepeatedCompositeFieldContainer[Leg]
    operator_set: OperatorSet
    signatures: _containers.RepeatedScalarFieldContainer[bytes]
    chain_phases: _containers.RepeatedCompositeFieldContainer[ChainPhase]
    outcome: Phase
    releases: _containers.RepeatedCompositeFieldContainer[PayableRelease]
    sequence: int
    def __init__(self, settlement_id: _Optional[bytes] = ..., settlement: _Optional[_Union[Settlement, _Mapping]] = ..., legs: _Optional[_Iterable[_Union[Leg, _Mapping]]] = ..., operator_set: _Optional[_Union[OperatorSet, _Mapping]] = ..., signatures: _Optional[_Iterable[bytes]] = ..., chain_phases: _Optional[_Iterable[_Union[ChainPhase, _Mapping]]] = ..., outcome: _Optional[_Union[Phase, str]] = ..., releases: _Optional[_Iterable[_Union[PayableRelease, _Mapping]]] = ..., sequence: _Optional[int] = ...) -> None: ...

class SettlementSummary(_message.Message):
    __slots__ = ("settlement_id", "cycle", "outcome", "chain_phases", "closed")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CHAIN_PHASES_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    cycle: int
    outcome: Phase
    chain_phases: _containers.RepeatedCompositeFieldContainer[ChainPhase]
    closed: bool
    def __init__(self, settlement_id: _Optional[bytes] = ..., cycle: _Optional[int] = ..., outcome: _Optional[_Union[Phase, str]] = ..., chain_phases: _Optional[_Iterable[_Union[ChainPhase, _Mapping]]] = ..., closed: _Optional[bool] = ...) -> None: ...
