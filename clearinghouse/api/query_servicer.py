"""QueryService: takes views while the state is held still, converts them after it is released."""

from __future__ import annotations

import grpc

from clearinghouse.api.branches import BranchBook
from clearinghouse.api.conversion.evidence import (
    claim_branch_to_message,
    cycle_to_message,
    release_branch_to_message,
    solvency_to_message,
)
from clearinghouse.api.conversion.fields import address_of, chain_id_of, hash_of
from clearinghouse.api.conversion.members import member_to_message
from clearinghouse.api.conversion.reference import (
    chain_to_message,
    clearinghouse_to_message,
    instrument_to_message,
)
from clearinghouse.api.conversion.settlements import (
    settlement_record_to_message,
    settlement_summary_to_message,
)
from clearinghouse.api.pages import page_of
from clearinghouse.api.ports import CycleReports, Intake
from clearinghouse.api.projection import (
    get_member,
    get_settlement_record,
    get_solvency,
    list_settlement_summaries,
)
from clearinghouse.book.identifiers import AssetId
from clearinghouse.book.reference import Genesis
from clearinghouse.v1 import (
    cycles_pb2,
    instruments_pb2,
    members_pb2,
    proofs_pb2,
    query_service_pb2,
    settlements_pb2,
)


class QueryServicer:
    """Answers questions about the ledger; changes nothing."""

    def __init__(self, intake: Intake, cycle_reports: CycleReports) -> None:
        self._intake = intake
        self._cycle_reports = cycle_reports
        self._branches = BranchBook(intake)

    def _genesis(self) -> Genesis:
        with self._intake.reading() as state:
            return state.get_genesis()

    def GetClearinghouse(  # noqa: N802 - the name in the proto
        self,
        request: query_service_pb2.GetClearinghouseRequest,
        context: grpc.ServicerContext,
    ) -> instruments_pb2.Clearinghouse:
        """Answer with the deployment."""
        return clearinghouse_to_message(self._genesis())

    def ListChains(  # noqa: N802
        self, request: query_service_pb2.ListChainsRequest, context: grpc.ServicerContext
    ) -> query_service_pb2.ListChainsResponse:
        """Answer with the settlement chains."""
        chains = self._genesis().chains
        return query_service_pb2.ListChainsResponse(
            chains=[chain_to_message(chain) for chain in chains]
        )

    def ListInstruments(  # noqa: N802
        self, request: query_service_pb2.ListInstrumentsRequest, context: grpc.ServicerContext
    ) -> query_service_pb2.ListInstrumentsResponse:
        """Answer with a page of the instruments."""
        with self._intake.reading() as state:
            instruments = sorted(state.instruments.values(), key=lambda item: item.instrument_id)
        page, next_page_token = page_of(
            instruments, lambda item: item.instrument_id, request.page_size, request.page_token
        )
        return query_service_pb2.ListInstrumentsResponse(
            instruments=[instrument_to_message(instrument) for instrument in page],
            next_page_token=next_page_token,
        )

    def GetMember(  # noqa: N802
        self, request: query_service_pb2.GetMemberRequest, context: grpc.ServicerContext
    ) -> members_pb2.Member:
        """Answer with a member's claims, accounts and holdings."""
        address = address_of("member", request.member)
        with self._intake.reading() as state:
            member = get_member(state, address)
        return member_to_message(member)

    def GetCycle(  # noqa: N802
        self, request: query_service_pb2.GetCycleRequest, context: grpc.ServicerContext
    ) -> cycles_pb2.Cycle:
        """Answer with a cycle's figures."""
        return cycle_to_message(self._cycle_reports.get_cycle(request.cycle))

    def GetSettlement(  # noqa: N802
        self, request: query_service_pb2.GetSettlementRequest, context: grpc.ServicerContext
    ) -> settlements_pb2.SettlementRecord:
        """Answer with everything that a relay needs."""
        settlement_id = hash_of("settlement id", request.settlement_id)
        with self._intake.reading() as state:
            record = get_settlement_record(state, settlement_id)
        return settlement_record_to_message(record)

    def ListSettlements(  # noqa: N802
        self, request: query_service_pb2.ListSettlementsRequest, context: grpc.ServicerContext
    ) -> query_service_pb2.ListSettlementsResponse:
        """Answer with a page of the settlements."""
        with self._intake.reading() as state:
            page, next_page_token = list_settlement_summaries(
                state, request.page_size, request.page_token
            )
        return query_service_pb2.ListSettlementsResponse(
            settlements=[settlement_summary_to_message(summary) for summary in page],
            next_page_token=next_page_token,
        )

    def GetClaimBranch(  # noqa: N802
        self, request: query_service_pb2.GetClaimBranchRequest, context: grpc.ServicerContext
    ) -> proofs_pb2.ClaimBranch:
        """Answer with the branch of a member's claim."""
        claim = self._branches.get_claim_branch(
            address_of("member", request.member),
            chain_id_of("chain id", request.chain_id),
            AssetId(request.asset_id),
        )
        return claim_branch_to_message(claim)

    def GetReleaseBranch(  # noqa: N802
        self, request: query_service_pb2.GetReleaseBranchRequest, context: grpc.ServicerContext
    ) -> proofs_pb2.ReleaseBranch:
        """Answer with the branch of a release."""
        release = self._branches.get_release_branch(
            hash_of("settlement id", request.settlement_id),
            chain_id_of("chain id", request.chain_id),
            AssetId(request.asset_id),
            request.index,
        )
        return release_branch_to_message(release)

    def GetSolvency(  # noqa: N802
        self, request: query_service_pb2.GetSolvencyRequest, context: grpc.ServicerContext
    ) -> proofs_pb2.Solvency:
        """Answer with what every vault must cover."""
        with self._intake.reading() as state:
            solvency = get_solvency(state)
        return solvency_to_message(solvency)
