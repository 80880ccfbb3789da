"""The beacon chain's light client data, and the hash tree roots by which the chain knows it.

These are plain values: reading them proves nothing. Integers are uint64 where nothing else is
said; the decoders see to it. The specification's empty headers and committees, which stand for
"not given", are ``None`` here, so that nothing empty can be taken for something.
Source: ethereum/consensus-specs, ``specs/{phase0,altair,capella,deneb}/``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32
from clearinghouse.proofs.ethereum.ssz import (
    byte_list_root,
    byte_vector_root,
    hash_pair,
    merkle_root,
    uint_chunk,
)

MAX_EXTRA_DATA_BYTES = 32

Branch = tuple[Hash32, ...]
"""Siblings from a leaf upwards; empty, or all zero, where nothing is proven."""


@dataclass(frozen=True, slots=True)
class BeaconBlockHeader:
    """A beacon block by the roots of its parts; its own root is the block root."""

    slot: int
    proposer_index: int
    parent_root: Hash32
    state_root: Hash32
    body_root: Hash32

    @property
    def is_empty(self) -> bool:
        """Whether this is the specification's stand-in for no header."""
        return self == BeaconBlockHeader(0, 0, ZERO_HASH, ZERO_HASH, ZERO_HASH)

    def root(self) -> Hash32:
        """Return the hash tree root."""
        return merkle_root(
            (
                uint_chunk(self.slot),
                uint_chunk(self.proposer_index),
                self.parent_root,
                self.state_root,
                self.body_root,
            )
        )


@dataclass(frozen=True, slots=True)
class ExecutionPayloadHeader:
    """The execution block within a beacon block, from Capella to Fulu."""

    parent_hash: Hash32
    fee_recipient: Address
    state_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    """256 bytes."""
    prev_randao: Hash32
    block_number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    """Seconds since the epoch."""
    extra_data: bytes
    """At most 32 bytes."""
    base_fee_per_gas: int
    """In wei; uint256."""
    block_hash: Hash32
    transactions_root: Hash32
    withdrawals_root: Hash32
    blob_gas_used: int = 0
    """From Deneb on; 0 before."""
    excess_blob_gas: int = 0
    """From Deneb on; 0 before."""

    @property
    def is_empty(self) -> bool:
        """Whether this is the specification's stand-in for no payload."""
        values = (getattr(self, field.name) for field in fields(self))
        return not any(value if isinstance(value, int) else any(value) for value in values)

    def root(self, *, has_blob_fields: bool) -> Hash32:
        """Return the hash tree root by the rules before Deneb or from Deneb on."""
        leaves = [
            self.parent_hash,
            byte_vector_root(self.fee_recipient),
            self.state_root,
            self.receipts_root,
            byte_vector_root(self.logs_bloom),
            self.prev_randao,
            uint_chunk(self.block_number),
            uint_chunk(self.gas_limit),
            uint_chunk(self.gas_used),
            uint_chunk(self.timestamp),
            byte_list_root(self.extra_data, MAX_EXTRA_DATA_BYTES),
            uint_chunk(self.base_fee_per_gas),
            self.block_hash,
            self.transactions_root,
            self.withdrawals_root,
        ]
        if has_blob_fields:
            leaves += [uint_chunk(self.blob_gas_used), uint_chunk(self.excess_blob_gas)]
        return merkle_root(leaves)


@dataclass(frozen=True, slots=True)
class LightClientHeader:
    """A beacon header and what leads from it to the execution block."""

    beacon: BeaconBlockHeader
    execution: ExecutionPayloadHeader | Hash32 | None = None
    """From Capella on the execution payload's header; in Gloas data, whatever fork the header is
    of, just the execution block's hash; before Capella nothing."""
    execution_branch: Branch = ()
    """Within the beacon block's body."""

    @property
    def is_empty(self) -> bool:
        """Whether this is the specification's stand-in for no header."""
        return (
            self.beacon.is_empty
            and self.execution is None
            and not any(map(any, self.execution_branch))
        )


@dataclass(frozen=True, slots=True)
class SyncCommittee:
    """The validators that sign every block of one period (27 hours on mainnet)."""

    public_keys: tuple[bytes, ...]
    """Compressed, 48 bytes each; a validator drawn twice is here twice and signs twice."""
    aggregate_public_key: bytes
    """Compressed sum of the keys."""

    @property
    def is_empty(self) -> bool:
        """Whether this is the specification's stand-in for no committee."""
        return not any(map(any, (self.aggregate_public_key, *self.public_keys)))

    def root(self) -> Hash32:
        """Return the hash tree root."""
        keys = merkle_root([byte_vector_root(key) for key in self.public_keys])
        return hash_pair(keys, byte_vector_root(self.aggregate_public_key))


@dataclass(frozen=True, slots=True)
class SyncAggregate:
    """Who of a committee signed, and the sum of their signatures."""

    participation: tuple[bool, ...]
    """One flag per place in the committee."""
    signature: bytes
    """Compressed, 96 bytes."""

    @property
    def participants(self) -> int:
        """How many places signed."""
        return sum(self.participation)


@dataclass(frozen=True, slots=True)
class LightClientBootstrap:
    """Where to begin: a header whose root is trusted, and the committee in its state."""

    header: LightClientHeader
    current_sync_committee: SyncCommittee
    current_sync_committee_branch: Branch


@dataclass(frozen=True, slots=True)
class LightClientUpdate:
    """A signed header and what its state says: the finalised header, the next committee.

    Finality and optimistic updates are updates that lack the other parts.
    """

    attested_header: LightClientHeader
    sync_aggregate: SyncAggregate
    signature_slot: int
    """The slot in whose block the signatures are; not signed itself."""
    finalized_header: LightClientHeader | None = None
    finality_branch: Branch = ()
    next_sync_committee: SyncCommittee | None = None
    next_sync_committee_branch: Branch = ()

    @property
    def has_finality(self) -> bool:
        """Whether the update claims to prove a finalised header."""
        return any(map(any, self.finality_branch))

    @property
    def has_next_sync_committee(self) -> bool:
        """Whether the update claims to prove the next committee."""
        return any(map(any, self.next_sync_committee_branch))
