"""The one function ``state x entry -> state``: apply what was decided, check what must hold.

A check that fails here means that the journal contradicts itself: ``Corruption`` stops the process
before anything is built on it.

Nothing else changes a state, with one exception: of live orders and fills, admission
(``clearinghouse.intake.admission``) applies the effects while it decides, because each decision
rests on the ones before it. The entries that record them come here only when they are replayed, and
must lead to the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearinghouse.book.account_table import AccountTable
from clearinghouse.book.earlier_entries import EarlierEntry, current_entries
from clearinghouse.book.entries import (
    AnchorFrozen,
    BatchRecorded,
    CycleCut,
    DepositFinalised,
    Entry,
    ExitRequested,
    FillArrays,
    FinalityViolated,
    GenesisRecorded,
    InstrumentListed,
    MandatedOrdersRecorded,
    OrdersRecorded,
    PhaseProven,
    PlacementLimitAccepted,
    RecordedOrder,
    ReleaseAccepted,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
    VenueRegistered,
)
from clearinghouse.book.identifiers import Address, Hash32, Position
from clearinghouse.book.mandates import MandateAccepted, order_notional
from clearinghouse.book.novation import ADMITTED, OVERFILLED, SIDES, novate_fills
from clearinghouse.book.orders import Order
from clearinghouse.book.ranges import INT64_MAX, UINT32_MAX
from clearinghouse.book.settlement_transition import (
    apply_cut,
    apply_phase,
    apply_proposal,
    apply_signatures,
)
from clearinghouse.book.state import Deposit, DepositQueue, Exit, ExitQueue, State
from clearinghouse.errors import Corruption, check


def apply(state: State, entry: Entry | EarlierEntry) -> None:
    """Apply an entry to the state, in place; one of an earlier release as what it says today.

    Raises
    ------
    Corruption
        When the entry contradicts the state, ``entry_dangling`` when it names something that was
        never recorded; the state must then be thrown away.
    """
    try:
        for current in current_entries(entry, state.orders.numbers):
            _APPLY[type(current)](state, current)
    except (LookupError, ValueError) as error:
        raise Corruption(
            "entry_dangling",
            f"{type(entry).__name__} does not fit what was recorded before it: {error!r}; "
            "restore the journal from a replica",
        ) from error


def _genesis_recorded(state: State, entry: GenesisRecorded) -> None:
    check(state.genesis is None, "genesis_twice", "a journal has one genesis")
    state.genesis = entry.genesis
    vaults = tuple(
        (chain.chain_id, asset.asset_id) for chain in entry.genesis.chains for asset in chain.assets
    )
    state.deposits = {vault: DepositQueue() for vault in vaults}
    state.exits = {vault: ExitQueue() for vault in vaults}
    state.accounts = AccountTable(tuple(asset.asset_id for asset in entry.genesis.assets), vaults)


def _instrument_listed(state: State, entry: InstrumentListed) -> None:
    instrument = entry.instrument
    check(
        instrument.instrument_id not in state.instruments,
        "instrument_twice",
        "an instrument is listed once",
        instrument=instrument.instrument_id,
    )
    state.instruments[instrument.instrument_id] = instrument
    state.instrument_table.add(instrument, state.accounts.asset_rows[instrument.quote_asset])


def _venue_registered(state: State, entry: VenueRegistered) -> None:
    state.venues[entry.venue] = entry.name
    state.venue_rows.setdefault(entry.venue, len(state.venue_rows))


def position_of(state: State, member: Address) -> Position:
    """Return a member's position, giving the next free one to a new member."""
    known = state.positions.get(member)
    if known is not None:
        return known
    position = Position(len(state.members))
    check(position <= UINT32_MAX, "positions_exhausted", "a position number is below 2^32")
    state.positions[member] = position
    state.members.append(member)
    state.accounts.reserve(len(state.members))
    state.holdings.reserve(len(state.members), 0)
    for limit in state.early_limits.pop(member, {}).values():
        state.accounts.accept_limit(position, limit)
    return position


def _deposit_finalised(state: State, entry: DepositFinalised) -> None:
    queue = state.deposits[(entry.chain_id, entry.asset_id)]
    check(
        entry.index == queue.count,
        "deposit_out_of_order",
        "deposits are credited in index order, each once",
        expected=queue.count,
        index=entry.index,
    )
    queue.total = entry.total
    deposited = sum(
        other.total for (_, asset), other in state.deposits.items() if asset == entry.asset_id
    )
    check(
        deposited <= INT64_MAX,
        "deposit_overflow",
        "all deposits of an asset together, over all chains, stay below 2^63 quanta",
    )
    position = position_of(state, entry.member)
    queue.unconsumed.append(Deposit(entry.index, position, entry.quanta, entry.hash))
    state.accounts.add(position, entry.asset_id, "pending", entry.quanta)


