"""The limit of intake: the same messages over the same gRPC, added up and committed, no more.

``python -m tests.benchmarks.bare_server DIRECTORY``. It checks no signature, decides nothing and
chains nothing: columns are looked at by NumPy, added to four sums per order with ``np.add.at``, and
the request's bytes are committed to SQLite before it answers; rows are parsed and committed.
"""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from clearinghouse.api.conversion.columns import columns_receipt_to_message
from clearinghouse.api.options import ServerOptions
from clearinghouse.intake.ports import ColumnsReceipt
from clearinghouse.v1 import fills_pb2, intake_service_pb2, intake_service_pb2_grpc
from tests.benchmarks.children import peak_rss_bytes, report, wait_for_end

_ADMITTED = 1


class BareIntake(intake_service_pb2_grpc.IntakeServiceServicer):  # type: ignore[misc]
    """Answers both streams of the intake service."""

    def __init__(self, path: Path, orders: int) -> None:
        self._path = path
        self._sums = np.zeros((4, orders), np.int64)

    def StreamColumns(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        with closing(_open(self._path)) as database:
            for sequence, request in enumerate(requests, start=1):
                columns = request.submission.columns
                self._add(columns)
                _commit(database, request.SerializeToString())
                reasons = bytes([_ADMITTED]) * (len(columns.quantities) // 8)
                receipt = ColumnsReceipt(sequence, reasons)
                yield intake_service_pb2.StreamColumnsResponse(
                    receipt=columns_receipt_to_message(columns.batch_id, receipt)
                )

    def StreamBatches(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        with closing(_open(self._path)) as database:
            for sequence, request in enumerate(requests, start=1):
                batch = request.submission.batch
                _commit(database, request.SerializeToString())
                yield intake_service_pb2.StreamBatchesResponse(
                    receipt=fills_pb2.BatchReceipt(
                        batch_id=batch.batch_id,
                        sequence=sequence,
                        reasons=[fills_pb2.FILL_REASON_ADMITTED] * len(batch.fills),
                    )
                )

    def _add(self, columns: Any) -> None:
        buys = np.frombuffer(columns.buy_orders, "<u4")
        sells = np.frombuffer(columns.sell_orders, "<u4")
        quantities = np.frombuffer(columns.quantities, "<i8")
        cash = np.frombuffer(columns.cash, "<i8")
        np.add.at(self._sums[0], buys, quantities)
        np.add.at(self._sums[1], sells, quantities)
        np.add.at(self._sums[2], buys, cash)
        np.add.at(self._sums[3], sells, cash)


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS entry (payload BLOB)")
    return database


def _commit(database: sqlite3.Connection, payload: bytes) -> None:
    """Insert and make durable: outside a transaction every statement is one."""
    database.execute("INSERT INTO entry VALUES (?)", (payload,))


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--orders", type=int, required=True)
    arguments = parser.parse_args()
    limit = ServerOptions().maximum_message_bytes
    server = grpc.server(
        ThreadPoolExecutor(2),
        options=[("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0)],
    )
    servicer = BareIntake(arguments.directory / "bare.sqlite", arguments.orders)
    intake_service_pb2_grpc.add_IntakeServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    report({"port": port})
    wait_for_end()
    server.stop(0).wait()
    report({"rss_bytes": peak_rss_bytes()})


if __name__ == "__main__":
    main()
