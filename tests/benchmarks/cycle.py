"""A cycle at its worst: cut, nets, allocation and all trees that a settlement has.

The state is of so many members, each with a claim on every vault (five chains, four assets), and so
many fills since the last cut. One run takes the copy that a cut is made from, plans it and builds
the settlement from nothing; a second cycle on the same trees, which hashes only what has changed,
is in the details, and so is a state with twice the fills. The limit is the hashing alone.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from clearinghouse.book.entries import SettlementProposed
from clearinghouse.book.state import State
from clearinghouse.netting.cut import cut
from clearinghouse.netting.nets import variation_amounts
from clearinghouse.settlement.claims_trees import ClaimsTrees
from clearinghouse.settlement.coordinator import propose
from clearinghouse.settlement.proposal import Timing
from tests.benchmarks.children import peak_rss_bytes, prepare
from tests.benchmarks.limits import hashing_seconds
from tests.benchmarks.market import CHAINS, Market, dense_state
from tests.benchmarks.result import Limit, Result
from tests.benchmarks.sampling import Sampler
from tests.builders import START_SECONDS

TIMING = Timing(START_SECONDS, START_SECONDS + 600, START_SECONDS + 900)
_HASHES_PER_CLAIM = 2
"""A leaf, and a node for every leaf but the last."""


@dataclass(frozen=True)
class Size:
    """What is cut."""

    members: int = 100_000
    fills: int = 1_000_000
    runs: int = 5
    seed: int = 1


def measure(size: Size = Size(), *, profile: bool = False) -> Result:
    """Return the seconds of a cycle."""
    prepare()
    market = Market(size.members, size.seed)
    state = dense_state(market, size.fills)
    first = _build(state)
    sampler = Sampler() if profile else None
    if sampler is not None:
        sampler.start()
    runs = [_seconds(lambda: _build(state)) for _ in range(size.runs)]
    sampled = [] if sampler is None else sampler.stop()
    assert _build(state) == first, "the same state gave another settlement"
    claims = len(state.accounts.vaults) * size.members
    details: dict[str, Any] = {
        "members": size.members,
        "fills": size.fills,
        "claims": claims,
        "changed_claims": sum(len(change.positions) // 4 for change in first.claims),
        **_parts(state),
        "second_cycle_seconds": _second_cycle_seconds(state),
    }
    rss_bytes = peak_rss_bytes()
    limit = Limit(
        f"{_HASHES_PER_CLAIM * claims:,} permutations of Keccak alone, all cores",
        statistics.median(hashing_seconds(_HASHES_PER_CLAIM * claims) for _ in range(3)),
    )
    details |= _compared(state, dense_state(market, 2 * size.fills), size.runs)
    return Result(
        name="cycle",
        unit="s",
        runs=runs,
        latencies=runs,
        percentiles_of="seconds of the runs",
        rss_bytes=rss_bytes,
        limit=limit,
        seed=size.seed,
        details=details,
        profile=sampled,
    )


def _build(state: State, trees: ClaimsTrees | None = None) -> SettlementProposed:
    return propose(state.copied(), TIMING, trees)


def _seconds(act: Any) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _parts(state: State) -> dict[str, float]:
    """Return the seconds of the steps; the allocation is what the cut has beside the nets."""
    copied = _seconds(state.copied)
    nets = _seconds(lambda: variation_amounts(state))
    planned = _seconds(lambda: cut(state, CHAINS, START_SECONDS))
    return {"copy_seconds": copied, "nets_seconds": nets, "cut_seconds": planned}


def _compared(once: State, twice: State, runs: int) -> dict[str, float]:
    """Return what twice the fills take, in turns with once, so that a busy machine slows both."""
    seconds = [
        (_seconds(lambda: _build(once)), _seconds(lambda: _build(twice))) for _ in range(runs)
    ]
    singles, doubles = (statistics.median(column) for column in zip(*seconds, strict=True))
    return {"twice_the_fills_seconds": doubles, "twice_the_fills_to_once": doubles / singles}


def _second_cycle_seconds(state: State) -> float:
    trees = ClaimsTrees()
    _build(state, trees)
    return _seconds(lambda: _build(state, trees))
