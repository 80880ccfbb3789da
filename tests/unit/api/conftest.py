"""Fixtures of the API's tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.builders import ALICE, BOB, CAROL, Clearing
from tests.unit.api.serving import Served, serving


@pytest.fixture
def unused_target() -> Iterator[str]:
    """Return a loopback address that is taken by a socket which does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Return a clearinghouse with three funded members."""
    clearing = Clearing().start(ALICE, BOB, CAROL)
    yield clearing
    clearing.close()


@pytest.fixture
def served(clearing: Clearing) -> Iterator[Served]:
    """Return a server in front of it."""
    with serving(clearing.sequencer, clearing.sequencer) as served:
        yield served
