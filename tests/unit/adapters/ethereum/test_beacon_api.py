"""Light client data over HTTP: what a devnet's node serves, and nodes that serve something else."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from adapters.ethereum import beacon_api
from adapters.ethereum.beacon_api import BeaconApi
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ProofInvalid, Unavailable
from clearinghouse.proofs.ethereum.beacon_json import encode_bootstrap, encode_update
from tests.recorded import recorded_path
from tests.unit.proofs.ethereum.chain import bootstrap_at, update_at

ROOT = Hash32(b"\x07" * 32)

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def node(answer: Answer) -> Iterator[str]:
    """Run a beacon node that answers every GET in one way, and give its URL."""
    with ExitStack() as running:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        server = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.callback(thread.join)
        running.callback(server.shutdown)
        yield f"http://127.0.0.1:{server.server_port}"


def saying(
    body: bytes, status: HTTPStatus = HTTPStatus.OK, paths: list[str] | None = None, **head: str
) -> Answer:
    """Return what answers with these bytes, and notes what was asked."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if paths is not None:
            paths.append(handler.path)
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **head}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def refused(url: str, error: type[Exception], **options: object) -> str:
    api = BeaconApi(url, ROOT, **options)  # type: ignore[arg-type]
    with pytest.raises(error) as raised:
        api.find_newest()
    api.close()
    return str(raised.value.reason)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------- what is asked


def test_questions_are_those_of_the_beacon_api_when_data_is_asked_for() -> None:
    paths = list[str]()
    body = json.dumps([{"version": "fulu", "data": encode_update(update_at(345))}]).encode()
    with node(saying(body, paths=paths)) as url:
        api = BeaconApi(f"{url}/", ROOT)
        assert api.find_of_period(5) == update_at(345)
        assert api.find_newest() == update_at(345)
        with pytest.raises(ProofInvalid):  # it is no bootstrap
            api.get_bootstrap()
        api.close()
    light_client = "/eth/v1/beacon/light_client"
    assert paths == [
        f"{light_client}/updates?start_period=5&count=1",
        f"{light_client}/finality_update",
        f"{light_client}/bootstrap/0x{ROOT.hex()}",
    ]


def test_mainnet_update_is_read_when_a_node_serves_the_recording() -> None:
    recording = recorded_path("vectors/beacon-light-client/mainnet-fulu-sp1helios/update.json")
    with node(saying(recording.read_bytes())) as url:
        api = BeaconApi(url, ROOT)
        update = api.find_of_period(1_777)
        api.close()
    assert update is not None
    assert update.sync_aggregate.participants == 509


def test_nothing_is_found_when_the_node_has_nothing() -> None:
    with node(saying(b'{"code":404}', HTTPStatus.NOT_FOUND)) as url:
        api = BeaconApi(url, ROOT)
        assert api.find_newest() is None
        assert api.find_of_period(5) is None
        with pytest.raises(Unavailable) as raised:
            api.get_bootstrap()
        assert raised.value.reason == "bootstrap_missing"
        api.close()
    with node(saying(b"[]")) as url:
        api = BeaconApi(url, ROOT)
        assert api.find_of_period(5) is None
        api.close()


# ----------------------------------------------------------------------------- who is not honest


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"7",
        b"[7]",
        b'{"data": {}}',
        b"[" * 100_000,
        json.dumps({"data": {**encode_update(update_at(345)), "extra": 1}}).encode(),
    ],
)
def test_answer_is_refused_when_it_is_no_update(body: bytes) -> None:
    with node(saying(body)) as url:
        assert refused(url, ProofInvalid) == "json_malformed"


@pytest.mark.parametrize(
    "status", [HTTPStatus.FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE]
)
def test_answer_is_refused_when_the_status_is_not_of_an_answer(status: HTTPStatus) -> None:
    """Redirections are not followed: the operator named one node."""
    with node(saying(b"{}", status, Location="http://127.0.0.1:1/")) as url:
        assert refused(url, Unavailable) == "beacon_refused"


@pytest.mark.parametrize("says_so", [True, False])
def test_answer_is_refused_when_it_is_too_large(*, says_so: bool) -> None:
    """It is not read to its end, whatever length it claims."""
    sent = list[int]()

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(HTTPStatus.OK)
        if says_so:
            handler.send_header("Content-Length", str(2**40))
        handler.end_headers()
        try:
            for _ in range(2**16):
                handler.wfile.write(b" " * 2**16)
                sent.append(2**16)
        except OSError:
            handler.close_connection = True

    with node(pour) as url:
        assert refused(url, ProofInvalid) == "beacon_answer_too_large"
    assert sum(sent) < 2**28


def test_answer_is_refused_when_it_is_a_compressed_bomb() -> None:
    bomb = gzip.compress(b" " * 2**26)
    assert len(bomb) < beacon_api.ANSWER_BYTES_MAX
    with node(saying(bomb, Content_Encoding="gzip")) as url:
        assert refused(url, ProofInvalid) == "json_malformed"


def test_answer_is_given_up_when_it_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes in time, all of them never would."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(HTTPStatus.OK)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" ")
        except OSError:
            handler.close_connection = True

    monkeypatch.setattr(beacon_api, "_PIECE_BYTES", 1)
    ticks = count()
    with node(drip) as url:
        reason = refused(url, Unavailable, answer_seconds_max=9.0, clock=lambda: float(next(ticks)))
    assert reason == "beacon_unreachable"
    assert next(ticks) == 11, "one look at the clock per piece"


def test_node_is_unreachable_when_it_is_silent_or_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()

    def say_nothing(handler: BaseHTTPRequestHandler) -> None:
        ends.wait(60)
        handler.close_connection = True

    monkeypatch.setattr(beacon_api, "SILENCE_SECONDS_MAX", 0.1)
    with node(say_nothing) as url:
        assert refused(url, Unavailable) == "beacon_unreachable"
        ends.set()
    assert refused(url, Unavailable) == "beacon_unreachable"


def test_answer_is_refused_when_the_connection_breaks() -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(HTTPStatus.OK)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"[")

    with node(break_off) as url:
        assert refused(url, Unavailable) == "beacon_unreachable"


def test_bootstrap_is_read_when_the_node_serves_it() -> None:
    bootstrap = bootstrap_at(345)
    with node(saying(json.dumps({"data": encode_bootstrap(bootstrap)}).encode())) as url:
        api = BeaconApi(url, bootstrap.header.beacon.root())
        assert api.get_bootstrap() == bootstrap
        api.close()
