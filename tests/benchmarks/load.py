"""A venue that streams columns at a steady rate, in a process of its own.

``python -m tests.benchmarks.load TARGET --members N --seed N --rate FILLS_PER_SECOND`` sends until
its standard input ends; rate 0 sends as fast as it is answered.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator

from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.book.columns import FillColumns
from clearinghouse.errors import ClearingError
from tests.benchmarks.children import peak_rss_bytes, prepare, report, wait_for_end
from tests.benchmarks.market import Market, build_columns, sign_columns

IN_FLIGHT = 8
_MATCHED_BATCHES = 64
"""Matched before the start; sent again and again under new ids."""


class Load:
    """Paced batches; iterate to send."""

    def __init__(self, market: Market, batch_fills: int, rate: float, label: bytes) -> None:
        self._matched = [market.fills(batch, batch_fills) for batch in range(_MATCHED_BATCHES)]
        self._batch_seconds = batch_fills / rate if rate else 0.0
        self._label = label
        self._places = threading.Semaphore(IN_FLIGHT)
        self.stopped = threading.Event()
        self.answered = threading.Event()
        """Set with the first answer."""
        self.sent: list[int] = []
        """Fills of every batch that was sent."""

    def submissions(self) -> Iterator[tuple[FillColumns, bytes]]:
        """Yield batches as they fall due, none before there is a place, until stopped."""
        due = time.perf_counter()
        number = 0
        while not self.stopped.wait(max(0.0, due - time.perf_counter())):
            self._places.acquire()
            matched = self._matched[number % _MATCHED_BATCHES]
            columns = build_columns(matched, number, label=self._label)
            number += 1
            due += self._batch_seconds
            self.sent.append(columns.count)
            yield columns, sign_columns(columns)

    def run(self, client: ClearinghouseClient) -> None:
        """Send until stopped and everything is answered."""
        for receipt in client.stream_columns(self.submissions()):
            if isinstance(receipt, ClearingError):
                raise receipt
            self._places.release()
            self.answered.set()


def main() -> None:
    """Send until standard input ends; print the rate that was answered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--batch-fills", type=int, default=8_192)
    arguments = parser.parse_args()
    prepare()
    market = Market(arguments.members, arguments.seed)
    label = b"load at %d" % int(arguments.rate)
    load = Load(market, arguments.batch_fills, arguments.rate, label)
    with ClearinghouseClient(arguments.target) as client:
        client.wait_until_ready()
        sending = threading.Thread(target=load.run, args=(client,))
        started = time.perf_counter()
        sending.start()
        load.answered.wait()
        report({"sending": True})
        wait_for_end()
        load.stopped.set()
        sending.join()
        seconds = time.perf_counter() - started
    fills = sum(load.sent)
    report({"fills": fills, "rate": fills / seconds, "rss_bytes": peak_rss_bytes()})


if __name__ == "__main__":
    main()
