"""The life of a settlement in the state: cut, proposed, signed, and what chains proved of it.

A part of ``clearinghouse.book.transition``, which dispatches to it; nobody else applies entries.
"""

from __future__ import annotations

import msgspec
import numpy as np

from clearinghouse.book.entries import (
    CycleCut,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
)
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import Cut, SettlementState, State
from clearinghouse.errors import Corruption, check

_NEXT_PHASES = {
    Phase.NONE: {Phase.NONE, Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL},
    Phase.PREPARED: {Phase.PREPARED, Phase.COMMITTED, Phase.ABORTED, Phase.FINAL},
    Phase.COMMITTED: {Phase.COMMITTED, Phase.FINAL},
    Phase.ABORTED: {Phase.ABORTED},
    Phase.FINAL: {Phase.FINAL},
}
"""Invariant P5 as it is seen from finalised headers, which may miss phases in between."""


def apply_cut(state: State, entry: CycleCut) -> None:
    """Remember the holdings at a cut: a commit realises exactly those."""
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


def apply_proposal(state: State, entry: SettlementProposed) -> None:
    """Open a settlement of the last cut."""
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


def apply_signatures(state: State, entry: SettlementSigned) -> None:
    """Keep the operator quorum's signatures."""
    state.settlements[entry.settlement_id].signatures = entry.signatures


def apply_phase(state: State, entry: PhaseProven) -> None:
    """Follow a proven phase; at home's decision, commit or drop the settlement (P4, P5)."""
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
