"""The one table between our errors and gRPC's, in both directions.

A refusal travels as ``google.rpc.Status`` with one ``ErrorInfo`` (AIP-193): the stable reason, the
domain ``clearinghouse.v1``, and as metadata the kind of error and the values involved.
"""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from clearinghouse.errors import (
    ChainFault,
    ClearingError,
    Conflict,
    Corruption,
    ProofInvalid,
    Rejected,
    Unavailable,
)

DOMAIN = "clearinghouse.v1"
KIND = "kind"
"""Metadata key of the error's class."""

_VALUE_CHARACTERS = 256
"""Of one metadata value; the whole travels in HTTP/2 trailers, of which 8 KiB are sure to pass."""
_VALUES = 16

_Code = grpc.StatusCode

_KINDS: Mapping[str, tuple[type[ClearingError], grpc.StatusCode]] = {
    "rejected": (Rejected, _Code.INVALID_ARGUMENT),
    "conflict": (Conflict, _Code.FAILED_PRECONDITION),
    "unavailable": (Unavailable, _Code.UNAVAILABLE),
    "proof_invalid": (ProofInvalid, _Code.INVALID_ARGUMENT),
    "chain_fault": (ChainFault, _Code.FAILED_PRECONDITION),
    "corruption": (Corruption, _Code.INTERNAL),
}
_REASON_CODES: Mapping[str, grpc.StatusCode] = {
    "leadership_lost": _Code.UNAVAILABLE,
    "queue_full": _Code.RESOURCE_EXHAUSTED,
    "orders_exhausted": _Code.RESOURCE_EXHAUSTED,
    "EARLY_LIMITS_EXHAUSTED": _Code.RESOURCE_EXHAUSTED,
    "too_many_streams": _Code.RESOURCE_EXHAUSTED,
    "deadline_exceeded": _Code.DEADLINE_EXCEEDED,
    "BATCH_CONFLICT": _Code.ALREADY_EXISTS,
    "INSTRUMENT_CONFLICT": _Code.ALREADY_EXISTS,
    "CYCLE_UNKNOWN": _Code.NOT_FOUND,
    "LEG_UNKNOWN": _Code.NOT_FOUND,
    "MEMBER_UNKNOWN": _Code.NOT_FOUND,
    "RELEASE_UNKNOWN": _Code.NOT_FOUND,
    "SETTLEMENT_UNKNOWN": _Code.NOT_FOUND,
    "VAULT_UNKNOWN": _Code.NOT_FOUND,
    "VENUE_UNKNOWN": _Code.PERMISSION_DENIED,
}
"""Where a reason has a better code than its kind."""
_BARE_CODES: Mapping[grpc.StatusCode, tuple[type[ClearingError], str]] = {
    _Code.UNAVAILABLE: (Unavailable, "server_unreachable"),
    _Code.DEADLINE_EXCEEDED: (Unavailable, "deadline_exceeded"),
    _Code.CANCELLED: (Unavailable, "cancelled"),
    _Code.RESOURCE_EXHAUSTED: (Unavailable, "resource_exhausted"),
    _Code.UNIMPLEMENTED: (Rejected, "method_unknown"),
}
"""What gRPC itself says, without an ErrorInfo."""


def kind_of(error: ClearingError) -> str:
    """Return the name of the error's class in the tree; a subclass has its parent's."""
    return next(name for name, (kind, _) in _KINDS.items() if isinstance(error, kind))


def code_of(error: ClearingError) -> grpc.StatusCode:
    """Return the gRPC code of an error."""
    return _REASON_CODES.get(error.reason) or _KINDS[kind_of(error)][1]


def metadata_of(error: ClearingError) -> dict[str, str]:
    """Return the kind and the attributes as short strings."""
    values = {KIND: kind_of(error)}
    for name, value in list(error.attributes.items())[:_VALUES]:
        text = value.hex() if isinstance(value, bytes) else str(value)
        values[name] = text[:_VALUE_CHARACTERS]
    return values


def grpc_status_of(error: ClearingError) -> grpc.Status:
    """Return what ``context.abort_with_status`` takes."""
    details = any_pb2.Any()
    details.Pack(
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata_of(error))
    )
    return rpc_status.to_status(
        status_pb2.Status(code=code_of(error).value[0], message=error.message, details=[details])
    )


def build_error(reason: str, message: str, metadata: Mapping[str, str]) -> ClearingError:
    """Return the error that the other side raised; attribute values are strings now."""
    values = dict(metadata)
    kind, _ = _KINDS.get(values.pop(KIND, ""), (Unavailable, None))
    return kind(reason, message, **values)


def error_of_call(error: grpc.RpcError) -> ClearingError:
    """Return the error of a failed call: the server's own, or what gRPC says of the connection."""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return build_error(info.reason, status.message, info.metadata)
    code = error.code()
    kind, reason = _BARE_CODES.get(code, (Unavailable, "call_failed"))
    return kind(reason, f"{code.name}: {error.details()}", code=code.name)
