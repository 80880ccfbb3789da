from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Branch(_message.Message):
    __slots__ = ("siblings", "sibling_sums")
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    SIBLING_SUMS_FIELD_NUMBER: _ClassVar[int]
    siblings: _containers.RepeatedScalarFieldContainer[bytes]
    sibling_sums: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, siblings: _Optional[_Iterable[bytes]] = ..., sibling_sums: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ClaimBranch(_message.Message):
    __slots__ = ("leg_hash", "claims_tree", "claims", "position", "member", "quanta", "branch")
    LEG_HASH_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_TREE_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    leg_hash: bytes
    claims_tree: bytes
    claims: bytes
    position: int
    member: bytes
    quanta: int
    branch: Branch
    def __init__(self, leg_hash: _Optional[bytes] = ..., claims_tree: _Optional[bytes] = ..., claims: _Optional[bytes] = ..., position: _Optional[int] = ..., member: _Optional[bytes] = ..., quanta: _Optional[int] = ..., branch: _Optional[_Union[Branch, _Mapping]] = ...) -> None: ...

class ReleaseBranch(_message.Message):
    __slots__ = ("settlement_id", "releases_tree", "released", "index", "member", "quanta", "branch")
    SETTLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASES_TREE_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    settlement_id: bytes
    releases_tree: bytes
    released: bytes
    index: int
    member: bytes
    quanta: int
    branch: Branch
    def __init__(self, settlement_id: _Optional[bytes] = ..., releases_tree: _Optional[bytes] = ..., released: _Optional[bytes] = ..., index: _Optional[int] = ..., member: _Optional[bytes] = ..., quanta: _Optional[int] = ..., branch: _Optional[_Union[Branch, _Mapping]] = ...) -> None: ...

class VaultLiabilities(_message.Message):
    __slots__ = ("chain_id", "asset_id", "claims_quanta", "released_quanta", "unconsumed_deposit_quanta", "deposit_count")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_QUANTA_FIELD_NUMBER: _ClassVar[int]
    RELEASED_QUANTA_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_DEPOSIT_QUANTA_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_COUNT_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    asset_id: int
    claims_quanta: int
    released_quanta: int
    unconsumed_deposit_quanta: int
    deposit_count: int
    def __init__(self, chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., claims_quanta: _Optional[int] = ..., released_quanta: _Optional[int] = ..., unconsumed_deposit_quanta: _Optional[int] = ..., deposit_count: _Optional[int] = ...) -> None: ...

class Solvency(_message.Message):
    __slots__ = ("vaults", "sequence")
    VAULTS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    vaults: _containers.RepeatedCompositeFieldContainer[VaultLiabilities]
    sequence: int
    def __init__(self, vaults: _Optional[_Iterable[_Union[VaultLiabilities, _Mapping]]] = ..., sequence: _Optional[int] = ...) -> None: ...
