"""One accepted form per signature, compared with eth-account, which users sign with."""

from __future__ import annotations

import pytest
from coincurve import PublicKey
from eth_account import Account

from clearinghouse.book.identifiers import address_from_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import (
    GROUP_ORDER,
    SignatureInvalid,
    SignatureMalleable,
    recover_signer,
    sign_digest,
    signer_address,
)
from clearinghouse.errors import Rejected

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
