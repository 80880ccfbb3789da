"""What a benchmark reports: one object, with the limit that it runs into beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.benchmarks.machine import describe_machine

MILLISECONDS = 1e3


@dataclass(frozen=True)
class Limit:
    """The cost of the one thing that cannot be had for less, measured in the same run."""

    what: str
    value: float
    """In the unit of the result."""


@dataclass(frozen=True)
class Result:
    """One benchmark. ``runs`` and ``limit`` are in ``unit``."""

    name: str
    unit: str
    runs: list[float]
    """Every run, in order."""
    latencies: list[float] = field(repr=False)
    """What ``p50`` and ``p99`` are of."""
    percentiles_of: str
    """What they mean, with their unit."""
    rss_bytes: int
    """The greatest resident size of all processes together."""
    limit: Limit
    seed: int
    details: dict[str, Any] = field(default_factory=dict)
    """Sizes, and what else was measured on the way."""
    profile: list[dict[str, Any]] = field(default_factory=list)
    """Functions with the most processor time; empty unless asked for."""

    @property
    def median(self) -> float:
        """Of the runs."""
        return statistics.median(self.runs)

    @property
    def ratio_to_limit(self) -> float:
        """Ours / limit: towards 1 from below where more is better, from above where less is."""
        return self.median / self.limit.value

    def to_object(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        shown: dict[str, Any] = {
            "name": self.name,
            "unit": self.unit,
            "median": _rounded(self.median),
            "runs": [_rounded(run) for run in self.runs],
            "p50": _rounded(percentile(self.latencies, 50)),
            "p99": _rounded(percentile(self.latencies, 99)),
            "percentiles_of": self.percentiles_of,
            "rss_bytes": self.rss_bytes,
            "limit": asdict(self.limit) | {"value": _rounded(self.limit.value)},
            "ratio_to_limit": _rounded(self.ratio_to_limit),
            "seed": self.seed,
            "machine": describe_machine(),
            "details": _all_rounded(self.details),
        }
        return shown | ({"profile": self.profile} if self.profile else {})


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that ``percent`` of all values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def summary_of(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50 and p99 of seconds, in milliseconds."""
    return {f"p{percent}": MILLISECONDS * percentile(seconds, percent) for percent in (50, 99)}


def _all_rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _all_rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_all_rounded(part) for part in value]
    return _rounded(value) if isinstance(value, float) else value


def _rounded(value: float) -> float:
    """Keep four digits: the machine does not repeat the fifth."""
    return float(f"{value:.4g}") if abs(value) < 1_000 else float(round(value))
