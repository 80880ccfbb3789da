"""Gas of state proofs: ours and OpenZeppelin's on one recorded proof of mainnet.

``python -m tests.benchmarks.state_proof_gas [--write]`` measures, and with ``--write`` replaces the
committed snapshot, which a test compares every run with. The proof is of WETH's account and one of
its slots, 9 and 7 nodes of 6,643 bytes. Both readers stand in one contract and are called alike, at
the 200 optimizer runs that we deploy with and at 10,000.

``execution`` is what a transaction used beyond its base cost and its calldata; ``transaction`` is
what it pays on Osaka, where a transaction that is mostly calldata pays a floor for it (EIP-7623).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

from adapters.evm.artifacts import load_artifact
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from tests.unit.contracts.evm import Evm, execution_gas
from tests.unit.proofs.recordings import RECORDED_PROOFS
from tests.unit.proofs.tries import account_leaf, deepest_proof, storage_leaf

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "contracts" / "gas" / "proofs.json"

EXECUTION_MAX = 90_000
"""What the recorded proof may cost with our reader, at either setting."""

SPEED_RUNS = 10_000
"""Optimizer runs of the second measurement, which favour speed over size."""

HARDFORK_WITHOUT_FLOOR = "cancun"
"""The last whose receipts show what was executed; nothing else that proofs use costs more since."""

ANY_TIME = 1_800_000_000


@dataclass(frozen=True)
class Case:
    """A slot's proof, and the functions that read it."""

    state_root: Hash32
    address: Address
    slot: Hash32
    account_nodes: tuple[bytes, ...]
    storage_nodes: tuple[bytes, ...]
    word: int
    functions: Mapping[str, str]
    """The harness's, by the name that the snapshot gives them."""


def measure() -> dict[str, dict[str, int]]:
    """Return gas by case and reader; skips where the recording is absent."""
    own, fast = load_artifact("ProofHarness").bytecode, compile_for_speed()
    measured: dict[str, dict[str, int]] = {}
    for name, case in _cases().items():
        for reader, function in case.functions.items():
            for runs, bytecode in ((200, own), (SPEED_RUNS, fast)):
                measured[f"{name}_{reader}_{runs}"] = _measure_case(bytecode, function, case)
    return measured


def read_snapshot() -> dict[str, dict[str, int]]:
    """Return what is committed."""
    snapshot: dict[str, dict[str, int]] = json.loads(SNAPSHOT.read_text())
    return snapshot


def compile_for_speed() -> bytes:
    """Return the harness's creation code, compiled as the artifacts are but for the runs."""
    script = _load_script()
    source = script.TARGETS["ProofHarness"]
    script.TARGETS = {"ProofHarness": source}
    script.SETTINGS = {**script.SETTINGS, "optimizer": {"enabled": True, "runs": SPEED_RUNS}}
    answer = script.compile_sources(script.find_sources())
    return bytes.fromhex(answer["contracts"][source]["ProofHarness"]["evm"]["bytecode"]["object"])


def _load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "compile_for_speed", ROOT / "scripts" / "compile_contracts.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cases() -> dict[str, Case]:
    (weth,) = RECORDED_PROOFS["mainnet-prague-weth"]()
    (slot,) = weth.storage
    ours = {"ours": "verifySlot"}
    recorded = Case(
        state_root=weth.state_root,
        address=weth.address,
        slot=slot.slot,
        account_nodes=weth.account_nodes,
        storage_nodes=slot.nodes,
        word=slot.word,
        functions={**ours, "openzeppelin": "verifySlotByOpenZeppelin"},
    )
    # As many nodes as there can be, each as large: it bounds what an honest chain can ask for.
    address, key, word = Address(bytes(20)), Hash32(bytes(32)), 2**256 - 1
    storage_root, storage_nodes = deepest_proof(keccak256(key), storage_leaf(word))
    leaf = account_leaf(2**64 - 1, 2**256 - 1, storage_root, keccak256(b"code"))
    state_root, account_nodes = deepest_proof(keccak256(address), leaf)
    largest = Case(state_root, address, key, account_nodes, storage_nodes, word, ours)
    return {"weth": recorded, "largest": largest}


def _measure_case(bytecode: bytes, function: str, case: Case) -> dict[str, int]:
    calldata = load_artifact("ProofHarness").encode_call(
        function,
        *(case.state_root, case.address, case.slot, case.account_nodes, case.storage_nodes),
    )
    receipts = {}
    for hardfork in (HARDFORK_WITHOUT_FLOOR, "osaka"):
        with tempfile.TemporaryDirectory() as directory:
            evm = Evm(Path(directory), time=ANY_TIME, hardfork=hardfork)
            try:
                harness = evm.send(None, bytecode)["contractAddress"]
                assert int.from_bytes(evm.call(harness, calldata)) == case.word
                receipts[hardfork] = evm.send(harness, calldata)
            finally:
                evm.close()
    return {
        "execution": execution_gas(receipts[HARDFORK_WITHOUT_FLOOR], calldata),
        "transaction": int(receipts["osaka"]["gasUsed"], 16),
        "calldata_bytes": len(calldata),
    }


def _show(measured: Mapping[str, Mapping[str, int]]) -> None:
    columns = ("execution", "transaction", "calldata_bytes")
    table = Table("proof, reader, optimizer runs", *columns, title="state proofs, gas")
    for name, gas in measured.items():
        table.add_row(name, *(f"{gas[column]:,}" for column in columns))
    Console().print(table)


def main() -> None:
    """Measure all cases, print them and, if asked, commit them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the snapshot")
    arguments = parser.parse_args()
    measured = measure()
    _show(measured)
    if arguments.write:
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(json.dumps(measured, indent=1) + "\n")
        print(f"wrote {SNAPSHOT}", file=sys.stderr)


if __name__ == "__main__":
    main()
