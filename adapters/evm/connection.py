"""One node behind JSON-RPC over HTTP.

Calls are synchronous and thread-safe. The connection says what the node said and nothing about
whether it is true.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from web3 import HTTPProvider
from web3.exceptions import BadResponseFormat
from web3.types import RPCEndpoint

from clearinghouse.errors import Unavailable

POOL_CONNECTIONS_MAX = 64
"""Threads that may wait for one node at a time without opening connections anew."""


class Transport(Protocol):
    """What carries a JSON-RPC request; web3's providers are such."""

    def make_request(self, method: RPCEndpoint, params: Any) -> Any:
        """Return the whole answer: a mapping with ``result`` or ``error``."""
        ...


class NodeRefused(Unavailable):
    """The node answered with a JSON-RPC error instead of a result."""

    def __init__(self, method: str, code: int, said: str, data: object) -> None:
        super().__init__(
            "node_refused",
            f"{method} was refused with {code}: {said}; look at the node's log",
            method=method,
            code=code,
        )
        self.said = said
        """The node's message; its wording differs between clients."""
        self.data = data
        """What came with it: hex of the revert data for a call that reverted."""


class Connection:
    """A node's JSON-RPC interface."""

    def __init__(
        self, transport: Transport, url: str, session: requests.Session | None = None
    ) -> None:
        self._transport = transport
        self._session = session
        self.url = url
        """For messages only."""

    def request(self, method: str, parameters: Sequence[object]) -> Any:
        """Return the ``result`` of a call; None where the node has nothing.

        Raises
        ------
        NodeRefused
            When the node answers with an error.
        Unavailable
            ``chain_unreachable`` when no answer comes in time, or one that is not JSON-RPC.
        """
        try:
            answer = self._transport.make_request(RPCEndpoint(method), list(parameters))
        except (requests.RequestException, BadResponseFormat, json.JSONDecodeError) as error:
            raise self._unreachable(method, str(error)) from error
        if not isinstance(answer, dict):
            raise self._unreachable(method, "the answer is not a JSON-RPC object")
        refusal = answer.get("error")
        if refusal is not None:
            if not isinstance(refusal, dict):
                refusal = {"message": str(refusal)}
            raise NodeRefused(
                method,
                int(refusal.get("code", 0)),
                str(refusal.get("message", "")),
                refusal.get("data"),
            )
        if "result" not in answer:
            raise self._unreachable(method, "the answer has neither result nor error")
        return answer["result"]

    def close(self) -> None:
        """Give back the sockets that are kept open; a later request opens one anew."""
        if self._session is not None:
            self._session.close()

    def _unreachable(self, method: str, cause: str) -> Unavailable:
        return Unavailable(
            "chain_unreachable",
            f"{self.url} did not answer {method} ({cause}); start the node or correct the url",
            url=self.url,
            method=method,
        )


def connect(url: str, timeout_seconds: float = 10.0) -> Connection:
    """Return a connection to the node at ``url``; nothing is sent yet.

    Failed requests are not repeated here: whether that is safe only the caller knows. Proxies and
    credentials are not taken from the environment, where nothing of ours is configured.
    """
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=POOL_CONNECTIONS_MAX))
    provider = HTTPProvider(
        url,
        request_kwargs={"timeout": timeout_seconds},
        session=session,
        exception_retry_configuration=None,
    )
    return Connection(provider, url, session)
