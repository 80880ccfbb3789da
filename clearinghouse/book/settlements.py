"""What a settlement is: the values that the operators sign and the anchors check.

Field order is the order of the Solidity structs; ``clearinghouse.commitment`` hashes them.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32


class Phase(IntEnum):
    """State of a settlement on one anchor (invariant P5: NONE, PREPARED, then one way on)."""

    NONE = 0
    PREPARED = 1
    COMMITTED = 2
    ABORTED = 3
    INVALID = 4
    FINAL = 5


class ChainEntry(msgspec.Struct, frozen=True):
    """One chain's line in a settlement."""

    chain_id: ChainId
    anchor: Address
    leg_hash: Hash32
    """Of this settlement's leg; of the parent's leg where the chain is inactive."""
    active: bool


class Settlement(msgspec.Struct, frozen=True):
    """What one cycle changes on all chains; its EIP-712 digest is the settlement id."""

    clearinghouse_id: Hash32
    cycle: int
    parent: Hash32
    """Id of the last committed settlement; zero for the first."""
    operator_epoch: int
    cut_time: int
    """Seconds since the epoch."""
    journal_count: int
    """Entries in the journal up to and including the cut."""
    journal_head: Hash32
    statements_root: Hash32
    flows_root: Hash32
    fills_root: Hash32
    prices_root: Hash32
    prepare_deadline: int
    """Seconds since the epoch; a prepare later than this reverts."""
    decide_by: int
    """Seconds since the epoch; home commits not later, and may abort after it."""
    chains: tuple[ChainEntry, ...]
    """Chain ids strictly increasing, home among them and active."""


class LegAsset(msgspec.Struct, frozen=True):
    """One asset's line in a leg."""

    asset_id: AssetId
    claims_tree: Hash32
    claims: int
    """Quanta: the sum of the claims tree."""
    releases_tree: Hash32
    released: int
    """Quanta: the sum of the releases tree."""
    deposit_cursor: int
    """Deposits with a smaller index are consumed."""
    deposit_hash: Hash32
    """The anchor's hash chain at the cursor; zero for cursor 0."""
    exit_cursor: int


class Leg(msgspec.Struct, frozen=True):
    """The part of a settlement that one anchor prepares and commits."""

    chain_id: ChainId
    anchor: Address
    cycle: int
    parent_leg: Hash32
    """Hash of the last committed leg of this anchor; zero for the first."""
    assets: tuple[LegAsset, ...]
    """Every asset of the chain, sorted by id."""
    data_hash: Hash32


class OperatorSet(msgspec.Struct, frozen=True):
    """The keys of which ``threshold`` sign a settlement."""

    epoch: int
    threshold: int
    signers: tuple[Address, ...]
    """Strictly increasing."""
    parameters_hash: Hash32


class Windows(msgspec.Struct, frozen=True):
    """The clearinghouse's time constants in seconds; part of its id, so they never change."""

    challenge_seconds: int
    grace_seconds: int
    stall_seconds: int
    freeze_delay_seconds: int
    max_decide_seconds: int
    client_latency_seconds: int
