"""The one function ``state x entry -> state``: apply what was decided, check what must hold.

A check that fails here means that the journal contradicts itself: ``Corruption`` stops the process
before anything is built on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearinghouse.book.entries import (
    BatchRecorded,
    DepositFinalised,
    Entry,
    FinalityViolated,
    GenesisRecorded,
    InstrumentListed,
    PhaseProven,
    PlacementLimitAccepted,
    RecordedFill,
    ReleaseAccepted,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
    VenueRegistered,
)
from clearinghouse.book.identifiers import Address, AssetId, Position
from clearinghouse.book.orders import Reason, Side
from clearinghouse.book.ranges import INT64_MAX, UINT32_MAX
from clearinghouse.book.rounding import divide_half_even
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import (
    BatchAnswer,
    Deposit,
    DepositQueue,
    Holding,
    OpenOrder,
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


def apply(state: State, entry: Entry) -> None:
    """Apply an entry to the state, in place.

    Raises
    ------
    Corruption
        When the entry contradicts the state, ``entry_dangling`` when it names something that was
        never recorded; the state must then be thrown away.
    """
    try:
        _APPLY[type(entry)](state, entry)
    except (LookupError, ValueError) as error:
        raise Corruption(
            "entry_dangling",
            f"{type(entry).__name__} does not fit what was recorded before it: {error!r}; "
            "restore the journal from a replica",
        ) from error


def _genesis_recorded(state: State, entry: GenesisRecorded) -> None:
    check(state.genesis is None, "genesis_twice", "a journal has one genesis")
    state.genesis = entry.genesis
    for chain in entry.genesis.chains:
        for asset in chain.assets:
            state.deposits[(chain.chain_id, asset.asset_id)] = DepositQueue()
            state.claims[(chain.chain_id, asset.asset_id)] = {}


def _instrument_listed(state: State, entry: InstrumentListed) -> None:
    instrument = entry.instrument
    check(
        instrument.instrument_id not in state.instruments,
        "instrument_twice",
        "an instrument is listed once",
        instrument=instrument.instrument_id,
    )
    state.instruments[instrument.instrument_id] = instrument


def _venue_registered(state: State, entry: VenueRegistered) -> None:
    state.venues[entry.venue] = entry.name


def position_of(state: State, member: Address) -> Position:
    """Return a member's position, giving the next free one to a new member."""
    known = state.positions.get(member)
    if known is not None:
        return known
    position = Position(len(state.members))
    check(position <= UINT32_MAX, "positions_exhausted", "a position number is below 2^32")
    state.positions[member] = position
    state.members.append(member)
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
    check(entry.total <= INT64_MAX, "deposit_overflow", "running totals stay below 2^63")
    position = position_of(state, entry.member)
    queue.unconsumed.append(Deposit(entry.index, position, entry.quanta, entry.hash))
    _add(state.pending_deposits.setdefault(position, {}), entry.asset_id, entry.quanta)


def _placement_limit_accepted(state: State, entry: PlacementLimitAccepted) -> None:
    limit = entry.limit
    state.placement_limits[(limit.member, limit.chain_id, limit.asset_id)] = limit


def _release_accepted(state: State, entry: ReleaseAccepted) -> None:
    check(
        entry.release_id not in state.used_releases,
        "release_twice",
        "a signed release is taken once",
    )
    state.used_releases.add(entry.release_id)
    state.releases[entry.release_id] = entry.release
    position = state.positions[entry.release.member]
    _add(state.held.setdefault(position, {}), entry.release.asset_id, entry.release.quanta)


def _batch_recorded(state: State, entry: BatchRecorded) -> None:
    key = (entry.venue, entry.batch_id)
    check(key not in state.batches, "batch_twice", "a batch id is recorded once")
    for digest, signed in entry.orders:
        order = signed.order
        state.orders.setdefault(digest, OpenOrder(order, state.positions[order.member]))
    for fill in entry.fills:
        if fill.reason is Reason.ADMITTED:
            apply_fill(state, fill)
    state.batches[key] = BatchAnswer(
        entry.digest, state.sequence, tuple(fill.reason for fill in entry.fills)
    )


def apply_fill(state: State, fill: RecordedFill) -> None:
    """Novate an admitted fill: each side now faces the clearinghouse."""
    buy, sell = state.orders[fill.buy_order], state.orders[fill.sell_order]
    check(
        buy.order.side is Side.BUY and sell.order.side is Side.SELL,
        "fill_sides",
        "a fill names a buy order and a sell order",
    )
    for open_order in (buy, sell):
        open_order.filled += fill.quantity
        check(
            open_order.filled <= open_order.order.quantity,
            "order_overfilled",
            "an admitted fill exceeds its order",
        )
    instrument = buy.order.instrument
    _trade(state, buy.position, instrument, fill.quantity, fill.cash)
    _trade(state, sell.position, instrument, -fill.quantity, -fill.cash)
    state.marks[instrument] = divide_half_even(fill.cash, fill.quantity)
    state.fill_count += 1


def _trade(state: State, position: Position, instrument: Any, quantity: int, cash: int) -> None:
    holding = state.holdings.setdefault(position, {}).setdefault(instrument, Holding())
    holding.quantity += quantity
    holding.basis += cash


