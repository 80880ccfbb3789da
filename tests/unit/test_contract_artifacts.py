"""Goal: the committed artifacts are what the sources say, and what the protocol fixes."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clearinghouse.proofs import anchor_layout

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "compile_contracts.py"

CODE_BYTES_MAX = 24_576
"""EIP-170."""
INITCODE_BYTES_MAX = 49_152
"""EIP-3860, constructor arguments included; those of an anchor stay below 4 KiB."""


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_contracts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compile_contracts = load_script()


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    """Return the compiler's answer for the sources as they are; it takes some ten seconds."""
    answer: dict[str, Any] = compile_contracts.compile_sources(compile_contracts.find_sources())
    return answer


def committed(name: str) -> dict[str, Any]:
    path = compile_contracts.ARTIFACTS / f"{name}.json"
    artifact: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return artifact


def deployable() -> list[str]:
    return [name for name in compile_contracts.TARGETS if committed(name)["bytecode"] != "0x"]


# ------------------------------------------------------------------------------ freshness


def test_check_passes_when_artifacts_are_fresh(
    compiled: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compile_contracts, "compile_sources", lambda _sources: compiled)
    assert compile_contracts.main(["--check"]) == 0, capsys.readouterr().err


def test_check_names_artifacts_and_compiling_repairs_them_when_stale(
    compiled: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(compile_contracts, "compile_sources", lambda _sources: compiled)
    monkeypatch.setattr(compile_contracts, "install_compiler", lambda: None)
    monkeypatch.setattr(compile_contracts, "ARTIFACTS", tmp_path)
    assert compile_contracts.main([]) == 0
    changed = tmp_path / "Anchor.json"
    changed.write_text(changed.read_text().replace("0x60", "0x61", 1))
    (tmp_path / "FaucetToken.json").unlink()
    (tmp_path / "Forgotten.json").write_text("{}")
    capsys.readouterr()

    assert compile_contracts.main(["--check"]) == 1
    named = [line.split()[1] for line in capsys.readouterr().err.splitlines()]
    stale = ["Anchor", "FaucetToken", "Forgotten"]
    assert named == [f"contracts/artifacts/{name}.json" for name in stale]

    assert compile_contracts.main([]) == 0
    assert compile_contracts.main(["--check"]) == 0
    assert not (tmp_path / "Forgotten.json").exists()


def test_artifacts_change_when_a_source_changes(compiled: dict[str, Any]) -> None:
    sources = compile_contracts.find_sources()
    before = compile_contracts.build_artifacts(sources, compiled)
    sources["src/proof/SumTree.sol"] += "// one more remark\n"
    after = compile_contracts.build_artifacts(sources, compiled)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"Anchor", "VectorHarness"}, "those that use the tree, and no other"


def test_sources_are_complete_when_imports_are_followed() -> None:
    names = set(compile_contracts.find_sources())
    assert names >= {
        "src/Vault.sol",  # by way of another source
        "src/proof/Rlp.sol",  # from a folder beside
        "node_modules/@openzeppelin/contracts/utils/cryptography/ECDSA.sol",  # by remapping
        "node_modules/@openzeppelin/contracts/utils/Context.sol",  # within the dependency
    }
    assert not any("/governance/" in name for name in names), "and nothing that none needs"


def test_native_compiler_is_taken_when_one_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path))
    assert compile_contracts.find_compiler() == compile_contracts.WRAPPER
    native = tmp_path / f"solc-v{compile_contracts.COMPILER}"
    native.touch()
    assert compile_contracts.find_compiler() == native


def test_forge_compiles_what_is_deployed_as_the_artifacts_are() -> None:
    with (compile_contracts.CONTRACTS / "foundry.toml").open("rb") as file:
        profile = tomllib.load(file)["profile"]["default"]
    settings = compile_contracts.SETTINGS
    assert profile["remappings"] == settings["remappings"]
    assert profile["evm_version"] == settings["evmVersion"]
    assert profile["via_ir"] is settings["viaIR"] is True
    assert profile["bytecode_hash"] == settings["metadata"]["bytecodeHash"]
    assert profile["cbor_metadata"] is settings["metadata"]["appendCBOR"]
    assert profile["additional_compiler_profiles"] == [
        {
            "name": "deployed",
            "via_ir": settings["viaIR"],
            "optimizer": settings["optimizer"]["enabled"],
            "optimizer_runs": settings["optimizer"]["runs"],
        }
    ]
    restricted = {entry["paths"] for entry in profile["compilation_restrictions"]}
    assert restricted == {compile_contracts.TARGETS[name] for name in deployable()}


# ----------------------------------------------------------------------- what is deployed


def test_every_contract_fits_into_a_block_chain() -> None:
    for name in deployable():
        artifact = committed(name)
        code, initcode = (len(artifact[key]) // 2 - 1 for key in ("deployedBytecode", "bytecode"))
        assert code <= CODE_BYTES_MAX, name
        assert initcode <= INITCODE_BYTES_MAX - 4096, name


def test_anchor_layout_equals_the_compilers() -> None:
    layout = committed("Anchor")["storageLayout"]
    fixed = [
        ("_phase", anchor_layout.PHASE_SLOT, "t_mapping(t_bytes32,t_enum(Phase))"),
        (
            "_deposits",
            anchor_layout.DEPOSITS_SLOT,
            "t_mapping(t_uint32,t_mapping(t_uint256,t_struct(Deposit)_storage))",
        ),
        (
            "_exits",
            anchor_layout.EXITS_SLOT,
            "t_mapping(t_uint32,t_mapping(t_uint256,t_struct(Exit)_storage))",
        ),
        (
            "operatorSetHash",
            int.from_bytes(anchor_layout.OPERATOR_SET_HASH_SLOT),
            "t_bytes32",
        ),
        ("frozen", int.from_bytes(anchor_layout.FROZEN_SLOT), "t_bool"),
    ]
    first = [(e["label"], int(e["slot"]), e["type"]) for e in layout["storage"][: len(fixed)]]
    assert first == fixed
    assert [slot for _, slot, _ in fixed] == list(range(len(fixed)))
    # Proofs compare whole words, so nothing else may stand in them.
    assert [int(e["slot"]) for e in layout["storage"]].count(4) == 1
    assert layout["types"]["t_enum(Phase)"]["numberOfBytes"] == "1"


def test_deposit_layout_equals_the_compilers() -> None:
    types = committed("Anchor")["storageLayout"]["types"]
    members = [
        (m["label"], int(m["slot"]), m["offset"], m["type"])
        for m in types["t_struct(Deposit)_storage"]["members"]
    ]
    assert members == [
        ("record", 0, 0, "t_bytes32"),
        ("time", 1, 0, "t_uint64"),
        ("total", 1, 8, "t_uint128"),
        ("hash", 2, 0, "t_bytes32"),
    ]


def test_anchor_abi_names_the_errors_of_the_libraries_it_uses() -> None:
    """A refusal by a library must be as readable to callers as one by the anchor itself."""
    abi = committed("Anchor")["abi"]
    errors = {entry["name"] for entry in abi if entry["type"] == "error"}
    assert errors >= {
        "ECDSAInvalidSignatureS",
        "NodeHashMismatch",
        "ProofTruncated",
        "QuorumNotReached",
        "SumOverflow",
    }
    own = {entry["name"] for entry in committed("IAnchor")["abi"] if entry["type"] == "error"}
    assert own <= errors
