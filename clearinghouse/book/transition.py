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

import msgspec
import numpy as np

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
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import (
    Cut,
    Deposit,
    DepositQueue,
    Exit,
    ExitQueue,
    SettlementState,
    State,
)
from clearinghouse.errors import Corruption, check

_NEXT_PHASES = {
    Phase.NONE: {Phase.NONE, Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL},
    Phase.PREPARED: {Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL},
    Phase.COMMITTED: {Phase.COMMITTED, Phase.FINAL},
    Phase.ABORTED: {Phase.ABORTED},
    Phase.FINAL: {Phase.FINAL},
}
"""Invariant P5 as it is seen from finalised headers, which may miss phases in between."""


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


def _cycle_cut(state: State, entry: CycleCut) -> None:
    check(state.in_flight is None, "settlement_in_flight", "one settlement is open at a time")
    check(
        entry.journal_count == state.sequence - 1,
        "cut_misplaced",
        "a cut names the entry before it",
    )
    rows = state.holdings.used()
    state.cut = Cut(
        entry.journal_count,
        entry.journal_head,
        state.fill_count,
        rows["quantity"].copy(),
        rows["basis"].copy(),
    )


def _settlement_proposed(state: State, entry: SettlementProposed) -> None:
    settlement = entry.settlement
    check(state.in_flight is None, "settlement_in_flight", "one settlement is open at a time")
    check(settlement.cycle > state.cycle, "cycle_reused", "a cycle number is used once")
    check(settlement.parent == state.last_committed, "parent_mismatch", "parent is the last one")
    check(
        state.cut is not None
        and (state.cut.sequence, state.cut.head)
        == (settlement.journal_count, settlement.journal_head),
        "cut_mismatch",
        "a settlement is of the last cut",
    )
    record = SettlementState(entry)
    record.phases = dict.fromkeys(record.active_chains, Phase.NONE)
    state.settlements[entry.settlement_id] = record
    _follow_closing(state, record)
    state.in_flight = entry.settlement_id
    state.cycle = settlement.cycle


def _settlement_signed(state: State, entry: SettlementSigned) -> None:
    state.settlements[entry.settlement_id].signatures = entry.signatures


def _phase_proven(state: State, entry: PhaseProven) -> None:
    record = state.settlements[entry.settlement_id]
    before = record.phases[entry.chain_id]
    reachable = {Phase.NONE} if entry.chain_id in record.lapsed else _NEXT_PHASES[before]
    check(
        entry.phase in reachable,
        "phase_order",
        "a proven phase does not follow from the one before (invariant P5)",
        before=before.name,
        after=entry.phase.name,
    )
    record.phases[entry.chain_id] = entry.phase
    record.heights[entry.chain_id] = entry.height
    settlement = record.proposal.settlement
    if entry.phase is Phase.NONE and entry.timestamp > settlement.prepare_deadline:
        record.lapsed.add(entry.chain_id)
    if entry.phase is Phase.FINAL:
        _finalise_earlier(state, settlement.cycle, entry)
    _check_atomic(record)
    if entry.chain_id == state.get_genesis().home_chain_id:
        _follow_home(state, record, entry)
    _follow_closing(state, record)


def _finalise_earlier(state: State, cycle: int, entry: PhaseProven) -> None:
    """Follow the anchor, where a final leg makes all committed ones before it final.

    The header that proved it counts for them too: an older one is no news of them either.
    """
    chain_id = entry.chain_id
    for earlier in tuple(state.open_settlements.values()):
        committed = earlier.outcome in (Phase.COMMITTED, Phase.FINAL)
        if earlier.proposal.settlement.cycle < cycle and committed and chain_id in earlier.phases:
            earlier.phases[chain_id] = Phase.FINAL
            earlier.heights[chain_id] = max(earlier.heights.get(chain_id, 0), entry.height)
            _follow_closing(state, earlier)


def _follow_closing(state: State, record: SettlementState) -> None:
    """List a settlement among the open ones, or no longer; a closed one never opens again."""
    if record.is_closed():
        state.open_settlements.pop(record.settlement_id, None)
    else:
        state.open_settlements[record.settlement_id] = record


def _check_atomic(record: SettlementState) -> None:
    phases = set(record.phases.values())
    taken = bool(phases & {Phase.COMMITTED, Phase.FINAL})
    check(
        not (taken and (Phase.ABORTED in phases or record.lapsed)),
        "atomicity_violated",
        "one chain committed what another aborted or never prepared (invariant P4)",
        phases={chain: phase.name for chain, phase in record.phases.items()},
    )


def _follow_home(state: State, record: SettlementState, entry: PhaseProven) -> None:
    if entry.phase is Phase.ABORTED or entry.chain_id in record.lapsed:
        _abort(state, record)
    elif entry.phase in (Phase.COMMITTED, Phase.FINAL):
        if record.outcome is Phase.NONE:
            record.committed_at = entry.timestamp
            _commit(state, record)
        record.outcome = entry.phase


def _abort(state: State, record: SettlementState) -> None:
    """Drop the proposal: positions, deposits and held releases are as if it had never been cut."""
    if record.outcome is Phase.ABORTED:
        return
    record.outcome = Phase.ABORTED
    _decided(state, record)


