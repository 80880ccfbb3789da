"""Which sets of signatures make a quorum."""

from __future__ import annotations

import pytest

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import GROUP_ORDER, sign_digest
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.quorum import verify_quorum
from tests.unit.proofs.committees import KEYS, STRANGER_KEY, addresses, sign_all

DIGEST = keccak256(b"what the quorum signs")
MEMBERS = addresses(KEYS)


def refuse(signatures: tuple[bytes, ...], threshold: int = 3) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_quorum(DIGEST, MEMBERS, threshold, signatures)
    return refusal.value.reason


@pytest.mark.parametrize(
    "chosen", [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)], ids=str
)
def test_verify_quorum_returns_signers_when_enough_members_signed(chosen: tuple[int, ...]) -> None:
    keys = [KEYS[index] for index in chosen]
    assert verify_quorum(DIGEST, MEMBERS, 3, sign_all(DIGEST, keys)) == addresses(keys)


def test_verify_quorum_refuses_when_signatures_are_too_few() -> None:
    assert refuse(()) == "quorum_too_small"
    assert refuse(sign_all(DIGEST, KEYS[:2])) == "quorum_too_small"
    assert refuse((), threshold=0) == "quorum_too_small"


def test_verify_quorum_refuses_when_signatures_outnumber_members() -> None:
    assert refuse(sign_all(DIGEST, (*KEYS, KEYS[3]))) == "quorum_too_large"


def test_verify_quorum_refuses_when_a_signer_is_repeated_or_out_of_order() -> None:
    assert refuse(sign_all(DIGEST, (KEYS[0], KEYS[0], KEYS[1]))) == "signers_unsorted"
    assert refuse(sign_all(DIGEST, (KEYS[1], KEYS[0], KEYS[2]))) == "signers_unsorted"


def test_verify_quorum_refuses_when_a_signer_is_no_member_even_beyond_the_threshold() -> None:
    assert refuse(sign_all(DIGEST, (*KEYS[:2], STRANGER_KEY))) == "signer_unknown"
    assert refuse(sign_all(DIGEST, (*KEYS[:3], STRANGER_KEY))) == "signer_unknown"


def test_verify_quorum_refuses_when_one_signed_something_else() -> None:
    other = sign_digest(KEYS[2], keccak256(b"other content"))
    assert refuse((*sign_all(DIGEST, KEYS[:2]), other)) == "signer_unknown"


def test_verify_quorum_refuses_when_a_signature_is_malleable_or_broken() -> None:
    good = sign_all(DIGEST, KEYS[:3])
    s = int.from_bytes(good[2][32:64])
    twin = good[2][:32] + (GROUP_ORDER - s).to_bytes(32) + bytes((55 - good[2][64],))
    assert refuse((*good[:2], twin)) == "signature_malleable"
    assert refuse((*good[:2], good[2][:64])) == "signature_invalid"
    assert refuse((*good[:2], bytes(65))) == "signature_invalid"
