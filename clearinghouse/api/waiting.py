"""Waiting for a decision to be durable, no longer than the caller does."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, TypeVar

from clearinghouse.errors import Unavailable

Result = TypeVar("Result")


def result_of(future: Future[Result], limit_seconds: float, context: Any | None = None) -> Result:
    """Return the future's result.

    Raises
    ------
    Unavailable
        ``deadline_exceeded`` when neither the caller's deadline nor ``limit_seconds`` sufficed.
    ClearingError
        Whatever the decision was refused with.
    """
    remaining = context.time_remaining() if context is not None else None
    seconds = limit_seconds if remaining is None else min(limit_seconds, remaining)
    try:
        return future.result(seconds)
    except TimeoutError as error:
        if future.done():
            raise
        raise Unavailable(
            "deadline_exceeded",
            "the decision is not durable yet and may still become so; send the same again: "
            "a repetition gets the first answer",
            seconds=seconds,
        ) from error
