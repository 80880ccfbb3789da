"""What venues, members and relays import.

::

    with ClearinghouseClient("127.0.0.1:50051") as client:
        genesis = client.get_genesis()
        order = sign_order(member_key, genesis.clearinghouse_id, Order(...))
        batch = FillBatch(venue, batch_id, (Fill(...),))
        signature = sign_fill_batch(venue_key, genesis.clearinghouse_id, batch)
        receipt = client.submit_batch(batch, [order], signature)

At high rates send orders ahead (``register_orders``), and fills of their numbers as columns
(``stream_columns``)::

        orders = client.register_orders(venue, [order, ...])
        numbers = np.frombuffer(orders.numbers, "<u4")
        columns = FillColumns.of(venue, batch_id, numbers[:1], numbers[1:2], [10], [20_000])
        signature = sign_fill_columns(venue_key, genesis.clearinghouse_id, columns)
        receipt = client.submit_columns(columns, signature)

Methods take and return values, never messages, and raise the server's own errors
(``clearinghouse.errors``). After ``Unavailable`` the same call may be made again: batches, limits
and releases are recognised by their content, so a repetition is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from clearinghouse.api.conversion.events import event_from_message
from clearinghouse.api.conversion.evidence import (
    claim_branch_from_message,
    cycle_from_message,
    release_branch_from_message,
    solvency_from_message,
)
from clearinghouse.api.conversion.fields import fitting
from clearinghouse.api.conversion.members import member_from_message
from clearinghouse.api.conversion.reference import (
    chain_from_message,
    genesis_from_messages,
    instrument_from_message,
)
from clearinghouse.api.conversion.settlements import (
    settlement_record_from_message,
    settlement_summary_from_message,
)
from clearinghouse.api.intake_client import IntakeClient
from clearinghouse.api.signing import (
    sign_fill_batch,
    sign_fill_columns,
    sign_mandate,
    sign_mandated_orders,
    sign_order,
    sign_order_as_delegate,
    sign_placement_limit,
    sign_release,
)
from clearinghouse.api.status import error_of_call
from clearinghouse.api.views import (
    ClaimBranch,
    CycleReport,
    Member,
    ReleaseBranch,
    SettlementEvent,
    SettlementRecord,
    SettlementSummary,
    Solvency,
)
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32
from clearinghouse.book.reference import Chain, Genesis, Instrument
from clearinghouse.commitment.trees import claim_leaf, release_leaf, verify_branch
from clearinghouse.errors import ProofInvalid
from clearinghouse.intake.ports import BatchReceipt, ColumnsReceipt, OrdersReceipt
from clearinghouse.v1 import (
    query_service_pb2,
    query_service_pb2_grpc,
    settlement_service_pb2,
    settlement_service_pb2_grpc,
)

__all__ = [
    "BatchReceipt",
    "ClearinghouseClient",
    "ColumnsReceipt",
    "EventStream",
    "OrdersReceipt",
    "sign_fill_batch",
    "sign_fill_columns",
    "sign_mandate",
    "sign_mandated_orders",
    "sign_order",
    "sign_order_as_delegate",
    "sign_placement_limit",
    "sign_release",
]


class EventStream:
    """Settlement events in journal order; ``cancel`` from any thread ends the iteration."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._cancelled = False

    def __iter__(self) -> Iterator[SettlementEvent]:
        try:
            for response in self._call:
                yield event_from_message(response.event)
        except grpc.RpcError as error:
            if not self._cancelled:
                raise error_of_call(error) from error
        finally:
            self._call.cancel()

    def cancel(self) -> None:
        """End the stream; the iteration then just stops."""
        self._cancelled = True
        self._call.cancel()


