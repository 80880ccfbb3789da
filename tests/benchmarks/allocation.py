"""What placing claims on chains costs: many members, hard cases, doubling, and HiGHS beside it.

``python -m tests.benchmarks.allocation`` prints JSON. The limit beside the figure is one pass over
the members alone: their rows read, and as many cells written.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from clearinghouse.compiled import kernel, warm_up
from clearinghouse.netting.transport import Placement, place
from tests.benchmarks.result import Limit, Result

RUNS = 5
SEED = 20_261_120
MEMBERS = 100_000
CHAINS = 5
ASSETS = 4
HIGHS_MEMBERS = 3_000
LARGEST = 10**6

Cut = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Closings by member; holdings and maxima by member and chain."""


def scattered(random: np.random.Generator, members: int, chains: int) -> Cut:
    """Let members hold on most chains and sign most limits, of the size of what they hold."""
    held = _where(random, 0.8, random.integers(0, LARGEST, (members, chains)), 0)
    maximum = _where(random, 0.7, random.integers(0, 3 * LARGEST, (members, chains)), -1)
    return _netted(random, held), held, maximum


def one_chain(random: np.random.Generator, members: int, chains: int) -> Cut:
    """Let everything lie on one chain and be welcome anywhere."""
    held = np.zeros((members, chains), np.int64)
    held[:, 0] = random.integers(0, LARGEST, members)
    return _netted(random, held), held, np.full_like(held, 2**40)


def onward(random: np.random.Generator, members: int, chains: int) -> Cut:
    """Let each hold on one chain and accept the next only, up to a limit: long detours."""
    own = random.integers(0, chains, members)
    held, maximum = np.zeros((members, chains), np.int64), np.full((members, chains), -1)
    held[np.arange(members), own] = random.integers(1, LARGEST, members)
    maximum[np.arange(members), (own + 1) % chains] = LARGEST // 2
    return _netted(random, held), held, maximum


