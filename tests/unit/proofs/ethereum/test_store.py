"""Where a client begins: one trusted root, and what it proves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientBootstrap
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork
from clearinghouse.proofs.ethereum.store import find_committee, verify_bootstrap
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    NETWORK,
    PERIOD,
    bootstrap_at,
    filler,
    signers_of,
    store_at,
)

SLOT = FIRST_SLOT[Fork.FULU] + 5
BOOTSTRAP = bootstrap_at(SLOT)
ROOT = BOOTSTRAP.header.beacon.root()


def refuse(bootstrap: LightClientBootstrap, root: Hash32 = ROOT) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_bootstrap(NETWORK, root, bootstrap)
    return refusal.value.reason


@pytest.mark.parametrize("fork", list(STANDARD_RULES))
def test_verify_bootstrap_passes_when_the_block_is_of(fork: Fork) -> None:
    bootstrap = bootstrap_at(FIRST_SLOT[fork])
    store = verify_bootstrap(NETWORK, bootstrap.header.beacon.root(), bootstrap)
    assert store.finalized_header == bootstrap.header
    assert store.current_sync_committee == bootstrap.current_sync_committee
    assert store.next_sync_committee is None


@pytest.mark.parametrize("root", [ZERO_HASH, filler("another root")])
def test_verify_bootstrap_refuses_when_the_trusted_root_is_another(root: Hash32) -> None:
    assert refuse(BOOTSTRAP, root) == "trusted_root_mismatch"


def test_verify_bootstrap_refuses_when_the_committee_is_another() -> None:
    forged = replace(BOOTSTRAP, current_sync_committee=signers_of(99).committee)
    assert refuse(forged) == "current_sync_committee_branch_invalid"
    keys = BOOTSTRAP.current_sync_committee.public_keys
    short = replace(BOOTSTRAP.current_sync_committee, public_keys=keys[:31])
    assert refuse(replace(BOOTSTRAP, current_sync_committee=short)) == "committee_size_wrong"
    aggregate = signers_of(99).committee.aggregate_public_key
    mixed = replace(BOOTSTRAP.current_sync_committee, aggregate_public_key=aggregate)
    assert refuse(replace(BOOTSTRAP, current_sync_committee=mixed)) == (
        "current_sync_committee_branch_invalid"
    )


def test_verify_bootstrap_refuses_when_the_next_committee_is_given_for_the_current() -> None:
    following = signers_of(NETWORK.period_at(SLOT) + 1).committee
    forged = replace(BOOTSTRAP, current_sync_committee=following)
    assert refuse(forged) == "current_sync_committee_branch_invalid"


def test_verify_bootstrap_refuses_when_branches_are_missing_or_padded() -> None:
    branch = BOOTSTRAP.current_sync_committee_branch
    assert refuse(replace(BOOTSTRAP, current_sync_committee_branch=())) == "branch_length_wrong"
    padded = (filler(1), *branch)
    assert refuse(replace(BOOTSTRAP, current_sync_committee_branch=padded)) == (
        "branch_padding_not_zero"
    )
    bare = replace(BOOTSTRAP.header, execution_branch=())
    assert refuse(replace(BOOTSTRAP, header=bare)) == "branch_length_wrong"


def test_find_committee_knows_two_periods_at_most() -> None:
    store = store_at(SLOT, knows_next=True)
    first = SLOT // PERIOD * PERIOD
    assert find_committee(NETWORK, store, first) == store.current_sync_committee
    assert find_committee(NETWORK, store, first + PERIOD - 1) == store.current_sync_committee
    assert find_committee(NETWORK, store, first + PERIOD) == store.next_sync_committee
    for unknown in (first - 1, first + 2 * PERIOD, 0):
        assert find_committee(NETWORK, store, unknown) is None
    assert find_committee(NETWORK, store_at(SLOT), first + PERIOD) is None
