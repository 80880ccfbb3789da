"""One accepted form per signature, compared with eth-account, which users sign with."""

from __future__ import annotations

import numpy as np
import pytest
from coincurve import PublicKey
from eth_account import Account

from clearinghouse.book.identifiers import address_from_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signature_kernel import recover_keys
from clearinghouse.commitment.signatures import (
    GROUP_ORDER,
    SignatureInvalid,
    SignatureMalleable,
    recover_signer,
    recover_signers,
    sign_digest,
    signer_address,
)
from clearinghouse.errors import Rejected
from tests.machine_code import on_both_paths

# The first key of every anvil and hardhat node, and the address published with it.
KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ADDRESS = address_from_hex("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
DIGEST = keccak256(b"a fill of two lots")


def with_parts(r: int, s: int, v: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32) + bytes((v,))


def parts(signature: bytes) -> tuple[int, int, int]:
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]


def test_signer_address_is_the_published_one_when_key_is_known() -> None:
    assert signer_address(KEY) == ADDRESS


def test_recover_signer_returns_address_when_signature_is_own() -> None:
    assert recover_signer(DIGEST, sign_digest(KEY, DIGEST)) == ADDRESS


@pytest.mark.parametrize("number", range(20))
def test_sign_digest_equals_eth_account_when_digest_is_any(number: int) -> None:
    digest = keccak256(number.to_bytes(8))
    theirs = Account.unsafe_sign_hash(digest, KEY).signature
    assert sign_digest(KEY, digest) == bytes(theirs)
    assert recover_signer(digest, bytes(theirs)) == ADDRESS


def test_recover_signer_returns_another_address_when_digest_differs() -> None:
    assert recover_signer(keccak256(b"other"), sign_digest(KEY, DIGEST)) != ADDRESS


def test_recover_signer_refuses_when_s_is_in_the_upper_half() -> None:
    r, s, v = parts(sign_digest(KEY, DIGEST))
    twin = with_parts(r, GROUP_ORDER - s, 55 - v)
    recovered = Account._recover_hash(DIGEST, signature=twin)
    assert address_from_hex(recovered) == ADDRESS, "the twin is as valid in mathematics"
    with pytest.raises(SignatureMalleable) as refusal:
        recover_signer(DIGEST, twin)
    assert refusal.value.reason == "SIGNATURE_MALLEABLE"


def test_recover_signer_accepts_the_boundary_when_s_is_half_the_order() -> None:
    r, _, v = parts(sign_digest(KEY, DIGEST))
    half = GROUP_ORDER // 2
    assert len(recover_signer(DIGEST, with_parts(r, half, v))) == 20
    with pytest.raises(SignatureMalleable):
        recover_signer(DIGEST, with_parts(r, half + 1, v))


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 255])
def test_recover_signer_refuses_when_v_is_not_27_or_28(v: int) -> None:
    r, s, _ = parts(sign_digest(KEY, DIGEST))
    with pytest.raises(SignatureInvalid) as refusal:
        recover_signer(DIGEST, with_parts(r, s, v))
    assert refusal.value.reason == "SIGNATURE_INVALID"


def test_recover_signer_refuses_when_r_was_reduced_by_the_order() -> None:
    """A point whose x exceeds the order has v 29 or 30: mathematics recovers it, the EVM cannot."""
    r, s = 2, 1
    compact = with_parts(r, s, 2)
    assert PublicKey.from_signature_and_message(compact, DIGEST, hasher=None)
    with pytest.raises(SignatureInvalid):
        recover_signer(DIGEST, with_parts(r, s, 29))


