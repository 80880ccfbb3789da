"""What a state proof costs, against the snapshot, OpenZeppelin and what was asked."""

from __future__ import annotations

import pytest

from tests.benchmarks.state_proof_gas import EXECUTION_MAX, SPEED_RUNS, measure, read_snapshot

pytestmark = pytest.mark.e2e

GROWTH_MAX = 1.02


def test_gas_of_state_proofs_does_not_grow() -> None:
    measured, snapshot = measure(), read_snapshot()
    assert measured.keys() == snapshot.keys()
    for name, gas in measured.items():
        for kind, used in gas.items():
            assert used <= snapshot[name][kind] * GROWTH_MAX, (
                f"{name} {kind}: {used:,} after {snapshot[name][kind]:,}; where that is worth it, "
                "run `python -m tests.benchmarks.state_proof_gas --write`"
            )
    for runs in (200, SPEED_RUNS):
        ours, theirs = (
            measured[f"weth_{who}_{runs}"]["execution"] for who in ("ours", "openzeppelin")
        )
        assert ours <= EXECUTION_MAX
        assert theirs >= 4 * ours


def test_committed_gas_of_state_proofs_keeps_below_what_was_asked() -> None:
    snapshot = read_snapshot()
    for runs in (200, SPEED_RUNS):
        assert snapshot[f"weth_ours_{runs}"]["execution"] <= EXECUTION_MAX
