"""What nothing can be faster than on this machine: one fsync, one recovery, one hash, one call."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.typing import NDArray

from clearinghouse.commitment.journal import record_hash
from clearinghouse.commitment.keccak_kernel import GRAIN, LANES, STATE_WORDS, permute
from clearinghouse.commitment.signatures import recover_signers
from clearinghouse.compiled import kernel, over_cores
from clearinghouse.store.journal import open_journal

_LOG_BYTES = 8 << 20
"""Twice of what SQLite lets its log grow to."""


@contextmanager
def committing(path: Path, payload_bytes: int) -> Iterator[Callable[[], float]]:
    """Yield a call that commits one row to a new SQLite file, durably, and returns the seconds.

    The log is as long as it gets beforehand and begun anew, as in a server that has run for a
    while: a commit then overwrites it, where extending the file would cost several times as much.
    """
    payload = bytes(payload_bytes)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE entry (payload BLOB)")
        database.execute("INSERT INTO entry VALUES (zeroblob(?))", (_LOG_BYTES,))
        database.execute("PRAGMA wal_checkpoint(RESTART)")
        yield lambda: _seconds(lambda: database.execute("INSERT INTO entry VALUES (?)", (payload,)))


@contextmanager
def calling(target: str) -> Iterator[Callable[[], float]]:
    """Yield a call that makes an empty gRPC call to a server and returns the seconds."""
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        stub.Check(request)
        yield lambda: _seconds(lambda: stub.Check(request))


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def recoveries_per_second(digests: NDArray[np.uint8], signatures: list[bytes]) -> float:
    """Return how many signers are recovered per second, on all cores."""
    started = time.perf_counter()
    recover_signers(digests, signatures)
    return len(signatures) / (time.perf_counter() - started)


def hashing_seconds(count: int) -> float:
    """Return the seconds of so many permutations of Keccak, bare of all reading and writing."""

    started = time.perf_counter()
    over_cores(_permute_only, count // LANES + 1, GRAIN // LANES)
    return time.perf_counter() - started


@kernel(sample=lambda: (0, 0))
def _permute_only(start: int, stop: int) -> None:
    state = np.zeros(STATE_WORDS, np.uint64)
    for _ in range(start, stop):
        permute(state)


def chain_reading_seconds(url: str) -> float:
    """Return the seconds of reading a journal and checking its hash chain, decoding nothing."""
    with open_journal(url, read_only=True) as journal:
        started = time.perf_counter()
        head = bytes(32)
        for record in journal.read():
            head = record_hash(head, record.sequence, record.time_milliseconds, record.payload)  # type: ignore[arg-type]
            assert head == record.hash
        return time.perf_counter() - started
