"""One place where requests are parsed and errors are answered, whatever the method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from clearinghouse.api.status import DOMAIN, grpc_status_of
from clearinghouse.errors import ClearingError, Corruption, Rejected

log = structlog.get_logger()

_PREFIX = f"/{DOMAIN}."


class AnswerErrors:
    """A server interceptor for the services of this package.

    gRPC parses requests before an interceptor's handler runs and answers garbage with INTERNAL. So
    the handlers built here take bytes and parse themselves: garbage is the caller's fault.
    """

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """Return the handler of a call, wrapped if it is one of ours."""
        handler = continuation(details)
        if handler is None or not details.method.startswith(_PREFIX):
            return handler
        method, parse = details.method, _parser(handler.request_deserializer)
        if handler.request_streaming:
            behaviour = _answering_stream(method, handler.stream_stream, lambda r: map(parse, r))
            return grpc.stream_stream_rpc_method_handler(
                behaviour, response_serializer=handler.response_serializer
            )
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _answering_stream(method, handler.unary_stream, parse),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            _answering(method, handler.unary_unary, parse),
            response_serializer=handler.response_serializer,
        )


def _parser(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def parse(encoded: bytes) -> Any:
        try:
            return deserialize(encoded)
        except DecodeError as error:
            raise Rejected(
                "MALFORMED",
                "the bytes are no message of this call; generate your client from the protos",
                length=len(encoded),
            ) from error

    return parse


def _answering(
    method: str, behaviour: Callable[..., Any], parse: Callable[[Any], Any]
) -> Callable[[Any, Any], Any]:
    def answer(encoded: Any, context: Any) -> Any:
        with _answering_errors(method, context):
            return behaviour(parse(encoded), context)

    return answer


def _answering_stream(
    method: str, behaviour: Callable[..., Any], parse: Callable[[Any], Any]
) -> Callable[[Any, Any], Iterator[Any]]:
    def answer(encoded: Any, context: Any) -> Iterator[Any]:
        with _answering_errors(method, context):
            yield from behaviour(parse(encoded), context)

    return answer


@contextmanager
def _answering_errors(method: str, context: Any) -> Iterator[None]:
    try:
        yield
    except ClearingError as error:
        answered = error
    except grpc.RpcError:
        raise  # The caller has gone: there is nobody to answer.
    except Exception:
        log.exception("call.failed", method=method)
        answered = Corruption("internal_error", "the server failed; its log has the cause")
    else:
        return
    if isinstance(answered, Corruption):
        log.error("call.corruption", method=method, reason=answered.reason)
    context.abort_with_status(grpc_status_of(answered))
