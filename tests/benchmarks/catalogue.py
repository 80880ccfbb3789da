"""All benchmarks by name, at full size and in the short form in which they take seconds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from tests.benchmarks import (
    acknowledge,
    allocation,
    cycle,
    intake,
    orders,
    query,
    recovery,
    trees,
)
from tests.benchmarks.result import Result


@dataclass(frozen=True)
class Benchmark:
    """What to call, and with what."""

    measure: Callable[..., Result]
    full: Any
    """The size of the published figures."""
    quick: Any


BENCHMARKS = {
    "intake columns": Benchmark(
        intake.measure,
        intake.COLUMNS,
        replace(intake.COLUMNS, fills=500_000, members=2_000, runs=2),
    ),
    "intake rows": Benchmark(
        intake.measure, intake.ROWS, replace(intake.ROWS, fills=100_000, members=2_000, runs=2)
    ),
    "orders": Benchmark(
        orders.measure, orders.Size(), orders.Size(orders=20_480, members=1_000, runs=2)
    ),
    "acknowledge": Benchmark(
        acknowledge.measure,
        acknowledge.Size(),
        acknowledge.Size(
            fills=200,
            members=1_000,
            load_seconds=1.0,
            cut_members=10_000,
            cut_fills=100_000,
            runs=2,
        ),
    ),
    "cycle": Benchmark(
        cycle.measure, cycle.Size(), cycle.Size(members=10_000, fills=100_000, runs=3)
    ),
    "recovery": Benchmark(
        recovery.measure,
        recovery.Size(),
        recovery.Size(fills=500_000, members=1_000, runs=2, failovers=1),
    ),
    "query": Benchmark(
        query.measure,
        query.Size(),
        query.Size(members=10_000, fills=100_000, questions=100, reports=2, runs=2),
    ),
}


def measure(name: str, *, quick: bool, profile: bool, **changes: int | None) -> list[Result]:
    """Run one benchmark, or ``trees``, or ``allocation``; ``changes`` replace parts of its size."""
    if name in _KERNELS:
        return _KERNELS[name]()
    benchmark = BENCHMARKS[name]
    size = benchmark.quick if quick else benchmark.full
    given = {field: value for field, value in changes.items() if value is not None}
    return [benchmark.measure(replace(size, **given), profile=profile)]


_KERNELS: dict[str, Callable[[], list[Result]]] = {
    "trees": trees.measure,
    "allocation": allocation.measure,
}
"""Kernels alone; they have one size."""


def measure_all(*, quick: bool) -> list[Result]:
    """Run everything in the short form; at full size with the kernels.

    Each in a process of its own, because the greatest resident size is a process's for good.
    """
    names = list(BENCHMARKS) if quick else [*BENCHMARKS, *_KERNELS]
    results: list[Result] = []
    for name in names:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            results += process.submit(measure, name, quick=quick, profile=False).result()
    return results
