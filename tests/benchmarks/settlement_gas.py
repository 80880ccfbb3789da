"""Gas of one settlement by the size of its trees: constant in members, or something is wrong.

``python -m tests.benchmarks.settlement_gas [--json]`` (``make gas``) deploys the contracts on
three anvils and takes settlements with 10, 1,000 and 100,000 members through prepare, commit,
finalize and claim, and one through abort. The members are synthetic: a tree per chain holds so many
equal claims, another so many releases of one quantum.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from adapters.base import TransactionOutcome
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.book.settlements import Leg
from clearinghouse.commitment.trees import SumTree, claim_leaf, release_leaf
from tests.conformance.evm_world import EvmDeployment, EvmWorld
from tests.conformance.scenario import ALICE, Proposal, Scenario
from tests.conformance.world import CHAIN_IDS, DOLLAR, HOME, OTHER_SPOKE, SPOKE, WINDOWS

SIZES = (10, 1_000, 100_000)
CLAIM_QUANTA = 100
NAMES = {HOME: "home", SPOKE: "spoke", OTHER_SPOKE: "other spoke"}


class GasMeter:
    """An adapter that notes what every transaction through it used."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self.used: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._adapter, name)
        if not name.startswith("submit_"):
            return attribute

        def metered(*arguments: Any) -> TransactionOutcome:
            outcome: TransactionOutcome = attribute(*arguments)
            self.used.append((name.removeprefix("submit_"), outcome.gas_used))
            return outcome

        return metered

    def take(self) -> dict[str, int]:
        """Return the gas per kind of call since the last take; a kind's calls add up."""
        gas: dict[str, int] = {}
        for name, used in self.used:
            gas[name] = gas.get(name, 0) + used
        self.used.clear()
        return gas


def member(number: int) -> Address:
    """Return a synthetic member's address."""
    return Address(b"\x33" * 12 + number.to_bytes(8, "big"))


def measure(world: EvmWorld, members: int) -> dict[str, dict[str, int]]:
    """Return gas per chain and call of settlements with so many members, a commit and an abort."""
    meters = {chain_id: GasMeter(world.adapters[chain_id]) for chain_id in CHAIN_IDS}
    world.adapters = meters  # type: ignore[assignment]
    scenario = Scenario(world)
    for chain_id in CHAIN_IDS:
        scenario.deposit(chain_id, ALICE, members * CLAIM_QUANTA)
    scenario.commit_everywhere(scenario.propose(change_leg=_with_trees(members, CLAIM_QUANTA)))
    for meter in meters.values():
        meter.take()

    released = _releases(members)
    settled = scenario.propose(change_leg=_with_trees(members, CLAIM_QUANTA - 1, released))
    scenario.commit_everywhere(settled)
    _finalize(scenario, settled)
    gas = {NAMES[chain_id]: meter.take() for chain_id, meter in meters.items()}
    for chain_id, meter in meters.items():
        # The first claim of a member and the second of the same recipient differ by its balance.
        for index in (0, 1):
            branch = released.branch(index)
            meter.submit_claim_release(settled.id, DOLLAR, index, member(index), 1, branch)
            label = "claim_release_first" if index == 0 else "claim_release_next"
            gas[NAMES[chain_id]][label] = meter.take()["claim_release"]
    aborted = scenario.propose(change_leg=_with_trees(members, CLAIM_QUANTA - 1))
    for chain_id in CHAIN_IDS:
        scenario.prepare(aborted, chain_id)
        meters[chain_id].take()
    world.advance_time(HOME, 10_000)
    meters[HOME].submit_abort(aborted.settlement)
    for chain_id in (SPOKE, OTHER_SPOKE):
        proof = scenario.prove(aborted, HOME, chain_id)
        meters[chain_id].submit_abort_by_proof(aborted.settlement, proof)
    for chain_id, meter in meters.items():
        for name, used in meter.take().items():
            if name.startswith("abort"):
                gas[NAMES[chain_id]]["abort"] = used
    return gas


def _releases(members: int) -> SumTree:
    return SumTree({index: release_leaf(index, member(index), 1) for index in range(members)})


def _with_trees(
    members: int, claim_quanta: int, released: SumTree | None = None
) -> dict[ChainId, Callable[[Leg], Leg]]:
    """Put trees of so many members into every leg in place of the scenario's own."""
    claims = SumTree({n: claim_leaf(member(n), claim_quanta) for n in range(members)}).root
    releases = (released or SumTree()).root

    def change(leg: Leg) -> Leg:
        first = msgspec.structs.replace(
            leg.assets[0],
            claims_tree=claims.hash,
            claims=claims.sum,
            releases_tree=releases.hash,
            released=releases.sum,
        )
        return msgspec.structs.replace(leg, assets=(first, *leg.assets[1:]))

    return dict.fromkeys(CHAIN_IDS, change)


def _finalize(scenario: Scenario, settled: Proposal) -> None:
    world = scenario.world
    world.advance_time(HOME, WINDOWS.challenge_seconds + 10)
    parent = settled.settlement.parent
    world.adapters[HOME].submit_finalize(parent)
    world.adapters[HOME].submit_finalize(settled.id)
    for chain_id in (SPOKE, OTHER_SPOKE):
        proof = scenario.prove(settled, HOME, chain_id)
        world.adapters[chain_id].submit_finalize_by_proof(settled.id, proof)


def main() -> None:
    """Measure all sizes and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    measured = {}
    with tempfile.TemporaryDirectory() as directory:
        deployment = EvmDeployment(Path(directory))
        try:
            for size in SIZES:
                print(f"measuring {size:,} members ...", file=sys.stderr)
                world = EvmWorld(deployment)
                measured[size] = measure(world, size)
                world.close()
        finally:
            deployment.close()
    if arguments.json:
        print(json.dumps(measured))
        return
    table = Table("chain", "call", *(f"{size:,} members" for size in SIZES), title="gas")
    for chain, calls in measured[SIZES[0]].items():
        for call in calls:
            table.add_row(chain, call, *(f"{measured[size][chain][call]:,}" for size in SIZES))
    Console().print(table)


if __name__ == "__main__":
    main()
