"""Metrics over HTTP, in the text format that monitoring reads."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from adapters.auditing import AuditStanding
from adapters.base import ClientState, ClientStatus
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import Unavailable
from clearinghouse.metrics import CONTENT_TYPE, MetricsServer, render_metrics
from clearinghouse.settlement.keep_alive import ClientAge

HOME, L1, ROLLUP = ChainId(31_201), ChainId(31_202), ChainId(31_203)

AGES = (
    ClientAge(HOME, L1, ClientState(ClientStatus.ACTIVE, 7, 1_000), 12),
    ClientAge(HOME, ROLLUP, ClientState(ClientStatus.FROZEN, 9, 1_000), 400),
    ClientAge(L1, HOME, ClientState(ClientStatus.ACTIVE, 0, 0), None),
)
STANDINGS = (AuditStanding(ROLLUP, pending=5, true=3, false=1, unprovable=2),)

LINE = re.compile(r"# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+\{([a-z]+=\"\w+\",?)+\} \d+")
"""Of the exposition format, as far as it is used here."""


def rendered() -> str:
    return render_metrics(AGES, {L1: 86_400}, STANDINGS)


def test_every_line_is_of_the_format_when_metrics_are_rendered() -> None:
    text = rendered()
    assert text.endswith("\n")
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
    assert len(set(text.splitlines())) == len(text.splitlines())


@pytest.mark.parametrize(
    "line",
    [
        'light_client_age_seconds{chain="31201",followed="31202"} 12',
        'light_client_age_seconds{chain="31201",followed="31203"} 400',
        'light_client_trusting_seconds{chain="31201",followed="31202"} 86400',
        'light_client_active{chain="31201",followed="31202"} 1',
        'light_client_active{chain="31201",followed="31203"} 0',
        'rollup_attestations_pending{rollup="31203"} 5',
        'rollup_attestations_audited_total{rollup="31203",verdict="true"} 3',
        'rollup_attestations_audited_total{rollup="31203",verdict="false"} 1',
        'rollup_attestations_audited_total{rollup="31203",verdict="unprovable"} 2',
    ],
)
def test_sample_is_there_when_its_value_is_known(line: str) -> None:
    assert f"clearinghouse_{line}" in rendered().splitlines()


def test_age_is_left_out_when_a_client_never_held_a_header() -> None:
    assert 'age_seconds{chain="31202",followed="31201"}' not in rendered()
    assert 'active{chain="31202",followed="31201"} 1' in rendered()


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    server = MetricsServer("127.0.0.1:0", rendered)
    server.start()
    yield server
    server.close()


def test_text_is_served_when_metrics_are_asked_for(server: MetricsServer) -> None:
    url = f"http://127.0.0.1:{server.port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        assert answer.read().decode() == rendered()


def test_nothing_else_is_served_when_another_path_is_asked_for(server: MetricsServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=10)
    with refused.value as answer:
        assert answer.code == 404


@pytest.mark.parametrize("listen", ["127.0.0.1:{port}", "nonsense", "127.0.0.1:x"])
def test_server_is_refused_when_it_cannot_have_its_address(
    server: MetricsServer, listen: str
) -> None:
    with pytest.raises(Unavailable) as refused:
        MetricsServer(listen.format(port=server.port), rendered)
    assert refused.value.reason == "address_in_use"


def test_address_is_given_back_when_the_server_is_closed(server: MetricsServer) -> None:
    server.close()
    again = MetricsServer(f"127.0.0.1:{server.port}", rendered)
    again.close()