@pytest.mark.parametrize("length", [0, 64, 66, 130])
def test_recover_signer_refuses_when_length_is_wrong(length: int) -> None:
    with pytest.raises(SignatureInvalid):
        recover_signer(DIGEST, (sign_digest(KEY, DIGEST) * 2)[:length])


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 1), (1, 0), (0, 0), (GROUP_ORDER, 1), (2**256 - 1, 1), (5, 1)],
    ids=["r zero", "s zero", "both zero", "r is the order", "r beyond", "r on no point"],
)
def test_recover_signer_refuses_when_no_key_can_have_signed(r: int, s: int) -> None:
    with pytest.raises(SignatureInvalid):
        recover_signer(DIGEST, with_parts(r, s, 27))


def test_signature_refusals_are_the_callers_fault_when_classified() -> None:
    assert issubclass(SignatureInvalid, Rejected)
    assert issubclass(SignatureMalleable, Rejected)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_sign_digest_refuses_when_digest_is_not_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign_digest(KEY, bytes(length))


# -- many at once -------------------------------------------------------------------------------


def recover_each(digests: list[bytes], signatures: list[bytes]) -> list[bytes | str]:
    """Recover one by one; return the signer, or the refusal's reason and message."""
    found: list[bytes | str] = []
    for digest, signature in zip(digests, signatures, strict=True):
        try:
            found.append(recover_signer(digest, signature))
        except Rejected as refusal:
            found.append(str(refusal))
    return found


def recover_together(digests: list[bytes], signatures: list[bytes]) -> list[bytes | str]:
    """Do the same at once."""
    rows = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
    signers = recover_signers(rows, signatures)
    return [str(signer) if isinstance(signer, Rejected) else signer for signer in signers]


def test_recover_signers_gives_what_each_gives_when_some_are_bad() -> None:
    r, s, v = parts(sign_digest(KEY, DIGEST))
    half = GROUP_ORDER // 2
    good = with_parts(r, s, v)
    signatures = [
        good, with_parts(r, GROUP_ORDER - s, 55 - v), with_parts(r, half, v),
        with_parts(r, half + 1, v), b"", good[:-1], good + b"\x00", bytes(65), b"\xff" * 65,
        *(with_parts(r, s, other) for other in (0, 1, 26, 29, 255)),
        with_parts(0, 1, 27), with_parts(1, 0, 27), with_parts(GROUP_ORDER, 1, 27),
        with_parts(2**256 - 1, 1, 28), with_parts(5, 1, 27), good,
    ]  # fmt: skip
    digests = [DIGEST] * len(signatures)
    together = on_both_paths(lambda: recover_together(digests, signatures))
    assert together == recover_each(digests, signatures)
    assert together[0] == together[-1] == ADDRESS
    assert sum(isinstance(signer, str) for signer in together) == len(signatures) - 3


def test_recover_signers_gives_what_each_gives_when_more_than_one_core_takes() -> None:
    keys = [keccak256(number.to_bytes(4)) for number in range(3)]
    digests = [keccak256(number.to_bytes(8)) for number in range(300)]
    signatures = [sign_digest(keys[n % 3], digest) for n, digest in enumerate(digests)]
    together = on_both_paths(lambda: recover_together(digests, signatures))
    assert together == [signer_address(keys[n % 3]) for n in range(300)]


@pytest.mark.parametrize("recovery_id", [2, 3, 4, 255])
def test_recover_keys_leaves_a_row_empty_when_its_recovery_id_is_unknown(recovery_id: int) -> None:
    r, s, v = parts(sign_digest(KEY, DIGEST))
    rows = np.frombuffer(
        with_parts(r, s, recovery_id) + with_parts(r, s, v - 27), np.uint8
    ).reshape(2, 65)
    digests = np.frombuffer(DIGEST * 2, np.uint8).reshape(2, 32)
    keys = on_both_paths(lambda: recover_keys(digests, rows).tolist())
    assert keys[0] == [0] * 65
    assert keccak256(bytes(keys[1][1:]))[12:] == ADDRESS


def test_recover_signers_gives_nothing_when_nothing_is_asked() -> None:
    assert on_both_paths(lambda: recover_together([], [])) == []