class ClearinghouseClient(IntakeClient):
    """Calls the public address: what ``IntakeClient`` can do, and all questions.

    Safe to share between threads.
    """

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self._query = query_service_pb2_grpc.QueryServiceStub(self._channel)
        self._settlement = settlement_service_pb2_grpc.SettlementServiceStub(self._channel)

    # -- queries --------------------------------------------------------------------------------

    def get_genesis(self) -> Genesis:
        """Return what the clearinghouse was deployed with; it never changes."""
        request = query_service_pb2.GetClearinghouseRequest()
        clearinghouse = self._call(self._query.GetClearinghouse, request)
        chains = self._call(self._query.ListChains, query_service_pb2.ListChainsRequest())
        return genesis_from_messages(clearinghouse, chains.chains)

    def list_chains(self) -> list[Chain]:
        """Return the settlement chains by chain id."""
        response = self._call(self._query.ListChains, query_service_pb2.ListChainsRequest())
        return [chain_from_message(chain) for chain in response.chains]

    def list_instruments(self) -> list[Instrument]:
        """Return all listed instruments by id."""
        pages = self._pages(self._query.ListInstruments, query_service_pb2.ListInstrumentsRequest)
        return [instrument_from_message(item) for page in pages for item in page.instruments]

    def get_member(self, member: Address) -> Member:
        """Return a member's claims, accounts and holdings; ``MEMBER_UNKNOWN`` before a deposit."""
        with fitting("member's address"):
            request = query_service_pb2.GetMemberRequest(member=member)
        return member_from_message(self._call(self._query.GetMember, request))

    def get_cycle(self, cycle: int) -> CycleReport:
        """Return a cycle's figures; ``CYCLE_UNKNOWN`` when it was never cut."""
        with fitting("cycle number"):
            request = query_service_pb2.GetCycleRequest(cycle=cycle)
        return cycle_from_message(self._call(self._query.GetCycle, request))

    def get_settlement(self, settlement_id: Hash32) -> SettlementRecord:
        """Return everything that a relay needs to drive a settlement."""
        with fitting("settlement id"):
            request = query_service_pb2.GetSettlementRequest(settlement_id=settlement_id)
        return settlement_record_from_message(self._call(self._query.GetSettlement, request))

    def list_settlements(self) -> list[SettlementSummary]:
        """Return all settlements, oldest first."""
        pages = self._pages(self._query.ListSettlements, query_service_pb2.ListSettlementsRequest)
        return [
            settlement_summary_from_message(item) for page in pages for item in page.settlements
        ]

    def get_claim_branch(
        self, member: Address, chain_id: ChainId, asset_id: AssetId
    ) -> ClaimBranch:
        """Return a member's claim with its branch, verified against the root beside it.

        The root is the server's word until it is compared with the anchor's last committed leg.

        Raises
        ------
        ProofInvalid
            When the branch does not lead from the claim to the root, ``branch_subject`` when it is
            another member's.
        """
        with fitting("question"):
            request = query_service_pb2.GetClaimBranchRequest(
                member=member, chain_id=chain_id, asset_id=asset_id
            )
        claim = claim_branch_from_message(self._call(self._query.GetClaimBranch, request))
        _require_subject(claim.member == member)
        leaf = claim_leaf(claim.member, claim.quanta)
        verify_branch(claim.root, claim.position, leaf, claim.branch)
        return claim

    def get_release_branch(
        self, settlement_id: Hash32, chain_id: ChainId, asset_id: AssetId, index: int
    ) -> ReleaseBranch:
        """Return a release with its branch, verified as ``get_claim_branch`` does.

        This is what ``claimRelease`` of the anchor takes once the settlement is final there.
        """
        with fitting("question"):
            request = query_service_pb2.GetReleaseBranchRequest(
                settlement_id=settlement_id, chain_id=chain_id, asset_id=asset_id, index=index
            )
        release = release_branch_from_message(self._call(self._query.GetReleaseBranch, request))
        _require_subject((release.settlement_id, release.index) == (settlement_id, index))
        leaf = release_leaf(release.index, release.member, release.quanta)
        verify_branch(release.root, release.index, leaf, release.branch)
        return release

    def get_solvency(self) -> Solvency:
        """Return what every vault must cover by the ledger."""
        response = self._call(self._query.GetSolvency, query_service_pb2.GetSolvencyRequest())
        return solvency_from_message(response)

    # -- settlements ----------------------------------------------------------------------------

    def stream_settlement_events(self, first_sequence: int = 1) -> EventStream:
        """Follow the journal's entries about settlements from a sequence on, without end.

        After ``Unavailable`` follow again from the last sequence seen plus one.
        """
        with fitting("sequence"):
            request = settlement_service_pb2.StreamSettlementEventsRequest(
                first_sequence=first_sequence
            )
        return EventStream(self._settlement.StreamSettlementEvents(request))


def _require_subject(same: bool) -> None:
    if not same:
        raise ProofInvalid(
            "branch_subject", "the branch answers another question; ask another server"
        )