def tight(random: np.random.Generator, members: int, chains: int) -> Cut:
    """Let every limit lie around what is held, amounts being as large as 63 bits allow."""
    held = random.integers(0, 2**62 // (members * chains), (members, chains))
    return _netted(random, held), held, (held * (1.3 * random.random(held.shape))).astype(np.int64)


def alike(random: np.random.Generator, members: int, chains: int) -> Cut:
    """Let all hold and accept the same small amounts: nothing but ties."""
    held = np.ones((members, chains), np.int64)
    return _netted(random, held), held, np.full_like(held, 2)


def tangled(random: np.random.Generator, members: int, chains: int) -> Cut:
    """Let few hold and few accept, at random: the longest paths and the most prices found."""
    held = _where(random, 0.1, random.integers(0, 10, (members, chains)), 0)
    maximum = _where(random, 0.05, random.integers(0, 30, (members, chains)), -1)
    return _netted(random, held), held, maximum


CASES = (scattered, one_chain, onward, tight, alike, tangled)


def measure_cycle(members: int = MEMBERS, chains: int = CHAINS, assets: int = ASSETS) -> Result:
    """Place the claims of all assets of a cycle one after the other, in seconds."""
    warm_up()
    random = np.random.default_rng(SEED)
    cuts = [scattered(random, members, chains) for _ in range(assets)]
    runs = [_seconds(lambda: [place(*cut) for cut in cuts]) for _ in range(RUNS)]
    return Result(
        name="allocation.cycle",
        unit="s",
        runs=runs,
        latencies=runs,
        percentiles_of="runs, s",
        rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        limit=Limit(
            "one pass over the members' rows",
            assets * _median(lambda: _pass_over(cuts[0][1], cuts[0][2])),
        ),
        seed=SEED,
        details={
            "members": members,
            "chains": chains,
            "assets": assets,
            "one asset, ms": {
                case.__name__: 1e3 * _median_of_cut(case(random, members, chains)) for case in CASES
            },
            "one asset with twice the members, ms": {
                case.__name__: 1e3 * _median_of_cut(case(random, 2 * members, chains))
                for case in CASES
            },
            "one asset on ten chains, ms": {
                case.__name__: 1e3 * _median_of_cut(case(random, members, 10)) for case in CASES
            },
            "highs": _compare_with_highs(random, chains),
        },
    )


def _compare_with_highs(random: np.random.Generator, chains: int) -> dict[str, object]:
    cut = scattered(random, HIGHS_MEMBERS, chains)
    started = time.perf_counter()
    optimum = highs_optimum(cut)
    seconds = time.perf_counter() - started
    return {
        "members": HIGHS_MEMBERS,
        "highs, ms": 1e3 * seconds,
        "ours, ms": 1e3 * _median_of_cut(cut),
        "equal": optimum == cost_of(place(*cut)),
    }


def cost_of(placement: Placement) -> tuple[int, int]:
    """Return (sum of |residual|, quanta moved)."""
    return int(np.abs(placement.residual).sum()), placement.moved_quanta


def highs_optimum(cut: Cut) -> tuple[int, int]:
    """Return (sum of |residual|, quanta moved) of the optimum that HiGHS finds, in two solves."""
    closing, held, maximum = cut
    members, chains = held.shape
    stay = np.maximum(held, 0)
    beyond = np.maximum(stay, maximum) - stay
    cells = np.arange(members * chains)
    row, column = cells // chains, members + cells % chains
    # Variables: quanta that stay, quanta beyond, residual above zero, residual below zero.
    size, carried = len(cells), np.arange(members)
    lines = np.concatenate([row, column, row, column, carried, carried])
    variables = [cells, cells, size + cells, size + cells, 2 * size + carried]
    variables.append(2 * size + members + carried)
    signs = np.concatenate([np.ones(4 * size + members), -np.ones(members)])
    shape = (members + chains, 2 * size + 2 * members)
    equal = csr_array((signs, (lines, np.concatenate(variables))), shape=shape)
    upper = np.concatenate([stay.ravel(), beyond.ravel(), np.full(2 * members, np.inf)])
    right = np.concatenate([closing, held.sum(axis=0)])
    bounds = np.column_stack([np.zeros_like(upper), upper])
    residual = np.repeat([0.0, 1.0], [2 * size, 2 * members])
    first = linprog(residual, A_eq=equal, b_eq=right, bounds=bounds, method="highs")
    # One quantum of residual outweighs the longest rearrangement, so one solve ranks both goals.
    cost = (chains + 2) * residual
    cost[size : 2 * size] = 1
    second = linprog(cost, A_eq=equal, b_eq=right, bounds=bounds, method="highs")
    least = round(first.fun)
    return least, round(second.fun) - (chains + 2) * least


@kernel(sample=lambda: (np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64)))
def _pass_over(held: np.ndarray, maximum: np.ndarray) -> np.ndarray:
    members, chains = held.shape
    claims = np.empty((members, chains), np.int64)
    for row in range(members):
        for column in range(chains):
            claims[row, column] = max(held[row, column], maximum[row, column])
    return claims


def _where(
    random: np.random.Generator, share: float, amounts: np.ndarray, otherwise: int
) -> np.ndarray:
    return np.where(random.random(amounts.shape) < share, amounts, otherwise)


def _netted(random: np.random.Generator, held: np.ndarray) -> np.ndarray:
    """Return closings after every member has paid others a share of what it had, three times."""
    closing = held.sum(axis=1)
    for _ in range(3):
        paid = (closing * random.random(len(closing))).astype(np.int64)
        closing = closing - paid + paid[random.permutation(len(closing))]
    return closing


def _median_of_cut(cut: Cut) -> float:
    return _median(lambda: place(*cut))


def _median(act: Callable[[], object]) -> float:
    return statistics.median(_seconds(act) for _ in range(RUNS))


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def measure() -> list[Result]:
    """Return every figure of this module."""
    return [measure_cycle()]


if __name__ == "__main__":
    print(json.dumps([result.to_object() for result in measure()], indent=2))
