"""Limits of the server. Every queue, message and wait has one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerOptions:
    """Limits that an operator may want to change; the defaults suit one machine."""

    maximum_message_bytes: int = 16 * 1024 * 1024
    """Of a request and of an answer. A batch of 8192 fills and 16384 new orders has about 4 MiB."""
    worker_threads: int = 48
    """One per call in progress, streams included."""
    maximum_streams: int = 32
    """Of both kinds together; the threads left over are for unary calls."""
    maximum_calls: int = 512
    """In progress or waiting for a thread; more are refused with RESOURCE_EXHAUSTED."""
    request_timeout_seconds: float = 30.0
    """The longest wait for durability, whatever deadline the caller set."""
    window_batches: int = 64
    """Batches of one stream that may wait for their answers."""
    window_bytes: int = 16 * 1024 * 1024
    """Of their requests together; so all streams at once hold at most 512 MiB."""
