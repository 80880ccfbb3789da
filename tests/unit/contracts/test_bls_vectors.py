"""Published vectors through the precompiles and through our libraries over them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clearinghouse.proofs.ethereum.bls import (
    hash_to_g2_coordinates,
    public_key_coordinates,
    signature_coordinates,
)
from tests.recorded import recorded_path
from tests.unit.contracts.client import reverts
from tests.unit.contracts.evm import Contract, Evm, Reverted

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

G1_ADD, G2_ADD, PAIRING, MAP_FP_TO_G1, MAP_FP2_TO_G2 = 0x0B, 0x0D, 0x0F, 0x10, 0x11
G1_MSM, G2_MSM = 0x0C, 0x0E

TWO_PAIRS_BYTES = 768

FIELD_ORDER = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624"
    "1eabfffeb153ffffb9feffffffffaaab",
    16,
)

TAG = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"

PRECOMPILES = {
    "eips-add_G1_bls": G1_ADD,
    "geth-blsG1Add": G1_ADD,
    "eips-add_G2_bls": G2_ADD,
    "geth-blsG2Add": G2_ADD,
    "eips-mul_G1_bls": G1_MSM,
    "eips-msm_G1_bls": G1_MSM,
    "eips-mul_G2_bls": G2_MSM,
    "eips-pairing_check_bls": PAIRING,
    "geth-blsPairing": PAIRING,
    "eips-map_fp_to_G1_bls": MAP_FP_TO_G1,
    "eips-map_fp2_to_G2_bls": MAP_FP2_TO_G2,
    "geth-blsMapG2": MAP_FP2_TO_G2,
    "eips-fail-add_G1_bls": G1_ADD,
    "eips-fail-add_G2_bls": G2_ADD,
    "eips-fail-mul_G1_bls": G1_MSM,
    "eips-fail-msm_G1_bls": G1_MSM,
    "eips-fail-mul_G2_bls": G2_MSM,
    "eips-fail-msm_G2_bls": G2_MSM,
    "eips-fail-pairing_check_bls": PAIRING,
    "eips-fail-map_fp_to_G1_bls": MAP_FP_TO_G1,
    "eips-fail-map_fp2_to_G2_bls": MAP_FP2_TO_G2,
}
"""Recorded file to the precompile that it is about."""


@pytest.fixture(scope="module")
def harness(evm: Evm) -> Contract:
    return evm.deploy("BlsHarness")


def cases(name: str) -> list[tuple[str, bytes, bytes | None]]:
    """Return name, input and output of each case; no output where it must fail."""
    raw = json.loads(recorded_path(f"vectors/eip2537/{name}.json").read_text())
    return [
        (
            case["Name"],
            bytes.fromhex(case["Input"]),
            bytes.fromhex(case["Expected"]) if "Expected" in case else None,
        )
        for case in raw
    ]


def call_library(harness: Contract, precompile: int, data: bytes) -> bytes:
    """Return what our function over a precompile gives for the precompile's input."""
    if precompile == G1_ADD:
        return b"".join(word.to_bytes(32) for word in harness.call("sumG1", data))
    if precompile == G2_ADD:
        return bytes(harness.call("addG2", data))
    if precompile == MAP_FP2_TO_G2:
        return bytes(harness.call("mapToG2", data))
    return int(harness.call("isPairingOne", data)).to_bytes(32)


INPUT_BYTES = {G1_ADD: 256, G2_ADD: 512, MAP_FP2_TO_G2: 128, PAIRING: TWO_PAIRS_BYTES}
"""Of what our functions take; they are never called with another length."""


@pytest.mark.parametrize("name", PRECOMPILES)
def test_precompile_answers_as_published(evm: Evm, harness: Contract, name: str) -> None:
    precompile, wrapped = PRECOMPILES[name], 0
    for case, data, expected in cases(name):
        address = "0x" + precompile.to_bytes(20).hex()
        if expected is None:
            with pytest.raises(Reverted):
                evm.call(address, data)
        else:
            assert evm.call(address, data) == expected, case
        if len(data) != INPUT_BYTES.get(precompile):
            continue
        wrapped += 1
        if expected is None:
            with reverts("PrecompileRefused", precompile):
                call_library(harness, precompile, data)
        else:
            assert call_library(harness, precompile, data) == expected, case
    assert wrapped or precompile in (G1_MSM, G2_MSM, MAP_FP_TO_G1)


