"""Serves an anvil's chain with the headers of an Arbitrum Nitro chain.

Anvil cannot be told what to put into a header, and a Nitro header carries the root of all messages
sent so far as its extra data. So this stands in front of it: blocks are answered with Nitro's 16
fields, linked by their own hashes; every other request passes as it is. What comes from inside the
machine keeps anvil's hashes: receipts, logs, BLOCKHASH and the history contract.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clearinghouse.book.identifiers import ZERO_HASH, Hash32, to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.header import encode_header
from devnets.anvil import Anvil

BLOCKS_PER_MESSAGE = 4
"""As if the chain sent a message to L1 in every fourth block; blocks between share a send root."""

ARBOS_VERSION = 40

REQUEST_BYTES_MAX = 2**20
UPSTREAM_SECONDS_MAX = 10.0

_AFTER_LONDON = (
    "withdrawals",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)


def send_root(height: int) -> Hash32:
    """Return the root of all messages sent until a block."""
    return keccak256(b"messages" + (height // BLOCKS_PER_MESSAGE).to_bytes(8))


def nitro_block(block: Mapping[str, Any], parent_hash: Hash32) -> dict[str, Any]:
    """Return a block as Nitro has it, on the Nitro block ``parent_hash``."""
    height = int(block["number"], 16)
    counts = (height // BLOCKS_PER_MESSAGE, 0, ARBOS_VERSION, 0)
    changed = {
        **{name: value for name, value in block.items() if name not in _AFTER_LONDON},
        "parentHash": to_hex(parent_hash),
        "difficulty": "0x1",
        "extraData": to_hex(send_root(height)),
        "mixHash": to_hex(b"".join(count.to_bytes(8) for count in counts)),
    }
    return {**changed, "hash": to_hex(keccak256(encode_header(changed)))}


class NitroBlocks:
    """The Nitro hash of every block, kept as far as was asked. Thread-safe."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self._lock = threading.Lock()
        self._hashes: list[tuple[str, Hash32]] = []
        """By height: anvil's own hash and Nitro's."""
        self._heights: dict[str, int] = {}
        """By Nitro hash, those of replaced blocks too."""

    def convert(self, block: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return anvil's block as Nitro's, None when there is none."""
        if block is None or block.get("number") is None:
            return None
        with self._lock:
            return self._convert(block)

    def find(self, block_hash: str) -> dict[str, Any] | None:
        """Return the Nitro block of that hash, None when it is not in the chain (any more)."""
        height = self._heights.get(block_hash.lower())
        if height is None:
            return None
        found = self.convert(self._get(height))
        return found if found is not None and found["hash"] == block_hash.lower() else None

    def _convert(self, block: Mapping[str, Any]) -> dict[str, Any]:
        """Convert the blocks below as far as they are new or replaced, then this one."""
        height = int(block["number"], 16)
        pending = [block]
        while True:
            lowest = pending[-1]
            below = int(lowest["number"], 16) - 1
            if below < 0 or self._is_known(below, lowest["parentHash"]):
                break
            parent = self._get(below)
            if parent is None or parent["hash"] != lowest["parentHash"]:
                raise Unavailable("block_replaced", f"block {below} was just replaced; ask again")
            pending.append(parent)
        for each in reversed(pending):
            at = int(each["number"], 16)
            parent_hash = self._hashes[at - 1][1] if at else ZERO_HASH
            converted = nitro_block(each, parent_hash)
            if not self._is_known(at, each["hash"]):
                del self._hashes[at:]
                self._hashes.append((each["hash"], Hash32(bytes.fromhex(converted["hash"][2:]))))
                self._heights[converted["hash"]] = at
        assert converted["number"] == hex(height)
        return converted

    def _is_known(self, height: int, anvil_hash: str) -> bool:
        return height < len(self._hashes) and self._hashes[height][0] == anvil_hash

    def _get(self, height: int) -> Mapping[str, Any] | None:
        block: Mapping[str, Any] | None = self._anvil.request(
            "eth_getBlockByNumber", hex(height), False
        )
        return block


class NitroFront:
    """A JSON-RPC server on a port of its own, in front of one anvil."""

    def __init__(self, anvil: Anvil) -> None:
        self._server = _Server(anvil, NitroBlocks(anvil))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="nitro front", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, anvil: Anvil, blocks: NitroBlocks) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.anvil = anvil
        self.blocks = blocks


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests are answered one after another."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one piece
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= REQUEST_BYTES_MAX:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        try:
            answer = self._answer(body)
        except (Unavailable, OSError, http.client.HTTPException, ValueError) as error:
            self.send_error(502, explain=str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _answer(self, body: bytes) -> bytes:
        request = json.loads(body)
        blocks = self.server.blocks
        match request:
            case {"method": "eth_getBlockByHash", "params": [str(block_hash), *_], "id": number}:
                found = blocks.find(block_hash)
            case {"method": "eth_getBlockByNumber", "id": number}:
                found = blocks.convert(json.loads(self._forward(body)).get("result"))
            case _:
                return self._forward(body)
        return json.dumps({"jsonrpc": "2.0", "id": number, "result": found}).encode()

    def _forward(self, body: bytes) -> bytes:
        host = self.server.anvil.url.removeprefix("http://")
        upstream = http.client.HTTPConnection(host, timeout=UPSTREAM_SECONDS_MAX)
        try:
            upstream.request("POST", "/", body, {"Content-Type": "application/json"})
            return upstream.getresponse().read()
        finally:
            upstream.close()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: every request is one of ours."""
