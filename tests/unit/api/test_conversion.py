"""Goal: every value survives the wire unchanged, and nothing else gets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.api.conversion import (
    events,
    evidence,
    members,
    orders,
    reference,
    settlements,
)
from clearinghouse.book.entries import (
    FinalityViolated,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.orders import Order, PlacementLimit, Reason, Release, Side
from clearinghouse.book.reference import Instrument
from clearinghouse.book.settlements import (
    Leg,
    LegAsset,
    OperatorSet,
    Phase,
    Settlement,
    Windows,
)
from clearinghouse.errors import Rejected
from clearinghouse.v1 import (
    cycles_pb2,
    fills_pb2,
    instruments_pb2,
    intake_service_pb2,
    members_pb2,
    operation_service_pb2,
    orders_pb2,
    proofs_pb2,
    settlement_events_pb2,
    settlements_pb2,
)
from tests.unit.api import values

TRIPS: dict[str, tuple[st.SearchStrategy, Callable[..., Any], Any, Callable[[Any], Any]]] = {
    "order": (
        values.order, orders.order_to_message, orders_pb2.Order, orders.order_from_message,
    ),
    "signed order": (
        values.signed_order, orders.signed_order_to_message, orders_pb2.SignedOrder,
        orders.signed_order_from_message,
    ),
    "batch": (
        values.batch, orders.batch_to_message, fills_pb2.FillBatch, orders.batch_from_message,
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


def test_fill_reasons_are_the_ledgers_reasons() -> None:
    names = {name.removeprefix("FILL_REASON_") for name in fills_pb2.FillReason.keys()}  # noqa: SIM118
    assert names == {reason.value for reason in Reason} | {"UNSPECIFIED"}


def test_phase_numbers_are_the_contracts_plus_one() -> None:
    for phase in Phase:
        assert settlements.phase_to_message(phase) == phase.value + 1


# -- refusals -----------------------------------------------------------------------------------

ORDER = orders_pb2.Order(
    member=bytes(20), instrument_id=3, side=orders_pb2.SIDE_BUY, quantity=1, venue=bytes(20)
)
FILL = fills_pb2.Fill(buy_order=bytes(32), sell_order=bytes(32), quantity=1)
BATCH = fills_pb2.FillBatch(venue=bytes(20), batch_id=bytes(32), fills=[FILL])
LIMIT = members_pb2.PlacementLimit(member=bytes(20), chain_id=1, maximum_quanta=bytes(16))
RELEASE = members_pb2.Release(member=bytes(20), chain_id=1)
INSTRUMENT = instruments_pb2.Instrument(instrument_id=3, symbol="BTC")
ENTRY = settlements_pb2.ChainEntry(chain_id=1, anchor=bytes(20), leg_hash=bytes(32))


def changed(message: Any, **fields: Any) -> Any:
    """Return a copy of a message with other fields."""
    copy = type(message)()
    copy.CopyFrom(message)
    for name, value in fields.items():
        copy.ClearField(name)
        copy.MergeFrom(type(message)(**{name: value}))
    return copy


MALFORMED = [
    (orders.order_from_message, changed(ORDER, member=bytes(19))),
    (orders.order_from_message, changed(ORDER, member=b"")),
    (orders.order_from_message, changed(ORDER, venue=bytes(21))),
    (orders.order_from_message, changed(ORDER, side=orders_pb2.SIDE_UNSPECIFIED)),
    (orders.order_from_message, orders_pb2.Order.FromString(
        ORDER.SerializeToString() + b"\x18\x09")),
    (orders.signed_order_from_message, orders_pb2.SignedOrder(signature=bytes(65))),
    (orders.batch_from_message, changed(BATCH, batch_id=bytes(31))),
    (orders.batch_from_message, changed(BATCH, venue=bytes(32))),
    (orders.batch_from_message, changed(BATCH, fills=[changed(FILL, buy_order=bytes(33))])),
    (orders.batch_from_message, changed(BATCH, fills=[changed(FILL, sell_order=b"")])),
    (orders.submission_from_message, intake_service_pb2.SubmitBatchRequest()),
    (members.placement_limit_from_message, changed(LIMIT, member=bytes(1))),
    (members.placement_limit_from_message, changed(LIMIT, maximum_quanta=bytes(15))),
    (members.placement_limit_from_message, changed(LIMIT, maximum_quanta=bytes(17))),
    (members.signed_limit_from_message, members_pb2.SignedPlacementLimit()),
    (members.release_from_message, changed(RELEASE, member=bytes(0))),
    (reference.instrument_from_message, changed(INSTRUMENT, symbol="")),
    (reference.instrument_from_message, changed(INSTRUMENT, symbol="x" * 65)),
    (reference.instrument_from_message, changed(INSTRUMENT, symbol="line\nbreak")),
    (settlements.phase_from_message, 0),
    (settlements.phase_from_message, 99),
    (settlements.settlement_record_from_message, settlements_pb2.SettlementRecord(
        settlement_id=bytes(32))),
    (evidence.claim_branch_from_message, proofs_pb2.ClaimBranch()),
    (evidence.cycle_from_message, cycles_pb2.Cycle(settlement_id=bytes(32), outcome=1)),
]  # fmt: skip
OUT_OF_RANGE = [
    (members.placement_limit_from_message, changed(LIMIT, chain_id=0)),
    (members.placement_limit_from_message, changed(LIMIT, chain_id=2**63)),
    (members.release_from_message, changed(RELEASE, chain_id=0)),
    (reference.instrument_from_message, changed(INSTRUMENT, lot_exponent=37)),
    (reference.instrument_from_message, changed(INSTRUMENT, lot_exponent=-37)),
]


@pytest.mark.parametrize(("convert", "message"), MALFORMED)
def test_conversion_is_refused_when_the_message_is_malformed(
    convert: Callable[[Any], Any], message: Any
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(message)
    assert refused.value.reason == "MALFORMED"


@pytest.mark.parametrize(("convert", "message"), OUT_OF_RANGE)
def test_conversion_is_refused_when_a_number_is_out_of_range(
    convert: Callable[[Any], Any], message: Any
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(message)
    assert refused.value.reason == "OUT_OF_RANGE"


def test_conversion_keeps_what_intake_judges_when_it_is_odd() -> None:
    odd = changed(BATCH, fills=[changed(FILL, quantity=0, cash=2**64 - 1)])
    (fill,) = orders.batch_from_message(odd).fills
    assert (fill.quantity, fill.cash) == (0, 2**64 - 1)


@pytest.mark.parametrize(("fills", "known"), [(8_193, 0), (0, 16_385), (8_193, 16_385)])
def test_submission_is_refused_when_it_is_too_large(fills: int, known: int) -> None:
    request = intake_service_pb2.SubmitBatchRequest(
        batch=changed(BATCH, fills=[fills_pb2.Fill()] * fills),
        orders=[orders_pb2.SignedOrder()] * known,
    )
    with pytest.raises(Rejected) as refused:
        orders.submission_from_message(request)
    assert refused.value.reason == "BATCH_TOO_LARGE"
    assert refused.value.attributes == {"fills": fills, "orders": known}


def test_submission_is_taken_when_it_is_as_large_as_allowed() -> None:
    request = intake_service_pb2.SubmitBatchRequest(batch=changed(BATCH, fills=[FILL] * 8_192))
    batch, _, _ = orders.submission_from_message(request)
    assert len(batch.fills) == 8_192


def test_receipt_is_refused_when_a_reason_is_of_a_newer_release() -> None:
    message = fills_pb2.BatchReceipt(batch_id=bytes(32), sequence=5)
    message.MergeFromString(b"\x1a\x01\x63")  # reasons: 99
    with pytest.raises(Rejected) as refused:
        orders.receipt_from_message(message)
    assert (refused.value.reason, refused.value.attributes) == ("REASON_UNKNOWN", {"sequence": 5})


def test_event_is_refused_when_its_kind_is_of_a_newer_release() -> None:
    message = settlement_events_pb2.SettlementEvent(sequence=9)
    message.MergeFromString(b"\xfa\x01\x00")  # field 31, which no release has yet
    with pytest.raises(Rejected) as refused:
        events.event_from_message(message)
    assert refused.value.reason == "EVENT_UNKNOWN"


VALID_ORDER = Order(bytes(20), 3, Side.BUY, 1, 1, 0, 1, 0, bytes(20))  # type: ignore[arg-type]
VALID_LIMIT = PlacementLimit(bytes(20), 1, 1, 1, 0)  # type: ignore[arg-type]
VALID_RELEASE = Release(bytes(20), 1, 1, 1, 0, 0)  # type: ignore[arg-type]
VALID_INSTRUMENT = Instrument(3, "BTC", 1, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convert", "value", "field", "number"),
    [
        (orders.order_to_message, VALID_ORDER, "quantity", -1),
        (orders.order_to_message, VALID_ORDER, "quantity", 2**64),
        (orders.order_to_message, VALID_ORDER, "instrument", 2**32),
        (orders.order_to_message, VALID_ORDER, "limit_price", 1.5),
        (members.placement_limit_to_message, VALID_LIMIT, "maximum_quanta", -1),
        (members.placement_limit_to_message, VALID_LIMIT, "maximum_quanta", 2**128),
        (members.placement_limit_to_message, VALID_LIMIT, "nonce", 2**64),
        (members.release_to_message, VALID_RELEASE, "quanta", -5),
        (reference.instrument_to_message, VALID_INSTRUMENT, "lot_exponent", 2**31),
    ],
)
def test_sending_is_refused_when_a_number_does_not_fit(
    convert: Callable[[Any], Any], value: Any, field: str, number: object
) -> None:
    with pytest.raises(Rejected) as refused:
        convert(msgspec.structs.replace(value, **{field: number}))
    assert refused.value.reason == "OUT_OF_RANGE"
