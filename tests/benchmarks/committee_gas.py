"""Gas of the committee light client, three of four signing, with Osaka's prices.

``python -m tests.benchmarks.committee_gas [--write]`` measures, and with ``--write`` replaces its
part of the committed snapshot, which a test compares every run with. A header of 21 fields; filling
words that were empty and, once the 251 kept headers are full, rewriting them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from adapters.committee.client import build_handover_update
from clearinghouse.proofs.committee import Scheme
from tests.benchmarks.sync_committee_gas import write_snapshot
from tests.unit.contracts.committee import CommitteeContract, deploy_committee
from tests.unit.contracts.evm import Evm, execution_gas
from tests.unit.proofs.committees import EPOCH, attesters_of

TIME = 1_750_000_000
HEIGHT = 21_000_000
KEPT_HEADERS = 251

GAS_MAX = {"committee_ecdsa": 125_000}
"""What a transaction may cost, by case."""


def measure() -> dict[str, dict[str, int]]:
    """Return transaction and execution gas by case."""
    measured = {}
    with tempfile.TemporaryDirectory() as directory:
        evm = Evm(Path(directory), time=TIME)
        try:
            for scheme in Scheme:
                measured |= _measure_scheme(evm, scheme)
        finally:
            evm.close()
    return measured


def _measure_scheme(evm: Evm, scheme: Scheme) -> dict[str, dict[str, int]]:
    attesters = attesters_of(scheme)
    client = deploy_committee(evm, attesters)
    _send(client, client.encode_header(HEIGHT))  # the client's first header fills a word more
    handover = attesters.hand_over(HEIGHT + 10**6, attesters_of(scheme, EPOCH + 1).committee)
    name = f"committee_{scheme.value}"
    return {
        name: _send(client, client.encode_header(HEIGHT + 1)),
        f"{name}_rewriting": _send(client, client.encode_header(HEIGHT + KEPT_HEADERS)),
        f"{name}_handover": _send(client, build_handover_update([handover])),
    }


def _send(client: CommitteeContract, data: bytes) -> dict[str, int]:
    receipt: Any = client.contract.send("update", data)
    calldata = client.contract.artifact.encode_call("update", data)
    return {
        "transaction": int(receipt["gasUsed"], 16),
        "execution": execution_gas(receipt, calldata),
        "calldata_bytes": len(calldata),
    }


def _show(measured: Mapping[str, Mapping[str, int]]) -> None:
    columns = ("transaction", "execution", "calldata_bytes")
    table = Table("update", *columns, "most allowed", title="committee light client, gas")
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
