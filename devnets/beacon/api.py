"""What a beacon node serves to light clients over HTTP, for one devnet chain.

As ethereum/beacon-APIs has it: ``light_client/{bootstrap,updates,finality_update}``, and of the
node itself ``config/spec`` and ``beacon/genesis``.
"""

from __future__ import annotations

import json
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from adapters.ethereum.beacon_api import LIGHT_CLIENT_PATH
from clearinghouse.proofs.ethereum.beacon_json import encode_bootstrap, encode_update
from clearinghouse.proofs.ethereum.containers import LightClientBootstrap, LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network
from devnets.beacon.network import network_document

UPDATES_MAX = 128
"""Of one request: MAX_REQUEST_LIGHT_CLIENT_UPDATES of the specification."""

IDLE_SECONDS_MAX = 60

_BOOTSTRAP = re.compile(rf"{LIGHT_CLIENT_PATH}/bootstrap/(0x[0-9a-f]{{64}})")
_NUMBER = re.compile("[0-9]{1,19}")


class LightClientData:
    """The light client data of one chain, in memory. One thread writes, any read."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.bootstrap: LightClientBootstrap | None = None
        self.newest: LightClientUpdate | None = None
        self._of_period: dict[int, LightClientUpdate] = {}

    def publish(self, update: LightClientUpdate) -> None:
        """Keep an update: with a next committee as its period's, else as the newest."""
        if update.next_sync_committee is None:
            self.newest = update
        else:
            period = self.network.period_at(update.attested_header.beacon.slot)
            self._of_period[period] = update

    def updates(self, first_period: int, count: int) -> list[LightClientUpdate]:
        """Return the periods' updates, as far as there are any without a gap."""
        found: list[LightClientUpdate] = []
        for period in range(first_period, first_period + min(count, UPDATES_MAX)):
            if period not in self._of_period:
                break
            found.append(self._of_period[period])
        return found

    def answer(self, target: str) -> tuple[HTTPStatus, object]:
        """Return status and JSON value for the path and query of a GET."""
        parts = urlsplit(target)
        if parts.path == "/eth/v1/config/spec":
            return HTTPStatus.OK, {"data": network_document(self.network)["spec"]}
        if parts.path == "/eth/v1/beacon/genesis":
            return HTTPStatus.OK, {"data": network_document(self.network)["genesis"]}
        if parts.path == f"{LIGHT_CLIENT_PATH}/updates":
            return self._answer_updates(parse_qs(parts.query))
        if parts.path == f"{LIGHT_CLIENT_PATH}/finality_update" and self.newest is not None:
            return HTTPStatus.OK, self._versioned(self.newest)
        wanted = _BOOTSTRAP.fullmatch(parts.path)
        if wanted is not None and self.bootstrap is not None:
            header = self.bootstrap.header.beacon
            if wanted[1] == f"0x{header.root().hex()}":
                return HTTPStatus.OK, self._enveloped(header.slot, encode_bootstrap(self.bootstrap))
        return _refused(HTTPStatus.NOT_FOUND, "nothing here, or not yet")

    def _answer_updates(self, query: dict[str, list[str]]) -> tuple[HTTPStatus, object]:
        asked = [query.get(name, [""])[0] for name in ("start_period", "count")]
        if not all(_NUMBER.fullmatch(text) for text in asked):
            return _refused(HTTPStatus.BAD_REQUEST, "start_period and count are integers")
        first_period, count = map(int, asked)
        return HTTPStatus.OK, [self._versioned(one) for one in self.updates(first_period, count)]

    def _versioned(self, update: LightClientUpdate) -> dict[str, object]:
        return self._enveloped(update.attested_header.beacon.slot, encode_update(update))

    def _enveloped(self, slot: int, data: dict[str, object]) -> dict[str, object]:
        return {"version": self.network.activation_at(slot).fork.name.lower(), "data": data}


class BeaconServer:
    """Serves a chain's data on a loopback port of its own."""

    def __init__(self, data: LightClientData) -> None:
        """Take the port; it answers from ``start`` on."""
        self._server = _Server(data)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="beacon api", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Give the port back; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, data: LightClientData) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = data


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests are answered one after another."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS_MAX
    wbufsize = -1  # head and body leave in one piece
    server: _Server

    def do_GET(self) -> None:
        status, value = self.server.data.answer(self.path)
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: every request is one of ours."""


def _refused(status: HTTPStatus, message: str) -> tuple[HTTPStatus, object]:
    return status, {"code": status.value, "message": message}
