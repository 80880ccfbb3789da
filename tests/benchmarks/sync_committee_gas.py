"""Gas of the sync-committee light client on recorded updates, with Osaka's prices.

``python -m tests.benchmarks.sync_committee_gas [--write]`` measures, and with ``--write`` replaces
the committed snapshot, which a test compares every run with. ``transaction`` is what a relayer
pays; ``execution`` leaves out the base cost and the calldata. All cases fill words that were empty:
once the 251 kept headers are full, an update costs 51,300 gas less.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clearinghouse.proofs.ethereum.containers import LightClientUpdate, SyncCommittee
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.networks import MAINNET, SEPOLIA
from tests.unit.contracts.client import deploy_client
from tests.unit.contracts.evm import Evm, execution_gas
from tests.unit.proofs.ethereum import recordings
from tests.unit.proofs.ethereum.chain import LARGE_NETWORK, update_at

SNAPSHOT = Path(__file__).resolve().parents[2] / "contracts" / "gas" / "light_client.json"

GAS_MAX = {"finality_509": 450_000, "rotation_509": 700_000, "finality_446": 1_000_000}
"""What a transaction may cost, by case."""

FULU = "mainnet-fulu-sp1helios"
UNION = "sepolia-electra-union"

Case = tuple[Network, LightClientUpdate, SyncCommittee | None]


def measure() -> dict[str, dict[str, int]]:
    """Return transaction and execution gas by case; skips where the recordings are absent."""
    return {name: _measure_case(*case) for name, case in _cases().items()}


def read_snapshot() -> dict[str, dict[str, int]]:
    """Return what is committed."""
    snapshot: dict[str, dict[str, int]] = json.loads(SNAPSHOT.read_text())
    return snapshot


def write_snapshot(measured: Mapping[str, Mapping[str, int]]) -> None:
    """Commit what was measured and keep the rest."""
    SNAPSHOT.parent.mkdir(exist_ok=True)
    committed = read_snapshot() if SNAPSHOT.exists() else {}
    SNAPSHOT.write_text(json.dumps({**committed, **measured}, indent=1) + "\n")
    print(f"wrote {SNAPSHOT}", file=sys.stderr)


def _cases() -> dict[str, Case]:
    """Return the cases by name; the number says how many of 512 signed."""
    store = recordings.load_beacon(f"{FULU}/store.json")
    fulu_signers = recordings.beacon_json.decode_sync_committee(store["current_sync_committee"])
    rotation = recordings.update(f"{FULU}/update.json")
    finality = replace(rotation, next_sync_committee=None, next_sync_committee_branch=())
    sepolia = recordings.update(f"{UNION}/finality_update_7167008.json")
    sepolia_signers = recordings.committee(f"{UNION}/current_sync_committee_7167008.json")
    # The fewest who may sign, the absent spread as evenly as they can be: the longest proof.
    fewest = update_at(
        345,
        network=LARGE_NETWORK,
        places=[place for place in range(512) if place % 3 != 1 or place == 511],
        with_committee=False,
    )
    return {
        "finality_509": (MAINNET, finality, fulu_signers),
        "rotation_509": (MAINNET, rotation, fulu_signers),
        "finality_446": (SEPOLIA, sepolia, sepolia_signers),
        f"finality_{fewest.sync_aggregate.participants}": (LARGE_NETWORK, fewest, None),
    }


def _measure_case(
    network: Network, update: LightClientUpdate, committee: SyncCommittee | None
) -> dict[str, int]:
    time = network.genesis_time + (update.signature_slot + 1) * network.seconds_per_slot
    with tempfile.TemporaryDirectory() as directory:
        evm = Evm(Path(directory), time=time)
        try:
            period = network.period_at(update.signature_slot)
            client = deploy_client(evm, period, network, committee=committee)
            data = client.encode(update)
            receipt = client.contract.send("update", data)
        finally:
            evm.close()
    calldata = client.contract.artifact.encode_call("update", data)
    return {
        "transaction": int(receipt["gasUsed"], 16),
        "execution": execution_gas(receipt, calldata),
        "calldata_bytes": len(calldata),
    }


def _show(measured: Mapping[str, Mapping[str, int]]) -> None:
    columns = ("transaction", "execution", "calldata_bytes")
    table = Table("update", *columns, "most allowed", title="sync-committee light client, gas")
    for name, gas in measured.items():
        limit = f"{GAS_MAX[name]:,}" if name in GAS_MAX else ""
        table.add_row(name, *(f"{gas[column]:,}" for column in columns), limit)
    Console().print(table)


def main() -> None:
    """Measure all cases, print them and, if asked, commit them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the snapshot")
    arguments = parser.parse_args()
    measured = measure()
    _show(measured)
    if arguments.write:
        write_snapshot(measured)


if __name__ == "__main__":
    main()
