"""Branches, solvency, cycle reports and the operator's status."""

from __future__ import annotations

from clearinghouse.api.conversion.fields import (
    address_of,
    chain_id_of,
    hash_of,
    submessage_of,
    uint128_bytes,
    uint128_of,
)
from clearinghouse.api.conversion.settlements import phase_from_message, phase_to_message
from clearinghouse.api.views import (
    ClaimBranch,
    CycleLeg,
    CycleReport,
    OperationStatus,
    ReleaseBranch,
    Solvency,
    VaultLiabilities,
)
from clearinghouse.book.identifiers import AssetId, Position
from clearinghouse.commitment.trees import Branch, Node
from clearinghouse.netting.metrics import NettingFigures
from clearinghouse.v1 import cycles_pb2, operation_service_pb2, proofs_pb2


def _branch_to_message(branch: Branch) -> proofs_pb2.Branch:
    return proofs_pb2.Branch(
        siblings=branch.siblings,
        sibling_sums=[uint128_bytes("sum", total) for total in branch.sibling_sums],
    )


def _branch_from_message(message: proofs_pb2.Branch) -> Branch:
    return Branch(
        tuple(hash_of("sibling", sibling) for sibling in message.siblings),
        tuple(uint128_of("sum", total) for total in message.sibling_sums),
    )


def claim_branch_to_message(claim: ClaimBranch) -> proofs_pb2.ClaimBranch:
    """Return the message of a claim's branch."""
    return proofs_pb2.ClaimBranch(
        leg_hash=claim.leg_hash,
        claims_tree=claim.root.hash,
        claims=uint128_bytes("claims", claim.root.sum),
        position=claim.position,
        member=claim.member,
        quanta=claim.quanta,
        branch=_branch_to_message(claim.branch),
    )


def claim_branch_from_message(message: proofs_pb2.ClaimBranch) -> ClaimBranch:
    """Return the claim's branch; it is not verified yet."""
    return ClaimBranch(
        leg_hash=hash_of("leg hash", message.leg_hash),
        root=Node(
            hash_of("claims tree", message.claims_tree), uint128_of("claims", message.claims)
        ),
        position=Position(message.position),
        member=address_of("member", message.member),
        quanta=message.quanta,
        branch=_branch_from_message(submessage_of(message, "branch")),
    )


def release_branch_to_message(release: ReleaseBranch) -> proofs_pb2.ReleaseBranch:
    """Return the message of a release's branch."""
    return proofs_pb2.ReleaseBranch(
        settlement_id=release.settlement_id,
        releases_tree=release.root.hash,
        released=uint128_bytes("released", release.root.sum),
        index=release.index,
        member=release.member,
        quanta=release.quanta,
        branch=_branch_to_message(release.branch),
    )


def release_branch_from_message(message: proofs_pb2.ReleaseBranch) -> ReleaseBranch:
    """Return the release's branch; it is not verified yet."""
    return ReleaseBranch(
        settlement_id=hash_of("settlement id", message.settlement_id),
        root=Node(
            hash_of("releases tree", message.releases_tree),
            uint128_of("released", message.released),
        ),
        index=message.index,
        member=address_of("member", message.member),
        quanta=message.quanta,
        branch=_branch_from_message(submessage_of(message, "branch")),
    )


def solvency_to_message(solvency: Solvency) -> proofs_pb2.Solvency:
    """Return the message of the ledger's side of solvency."""
    return proofs_pb2.Solvency(
        vaults=[
            proofs_pb2.VaultLiabilities(
                chain_id=vault.chain_id,
                asset_id=vault.asset_id,
                claims_quanta=vault.claims_quanta,
                released_quanta=vault.released_quanta,
                unconsumed_deposit_quanta=vault.unconsumed_deposit_quanta,
                deposit_count=vault.deposit_count,
            )
            for vault in solvency.vaults
        ],
        sequence=solvency.sequence,
    )


def solvency_from_message(message: proofs_pb2.Solvency) -> Solvency:
    """Return the ledger's side of solvency of a message."""
    return Solvency(
        vaults=tuple(
            VaultLiabilities(
                chain_id=chain_id_of("chain id", vault.chain_id),
                asset_id=AssetId(vault.asset_id),
                claims_quanta=vault.claims_quanta,
                released_quanta=vault.released_quanta,
                unconsumed_deposit_quanta=vault.unconsumed_deposit_quanta,
                deposit_count=vault.deposit_count,
            )
            for vault in message.vaults
        ),
        sequence=message.sequence,
    )


