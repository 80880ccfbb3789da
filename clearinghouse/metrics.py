"""What an operator's monitoring reads: ages of light clients and audits of rollups, over HTTP.

``GET /metrics`` answers in Prometheus' text format, version 0.0.4, which monitoring systems of all
kinds read. A chain that did not answer at the last look has no sample: alert on absence too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from adapters.auditing import AuditStanding
from adapters.base import ClientStatus
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import Unavailable
from clearinghouse.settlement.keep_alive import ClientAge

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

IDLE_SECONDS_MAX = 60

Sample = tuple[Mapping[str, object], int]
"""Labels and value."""


def render_metrics(
    ages: Iterable[ClientAge],
    trusting_seconds: Mapping[ChainId, int],
    standings: Iterable[AuditStanding],
) -> str:
    """Return all metrics as text; ``trusting_seconds`` says how long clients last, by chain."""
    clients = [({"chain": age.on_chain, "followed": age.followed}, age) for age in ages]
    rollups = [({"rollup": standing.rollup}, standing) for standing in standings]
    return "".join(
        (
            _render(
                "clearinghouse_light_client_age_seconds",
                "gauge",
                "Age of the newest header that a light client holds, by its chain's clock.",
                [(at, age.age_seconds) for at, age in clients if age.age_seconds is not None],
            ),
            _render(
                "clearinghouse_light_client_trusting_seconds",
                "gauge",
                "Age at which a light client expires; none of those that never do.",
                [
                    (at, trusting_seconds[age.followed])
                    for at, age in clients
                    if age.followed in trusting_seconds
                ],
            ),
            _render(
                "clearinghouse_light_client_active",
                "gauge",
                "1 while a light client can be relied upon, 0 when it is frozen or expired.",
                [(at, int(age.state.status is ClientStatus.ACTIVE)) for at, age in clients],
            ),
            _render(
                "clearinghouse_rollup_attestations_pending",
                "gauge",
                "Attestations of a rollup that its L1 has not decided yet.",
                [(at, standing.pending) for at, standing in rollups],
            ),
            _render(
                "clearinghouse_rollup_attestations_audited_total",
                "counter",
                "Attestations of a rollup by what its L1 proved of them, since the start.",
                [
                    ({**at, "verdict": verdict}, getattr(standing, verdict))
                    for at, standing in rollups
                    for verdict in ("true", "false", "unprovable")
                ],
            ),
        )
    )


class MetricsServer:
    """Answers ``GET /metrics`` on an address of its own."""

    def __init__(self, listen: str, read: Callable[[], str]) -> None:
        """Take the address, ``host:port``; ``read`` gives the text whenever it is asked for.

        Raises
        ------
        Unavailable
            ``address_in_use``.
        """
        host, _, port = listen.rpartition(":")
        try:
            self._server = _Server((host, int(port)), read)
        except (OSError, ValueError) as error:
            raise Unavailable(
                "address_in_use",
                f"cannot listen on {listen} for metrics ({error}); name another host:port",
                address=listen,
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that was taken."""
        return self._server.server_port

    def start(self) -> None:
        """Answer until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Give the address back; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], read: Callable[[], str]) -> None:
        super().__init__(address, _Handler)
        self.read = read


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS_MAX
    server: _Server

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = self.server.read().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: monitoring asks every few seconds."""


def _render(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        shown = ",".join(f'{label}="{of}"' for label, of in labels.items())
        lines.append(f"{name}{{{shown}}} {value}")
    return "\n".join(lines) + "\n"
