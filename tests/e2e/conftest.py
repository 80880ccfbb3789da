"""Real chains for end-to-end tests: one devnet that a test session shares, or one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devnets.configuration import FAST, DevnetConfiguration, load_configuration
from devnets.harness import Devnet

FreshDevnet = Callable[..., Devnet]


@pytest.fixture(scope="session")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """One running devnet per test process; leave its chains unhalted and alive."""
    with Devnet.start(load_configuration(FAST), tmp_path_factory.mktemp("devnet")) as running:
        yield running


@pytest.fixture
def fresh_devnet(tmp_path: Path) -> Iterator[FreshDevnet]:
    """Start devnets of a test's own, of ``fast.toml`` or of what is given; stopped after it."""
    with ExitStack() as running:

        def start(configuration: DevnetConfiguration | None = None) -> Devnet:
            number = len(list(tmp_path.glob("devnet-*")))
            return running.enter_context(
                Devnet.start(
                    configuration or load_configuration(FAST), tmp_path / f"devnet-{number}"
                )
            )

        yield start