def _figures_to_message(figures: NettingFigures) -> cycles_pb2.NettingFigures:
    return cycles_pb2.NettingFigures(
        gross_quanta=uint128_bytes("gross", figures.gross),
        net_quanta=uint128_bytes("net", figures.net),
        gross_legs=figures.gross_legs,
        net_legs=figures.net_legs,
    )


def _figures_from_message(message: cycles_pb2.NettingFigures) -> NettingFigures:
    return NettingFigures(
        gross=uint128_of("gross", message.gross_quanta),
        net=uint128_of("net", message.net_quanta),
        gross_legs=message.gross_legs,
        net_legs=message.net_legs,
    )


_GAS_FIELDS = ("prepare_gas", "commit_gas", "abort_gas", "finalize_gas", "update_gas")


def cycle_to_message(report: CycleReport) -> cycles_pb2.Cycle:
    """Return the message of a cycle's report; gas that is None stays absent."""
    return cycles_pb2.Cycle(
        cycle=report.cycle,
        settlement_id=report.settlement_id,
        outcome=phase_to_message(report.outcome),
        fills=report.fills,
        positions=_figures_to_message(report.positions),
        cash=_figures_to_message(report.cash),
        bilateral=_figures_to_message(report.bilateral),
        crossings=[
            cycles_pb2.Crossing(asset_id=asset, quanta=report.crossings[asset])
            for asset in sorted(report.crossings)
        ],
        legs=[
            cycles_pb2.CycleLeg(
                chain_id=leg.chain_id,
                phase=phase_to_message(leg.phase),
                proofs_verified=leg.proofs_verified,
                **{field: getattr(leg, field) for field in _GAS_FIELDS},
            )
            for leg in report.legs
        ],
    )


def cycle_from_message(message: cycles_pb2.Cycle) -> CycleReport:
    """Return the cycle's report of a message."""
    return CycleReport(
        cycle=message.cycle,
        settlement_id=hash_of("settlement id", message.settlement_id),
        outcome=phase_from_message(message.outcome),
        fills=message.fills,
        positions=_figures_from_message(submessage_of(message, "positions")),
        cash=_figures_from_message(submessage_of(message, "cash")),
        bilateral=_figures_from_message(submessage_of(message, "bilateral")),
        crossings={AssetId(line.asset_id): line.quanta for line in message.crossings},
        legs=tuple(
            CycleLeg(
                chain_id=chain_id_of("chain id", leg.chain_id),
                phase=phase_from_message(leg.phase),
                proofs_verified=leg.proofs_verified,
                **{
                    field: getattr(leg, field) if leg.HasField(field) else None
                    for field in _GAS_FIELDS
                },
            )
            for leg in message.legs
        ),
    )


def status_to_message(status: OperationStatus) -> operation_service_pb2.OperationStatus:
    """Return the message of the operator's status."""
    return operation_service_pb2.OperationStatus(
        clearinghouse_id=status.clearinghouse_id,
        sequence=status.sequence,
        journal_head=status.journal_head,
        halted=status.halted,
        cycle=status.cycle,
        in_flight=status.in_flight or b"",
        last_committed=status.last_committed,
        members=status.members,
        instruments=status.instruments,
        fills=status.fills,
        fills_since_cut=status.fills_since_cut,
    )


def status_from_message(message: operation_service_pb2.OperationStatus) -> OperationStatus:
    """Return the operator's status of a message."""
    in_flight = hash_of("in flight", message.in_flight) if message.in_flight else None
    return OperationStatus(
        clearinghouse_id=hash_of("clearinghouse id", message.clearinghouse_id),
        sequence=message.sequence,
        journal_head=hash_of("journal head", message.journal_head),
        halted=message.halted,
        cycle=message.cycle,
        in_flight=in_flight,
        last_committed=hash_of("last committed", message.last_committed),
        members=message.members,
        instruments=message.instruments,
        fills=message.fills,
        fills_since_cut=message.fills_since_cut,
    )
