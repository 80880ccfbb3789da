"""What verifying Ethereum inside the EVM costs, against the snapshot and against what was asked."""

from __future__ import annotations

import pytest

from tests.benchmarks.sync_committee_gas import GAS_MAX, measure, read_snapshot

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

GROWTH_MAX = 1.02


def test_gas_of_recorded_updates_does_not_grow() -> None:
    measured, snapshot = measure(), read_snapshot()
    assert measured.keys() <= snapshot.keys()
    for name, gas in measured.items():
        for kind, used in gas.items():
            assert used <= snapshot[name][kind] * GROWTH_MAX, (
                f"{name} {kind}: {used:,} after {snapshot[name][kind]:,}; where that is worth it, "
                "run `python -m tests.benchmarks.sync_committee_gas --write`"
            )


def test_committed_gas_keeps_below_what_was_asked() -> None:
    snapshot = read_snapshot()
    for name, limit in GAS_MAX.items():
        assert snapshot[name]["transaction"] <= limit
