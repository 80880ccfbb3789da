"""Gas of one settlement by the size of its trees: constant in members, or something is wrong.

``python -m tests.benchmarks.settlement_gas [--json | --write]`` (``make gas``) deploys the
contracts on three anvils and takes settlements with 10, 1,000 and 100,000 members through prepare,
commit, finalize and claim, one through abort, and then the way out of a frozen anchor. They are
synthetic: a tree per chain holds so many equal claims, another so many releases of one quantum.
``--write`` measures 1,000 members and commits the figures to ``contracts/gas/settlement.json``,
which a test compares every run with.
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
from clearinghouse.book.identifiers import Address, ChainId, Position
from clearinghouse.book.settlements import Leg
from clearinghouse.commitment.trees import SumTree, claim_leaf, release_leaf
from tests.conformance.evm_world import EvmDeployment, EvmWorld
from tests.conformance.scenario import ALICE, Proposal, Scenario
from tests.conformance.world import CHAIN_IDS, DOLLAR, HOME, OTHER_SPOKE, SPOKE, WINDOWS

SIZES = (10, 1_000, 100_000)
CLAIM_QUANTA = 100
SNAPSHOT_MEMBERS = 1_000
SNAPSHOT = Path(__file__).resolve().parents[2] / "contracts" / "gas" / "settlement.json"

Gas = dict[str, dict[str, int]]
"""Of transactions, by chain and call."""

CLAIMS = {"first": 0, "new_receiver": 1, "warm": 2}
"""Index of the release that is claimed: the first of its bitmap's word to an account without the
token, the next to another such account, and one to an account that has the token."""
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


def measure(world: EvmWorld, members: int) -> Gas:
    """Return gas per chain and call of settlements with so many members, to their end or out."""
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
        for label, index in CLAIMS.items():
            branch = released.branch(index)
            meter.submit_claim_release(settled.id, DOLLAR, index, _receiver(index), 1, branch)
            gas[NAMES[chain_id]][f"claim_release_{label}"] = meter.take()["claim_release"]
    _abort(scenario, meters, members, gas)
    _leave(scenario, meters, settled, members, gas)
    return gas


def _abort(scenario: Scenario, meters: dict[ChainId, GasMeter], members: int, gas: Gas) -> None:
    world = scenario.world
    aborted = scenario.propose(change_leg=_with_trees(members, CLAIM_QUANTA - 1))
    for chain_id in CHAIN_IDS:
        scenario.prepare(aborted, chain_id)
        meters[chain_id].take()
    for chain_id in CHAIN_IDS:  # together: no client takes a header from the future
        world.advance_time(chain_id, 10_000)
    meters[HOME].submit_abort(aborted.settlement)
    for chain_id in (SPOKE, OTHER_SPOKE):
        proof = scenario.prove(aborted, HOME, chain_id)
        meters[chain_id].submit_abort_by_proof(aborted.settlement, proof)
    for chain_id, meter in meters.items():
        for name, used in meter.take().items():
            if name.startswith("abort"):
                gas[NAMES[chain_id]]["abort"] = used


def _leave(
    scenario: Scenario,
    meters: dict[ChainId, GasMeter],
    settled: Proposal,
    members: int,
    gas: Gas,
) -> None:
    """Freeze every chain; the last member leaves, and a deposit that no leg consumed."""
    position = Position(members - 1)  # in a word of the bitmap, and with tokens, of its own
    branch = _claims(members, CLAIM_QUANTA - 1).branch(position)
    for chain_id, meter in meters.items():
        meter.submit_deposit(DOLLAR, CLAIM_QUANTA, ALICE)
        meter.submit_request_exit(DOLLAR, 1)
        scenario.world.advance_time(chain_id, WINDOWS.grace_seconds + 1)
        meter.submit_warn()
        scenario.world.advance_time(chain_id, WINDOWS.freeze_delay_seconds + 1)
        meter.submit_freeze()
        meter.submit_exit_frozen(
            settled.legs[chain_id], DOLLAR, position, member(position), CLAIM_QUANTA - 1, branch
        )
        meter.submit_refund(DOLLAR, 1, ALICE)
        gas[NAMES[chain_id]] |= meter.take()


def _receiver(index: int) -> Address:
    return member(0 if index == CLAIMS["warm"] else index)


def _releases(members: int) -> SumTree:
    return SumTree({index: release_leaf(index, _receiver(index), 1) for index in range(members)})


def _claims(members: int, quanta: int) -> SumTree:
    return SumTree({n: claim_leaf(member(n), quanta) for n in range(members)})


def _with_trees(
    members: int, claim_quanta: int, released: SumTree | None = None
) -> dict[ChainId, Callable[[Leg], Leg]]:
    """Put trees of so many members into every leg in place of the scenario's own."""
    claims = _claims(members, claim_quanta).root
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
    """Measure all sizes and print them, or commit those of one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--write", action="store_true", help="replace the snapshot")
    arguments = parser.parse_args()
    sizes = (SNAPSHOT_MEMBERS,) if arguments.write else SIZES
    measured = {}
    with tempfile.TemporaryDirectory() as directory:
        deployment = EvmDeployment(Path(directory))
        try:
            for size in sizes:
                print(f"measuring {size:,} members ...", file=sys.stderr)
                world = EvmWorld(deployment)
                measured[size] = measure(world, size)
                world.close()
        finally:
            deployment.close()
    if arguments.json:
        print(json.dumps(measured))
        return
    if arguments.write:
        text = json.dumps(measured[SNAPSHOT_MEMBERS], indent=1)
        SNAPSHOT.write_text(f"{text}\n", encoding="utf-8")
    table = Table("chain", "call", *(f"{size:,} members" for size in sizes), title="gas")
    for chain, calls in measured[sizes[0]].items():
        for call in calls:
            table.add_row(chain, call, *(f"{measured[size][chain][call]:,}" for size in sizes))
    Console().print(table)


if __name__ == "__main__":
    main()