def _settlement_proposed(state: State, entry: SettlementProposed) -> None:
    settlement = entry.settlement
    check(state.in_flight is None, "settlement_in_flight", "one settlement is open at a time")
    check(settlement.cycle > state.cycle, "cycle_reused", "a cycle number is used once")
    check(settlement.parent == state.last_committed, "parent_mismatch", "parent is the last one")
    record = SettlementState(entry)
    record.phases = dict.fromkeys(record.active_chains, Phase.NONE)
    record.cut_fill_count = state.fill_count
    record.cut_holdings = {
        position: {i: (held.quantity, held.basis) for i, held in holdings.items()}
        for position, holdings in state.holdings.items()
    }
    state.settlements[entry.settlement_id] = record
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
        _finalise_earlier(state, entry)
    _check_atomic(record)
    if entry.chain_id == state.get_genesis().home_chain_id:
        _follow_home(state, record, entry)


def _finalise_earlier(state: State, entry: PhaseProven) -> None:
    """Follow the anchor, where a final leg makes all committed ones before it final."""
    for earlier in state.settlements.values():
        if earlier.settlement_id == entry.settlement_id:
            return
        committed = earlier.outcome in (Phase.COMMITTED, Phase.FINAL)
        if committed and entry.chain_id in earlier.phases:
            earlier.phases[entry.chain_id] = Phase.FINAL


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
    record.cut_holdings = {}
    state.in_flight = None


def _commit(state: State, record: SettlementState) -> None:
    """Replace the claims and start the next cycle's accounting from the cut."""
    _consume_deposits(state, record)
    _replace_claims(state, record)
    _realise_variation(state, record)
    _settle_releases(state, record)
    state.residuals = {}
    for residual in record.proposal.residuals:
        state.residuals.setdefault(residual.asset_id, {})[residual.position] = residual.quanta
    for leg, entry in zip(
        record.proposal.legs,
        [entry for entry in record.proposal.settlement.chains if entry.active],
        strict=True,
    ):
        state.legs[leg.chain_id] = leg
        state.leg_hashes[leg.chain_id] = entry.leg_hash
    state.last_committed = record.settlement_id
    state.in_flight = None
    state.cut_fill_count = record.cut_fill_count
    record.cut_holdings = {}


def _consume_deposits(state: State, record: SettlementState) -> None:
    for leg in record.proposal.legs:
        for asset in leg.assets:
            queue = state.deposits[(leg.chain_id, asset.asset_id)]
            while queue.consumed < asset.deposit_cursor:
                deposit = queue.unconsumed.popleft()
                _add(state.pending_deposits[deposit.position], asset.asset_id, -deposit.quanta)
                queue.consumed, queue.consumed_hash = deposit.index + 1, deposit.hash
            check(
                (queue.consumed, queue.consumed_hash) == (asset.deposit_cursor, asset.deposit_hash),
                "deposits_mismatch",
                "a committed leg names other deposits than were credited (invariant P11)",
                chain=leg.chain_id,
                asset=asset.asset_id,
            )


def _replace_claims(state: State, record: SettlementState) -> None:
    active = record.active_chains
    for change in record.proposal.claims:
        check(change.chain_id in active, "claim_inactive", "only a leg changes claims")
        claims = state.claims[(change.chain_id, change.asset_id)]
        before = claims.pop(change.position, 0)
        check(change.quanta >= 0, "claim_negative", "a claim is not negative")
        if change.quanta:
            claims[change.position] = change.quanta
        totals = state.claims_total.setdefault(change.position, {})
        _add(totals, change.asset_id, change.quanta - before)
    for leg in record.proposal.legs:
        for asset in leg.assets:
            total = sum(state.claims[(leg.chain_id, asset.asset_id)].values())
            check(
                total == asset.claims,
                "claims_mismatch",
                "the claims of a committed leg do not add up to its sum (invariant P2)",
                chain=leg.chain_id,
                asset=asset.asset_id,
            )


def _realise_variation(state: State, record: SettlementState) -> None:
    marks = {mark.instrument_id: mark.mark for mark in record.proposal.marks}
    for position, holdings in record.cut_holdings.items():
        current = state.holdings[position]
        for instrument, (quantity, basis) in holdings.items():
            holding = current[instrument]
            holding.basis += quantity * marks[instrument] - basis
            if holding.quantity == 0 and holding.basis == 0:
                del current[instrument]


def _settle_releases(state: State, record: SettlementState) -> None:
    for planned in record.proposal.releases:
        release = state.releases.pop(planned.release_id)
        position = state.positions[release.member]
        _add(state.held[position], release.asset_id, -release.quanta)


def _transaction_included(state: State, entry: TransactionIncluded) -> None:
    """Reports read it from the journal; no claim depends on it."""


def _finality_violated(state: State, entry: FinalityViolated) -> None:
    state.halted = f"finality_violated on chain {entry.chain_id}: {entry.detail}"


def _add(totals: dict[AssetId, int], asset: AssetId, quanta: int) -> None:
    totals[asset] = totals.get(asset, 0) + quanta


_APPLY: dict[type, Callable[[State, Any], None]] = {
    GenesisRecorded: _genesis_recorded,
    InstrumentListed: _instrument_listed,
    VenueRegistered: _venue_registered,
    DepositFinalised: _deposit_finalised,
    PlacementLimitAccepted: _placement_limit_accepted,
    ReleaseAccepted: _release_accepted,
    BatchRecorded: _batch_recorded,
    SettlementProposed: _settlement_proposed,
    SettlementSigned: _settlement_signed,
    PhaseProven: _phase_proven,
    TransactionIncluded: _transaction_included,
    FinalityViolated: _finality_violated,
}
