"""Logs: one JSON object a line on stderr, so that stdout stays for results."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging(level: int = logging.INFO) -> None:
    """Send every log line of ``level`` and above to stderr as JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up for every line: whoever runs a command in its own process may exchange stderr.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
