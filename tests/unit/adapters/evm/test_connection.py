"""What becomes of a node that does not answer, or answers nonsense."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from adapters.evm.connection import Connection, NodeRefused, connect
from clearinghouse.errors import Unavailable


class _Answer(BaseHTTPRequestHandler):
    body = b""
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """An HTTP server on a free port that answers every POST with ``_Answer.body``."""
    with HTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def connected(server: HTTPServer, body: bytes, status: int = 200) -> Connection:
    _Answer.body, _Answer.status = body, status
    return connect(f"http://127.0.0.1:{server.server_port}", timeout_seconds=5)


def test_result_is_returned_when_the_node_answers(server: HTTPServer) -> None:
    connection = connected(server, b'{"jsonrpc":"2.0","id":1,"result":"0x5"}')
    assert connection.request("eth_blockNumber", []) == "0x5"
    _Answer.body = b'{"jsonrpc":"2.0","id":1,"result":null}'
    assert connection.request("eth_getTransactionReceipt", ["0x"]) is None
    connection.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 200), (b"<html>", 200), (b"[1]", 200), (b'{"jsonrpc":"2.0","id":1}', 200), (b"{}", 503)],
)
def test_node_is_unreachable_when_its_answer_is_not_json_rpc(
    server: HTTPServer, body: bytes, status: int
) -> None:
    connection = connected(server, body, status)
    with pytest.raises(Unavailable) as raised:
        connection.request("eth_blockNumber", [])
    assert raised.value.reason == "chain_unreachable"
    connection.close()


def test_refusal_carries_code_and_data_when_the_node_reports_an_error(server: HTTPServer) -> None:
    connection = connected(
        server,
        b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x1"}}',
    )
    with pytest.raises(NodeRefused) as raised:
        connection.request("eth_call", [])
    assert (raised.value.attributes["code"], raised.value.data) == (3, "0x1")
    assert raised.value.said == "execution reverted"
    connection.close()


def test_node_is_unreachable_when_nothing_listens() -> None:
    connection = connect("http://127.0.0.1:1")
    with pytest.raises(Unavailable) as raised:
        connection.request("eth_blockNumber", [])
    assert raised.value.reason == "chain_unreachable"
    assert raised.value.retryable
    connection.close()
