"""Goal: every value survives the wire unchanged, and nothing else gets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.api.conversion import (
    columns,
    events,
    evidence,
    mandates,
    members,
    orders,
    reference,
    settlements,
)
from clearinghouse.book.columns import FillColumns, MandatedOrders
from clearinghouse.book.entries import (
    FinalityViolated,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import (
    REASON_CODE,
    FillBatch,
    Order,
    PlacementLimit,
    Release,
    SignedOrder,
)
from clearinghouse.book.reference import Instrument
from clearinghouse.book.settlements import (
    Leg,
    LegAsset,
    OperatorSet,
    Phase,
    Settlement,
    Windows,
)
from clearinghouse.v1 import (
    cycles_pb2,
    fills_pb2,
    instruments_pb2,
    intake_service_pb2,
    mandates_pb2,
    members_pb2,
    operation_service_pb2,
    orders_pb2,
    proofs_pb2,
    settlement_events_pb2,
    settlements_pb2,
)
from tests.unit.api import values


def orders_to_message(values: tuple[SignedOrder, ...]) -> intake_service_pb2.RegisterOrdersRequest:
    """Return the request that sends orders ahead."""
    request = intake_service_pb2.RegisterOrdersRequest()
    orders.add_signed_orders(request.orders, values)
    return request


TRIPS: dict[str, tuple[st.SearchStrategy, Callable[..., Any], Any, Callable[[Any], Any]]] = {
    "order": (
        values.order, orders.order_to_message, orders_pb2.Order, orders.order_from_message,
    ),
    "signed orders": (
        values.tuples_of(values.signed_order), orders_to_message,
        intake_service_pb2.RegisterOrdersRequest,
        lambda message: tuple(orders.signed_orders_from_messages(message.orders)),
    ),
    "batch": (
        values.rows, orders.batch_to_message, fills_pb2.FillBatch, orders.batch_from_message,
    ),
    "mandate": (
        values.signed_mandate, lambda value: mandates.signed_mandate_to_message(*value),
        mandates_pb2.SignedMandate, mandates.signed_mandate_from_message,
    ),
    "columns": (
        st.tuples(values.fill_columns, values.signatures),
        lambda value: columns.columns_to_message(*value),
        intake_service_pb2.SubmitColumnsRequest, columns.columns_from_message,
    ),
    "mandated orders": (
        values.mandated_orders, columns.mandated_orders_to_message, orders_pb2.MandatedOrders,
        columns.mandated_orders_from_message,
    ),
    "columns receipt": (
        values.columns_receipt, lambda value: columns.columns_receipt_to_message(bytes(32), value),
        fills_pb2.ColumnsReceipt, columns.columns_receipt_from_message,
    ),
    "orders receipt": (
        values.orders_receipt, columns.orders_receipt_to_message, orders_pb2.OrdersReceipt,
        columns.orders_receipt_from_message,
    ),
    "submission": (
        values.submission, lambda value: orders.submission_to_message(*value),
        intake_service_pb2.SubmitBatchRequest, orders.submission_from_message,
    ),
    "receipt": (
        values.receipt, lambda value: orders.receipt_to_message(bytes(32), value),
        fills_pb2.BatchReceipt, orders.receipt_from_message,
    ),
    "placement limit": (
        values.placement_limit, members.placement_limit_to_message, members_pb2.PlacementLimit,
        members.placement_limit_from_message,
    ),
    "release": (
        values.release, members.release_to_message, members_pb2.Release,
        members.release_from_message,
    ),
    "member": (
        values.member, members.member_to_message, members_pb2.Member, members.member_from_message,
    ),
    "instrument": (
        values.instrument, reference.instrument_to_message, instruments_pb2.Instrument,
        reference.instrument_from_message,
    ),
    "chain": (
        values.chain, reference.chain_to_message, instruments_pb2.Chain,
        reference.chain_from_message,
    ),
    "settlement": (
        values.settlement, settlements.settlement_to_message, settlements_pb2.Settlement,
        settlements.settlement_from_message,
    ),
    "leg": (
        values.leg, settlements.leg_to_message, settlements_pb2.Leg, settlements.leg_from_message,
    ),
    "operator set": (
        values.operator_set, settlements.operator_set_to_message, settlements_pb2.OperatorSet,
        settlements.operator_set_from_message,
    ),
    "settlement record": (
        values.settlement_record, settlements.settlement_record_to_message,
        settlements_pb2.SettlementRecord, settlements.settlement_record_from_message,
    ),
    "settlement summary": (
        values.settlement_summary, settlements.settlement_summary_to_message,
        settlements_pb2.SettlementSummary, settlements.settlement_summary_from_message,
    ),
    "settlement event": (
        values.settlement_event, events.event_to_message, settlement_events_pb2.SettlementEvent,
        events.event_from_message,
    ),
    "claim branch": (
        values.claim_branch, evidence.claim_branch_to_message, proofs_pb2.ClaimBranch,
        evidence.claim_branch_from_message,
    ),
    "release branch": (
        values.release_branch, evidence.release_branch_to_message, proofs_pb2.ReleaseBranch,
        evidence.release_branch_from_message,
    ),
    "solvency": (
        values.solvency, evidence.solvency_to_message, proofs_pb2.Solvency,
        evidence.solvency_from_message,
    ),
    "cycle": (
        values.cycle, evidence.cycle_to_message, cycles_pb2.Cycle, evidence.cycle_from_message,
    ),
    "status": (
        values.status, evidence.status_to_message, operation_service_pb2.OperationStatus,
        evidence.status_from_message,
    ),
}  # fmt: skip


@pytest.mark.parametrize("noun", TRIPS)
@given(data=st.data())
def test_conversion_returns_the_value_when_it_was_sent(noun: str, data: st.DataObject) -> None:
    strategy, to_message, message_type, from_message = TRIPS[noun]
    value = data.draw(strategy)
    encoded = to_message(value).SerializeToString()
    assert from_message(message_type.FromString(encoded)) == value


@given(values.genesis)
def test_conversion_returns_the_genesis_when_it_was_sent_in_two_answers(genesis: Any) -> None:
    clearinghouse = instruments_pb2.Clearinghouse.FromString(
        reference.clearinghouse_to_message(genesis).SerializeToString()
    )
    chains = [reference.chain_to_message(chain) for chain in genesis.chains]
    assert reference.genesis_from_messages(clearinghouse, chains) == genesis


@pytest.mark.parametrize(
    ("value", "message", "renamed"),
    [
        (Order, orders_pb2.Order, {"instrument": "instrument_id"}),
        (Mandate, mandates_pb2.Mandate, {"instrument": "instrument_id"}),
        (FillBatch, fills_pb2.FillBatch, {}),
        (FillColumns, fills_pb2.FillColumns, {}),
        (MandatedOrders, orders_pb2.MandatedOrders, {}),
        (PlacementLimit, members_pb2.PlacementLimit, {}),
        (Release, members_pb2.Release, {}),
        (Instrument, instruments_pb2.Instrument, {}),
        (Windows, instruments_pb2.Windows, {}),
        (Settlement, settlements_pb2.Settlement, {}),
        (Leg, settlements_pb2.Leg, {}),
        (LegAsset, settlements_pb2.LegAsset, {}),
        (OperatorSet, settlements_pb2.OperatorSet, {}),
        (SettlementProposed, settlement_events_pb2.SettlementProposed, {}),
        (SettlementSigned, settlement_events_pb2.SettlementSigned, {}),
        (PhaseProven, settlement_events_pb2.PhaseProven, {}),
        (TransactionIncluded, settlement_events_pb2.TransactionIncluded, {}),
        (FinalityViolated, settlement_events_pb2.FinalityViolated, {}),
    ],
)
def test_message_has_every_field_of_its_value(
    value: type[msgspec.Struct], message: Any, renamed: dict[str, str]
) -> None:
    fields = {renamed.get(name, name) for name in value.__struct_fields__}
    assert {field.name for field in message.DESCRIPTOR.fields} == fields


def test_fill_reasons_have_the_ledgers_names_and_numbers() -> None:
    numbers = {
        name.removeprefix("FILL_REASON_"): number for name, number in fills_pb2.FillReason.items()
    }
    assert numbers.pop("UNSPECIFIED") == 0
    assert numbers == {reason.value: code for reason, code in REASON_CODE.items()}


def test_column_is_a_packed_field_when_read_as_one() -> None:
    """What the protos promise: another client may declare a column as ``repeated fixed32``."""
    sent = FillColumns.of(bytes(20), bytes(32), [1, 2**32 - 1], [3, 4], [5, 2**64 - 1], [7, 8])
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="packed.proto", syntax="proto3")
    kinds = {3: field.TYPE_FIXED32, 4: field.TYPE_FIXED32, 5: field.TYPE_FIXED64,
             6: field.TYPE_FIXED64}  # fmt: skip
    file.message_type.add(name="Packed").field.extend(
        field(name=f"f{n}", number=n, type=kind, label=field.LABEL_REPEATED)
        for n, kind in kinds.items()
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    packed = message_factory.GetMessageClass(pool.FindMessageTypeByName("Packed"))()
    packed.ParseFromString(columns.fill_columns_to_message(sent).SerializeToString())
    assert [list(getattr(packed, f"f{n}")) for n in kinds] == [
        [1, 2**32 - 1], [3, 4], [5, 2**64 - 1], [7, 8],
    ]  # fmt: skip


def test_phase_numbers_are_the_contracts_plus_one() -> None:
    for phase in Phase:
        assert settlements.phase_to_message(phase) == phase.value + 1
