"""A whole state as bytes, and back: what a snapshot keeps and what the state hash covers.

The encoding is canonical. Tables are the bytes of their rows in use, mappings are in order of their
keys, and what follows from something else (positions from the list of members, order numbers from
the list of digests, open settlements from their phases) is left out; so two states are equal
exactly when their bytes are.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.account_table import ACCOUNT_ROW, LIMIT_ROW, AccountTable, Vault
from clearinghouse.book.entries import SettlementProposed
from clearinghouse.book.holding_table import HOLDING_ROW
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, Position
from clearinghouse.book.instrument_table import INSTRUMENT_ROW
from clearinghouse.book.mandates import Mandate, MandateUse, key_of
from clearinghouse.book.order_table import ORDER_ROW
from clearinghouse.book.orders import PlacementLimit, Release
from clearinghouse.book.reference import Genesis, Instrument
from clearinghouse.book.settlements import Leg, Phase
from clearinghouse.book.state import (
    Cut,
    Deposit,
    DepositQueue,
    Exit,
    ExitQueue,
    SettlementState,
    State,
)

ENCODING = 1
"""Version of the encoding: a snapshot of another one is passed over and the journal replayed."""


class _Queue(msgspec.Struct, array_like=True):
    vault: Vault
    consumed: int
    consumed_hash: Hash32
    total: int
    unconsumed: list[tuple[int, Position, int, Hash32]]


class _Mandate(msgspec.Struct, array_like=True):
    mandate: Mandate
    used_notional: list[tuple[AssetId, int]]


class _Settlement(msgspec.Struct, array_like=True):
    proposal: SettlementProposed
    signatures: tuple[bytes, ...]
    phases: list[tuple[ChainId, Phase]]
    lapsed: list[ChainId]
    heights: list[tuple[ChainId, int]]
    outcome: Phase
    committed_at: int


class _Wide(msgspec.Struct, array_like=True):
    """What may hold integers beyond 64 bits: JSON takes them, MessagePack does not."""

    early_limits: list[PlacementLimit]
    mandates: list[_Mandate]
    settlements: list[_Settlement]


class _Exits(msgspec.Struct, array_like=True):
    vault: Vault
    answered: int
    waiting: list[tuple[int, Position, int, int]]


class _Cut(msgspec.Struct, array_like=True):
    sequence: int
    head: Hash32
    fill_count: int
    quantities: bytes
    bases: bytes


class _Content(msgspec.Struct, array_like=True):
    encoding: int
    genesis: Genesis | None
    sequence: int
    head: Hash32
    halted: str
    instruments: list[Instrument]
    instrument_rows: bytes
    venues: list[tuple[Address, str]]
    members: bytes
    accounts: bytes
    claims: bytes
    limits: bytes
    order_digests: bytes
    order_rows: bytes
    holding_rows: bytes
    holding_heads: bytes
    batches: list[tuple[Address, Hash32, int]]
    fill_count: int
    cut_fill_count: int
    deposits: list[_Queue]
    exits: list[_Exits]
    releases: list[tuple[Hash32, Release]]
    used_releases: bytes
    wide: bytes
    """JSON of ``_Wide``."""
    cut: _Cut | None
    in_flight: Hash32 | None
    last_committed: Hash32
    cycle: int
    legs: list[Leg]
    leg_hashes: list[tuple[ChainId, Hash32]]


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[_Content] = msgspec.msgpack.Decoder(_Content)
_wide_encoder = msgspec.json.Encoder()
_wide_decoder: msgspec.json.Decoder[_Wide] = msgspec.json.Decoder(_Wide)


def encode_state(state: State) -> bytes:
    """Return the one encoding of a state."""
    members = len(state.members)
    accounts = state.accounts
    content = _Content(
        encoding=ENCODING,
        genesis=state.genesis,
        sequence=state.sequence,
        head=state.head,
        halted=state.halted,
        instruments=list(state.instruments.values()),
        instrument_rows=state.instrument_table.rows[: len(state.instrument_table)].tobytes(),
        venues=[(venue, state.venues[venue]) for venue in state.venue_rows],
        members=b"".join(state.members),
        accounts=accounts.accounts[:, :members].tobytes(),
        claims=accounts.claims[:, :members].tobytes(),
        limits=accounts.limits[:, :members].tobytes(),
        order_digests=b"".join(state.orders.digests),
        order_rows=state.orders.rows[: len(state.orders)].tobytes(),
        holding_rows=state.holdings.used().tobytes(),
        holding_heads=state.holdings.heads[:members].tobytes(),
        batches=[(*key, sequence) for key, sequence in state.batches.items()],
        fill_count=state.fill_count,
        cut_fill_count=state.cut_fill_count,
        deposits=[_queue(vault, queue) for vault, queue in sorted(state.deposits.items())],
        exits=[_exits(vault, queue) for vault, queue in sorted(state.exits.items())],
        releases=list(state.releases.items()),
        used_releases=b"".join(sorted(state.used_releases)),
        wide=_wide_encoder.encode(_wide(state)),
        cut=None if state.cut is None else _cut(state.cut),
        in_flight=state.in_flight,
        last_committed=state.last_committed,
        cycle=state.cycle,
        legs=[state.legs[chain] for chain in sorted(state.legs)],
        leg_hashes=sorted(state.leg_hashes.items()),
    )
    return _encoder.encode(content)


def decode_state(payload: bytes) -> State:
    """Return the state of an encoding.

    Raises
    ------
    msgspec.DecodeError, ValueError
        When the bytes are no encoding of this version; whoever reads snapshots names it.
    """
    content = _decoder.decode(payload)
    wide = _wide_decoder.decode(content.wide)
    if content.encoding != ENCODING:
        raise ValueError(f"encoding {content.encoding} is not {ENCODING}")
    state = State(
        genesis=content.genesis,
        sequence=content.sequence,
        head=content.head,
        halted=content.halted,
        instruments={each.instrument_id: each for each in content.instruments},
        venues=dict(content.venues),
        venue_rows={venue: row for row, (venue, _) in enumerate(content.venues)},
        members=[Address(member) for member in _parts(content.members, 20)],
        batches={(venue, batch): sequence for venue, batch, sequence in content.batches},
        fill_count=content.fill_count,
        cut_fill_count=content.cut_fill_count,
        deposits={queue.vault: _queue_of(queue) for queue in content.deposits},
        exits={queue.vault: _exits_of(queue) for queue in content.exits},
        releases=dict(content.releases),
        used_releases={Hash32(each) for each in _parts(content.used_releases, 32)},
        settlements={each.settlement_id: each for each in map(_settlement_of, wide.settlements)},
        cut=None if content.cut is None else _cut_of(content.cut),
        in_flight=content.in_flight,
        last_committed=content.last_committed,
        cycle=content.cycle,
        legs={leg.chain_id: leg for leg in content.legs},
        leg_hashes=dict(content.leg_hashes),
    )
    state.open_settlements = {
        settlement_id: record
        for settlement_id, record in state.settlements.items()
        if not record.is_closed()
    }
    state.positions = {member: Position(p) for p, member in enumerate(state.members)}
    for limit in wide.early_limits:
        early = state.early_limits.setdefault(limit.member, {})
        early[(limit.chain_id, limit.asset_id)] = limit
    for used in wide.mandates:
        state.mandates.in_force[key_of(used.mandate)] = MandateUse(
            used.mandate, dict(used.used_notional)
        )
    _restore_tables(state, content)
    return state


def _wide(state: State) -> _Wide:
    early = [limit for limits in state.early_limits.values() for limit in limits.values()]
    return _Wide(
        sorted(early, key=lambda limit: (limit.member, limit.chain_id, limit.asset_id)),
        [
            _Mandate(use.mandate, sorted(use.used_notional.items()))
            for _, use in sorted(state.mandates.in_force.items())
        ],
        [_settlement(record) for record in state.settlements.values()],
    )


def _restore_tables(state: State, content: _Content) -> None:
    members = len(state.members)
    if state.genesis is not None:
        assets = tuple(asset.asset_id for asset in state.genesis.assets)
        vaults = tuple(
            (chain.chain_id, asset.asset_id)
            for chain in state.genesis.chains
            for asset in chain.assets
        )
        accounts = AccountTable(assets, vaults)
        accounts.accounts = _array(content.accounts, ACCOUNT_ROW).reshape(len(assets), members)
        accounts.claims = _array(content.claims, np.dtype(np.int64)).reshape(len(vaults), members)
        accounts.limits = _array(content.limits, LIMIT_ROW).reshape(len(vaults), members)
        state.accounts = accounts
    for instrument in content.instruments:
        state.instrument_table.add(instrument, state.accounts.asset_rows[instrument.quote_asset])
    state.instrument_table.rows = _array(content.instrument_rows, INSTRUMENT_ROW)
    orders = state.orders
    orders.digests = [Hash32(digest) for digest in _parts(content.order_digests, 32)]
    orders.numbers = {digest: number for number, digest in enumerate(orders.digests)}
    orders.rows = _array(content.order_rows, ORDER_ROW)
    state.holdings.rows = _array(content.holding_rows, HOLDING_ROW)
    state.holdings.count = len(state.holdings.rows)
    state.holdings.heads = _array(content.holding_heads, np.dtype(np.int64))


def _array(data: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.frombuffer(data, dtype).copy()


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _queue(vault: Vault, queue: DepositQueue) -> _Queue:
    waiting = [(each.index, each.position, each.quanta, each.hash) for each in queue.unconsumed]
    return _Queue(vault, queue.consumed, queue.consumed_hash, queue.total, waiting)


def _queue_of(queue: _Queue) -> DepositQueue:
    waiting = deque(Deposit(*each) for each in queue.unconsumed)
    return DepositQueue(queue.consumed, queue.consumed_hash, queue.total, waiting)


def _exits(vault: Vault, queue: ExitQueue) -> _Exits:
    waiting = [(each.index, each.position, each.quanta, each.held) for each in queue.waiting]
    return _Exits(vault, queue.answered, waiting)


def _exits_of(queue: _Exits) -> ExitQueue:
    return ExitQueue(queue.answered, deque(Exit(*each) for each in queue.waiting))


def _cut(cut: Cut) -> _Cut:
    return _Cut(
        cut.sequence, cut.head, cut.fill_count, cut.quantities.tobytes(), cut.bases.tobytes()
    )


def _cut_of(cut: _Cut) -> Cut:
    columns = (_array(column, np.dtype(np.int64)) for column in (cut.quantities, cut.bases))
    return Cut(cut.sequence, cut.head, cut.fill_count, *columns)


def _settlement(record: SettlementState) -> _Settlement:
    return _Settlement(
        record.proposal,
        record.signatures,
        sorted(record.phases.items()),
        sorted(record.lapsed),
        sorted(record.heights.items()),
        record.outcome,
        record.committed_at,
    )


def _settlement_of(record: _Settlement) -> SettlementState:
    return SettlementState(
        record.proposal,
        record.signatures,
        dict(record.phases),
        set(record.lapsed),
        dict(record.heights),
        record.outcome,
        record.committed_at,
    )
