"""Logs go to stderr, whichever that is when the line is written."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from clearinghouse.cli.logging import configure_logging


@pytest.fixture(autouse=True)
def _configuration_restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_log_line_goes_to_the_present_stderr_when_it_was_exchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", first)
    configure_logging()
    log = structlog.get_logger()
    log.info("one")
    monkeypatch.setattr("sys.stderr", second)
    first.close()
    log.info("two")
    assert json.loads(second.getvalue())["event"] == "two"