def _exit_requested(state: State, entry: ExitRequested) -> None:
    """Hold what the member has on the chain, at most what it asks for, until a leg answers."""
    vault = (entry.chain_id, entry.asset_id)
    queue = state.exits[vault]
    check(
        entry.index == queue.count,
        "exit_out_of_order",
        "exits are answered in index order, each once",
        expected=queue.count,
        index=entry.index,
    )
    # Whoever asks gets a position, so that the answer, nothing, has a leaf like every other.
    position = position_of(state, entry.member)
    here = int(state.accounts.claims[state.accounts.vault_rows[vault], position])
    here += sum(
        deposit.quanta
        for deposit in state.deposits[vault].unconsumed
        if deposit.position == position
    )
    held = min(entry.quanta, here)
    queue.waiting.append(Exit(entry.index, position, entry.quanta, held))
    state.accounts.add(position, entry.asset_id, "held", held)


def _anchor_frozen(state: State, entry: AnchorFrozen) -> None:
    """Stop: a vault that pays out by itself is no margin, and its members may have left with it."""
    state.halted = f"anchor_frozen on chain {entry.chain_id} at height {entry.height}"


def _placement_limit_accepted(state: State, entry: PlacementLimitAccepted) -> None:
    limit = entry.limit
    position = state.positions.get(limit.member)
    if position is None:
        early = state.early_limits.setdefault(limit.member, {})
        early[(limit.chain_id, limit.asset_id)] = limit
    else:
        state.accounts.accept_limit(position, limit)


def _release_accepted(state: State, entry: ReleaseAccepted) -> None:
    check(
        entry.release_id not in state.used_releases,
        "release_twice",
        "a signed release is taken once",
    )
    release = entry.release
    state.used_releases.add(entry.release_id)
    state.releases[entry.release_id] = release
    position = state.positions[release.member]
    state.accounts.add(position, release.asset_id, "held", release.quanta)


def _mandate_accepted(state: State, entry: MandateAccepted) -> None:
    state.mandates.enter(entry.mandate)


def _mandated_orders_recorded(state: State, entry: MandatedOrdersRecorded) -> None:
    venue = entry.orders.venue
    for index, order in enumerate(entry.orders.orders()):
        digest = Hash32(entry.digests[32 * index : 32 * index + 32])
        if entry.reasons[index] == ADMITTED and digest not in state.orders.numbers:
            enter_order(state, digest, order, venue)


def _orders_recorded(state: State, entry: OrdersRecorded) -> None:
    _enter_orders(state, entry.orders)


def _enter_orders(state: State, orders: tuple[RecordedOrder, ...]) -> None:
    for recorded in orders:
        if recorded.digest not in state.orders.numbers:
            enter_order(state, recorded.digest, recorded.signed.order, recorded.signed.delegate)


def enter_order(state: State, digest: Hash32, order: Order, delegate: Address | None) -> int:
    """Enter an order, count it against the delegate's mandate, and return its number."""
    if delegate is not None:
        state.mandates.use(
            (order.member, delegate, order.venue, order.instrument),
            state.instruments[order.instrument].quote_asset,
            order_notional(order),
        )
    return state.orders.add(
        digest,
        order,
        state.positions[order.member],
        state.instrument_table.numbers[order.instrument],
        state.venue_rows[order.venue],
    )


def _batch_recorded(state: State, entry: BatchRecorded) -> None:
    key = (entry.venue, entry.batch_id)
    check(key not in state.batches, "batch_twice", "a batch id is recorded once")
    _enter_orders(state, entry.orders)
    apply_fills(state, entry.columns)
    state.batches[key] = state.sequence


def apply_fills(state: State, fills: FillArrays) -> None:
    """Novate the admitted fills of a batch: each side now faces the clearinghouse."""
    check(
        len({len(column) for column in fills}) == 1,
        "columns_uneven",
        "the columns of a batch are equally long",
    )
    holdings = state.holdings
    holdings.reserve(len(state.members), 2 * len(fills.reasons))
    holdings.count, admitted, found = novate_fills(
        state.orders.rows[: len(state.orders)],
        state.instrument_table.rows,
        holdings.rows,
        holdings.heads,
        holdings.count,
        *fills,
    )
    check(found != OVERFILLED, "order_overfilled", "an admitted fill exceeds its order")
    check(found != SIDES, "fill_sides", "a fill names a buy order and a sell order")
    state.fill_count += admitted


def _transaction_included(state: State, entry: TransactionIncluded) -> None:
    """Reports read it from the journal; no claim depends on it."""


def _finality_violated(state: State, entry: FinalityViolated) -> None:
    state.halted = f"finality_violated on chain {entry.chain_id}: {entry.detail}"


_APPLY: dict[type, Callable[[State, Any], None]] = {
    GenesisRecorded: _genesis_recorded,
    InstrumentListed: _instrument_listed,
    VenueRegistered: _venue_registered,
    DepositFinalised: _deposit_finalised,
    ExitRequested: _exit_requested,
    AnchorFrozen: _anchor_frozen,
    PlacementLimitAccepted: _placement_limit_accepted,
    ReleaseAccepted: _release_accepted,
    MandateAccepted: _mandate_accepted,
    OrdersRecorded: _orders_recorded,
    MandatedOrdersRecorded: _mandated_orders_recorded,
    BatchRecorded: _batch_recorded,
    CycleCut: apply_cut,
    SettlementProposed: apply_proposal,
    SettlementSigned: apply_signatures,
    PhaseProven: apply_phase,
    TransactionIncluded: _transaction_included,
    FinalityViolated: _finality_violated,
}
