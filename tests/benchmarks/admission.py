"""What admission costs: microseconds per fill in the sequencer, milliseconds to a durable answer.

``python -m tests.benchmarks.admission [--json]`` (``make bench``). One venue, two members, signed
orders that are known beforehand, batches of 200 fills: the reference path, one Python object per
fill. The durable answer is a batch of one fill over the sequencer and a SQLite journal on this
machine's disk, one at a time, so it is the price of one unit of work with its fsync; the same
append alone is measured beside it, and so is one signature.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clearinghouse.book.entries import JournalRecord, VenueRegistered, encode_entry
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.book.orders import Fill, SignedOrder
from clearinghouse.commitment.journal import record_hash
from clearinghouse.commitment.signatures import recover_signer, sign_digest
from clearinghouse.intake.admission import admit_batch
from clearinghouse.intake.verification import Verifier
from clearinghouse.store.journal import open_journal
from tests.builders import (
    ALICE,
    BOB,
    START_SECONDS,
    Clearing,
    Side,
    build_order,
    hash_of,
    sign_batch,
    sign_order,
)

BATCH_FILLS = 200
BATCHES = 50
DURABLE_ANSWERS = 200


def measure() -> dict[str, dict[str, float]]:
    """Return p50 and p99 of every cost."""
    with tempfile.TemporaryDirectory() as directory:
        return {
            "admit one fill, us": _percentiles(_admission(), 1e6),
            "verify one signature, us": _percentiles(_signature(), 1e6),
            "durable answer to one fill, ms": _percentiles(_durable(Path(directory)), 1e3),
            "append alone (its fsync), ms": _percentiles(_append(Path(directory)), 1e3),
        }


def _orders(quantity: int) -> tuple[SignedOrder, SignedOrder]:
    buy = sign_order(ALICE, build_order(ALICE, Side.BUY, quantity, 110))
    sell = sign_order(BOB, build_order(BOB, Side.SELL, quantity, 100))
    return buy, sell


def _admission() -> list[float]:
    """Admit batches of known orders; the two members trade back and forth within their margin."""
    clearing = Clearing().start(ALICE, BOB, quanta=10**9)
    try:
        buy, sell = _orders(BATCH_FILLS * BATCHES)
        clearing.get(clearing.submit([], [buy, sell]))
        verifier = Verifier(clearing.read(lambda s: s.get_genesis().clearinghouse_id))
        fills = [Fill(hash_of(buy), hash_of(sell), 1, 105)] * BATCH_FILLS
        seconds = []
        for _ in range(BATCHES):
            batch, signature = sign_batch(fills, Hash32(clearing.number().to_bytes(32, "big")))
            verified = verifier.verify_batch(batch, [], signature)

            def admit(state: object, verified: object = verified) -> float:
                started = time.perf_counter()
                recorded = admit_batch(state, verified, START_SECONDS)  # type: ignore[arg-type]
                elapsed = time.perf_counter() - started
                assert all(fill.reason == "ADMITTED" for fill in recorded.fills)
                return elapsed

            seconds.append(clearing.read(admit) / BATCH_FILLS)
        return seconds
    finally:
        clearing.close()


def _signature() -> list[float]:
    digest = bytes(range(32))
    signature = sign_digest(ALICE.key, digest)
    return [_timed(lambda: recover_signer(digest, signature)) for _ in range(2_000)]


def _durable(directory: Path) -> list[float]:
    journal = open_journal(f"sqlite:///{directory / 'durable.sqlite'}")
    clearing = Clearing(journal).start(ALICE, BOB, quanta=10**9)  # type: ignore[arg-type]
    try:
        buy, sell = _orders(DURABLE_ANSWERS)
        clearing.get(clearing.submit([], [buy, sell]))
        fill = Fill(hash_of(buy), hash_of(sell), 1, 105)
        return [
            _timed(lambda: clearing.get(clearing.submit([fill]))) for _ in range(DURABLE_ANSWERS)
        ]
    finally:
        clearing.close()
        journal.close()


def _append(directory: Path) -> list[float]:
    journal = open_journal(f"sqlite:///{directory / 'append.sqlite'}")
    seconds, head = [], ZERO_HASH
    payload = encode_entry(VenueRegistered(ALICE.address, "x" * 400))
    for sequence in range(1, DURABLE_ANSWERS + 1):
        head = record_hash(head, sequence, 0, payload)
        record = JournalRecord(sequence, 0, payload, head)
        seconds.append(_timed(lambda record=record: journal.append([record])))  # type: ignore[misc]
    journal.close()
    return seconds


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _percentiles(seconds: list[float], scale: float) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50": round(cuts[49] * scale, 3), "p99": round(cuts[98] * scale, 3)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    measured = measure()
    if parser.parse_args().json:
        print(json.dumps(measured))
        return
    table = Table("cost", "p50", "p99")
    for name, cost in measured.items():
        table.add_row(name, f"{cost['p50']:,.2f}", f"{cost['p99']:,.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
