"""What a settlement and leaving cost on a real node, against the committed figures."""

from __future__ import annotations

import json

from tests.benchmarks.settlement_gas import SNAPSHOT, SNAPSHOT_MEMBERS, Gas, measure
from tests.conformance.evm_world import EvmDeployment, EvmWorld

GROWTH_MAX = 1.02
"""Of what is committed; anything more is a decision."""

GAS_MAX = {"claim_release_new_receiver": 120_000, "exit_frozen": 150_000}
"""What a transaction may cost on any chain, by call."""

SETTLED_MAX = {"home": 500_000, "spoke": 330_000, "other spoke": 330_000}
"""What preparing and committing a leg may cost together."""


def read_snapshot() -> Gas:
    """Return what is committed."""
    snapshot: Gas = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    return snapshot


def test_gas_of_a_settlement_does_not_grow(evm_deployment: EvmDeployment) -> None:
    world = EvmWorld(evm_deployment)
    try:
        measured = measure(world, SNAPSHOT_MEMBERS)
    finally:
        world.close()
    committed = read_snapshot()
    assert {chain: list(calls) for chain, calls in measured.items()} == {
        chain: list(calls) for chain, calls in committed.items()
    }
    for chain, calls in measured.items():
        for call, used in calls.items():
            assert used <= GROWTH_MAX * committed[chain][call], (
                f"{chain} {call}: {used:,} gas, {committed[chain][call]:,} committed; if that is "
                "meant, run `python -m tests.benchmarks.settlement_gas --write`"
            )


def test_committed_gas_keeps_below_what_was_asked() -> None:
    committed = read_snapshot()
    for chain, most in SETTLED_MAX.items():
        assert committed[chain]["prepare"] + committed[chain]["commit"] <= most, chain
        for call, most_of_call in GAS_MAX.items():
            assert committed[chain][call] <= most_of_call, (chain, call)