@pytest.mark.parametrize("present", [0, 1, 2, 5])
def test_sum_is_refused_when_a_point_is_not_on_the_curve(harness: Contract, present: int) -> None:
    generator = bytes.fromhex(
        "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f"
        "171bac586c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1"
        "a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
    )
    assert harness.call("sumG1", generator * present) is not None
    with reverts("PrecompileRefused", G1_ADD):
        harness.call("sumG1", generator * present + generator[:-1] + b"\x00")


# ------------------------------------------------------------------------------- hash to curve


def padded(coordinates: bytes) -> bytes:
    return b"".join(bytes(16) + coordinates[at : at + 48] for at in range(0, len(coordinates), 48))


def test_messages_hash_to_the_points_of_rfc_9380(harness: Contract) -> None:
    folder = recorded_path("vectors/hash-to-curve")
    raw = json.loads((folder / "BLS12381G2_XMD_SHA-256_SSWU_RO_.json").read_text())
    tag = raw["dst"].encode()
    assert raw["vectors"]
    for vector in raw["vectors"]:
        parts = [vector["P"][axis].split(",") for axis in ("x", "y")]
        expected = b"".join(int(part, 16).to_bytes(64) for pair in parts for part in pair)
        assert harness.call("hashToG2", vector["msg"].encode(), tag) == expected


def test_messages_hash_to_the_points_of_another_implementation(harness: Contract) -> None:
    for length in (0, 1, 31, 32, 33, 64, 200):
        for tag in (b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_", b"x", b"t" * 255):
            message = bytes(range(length))
            expected = padded(hash_to_g2_coordinates(message, tag))
            assert harness.call("hashToG2", message, tag) == expected
    with reverts("TagTooLong", 256):
        harness.call("hashToG2", b"", b"t" * 256)


# --------------------------------------------------------------------------------- signatures


def signature_cases() -> list[Any]:
    """Return the published cases of one signature by one key or several over one message."""
    folder = recorded_path("vectors/bls-signature")
    paths = [
        *(folder / "verify").glob("*.json"),
        *(folder / "fast_aggregate_verify").glob("*.json"),
    ]
    return [(path.name, json.loads(path.read_text())) for path in sorted(paths)]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_published_signatures_get_their_verdict(harness: Contract) -> None:
    verdicts = []
    for name, case in signature_cases():
        given = case["input"]
        compressed = given["pubkeys"] if "pubkeys" in given else [given["pubkey"]]
        keys = b"".join(padded(public_key_coordinates(unhex(key))) for key in compressed)
        signature = padded(signature_coordinates(unhex(given["signature"])))
        message = unhex(given["message"])
        assert harness.call("isSignature", keys, message, TAG, signature) is case["output"], name
        verdicts.append(case["output"])
    assert len(verdicts) == 17
    assert {True, False} == set(verdicts)


def test_compression_flags_the_larger_half_of_the_field(harness: Contract) -> None:
    half = (FIELD_ORDER - 1) // 2
    for y, is_large in ((1, False), (half, False), (half + 1, True), (FIELD_ORDER - 1, True)):
        first, _ = harness.call("compress", (7).to_bytes(64) + y.to_bytes(64))
        assert first[0] == (0xA0 if is_large else 0x80)


def test_compression_is_that_of_the_published_keys(harness: Contract) -> None:
    keys = {
        key
        for _, case in signature_cases()
        for key in case["input"].get("pubkeys", [case["input"].get("pubkey")])
    }
    for key in keys:
        first, second = harness.call("compress", padded(public_key_coordinates(unhex(key))))
        assert first + second == unhex(key) + bytes(16)
    assert len(keys) >= 3
