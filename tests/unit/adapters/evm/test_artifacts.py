"""Calls, errors and events as the compiled ABIs have them."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from adapters.evm.artifacts import ContractError, decode_event, decode_revert, load_artifact
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid, Unavailable


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def test_call_begins_with_the_selector_of_its_signature() -> None:
    data = load_artifact("Anchor").encode_call("deposit", 1, 2, b"\x03" * 20)
    assert data[:4] == selector("deposit(uint32,uint256,address)")
    assert data[4:] == encode(["uint32", "uint256", "address"], [1, 2, b"\x03" * 20])


def test_selector_spells_out_structs_when_a_function_takes_them() -> None:
    entry = load_artifact("Anchor").functions["abortByProof"]
    assert [item["type"] for item in entry["inputs"]] == ["tuple", "tuple"]
    chains = "(uint256,address,bytes32,bool)[]"
    settlement = (
        "(bytes32,uint64,bytes32,uint64,uint64,uint64,bytes32,bytes32,bytes32,bytes32,bytes32,"
        f"uint64,uint64,{chains})"
    )
    empty = (bytes(32), 0, bytes(32), 0, 0, 0, *[bytes(32)] * 5, 0, 0, [])
    data = load_artifact("Anchor").encode_call("abortByProof", empty, (0, [], []))
    assert data[:4] == selector(f"abortByProof({settlement},(uint64,bytes[],bytes[]))")


def test_result_is_refused_when_it_is_too_short() -> None:
    with pytest.raises(ProofInvalid) as raised:
        load_artifact("Anchor").decode_result("lastLeg", b"")
    assert raised.value.reason == "result_malformed"


def test_struct_is_read_by_name_when_a_function_returns_one() -> None:
    anchor = load_artifact("Anchor")
    result = anchor.decode_result("windows", encode(["uint64"] * 6, list(range(6))))
    assert anchor.decode_struct("windows", result)["graceSeconds"] == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ContractError("", ())),
        (b"\x01\x02\x03\x04", ContractError("", (b"\x01\x02\x03\x04",))),
        (
            selector("Error(string)") + encode(["string"], ["no"]),
            ContractError("Error", ("no",)),
        ),
        (selector("Panic(uint256)") + encode(["uint256"], [17]), ContractError("Panic", (17,))),
        (
            selector("WrongPhase(bytes32,uint8,uint8)")
            + encode(["bytes32", "uint8", "uint8"], [bytes(32), 2, 1]),
            ContractError("WrongPhase", (bytes(32), 2, 1)),
        ),
        (
            selector("HeightNotIncreasing(uint64,uint64)") + encode(["uint64"] * 2, [4, 5]),
            ContractError("HeightNotIncreasing", (4, 5)),
        ),
        (
            selector("ProofTruncated(uint256)") + encode(["uint256"], [3]),
            ContractError("ProofTruncated", (3,)),
        ),
        (selector("Panic(uint256)") + b"\x01", ContractError("Panic", (b"\x01",))),
    ],
)
def test_revert_is_decoded_when_any_artifact_declares_it(
    data: bytes, expected: ContractError
) -> None:
    assert decode_revert(data) == expected


def test_event_is_decoded_in_the_declared_order_when_fields_are_indexed() -> None:
    signature = b"Deposited(uint32,uint64,address,uint64,uint128,bytes32)"
    topics = [
        keccak256(signature),
        encode(["uint32"], [1]),
        encode(["uint64"], [7]),
        encode(["address"], [b"\x05" * 20]),
    ]
    data = encode(["uint64", "uint128", "bytes32"], [100, 900, b"\x06" * 32])
    decoded = decode_event(load_artifact("Anchor"), topics, data)
    assert decoded is not None
    name, arguments = decoded
    assert name == "Deposited"
    assert list(arguments.items()) == [
        ("assetId", 1),
        ("index", 7),
        ("member", "0x" + "05" * 20),
        ("quanta", 100),
        ("total", 900),
        ("hash", b"\x06" * 32),
    ]
    for spoiled, rest in (([], data), (topics[:3], data), (topics, data[:40]), ([bytes(32)], data)):
        assert decode_event(load_artifact("Anchor"), spoiled, rest) is None


def test_artifact_is_reported_missing_when_it_was_never_compiled() -> None:
    with pytest.raises(Unavailable) as raised:
        load_artifact("Nothing")
    assert raised.value.reason == "artifact_missing"
