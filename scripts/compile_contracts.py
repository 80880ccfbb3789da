"""Compile the contracts and write their artifacts; `make contracts` runs it.

``contracts/artifacts/<Name>.json`` holds what deployers and adapters need and nothing that differs
between two builds of one source. They are committed, so running the software needs no compiler.
``--check`` compiles without writing and fails, naming every artifact that is stale.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import solcx
from solcx.install import get_executable

REPOSITORY = Path(__file__).resolve().parents[1]
CONTRACTS = REPOSITORY / "contracts"
ARTIFACTS = CONTRACTS / "artifacts"
WRAPPER = CONTRACTS / "solc"

COMPILER = "0.8.37"
INSTALL_TIMEOUT_SECONDS = 60
DEPENDENCIES = "@openzeppelin/contracts/"

SETTINGS: dict[str, Any] = {
    "remappings": [f"{DEPENDENCIES}=node_modules/{DEPENDENCIES}"],
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": True,
    "evmVersion": "prague",
    # Without metadata the native and the wasm compiler give the same bytes.
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
}
"""The same as in contracts/foundry.toml, which a test compares."""

TARGETS: dict[str, str] = {
    "Anchor": "src/Anchor.sol",
    "AnchorRegistryRoot": "src/light/rollup/AnchorRegistryRoot.sol",
    "AssertionRoot": "src/light/rollup/AssertionRoot.sol",
    "AttestedRollupClient": "src/light/rollup/AttestedRollupClient.sol",
    "BlsCommitteeLightClient": "src/light/committee/BlsCommitteeLightClient.sol",
    "BlsHarness": "src/test/BlsHarness.sol",
    "CommitteeLightClient": "src/light/CommitteeLightClient.sol",
    "DisputeGameRoot": "src/light/rollup/DisputeGameRoot.sol",
    "FaucetToken": "src/test/FaucetToken.sol",
    "IAnchor": "src/interfaces/IAnchor.sol",
    "ICommitteeLightClient": "src/interfaces/ICommitteeLightClient.sol",
    "ILightClient": "src/interfaces/ILightClient.sol",
    "ISyncCommitteeLightClient": "src/interfaces/ISyncCommitteeLightClient.sol",
    "OutboxFixture": "src/test/OutboxFixture.sol",
    "OutboxRoot": "src/light/rollup/OutboxRoot.sol",
    "OutputOracleFixture": "src/test/OutputOracleFixture.sol",
    "OutputOracleRoot": "src/light/rollup/OutputOracleRoot.sol",
    "OwnChainClient": "src/light/OwnChainClient.sol",
    "ProofHarness": "src/test/ProofHarness.sol",
    "SyncCommitteeLightClient": "src/light/ethereum/SyncCommitteeLightClient.sol",
    "VectorHarness": "src/test/VectorHarness.sol",
}
"""Contract name to the source that defines it; one artifact each."""


def find_sources() -> dict[str, str]:
    """Return the targets' sources and all they import, by the compiler's names for them.

    Only these: the compiler would check every further source too, which takes it seconds.
    """
    sources: dict[str, str] = {}
    pending = list(TARGETS.values())
    while pending:
        name = pending.pop()
        if name not in sources:
            sources[name] = (CONTRACTS / name).read_text(encoding="utf-8")
            pending += _find_imports(name, sources[name])
    return sources


def _find_imports(name: str, text: str) -> list[str]:
    imports = re.findall(r'^import\s+(?:[^;"]*\sfrom\s+)?"([^"]+)"', text, re.MULTILINE)
    return [
        f"node_modules/{target}"
        if target.startswith(DEPENDENCIES)
        else posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        for target in imports
    ]


def install_compiler() -> None:
    """Let py-solc-x install a native compiler; where it cannot, the wrapper serves as well."""
    command = [sys.executable, "-m", "solcx.install", COMPILER]
    try:
        subprocess.run(command, capture_output=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        print("no native compiler within the time allowed; using the npm one", file=sys.stderr)


def find_compiler() -> Path:
    """Return the native compiler if one is installed, else the wrapper around the npm package."""
    if COMPILER in map(str, solcx.get_installed_solc_versions()):
        return Path(get_executable(COMPILER))
    # The wrapper asks the PATH for `node`, which may be the one inside our own environment.
    own = str(Path(sys.executable).parent)
    if own not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + own
    return WRAPPER


def compile_sources(sources: Mapping[str, str]) -> dict[str, Any]:
    """Compile the targets.

    Raises
    ------
    solcx.exceptions.SolcError
        When a source does not compile, or there is no node for the wrapper.
    """
    wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]
    selection: dict[str, Any] = {}
    for name, source in TARGETS.items():
        selection.setdefault(source, {})[name] = [*wanted, "metadata"]
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {**SETTINGS, "outputSelection": selection},
    }
    answer: dict[str, Any] = solcx.compile_standard(request, solc_binary=find_compiler())
    return answer


def build_artifacts(sources: Mapping[str, str], answer: Mapping[str, Any]) -> dict[str, str]:
    """Return each artifact's text by contract name."""
    artifacts = {}
    for name, source in TARGETS.items():
        output = answer["contracts"][source][name]
        used = json.loads(output["metadata"])["sources"]
        artifact = {
            "contractName": name,
            "compiler": COMPILER,
            "sourceHash": hash_sources(sources, used),
            "abi": output["abi"],
            "bytecode": "0x" + output["evm"]["bytecode"]["object"],
            "deployedBytecode": "0x" + output["evm"]["deployedBytecode"]["object"],
            "storageLayout": _build_layout(output["storageLayout"]),
        }
        artifacts[name] = json.dumps(artifact, indent=1) + "\n"
    return artifacts


