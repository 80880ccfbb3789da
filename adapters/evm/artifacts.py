"""The compiled contracts: the only place that knows an ABI.

Artifacts are written by ``make contracts`` into ``contracts/artifacts`` and committed, so nothing
here compiles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import (
    abi_to_signature,
    collapse_if_tuple,
    get_abi_input_types,
    get_abi_output_types,
)

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid, Unavailable

ARTIFACTS_DIRECTORY = Path(__file__).resolve().parents[2] / "contracts" / "artifacts"

AbiEntry = Any
"""One element of a JSON ABI, of the shape that solc writes."""

_SELECTOR_BYTES = 4
_STRING_ERROR_SELECTOR = keccak256(b"Error(string)")[:_SELECTOR_BYTES]
_PANIC_SELECTOR = keccak256(b"Panic(uint256)")[:_SELECTOR_BYTES]


class ContractError(NamedTuple):
    """What a contract reverted with."""

    name: str
    """Of the custom error; ``Error`` for a reason string, ``Panic`` for a checked failure of the
    language, empty when the revert carried nothing that an artifact declares."""
    arguments: tuple[object, ...]


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    bytecode: bytes
    """Creation code without constructor arguments."""
    functions: Mapping[str, AbiEntry]
    """By name; no contract here overloads one."""
    errors: Mapping[bytes, AbiEntry]
    """By 4-byte selector."""
    events: Mapping[bytes, AbiEntry]
    """By 32-byte topic."""
    constructor_types: tuple[str, ...]

    def encode_call(self, function: str, *arguments: object) -> bytes:
        """Return the calldata of a call."""
        entry = self.functions[function]
        types = get_abi_input_types(entry)
        return _selector(entry) + encode(types, arguments)

    def encode_creation(self, *arguments: object) -> bytes:
        """Return the init code: creation bytecode and constructor arguments."""
        return self.bytecode + encode(self.constructor_types, arguments)

    def decode_result(self, function: str, returned: bytes) -> tuple[Any, ...]:
        """Return the values that a call returned.

        Raises
        ------
        ProofInvalid
            ``result_malformed`` when they are not of the function's types, for example because
            there is no contract at the address that was asked.
        """
        types = get_abi_output_types(self.functions[function])
        try:
            return decode(types, returned)
        except DecodingError as error:
            raise ProofInvalid(
                "result_malformed",
                f"{self.name}.{function} returned {len(returned)} bytes that are not "
                f"({', '.join(types)}); check the address and the node",
                contract=self.name,
                function=function,
            ) from error

    def decode_struct(self, function: str, result: tuple[Any, ...]) -> dict[str, Any]:
        """Return by name the fields of the struct that a function's result consists of."""
        components = self.functions[function]["outputs"][0]["components"]
        return {
            component["name"]: value for component, value in zip(components, result[0], strict=True)
        }


@cache
def load_artifact(name: str) -> Artifact:
    """Return the compiled contract ``name``.

    Raises
    ------
    Unavailable
        ``artifact_missing`` when it was never compiled; ``make contracts`` does.
    """
    path = ARTIFACTS_DIRECTORY / f"{name}.json"
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise Unavailable(
            "artifact_missing", f"{path} does not exist; run `make contracts`", name=name
        ) from error
    abi: Sequence[AbiEntry] = stored["abi"]
    constructors = [entry for entry in abi if entry["type"] == "constructor"]
    return Artifact(
        name=name,
        bytecode=bytes.fromhex(stored["bytecode"].removeprefix("0x")),
        functions={entry["name"]: entry for entry in abi if entry["type"] == "function"},
        errors={_selector(entry): entry for entry in abi if entry["type"] == "error"},
        events={_topic(entry): entry for entry in abi if entry["type"] == "event"},
        constructor_types=tuple(get_abi_input_types(constructors[0]) if constructors else ()),
    )


def decode_revert(returned: bytes) -> ContractError:
    """Return the error in a revert's data, looked up in every artifact.

    A revert passes through calls unchanged, so an anchor's caller meets the light client's and the
    token's errors too. Two artifacts that declare one selector declare one error.
    """
    selector, arguments = returned[:_SELECTOR_BYTES], returned[_SELECTOR_BYTES:]
    if selector == _STRING_ERROR_SELECTOR:
        return _decoded("Error", ["string"], arguments)
    if selector == _PANIC_SELECTOR:
        return _decoded("Panic", ["uint256"], arguments)
    entry = _errors_of_all_artifacts().get(selector)
    if entry is None:
        return ContractError("", (returned,) if returned else ())
    return _decoded(entry["name"], get_abi_input_types(entry), arguments)


def decode_event(
    artifact: Artifact, topics: Sequence[bytes], data: bytes
) -> tuple[str, dict[str, Any]] | None:
    """Return an event's name and arguments, ``None`` when the artifact declares no such event.

    Indexed arguments of dynamic type stand as their hash, as the chain keeps no more.
    """
    entry = artifact.events.get(topics[0]) if topics else None
    if entry is None:
        return None
    inputs: Sequence[AbiEntry] = entry["inputs"]
    plain = [item for item in inputs if not item["indexed"]]
    indexed = [item for item in inputs if item["indexed"]]
    if len(topics) != len(indexed) + 1:
        return None
    words = [item["type"] if _fits_word(item["type"]) else "bytes32" for item in indexed]
    try:
        values = {
            **_named(plain, decode([collapse_if_tuple(item) for item in plain], data)),
            **_named(indexed, decode(words, b"".join(topics[1:]))),
        }
    except DecodingError:
        return None
    return entry["name"], {item["name"]: values[item["name"]] for item in inputs}


def _named(inputs: Sequence[AbiEntry], values: Sequence[Any]) -> dict[str, Any]:
    return {item["name"]: value for item, value in zip(inputs, values, strict=True)}


def _fits_word(abi_type: str) -> bool:
    return "[" not in abi_type and abi_type not in ("string", "bytes", "tuple")


@cache
def _errors_of_all_artifacts() -> Mapping[bytes, AbiEntry]:
    found: dict[bytes, AbiEntry] = {}
    for path in sorted(ARTIFACTS_DIRECTORY.glob("*.json")):
        found.update(load_artifact(path.stem).errors)
    return found


def _decoded(name: str, types: Sequence[str], arguments: bytes) -> ContractError:
    try:
        return ContractError(name, decode(types, arguments))
    except DecodingError:
        return ContractError(name, (arguments,))


def _selector(entry: AbiEntry) -> bytes:
    return _topic(entry)[:_SELECTOR_BYTES]


def _topic(entry: AbiEntry) -> bytes:
    return keccak256(abi_to_signature(entry).encode())
