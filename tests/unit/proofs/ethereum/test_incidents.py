"""What went wrong with light clients elsewhere, tried on the Python verifier; named after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.execution import to_verified_header
from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.ethereum.store import LightClientStore, verify_bootstrap
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from tests.unit.proofs.ethereum.bad_updates import NOW_SLOT, SLOT, TAKEN
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    NETWORK,
    PERIOD,
    bootstrap_at,
    header_at,
    signers_of,
    store_at,
    update_at,
)

HELD = store_at(SLOT - 20)


def refuse(update: LightClientUpdate, store: LightClientStore = HELD) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(NETWORK, store, update, NOW_SLOT)
    return refusal.value.reason


def test_nomad_2022_zero_is_nothing_that_was_ever_trusted() -> None:
    """An initialiser had made the zero root an accepted one: whatever was not proven, passed."""
    with pytest.raises(ProofInvalid) as refusal:
        verify_bootstrap(NETWORK, ZERO_HASH, bootstrap_at(SLOT))
    assert refusal.value.reason == "trusted_root_mismatch"
    header = header_at(SLOT)
    for name, zero in (("block_number", 0), ("state_root", ZERO_HASH), ("block_hash", ZERO_HASH)):
        empty = replace(header, execution=replace(header.execution, **{name: zero}))  # type: ignore[type-var]
        with pytest.raises(ProofInvalid) as refused:
            to_verified_header(NETWORK, empty)
        assert refused.value.reason == "header_zero"
    without = replace(TAKEN, finalized_header=None, finality_branch=(ZERO_HASH,) * 7)
    assert refuse(replace(without, next_sync_committee=None, next_sync_committee_branch=())) == (
        "update_not_final"
    )


def test_sp1_helios_ghsa_83q5_vwj7_gxww_next_committee_needs_a_proof_of_its_own() -> None:
    """The prover's word for the next committee was committed where no update came with it."""
    forged = signers_of(9).committee
    claimed = replace(TAKEN, next_sync_committee=forged)
    assert refuse(claimed) == "next_sync_committee_branch_invalid"
    assert refuse(replace(claimed, next_sync_committee_branch=())) == "next_sync_committee_unproven"
    zeros = (ZERO_HASH,) * 6
    assert refuse(replace(claimed, next_sync_committee_branch=zeros)) in (
        "next_sync_committee_unproven",
        "next_sync_committee_branch_invalid",
    )
    bare = update_at(SLOT, with_committee=False)
    verify_update(NETWORK, HELD, bare, NOW_SLOT)
    assert apply_update(NETWORK, HELD, bare).next_sync_committee is None


def test_telepathy_another_root_never_replaces_the_one_that_is_held() -> None:
    store = apply_update(NETWORK, HELD, TAKEN)
    other = update_at(SLOT + 1, finalized_slot=SLOT - 16, label="fork", with_committee=False)
    assert refuse(other, store) == "update_not_final"


def test_telepathy_indices_are_of_the_headers_fork_and_the_committee_of_the_signature() -> None:
    """Hard-coded 105, 55 and 402 ended at Deneb and Electra; the period came from another slot."""
    for fork in (Fork.DENEB, Fork.ELECTRA):
        slot = FIRST_SLOT[fork] + 17
        verify_update(NETWORK, store_at(slot - 20), update_at(slot), NOW_SLOT)
    last = 6 * PERIOD - 1
    over = update_at(last, signature_slot=last + 1, with_committee=False)
    verify_update(NETWORK, store_at(last - 20, knows_next=True), over, NOW_SLOT)
    by_old = update_at(last, signature_slot=last + 1, signers=signers_of(5), with_committee=False)
    assert refuse(by_old, store_at(last - 20, knows_next=True)) == "bls_signature_wrong"


def test_update_on_a_timeout_is_none_however_long_finality_is_missing() -> None:
    """The specification's forced update takes an attested header for a final one."""
    attested = replace(
        update_at(SLOT), finalized_header=None, finality_branch=(), next_sync_committee=None
    )
    attested = replace(attested, next_sync_committee_branch=())
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(NETWORK, HELD, attested, SLOT + 10 * PERIOD)
    assert refusal.value.reason == "update_not_final"
