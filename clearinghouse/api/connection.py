"""A client's channel: deadlines on every call, and the server's errors as our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import grpc

from clearinghouse.api.options import ServerOptions
from clearinghouse.api.status import error_of_call
from clearinghouse.errors import Unavailable


class Connection:
    """What every client has: a channel to one address, and a deadline for unary calls."""

    def __init__(
        self,
        target: str,
        *,
        timeout_seconds: float = 30.0,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        limit = ServerOptions().maximum_message_bytes
        options = [
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", limit),
        ]
        self.target = target
        self._timeout_seconds = timeout_seconds
        self._channel = (
            grpc.insecure_channel(target, options)
            if credentials is None
            else grpc.secure_channel(target, credentials, options)
        )

    def close(self) -> None:
        """End every call in progress with ``cancelled`` and give the channel back."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def wait_until_ready(self, timeout_seconds: float = 10.0) -> None:
        """Return when the server answers.

        Raises
        ------
        Unavailable
            ``server_unreachable`` when it does not in time.
        """
        ready = grpc.channel_ready_future(self._channel)
        try:
            ready.result(timeout_seconds)
        except grpc.FutureTimeoutError as error:
            ready.cancel()
            raise Unavailable(
                "server_unreachable",
                f"nothing answers at {self.target}; start it with `clearinghouse serve`",
                target=self.target,
            ) from error

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        """Make a unary call; raise the server's error."""
        try:
            return method(request, timeout=self._timeout_seconds)
        except grpc.RpcError as error:
            raise error_of_call(error) from error

    def _pages(self, method: Callable[..., Any], request_type: Callable[..., Any]) -> Iterator[Any]:
        """Yield the answers of a paged list until its last page."""
        token = ""
        while True:
            page = self._call(method, request_type(page_token=token))
            yield page
            token = page.next_page_token
            if not token:
                return
