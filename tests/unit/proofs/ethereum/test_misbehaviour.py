"""Two signed updates that cannot both be true, and pairs that only look like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.ethereum.misbehaviour import (
    Misbehaviour,
    verify_contradiction,
    verify_misbehaviour,
)
from clearinghouse.proofs.ethereum.store import LightClientStore
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    NETWORK,
    PERIOD,
    header_at,
    signers_of,
    store_at,
    update_at,
)

START = FIRST_SLOT[Fork.FULU] + 2
ATTESTED = START + 20
STORE = store_at(START)
NOW = 10_000


def judge(
    first: LightClientUpdate, second: LightClientUpdate, store: LightClientStore = STORE
) -> Misbehaviour:
    found = verify_misbehaviour(NETWORK, store, first, second, NOW)
    assert verify_misbehaviour(NETWORK, store, second, first, NOW) == found
    return found


def acquit(
    first: LightClientUpdate, second: LightClientUpdate, store: LightClientStore = STORE
) -> str:
    reasons = set()
    for pair in ((first, second), (second, first)):
        with pytest.raises(ProofInvalid) as refusal:
            verify_misbehaviour(NETWORK, store, *pair, NOW)
        reasons.add(refusal.value.reason)
    (reason,) = reasons
    return reason


def test_verify_misbehaviour_convicts_when_two_blocks_of_one_slot_are_final() -> None:
    first = update_at(ATTESTED)
    second = update_at(ATTESTED + 1, finalized_slot=ATTESTED - 16, label="another block")
    assert judge(first, second) == Misbehaviour.FINALIZED_HEADER


def test_verify_misbehaviour_convicts_when_two_blocks_of_one_slot_are_attested() -> None:
    first, second = update_at(ATTESTED), update_at(ATTESTED, finalized_slot=ATTESTED - 15)
    assert judge(first, second) == Misbehaviour.ATTESTED_HEADER


def test_verify_misbehaviour_convicts_when_a_period_gets_two_next_committees() -> None:
    first = update_at(ATTESTED)
    second = update_at(ATTESTED + 3, following=signers_of(99).committee)
    assert judge(first, second) == Misbehaviour.NEXT_SYNC_COMMITTEE


def test_verify_misbehaviour_convicts_when_the_evidence_is_older_than_the_store() -> None:
    """Updates that bring nothing any more still show who signed them."""
    store = store_at(ATTESTED + 8, knows_next=True)
    first = update_at(ATTESTED)
    second = update_at(ATTESTED + 1, finalized_slot=ATTESTED - 16, label="another block")
    assert judge(first, second, store) == Misbehaviour.FINALIZED_HEADER


def test_verify_misbehaviour_acquits_when_updates_agree() -> None:
    update = update_at(ATTESTED)
    assert acquit(update, update) == "not_misbehaviour"
    assert acquit(update, update_at(ATTESTED + 4)) == "not_misbehaviour"
    assert acquit(update, update_at(ATTESTED, with_committee=False)) == "not_misbehaviour"
    again = update_at(ATTESTED, signature_slot=ATTESTED + 2, places=range(25))
    assert acquit(update, again) == "not_misbehaviour"


def test_verify_misbehaviour_acquits_when_committees_are_of_different_periods() -> None:
    store = store_at(START, knows_next=True)
    assert acquit(update_at(ATTESTED), update_at(ATTESTED + PERIOD), store) == "not_misbehaviour"


def test_verify_misbehaviour_refuses_when_less_than_two_thirds_signed_one_side() -> None:
    first = update_at(ATTESTED)
    second = update_at(ATTESTED, finalized_slot=ATTESTED - 15, places=range(21))
    assert acquit(first, second) == "participation_below_two_thirds"


def test_verify_misbehaviour_refuses_when_one_side_is_not_signed_by_the_committee() -> None:
    """Nobody freezes a client by inventing the other side."""
    first = update_at(ATTESTED)
    forged = update_at(ATTESTED, finalized_slot=ATTESTED - 15, signers=signers_of(99))
    assert acquit(first, forged) == "bls_signature_wrong"
    unproven = replace(first, finalized_header=header_at(ATTESTED - 16, label="invented"))
    assert acquit(first, unproven) == "finality_branch_invalid"
    future = update_at(NOW, finalized_slot=ATTESTED - 16, label="another block")
    assert acquit(first, future) == "signature_slot_in_future"


def test_verify_misbehaviour_refuses_when_the_committee_is_forgotten() -> None:
    late = store_at(START + 3 * PERIOD, knows_next=True)
    second = update_at(ATTESTED, finalized_slot=ATTESTED - 15)
    assert acquit(update_at(ATTESTED), second, late) == "committee_unknown"


def test_verify_contradiction_convicts_when_an_update_contradicts_the_store() -> None:
    store = store_at(ATTESTED - 16, knows_next=True)
    fork = update_at(ATTESTED, label="another block")
    assert verify_contradiction(NETWORK, store, fork, NOW) == Misbehaviour.FINALIZED_HEADER
    usurped = update_at(ATTESTED, following=signers_of(99).committee)
    assert verify_contradiction(NETWORK, store, usurped, NOW) == Misbehaviour.NEXT_SYNC_COMMITTEE


def test_verify_contradiction_acquits_when_the_update_agrees_or_is_not_signed() -> None:
    store = store_at(ATTESTED - 16, knows_next=True)
    for update, reason in (
        (update_at(ATTESTED), "not_misbehaviour"),
        (update_at(ATTESTED + PERIOD), "not_misbehaviour"),
        (update_at(ATTESTED, label="x", signers=signers_of(99)), "bls_signature_wrong"),
        (update_at(ATTESTED, label="x", places=range(21)), "participation_below_two_thirds"),
    ):
        with pytest.raises(ProofInvalid) as refusal:
            verify_contradiction(NETWORK, store, update, NOW)
        assert refusal.value.reason == reason