def hash_sources(sources: Mapping[str, str], used: Iterable[str]) -> str:
    """Hash the settings and the sources that went into a contract, in the order of their names."""
    digest = hashlib.sha256(json.dumps(SETTINGS, sort_keys=True).encode())
    for name in sorted(used):
        digest.update(b"\0" + name.encode() + b"\0" + sources[name].encode())
    return "0x" + digest.hexdigest()


def _build_layout(layout: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what says where a word lies; drop the syntax tree's numbers, which any edit moves."""
    numbered = r"(t_(?:struct|enum|contract)\([^)]*\))\d+"
    kept: dict[str, Any] = json.loads(re.sub(numbered, r"\1", json.dumps(layout)))
    types = kept["types"] or {}
    entries = kept["storage"] + [m for kind in types.values() for m in kind.get("members", [])]
    for entry in entries:
        del entry["astId"], entry["contract"]
    return {"storage": kept["storage"], "types": types}


def find_stale(artifacts: Mapping[str, str]) -> list[str]:
    """Return the names of the artifacts on disk that are missing, different or left over."""
    on_disk = {path.stem: path.read_text(encoding="utf-8") for path in ARTIFACTS.glob("*.json")}
    names = sorted(artifacts.keys() | on_disk.keys())
    return [name for name in names if artifacts.get(name) != on_disk.get(name)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    options = parser.parse_args(arguments)

    if not options.check:
        install_compiler()
    sources = find_sources()
    artifacts = build_artifacts(sources, compile_sources(sources))
    stale = find_stale(artifacts)
    if options.check:
        for name in stale:
            print(f"stale: contracts/artifacts/{name}.json (run `make contracts`)", file=sys.stderr)
        return 1 if stale else 0
    ARTIFACTS.mkdir(exist_ok=True)
    for name in stale:
        path = ARTIFACTS / f"{name}.json"
        if name in artifacts:
            path.write_text(artifacts[name], encoding="utf-8")
        else:
            path.unlink()
        print(f"{'wrote' if name in artifacts else 'removed'} contracts/artifacts/{name}.json")
    print(f"{len(artifacts)} artifacts up to date, compiled with {find_compiler().name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