def _decided(state: State, record: SettlementState) -> None:
    """Forget what only the decision needed; the journal has it."""
    record.proposal = msgspec.structs.replace(record.proposal, claims=())
    state.in_flight = None
    state.cut = None


def _commit(state: State, record: SettlementState) -> None:
    """Replace the claims and start the next cycle's accounting from the cut."""
    if state.cut is None:
        raise Corruption("cut_missing", "a settlement is committed that was never cut")
    _consume_deposits(state, record)
    _answer_exits(state, record)
    _replace_claims(state, record)
    _realise_variation(state, record, state.cut)
    _settle_releases(state, record)
    accounts = state.accounts
    accounts.own_accounts()["residual"] = 0
    for residual in record.proposal.residuals:
        accounts.add(residual.position, residual.asset_id, "residual", residual.quanta)
    for leg, entry in zip(
        record.proposal.legs,
        [entry for entry in record.proposal.settlement.chains if entry.active],
        strict=True,
    ):
        state.legs[leg.chain_id] = leg
        state.leg_hashes[leg.chain_id] = entry.leg_hash
    state.last_committed = record.settlement_id
    state.cut_fill_count = state.cut.fill_count
    _decided(state, record)


def _consume_deposits(state: State, record: SettlementState) -> None:
    for leg in record.proposal.legs:
        for asset in leg.assets:
            queue = state.deposits[(leg.chain_id, asset.asset_id)]
            while queue.consumed < asset.deposit_cursor:
                deposit = queue.unconsumed.popleft()
                state.accounts.add(deposit.position, asset.asset_id, "pending", -deposit.quanta)
                queue.consumed, queue.consumed_hash = deposit.index + 1, deposit.hash
            check(
                (queue.consumed, queue.consumed_hash) == (asset.deposit_cursor, asset.deposit_hash),
                "deposits_mismatch",
                "a committed leg names other deposits than were credited (invariant P11)",
                chain=leg.chain_id,
                asset=asset.asset_id,
            )


def _answer_exits(state: State, record: SettlementState) -> None:
    for leg in record.proposal.legs:
        for asset in leg.assets:
            queue = state.exits[(leg.chain_id, asset.asset_id)]
            while queue.answered < asset.exit_cursor:
                answered = queue.waiting.popleft()
                state.accounts.add(answered.position, asset.asset_id, "held", -answered.held)
                queue.answered = answered.index + 1
            check(
                queue.answered == asset.exit_cursor,
                "exits_mismatch",
                "a committed leg answers other exits than were asked for",
                chain=leg.chain_id,
                asset=asset.asset_id,
            )


def _replace_claims(state: State, record: SettlementState) -> None:
    accounts, active = state.accounts, record.active_chains
    for change in record.proposal.claims:
        check(change.chain_id in active, "claim_inactive", "only a leg changes claims")
        positions, quanta = change.columns
        check(len(positions) == len(quanta), "columns_uneven", "each claim has one owner")
        check(bool((quanta >= 0).all()), "claim_negative", "a claim is not negative")
        check(
            bool((positions[1:] > positions[:-1]).all()),
            "claims_unsorted",
            "a settlement replaces a claim once",
        )
        check(
            bool((positions[-1:] < len(state.members)).all()),
            "claim_unowned",
            "a claim belongs to a member",
        )
        claims = accounts.own_claims()[accounts.vault_rows[(change.chain_id, change.asset_id)]]
        totals = accounts.own_accounts()[accounts.asset_rows[change.asset_id]]["claims"]
        totals[positions] += quanta - claims[positions]
        claims[positions] = quanta
    for leg in record.proposal.legs:
        for asset in leg.assets:
            check(
                accounts.claims_total((leg.chain_id, asset.asset_id)) == asset.claims,
                "claims_mismatch",
                "the claims of a committed leg do not add up to its sum (invariant P2)",
                chain=leg.chain_id,
                asset=asset.asset_id,
            )


def _realise_variation(state: State, record: SettlementState, cut: Cut) -> None:
    """Open every holding anew at the cut's mark; what was traded since the cut stays in it."""
    marks = np.full(len(state.instrument_table), -1, np.int64)
    for mark in record.proposal.marks:
        marks[state.instrument_table.numbers[mark.instrument_id]] = mark.mark
    rows = state.holdings.rows[: len(cut.bases)]
    check(
        bool((marks[rows["instrument"]] >= 0).all()),
        "entry_dangling",
        "a committed settlement has no mark of an instrument that members hold",
    )
    rows["basis"] += cut.quantities * marks[rows["instrument"]] - cut.bases
    state.holdings.compact()


def _settle_releases(state: State, record: SettlementState) -> None:
    for planned in record.proposal.releases:
        if planned.is_exit:
            continue
        release = state.releases.pop(planned.release_id)
        position = state.positions[release.member]
        state.accounts.add(position, release.asset_id, "held", -release.quanta)


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
    CycleCut: _cycle_cut,
    SettlementProposed: _settlement_proposed,
    SettlementSigned: _settlement_signed,
    PhaseProven: _phase_proven,
    TransactionIncluded: _transaction_included,
    FinalityViolated: _finality_violated,
}
