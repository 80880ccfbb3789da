"""Goal: an error is the same on both sides of the wire, and has the code that AIP-193 wants."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.status import code_of
from clearinghouse.commitment.signatures import SignatureMalleable
from clearinghouse.errors import (
    ChainFault,
    ClearingError,
    Conflict,
    Corruption,
    ProofInvalid,
    Rejected,
    Unavailable,
)
from clearinghouse.v1 import query_service_pb2
from tests.unit.api.serving import FakeIntake, batch_of, serving

Code = grpc.StatusCode

TABLE = [
    (Rejected, "OUT_OF_RANGE", Code.INVALID_ARGUMENT),
    (Rejected, "BATCH_TOO_LARGE", Code.INVALID_ARGUMENT),
    (Rejected, "MEMBER_UNKNOWN", Code.NOT_FOUND),
    (Rejected, "SETTLEMENT_UNKNOWN", Code.NOT_FOUND),
    (Rejected, "VENUE_UNKNOWN", Code.PERMISSION_DENIED),
    (Conflict, "BATCH_CONFLICT", Code.ALREADY_EXISTS),
    (Conflict, "INSTRUMENT_CONFLICT", Code.ALREADY_EXISTS),
    (Conflict, "settlement_in_flight", Code.FAILED_PRECONDITION),
    (Unavailable, "journal_unwritable", Code.UNAVAILABLE),
    (Unavailable, "queue_full", Code.RESOURCE_EXHAUSTED),
    (Unavailable, "deadline_exceeded", Code.DEADLINE_EXCEEDED),
    (ProofInvalid, "branch_root", Code.INVALID_ARGUMENT),
    (ChainFault, "finality_violated", Code.FAILED_PRECONDITION),
    (Corruption, "tree_mismatch", Code.INTERNAL),
]


def refusing(error: Exception) -> FakeIntake:
    intake = FakeIntake()
    intake.refuse = lambda batch: error
    return intake


def raised_by_raw_call(served: Any, method: str, encoded: bytes) -> Any:
    """Return gRPC's own error."""
    with pytest.raises(grpc.RpcError) as refused:
        served.call_raw(method, encoded)
    return refused.value


@pytest.mark.parametrize(("kind", "reason", "code"), TABLE)
def test_error_arrives_as_itself_when_the_server_raises_it(
    kind: type[ClearingError], reason: str, code: grpc.StatusCode
) -> None:
    error = kind(reason, "do this next", chain=5, root=b"\xab\xcd")
    assert code_of(error) is code
    with serving(refusing(error)) as served:
        with pytest.raises(kind) as caught:
            served.client.submit_batch(batch_of(1), (), b"")
    assert type(caught.value) is kind
    assert (caught.value.reason, caught.value.message) == (reason, "do this next")
    assert caught.value.attributes == {"chain": "5", "root": "abcd"}
    assert isinstance(caught.value.__cause__, grpc.RpcError)
    assert caught.value.__cause__.code() is code


def test_error_info_has_reason_domain_and_kind_when_seen_by_any_client() -> None:
    with serving(FakeIntake()) as served:
        error = raised_by_raw_call(served, "QueryService/GetMember", b"")
    status = rpc_status.from_call(error)
    assert status is not None
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert (info.reason, info.domain) == ("MALFORMED", "clearinghouse.v1")
    assert dict(info.metadata) == {
        "kind": "rejected", "name": "member", "length": "0", "expected": "20",
    }  # fmt: skip


def test_error_arrives_as_its_parent_when_it_is_a_subclass() -> None:
    with serving(refusing(SignatureMalleable("sign again"))) as served:
        with pytest.raises(Rejected) as caught:
            served.client.submit_batch(batch_of(1), (), b"")
    assert caught.value.reason == "SIGNATURE_MALLEABLE"


def test_error_arrives_when_its_attributes_are_huge() -> None:
    attributes = {f"value_{number}": "x" * 100_000 for number in range(100)}
    with serving(refusing(Rejected("MALFORMED", "too much", **attributes))) as served:
        with pytest.raises(Rejected) as caught:
            served.client.submit_batch(batch_of(1), (), b"")
    assert caught.value.reason == "MALFORMED"
    assert {len(str(value)) for value in caught.value.attributes.values()} == {256}


def test_server_tells_nothing_of_itself_when_it_fails_unexpectedly() -> None:
    with serving(refusing(ZeroDivisionError("a secret of the server"))) as served:
        with pytest.raises(Corruption) as caught:
            served.client.submit_batch(batch_of(1), (), b"")
    assert caught.value.reason == "internal_error"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "method",
    [
        "IntakeService/SubmitBatch",
        "IntakeService/RegisterPlacementLimits",
        "IntakeService/RequestRelease",
        "QueryService/GetMember",
        "QueryService/GetSolvency",
    ],
)
@pytest.mark.parametrize("garbage", [b"\xff", b"\x0a\x7f", b"\x08", bytes(range(255, 0, -1))])
def test_call_is_refused_as_the_callers_fault_when_bytes_are_malformed(
    method: str, garbage: bytes
) -> None:
    with serving() as served:
        error = raised_by_raw_call(served, method, garbage)
    assert error.code() is Code.INVALID_ARGUMENT
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    assert info.reason == "MALFORMED"


def test_call_is_refused_when_the_message_exceeds_the_limit() -> None:
    request = query_service_pb2.GetMemberRequest(member=bytes(5_000)).SerializeToString()
    with serving(maximum_message_bytes=4_096) as served:
        error = raised_by_raw_call(served, "QueryService/GetMember", request)
    assert error.code() is Code.RESOURCE_EXHAUSTED


def test_client_says_so_when_nothing_answers(unused_target: str) -> None:
    with ClearinghouseClient(unused_target, timeout_seconds=10) as client:
        with pytest.raises(Unavailable) as caught:
            client.get_solvency()
        assert caught.value.reason == "server_unreachable"
        with pytest.raises(Unavailable) as caught:
            client.wait_until_ready(timeout_seconds=0.05)
        assert caught.value.reason == "server_unreachable"


def test_client_says_so_when_the_server_lacks_the_method() -> None:
    with serving() as served:
        with ClearinghouseClient(served.operation_target) as client:
            with pytest.raises(Rejected) as caught:
                client.get_solvency()
    assert caught.value.reason == "method_unknown"
