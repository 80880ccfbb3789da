"""What claims trees cost at size: hashing anew, from nothing, and one proof.

``python -m tests.benchmarks.trees`` prints JSON. The limit beside a figure of hashing is Keccak's
permutation alone, as often as the tree needs it and on all cores; a proof's is to copy its bytes.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from clearinghouse.commitment.keccak_kernel import LANES, STATE_WORDS, permute
from clearinghouse.commitment.sum_tree import NODE_BYTES, SumTree, build_claims_tree, claim_leaves
from clearinghouse.commitment.trees import DEPTH
from clearinghouse.compiled import kernel, over_cores, warm_up
from tests.benchmarks.result import Limit, Result

RUNS = 5
SEED = 20_261_120
MEMBERS = 1_000_000
CHANGED = 100_000
CYCLE_TREES = 20
CYCLE_MEMBERS = 100_000
PROOFS = 1_000


@kernel(sample=lambda: (0, 0))
def _permute_only(start: int, stop: int) -> None:
    s = np.zeros(STATE_WORDS, np.uint64)
    for _ in range(start, stop):
        permute(s)


def measure_changed_claims(members: int = MEMBERS, changed: int = CHANGED) -> Result:
    """Change some claims of many and hash the new root, in seconds."""
    warm_up()
    random = np.random.default_rng(SEED)
    owners, quanta = _claims(random, members)
    tree = build_claims_tree(np.arange(members), owners, quanta)
    runs, hashed = [], 0
    for _ in range(RUNS):
        positions = random.choice(members, changed, replace=False)
        amounts = random.integers(1, 2**40, changed)

        def change(positions: np.ndarray = positions, amounts: np.ndarray = amounts) -> None:
            tree.set_leaves(positions, claim_leaves(owners[positions], amounts))

        runs.append(_seconds(change))
        hashed = _hashes(positions)
    return _hashing("trees.changed_claims", runs, hashed, {"members": members, "changed": changed})


def measure_build(members: int = MEMBERS, trees: int = 1) -> Result:
    """Build trees of dense claims from nothing, as at a server's start, in seconds."""
    warm_up()
    owners, quanta = _claims(np.random.default_rng(SEED), members)
    positions = np.arange(members)

    def build() -> list[SumTree]:
        return [build_claims_tree(positions, owners, quanta) for _ in range(trees)]

    runs = [_seconds(build) for _ in range(RUNS)]
    hashed = trees * _hashes(positions)
    return _hashing("trees.build", runs, hashed, {"members": members, "trees": trees})


def measure_proof(members: int = MEMBERS) -> Result:
    """Take single inclusion proofs from a standing tree, in milliseconds."""
    warm_up()
    random = np.random.default_rng(SEED)
    owners, quanta = _claims(random, members)
    tree = build_claims_tree(np.arange(members), owners, quanta)
    positions = random.integers(0, members, PROOFS).tolist()
    milliseconds = [1e3 * _seconds(partial(tree.branch, position)) for position in positions]
    nodes = np.zeros((DEPTH, NODE_BYTES), np.uint8)
    copied = [_seconds(lambda: [node.tobytes() for node in nodes]) for _ in range(PROOFS)]
    parts = np.array_split(np.array(milliseconds), RUNS)
    return Result(
        name="trees.proof",
        unit="ms",
        runs=[float(np.median(part)) for part in parts],
        latencies=milliseconds,
        percentiles_of="one proof, ms",
        rss_bytes=_rss_bytes(),
        limit=Limit("32 nodes of 48 bytes copied to Python", 1e3 * statistics.median(copied)),
        seed=SEED,
        details={"members": members, "proofs": PROOFS},
    )


def _claims(random: np.random.Generator, members: int) -> tuple[np.ndarray, np.ndarray]:
    owners = random.integers(0, 256, (members, 20), dtype=np.uint8)
    return owners, random.integers(1, 2**40, members)


def _hashes(positions: np.ndarray) -> int:
    """Return how many leaves and nodes are hashed when these leaves change."""
    count, numbers = len(positions), np.unique(positions)
    for _ in range(DEPTH):
        numbers = np.unique(numbers >> 1)
        count += len(numbers)
    return count


def _hashing(name: str, runs: list[float], hashes: int, details: dict[str, object]) -> Result:
    groups = -(-hashes // LANES)
    alone = [_seconds(lambda: over_cores(_permute_only, groups, 512)) for _ in range(RUNS)]
    return Result(
        name=name,
        unit="s",
        runs=runs,
        latencies=runs,
        percentiles_of="runs, s",
        rss_bytes=_rss_bytes(),
        limit=Limit("as many Keccak permutations alone, on all cores", statistics.median(alone)),
        seed=SEED,
        details={**details, "hashes": hashes},
    )


def _rss_bytes() -> int:
    """Return the most that this process has had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def measure() -> list[Result]:
    """Return every figure of this module."""
    return [
        measure_changed_claims(),
        measure_build(),
        measure_build(CYCLE_MEMBERS, CYCLE_TREES),
        measure_proof(),
    ]


if __name__ == "__main__":
    print(json.dumps([result.to_object() for result in measure()], indent=2))
