"""Views of the state. Each function is called while the state is held still, so each is brief.

A question about something that does not exist is ``Rejected`` with a reason ending in UNKNOWN.
"""

from __future__ import annotations

from clearinghouse.api.pages import page_of
from clearinghouse.api.views import (
    AssetAccount,
    ChainPhase,
    Claim,
    Member,
    MemberHolding,
    OperationStatus,
    PayableRelease,
    SettlementRecord,
    SettlementSummary,
    Solvency,
    VaultLiabilities,
)
from clearinghouse.book.account_table import Vault
from clearinghouse.book.identifiers import Address, AssetId, Hash32, Position, to_hex
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import SettlementState, State
from clearinghouse.errors import Rejected
from clearinghouse.risk.initial_margin import required_quanta


def get_position(state: State, member: Address) -> Position:
    """Return a member's position.

    Raises
    ------
    Rejected
        ``MEMBER_UNKNOWN``: a member exists from its first final deposit on.
    """
    position = state.positions.get(member)
    if position is None:
        raise Rejected(
            "MEMBER_UNKNOWN",
            "a member exists from its first final deposit on; deposit, then wait for finality",
            member=to_hex(member),
        )
    return position


def get_member(state: State, member: Address) -> Member:
    """Return what a member has; raises as ``get_position``."""
    position = get_position(state, member)
    vaults = sorted(state.deposits)
    marks, claims = state.marks, state.accounts.claims[:, position]
    return Member(
        member=member,
        position=position,
        claims=tuple(
            Claim(*vault, int(quanta))
            for vault in vaults
            if (quanta := claims[state.accounts.vault_rows[vault]])
        ),
        accounts=tuple(_account(state, position, asset) for asset in _assets_of(state, position)),
        holdings=tuple(
            MemberHolding(number, held.quantity, held.basis, marks[number])
            for number, held in sorted(state.holdings_of(position).items())
        ),
        placement_limits=tuple(
            limit for vault in vaults if (limit := state.find_limit(member, vault)) is not None
        ),
        sequence=state.sequence,
    )


def _assets_of(state: State, position: Position) -> list[AssetId]:
    accounts = state.accounts
    assets = {asset for asset in accounts.assets if any(accounts.account(position, asset).tolist())}
    assets.update(state.instruments[number].quote_asset for number in state.holdings_of(position))
    return sorted(assets)


def _account(state: State, position: Position, asset: AssetId) -> AssetAccount:
    account = state.accounts.account(position, asset)
    return AssetAccount(
        asset_id=asset,
        collateral_quanta=state.collateral(position, asset),
        pending_deposit_quanta=int(account["pending"]),
        held_quanta=int(account["held"]),
        variation_quanta=state.variation(position, asset),
        required_quanta=required_quanta(state, position, asset),
    )


def get_settlement_state(state: State, settlement_id: Hash32) -> SettlementState:
    """Return a settlement.

    Raises
    ------
    Rejected
        ``SETTLEMENT_UNKNOWN`` when none was proposed under that id.
    """
    settlement = state.settlements.get(settlement_id)
    if settlement is None:
        raise Rejected(
            "SETTLEMENT_UNKNOWN",
            "no settlement has that id; take one from ListSettlements",
            settlement_id=to_hex(settlement_id),
        )
    return settlement


def get_settlement_record(state: State, settlement_id: Hash32) -> SettlementRecord:
    """Return what a relay needs; raises as ``get_settlement_state``."""
    settlement = get_settlement_state(state, settlement_id)
    return SettlementRecord(
        settlement_id=settlement_id,
        settlement=settlement.proposal.settlement,
        legs=settlement.proposal.legs,
        operator_set=state.get_genesis().operator_set,
        signatures=settlement.signatures,
        chain_phases=_chain_phases(settlement),
        outcome=settlement.outcome,
        releases=_payable_releases(state, settlement),
        sequence=state.sequence,
    )


def _chain_phases(settlement: SettlementState) -> tuple[ChainPhase, ...]:
    return tuple(
        ChainPhase(chain_id, settlement.phases[chain_id], chain_id in settlement.lapsed)
        for chain_id in settlement.active_chains
    )


def _payable_releases(state: State, settlement: SettlementState) -> tuple[PayableRelease, ...]:
    vaults = sorted({(r.chain_id, r.asset_id) for r in settlement.proposal.releases})
    return tuple(
        PayableRelease(
            *vault, index, state.members[planned.position], planned.quanta, planned.release_id
        )
        for vault in vaults
        for index, planned in enumerate(state.releases_of(settlement, *vault))
    )


def list_settlement_summaries(
    state: State, page_size: int, page_token: str
) -> tuple[list[SettlementSummary], str]:
    """Return a page of the settlements, oldest first, and the next one's token; as ``page_of``."""
    page, next_page_token = page_of(
        list(state.settlements.values()),
        lambda settlement: settlement.proposal.settlement.cycle,
        page_size,
        page_token,
    )
    summaries = [
        SettlementSummary(
            settlement_id=settlement.settlement_id,
            cycle=settlement.proposal.settlement.cycle,
            outcome=settlement.outcome,
            chain_phases=_chain_phases(settlement),
            closed=settlement.is_closed(),
        )
        for settlement in page
    ]
    return summaries, next_page_token


def get_solvency(state: State) -> Solvency:
    """Return what every vault must cover by the ledger."""
    released: dict[Vault, int] = {}
    for settlement in state.settlements.values():
        if settlement.outcome in (Phase.COMMITTED, Phase.FINAL):
            for leg in settlement.proposal.legs:
                for asset in leg.assets:
                    vault = (leg.chain_id, asset.asset_id)
                    released[vault] = released.get(vault, 0) + asset.released
    return Solvency(
        vaults=tuple(
            VaultLiabilities(
                *vault,
                claims_quanta=state.accounts.claims_total(vault),
                released_quanta=released.get(vault, 0),
                unconsumed_deposit_quanta=sum(d.quanta for d in queue.unconsumed),
                deposit_count=queue.count,
            )
            for vault, queue in sorted(state.deposits.items())
        ),
        sequence=state.sequence,
    )


def get_operation_status(state: State) -> OperationStatus:
    """Return how far things have come; raises ``Conflict`` while the journal is empty."""
    return OperationStatus(
        clearinghouse_id=state.get_genesis().clearinghouse_id,
        sequence=state.sequence,
        journal_head=state.head,
        halted=state.halted,
        cycle=state.cycle,
        in_flight=state.in_flight,
        last_committed=state.last_committed,
        members=len(state.members),
        instruments=len(state.instruments),
        fills=state.fill_count,
        fills_since_cut=state.fill_count - state.cut_fill_count,
    )
