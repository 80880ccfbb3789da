from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlacementLimit(_message.Message):
    __slots__ = ("member", "chain_id", "asset_id", "maximum_quanta", "nonce")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_QUANTA_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    chain_id: int
    asset_id: int
    maximum_quanta: bytes
    nonce: int
    def __init__(self, member: _Optional[bytes] = ..., chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., maximum_quanta: _Optional[bytes] = ..., nonce: _Optional[int] = ...) -> None: ...

class SignedPlacementLimit(_message.Message):
    __slots__ = ("limit", "signature")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    limit: PlacementLimit
    signature: bytes
    def __init__(self, limit: _Optional[_Union[PlacementLimit, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("member", "chain_id", "asset_id", "quanta", "nonce", "expiry")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    chain_id: int
    asset_id: int
    quanta: int
    nonce: int
    expiry: int
    def __init__(self, member: _Optional[bytes] = ..., chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., quanta: _Optional[int] = ..., nonce: _Optional[int] = ..., expiry: _Optional[int] = ...) -> None: ...

class SignedRelease(_message.Message):
    __slots__ = ("release", "signature")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    release: Release
    signature: bytes
    def __init__(self, release: _Optional[_Union[Release, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ("chain_id", "asset_id", "quanta")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTA_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    asset_id: int
    quanta: int
    def __init__(self, chain_id: _Optional[int] = ..., asset_id: _Optional[int] = ..., quanta: _Optional[int] = ...) -> None: ...

class AssetAccount(_message.Message):
    __slots__ = ("asset_id", "collateral_quanta", "pending_deposit_quanta", "held_quanta", "variation_quanta", "required_quanta")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_QUANTA_FIELD_NUMBER: _ClassVar[int]
    PENDING_DEPOSIT_QUANTA_FIELD_NUMBER: _ClassVar[int]
    HELD_QUANTA_FIELD_NUMBER: _ClassVar[int]
    VARIATION_QUANTA_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_QUANTA_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    collateral_quanta: int
    pending_deposit_quanta: int
    held_quanta: int
    variation_quanta: int
    required_quanta: int
    def __init__(self, asset_id: _Optional[int] = ..., collateral_quanta: _Optional[int] = ..., pending_deposit_quanta: _Optional[int] = ..., held_quanta: _Optional[int] = ..., variation_quanta: _Optional[int] = ..., required_quanta: _Optional[int] = ...) -> None: ...

class Holding(_message.Message):
    __slots__ = ("instrument_id", "quantity", "basis_quanta", "mark")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BASIS_QUANTA_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    quantity: int
    basis_quanta: int
    mark: int
    def __init__(self, instrument_id: _Optional[int] = ..., quantity: _Optional[int] = ..., basis_quanta: _Optional[int] = ..., mark: _Optional[int] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("member", "position", "claims", "accounts", "holdings", "placement_limits", "sequence")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    HOLDINGS_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_LIMITS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    position: int
    claims: _containers.RepeatedCompositeFieldContainer[Claim]
    accounts: _containers.RepeatedCompositeFieldContainer[AssetAccount]
    holdings: _containers.RepeatedCompositeFieldContainer[Holding]
    placement_limits: _containers.RepeatedCompositeFieldContainer[PlacementLimit]
    sequence: int
    def __init__(self, member: _Optional[bytes] = ..., position: _Optional[int] = ..., claims: _Optional[_Iterable[_Union[Claim, _Mapping]]] = ..., accounts: _Optional[_Iterable[_Union[AssetAccount, _Mapping]]] = ..., holdings: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ..., placement_limits: _Optional[_Iterable[_Union[PlacementLimit, _Mapping]]] = ..., sequence: _Optional[int] = ...) -> None: ...
