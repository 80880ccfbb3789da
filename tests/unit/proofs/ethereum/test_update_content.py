"""What an update carries, each part broken alone: branches, committees, signatures, blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.proofs.ethereum.bls import derive_public_key
from clearinghouse.proofs.ethereum.containers import (
    LightClientHeader,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork
from clearinghouse.proofs.ethereum.signing import signing_root
from clearinghouse.proofs.ethereum.updates import apply_update, validate_update
from tests.unit.proofs.ethereum.chain import (
    CURVE_ORDER,
    FIRST_SLOT,
    NETWORK,
    filler,
    header_at,
    resigned,
    sign_header,
    signers_of,
    state_at,
    store_at,
    update_at,
)
from tests.unit.proofs.ethereum.test_updates import (
    ATTESTED,
    BASE,
    HELD,
    NOW,
    START,
    refuse,
    slot_of,
    take,
)

# -- finality -----------------------------------------------------------------------------------


def test_verify_update_refuses_when_nothing_is_final() -> None:
    optimistic = replace(
        update_at(ATTESTED, with_committee=False), finalized_header=None, finality_branch=()
    )
    validate_update(NETWORK, HELD, optimistic, NOW)
    assert refuse(HELD, optimistic) == "update_not_final"


def test_verify_update_refuses_when_the_committee_it_brings_is_not_in_a_final_period() -> None:
    """Its branch is true, but the period it was drawn in could still be reorganised away."""
    store = store_at(BASE - 30, knows_next=True)
    update = update_at(BASE + 8, finalized_slot=BASE - 30)
    validate_update(NETWORK, store, update, NOW)
    assert refuse(store, update) == "update_not_final"
    unseen = replace(update_at(ATTESTED), finalized_header=None, finality_branch=())
    validate_update(NETWORK, HELD, unseen, NOW)
    assert refuse(HELD, unseen) == "update_not_final"


def test_verify_update_refuses_when_a_finalized_header_has_no_branch() -> None:
    update = update_at(ATTESTED)
    for branch in ((), (ZERO_HASH,) * 7):
        assert refuse(HELD, replace(update, finality_branch=branch)) == "finalized_header_unproven"


def test_verify_update_refuses_when_the_finalized_header_is_another() -> None:
    update = update_at(ATTESTED)
    other = header_at(ATTESTED - 16, label="another block")
    assert refuse(HELD, replace(update, finalized_header=other)) == "finality_branch_invalid"


def test_validate_update_passes_when_nothing_was_ever_final() -> None:
    """Before the first finality the state holds a zero root, and the header is empty."""
    slot = FIRST_SLOT[Fork.ALTAIR] + 6
    update = first_update(slot)
    store = store_at(slot - 4)
    validate_update(NETWORK, store, update, NOW)
    assert refuse(store, update) == "update_not_final"
    pretended = header_at(FIRST_SLOT[Fork.ALTAIR])
    genesis = replace(pretended, beacon=replace(pretended.beacon, slot=0))
    assert refuse(store, replace(update, finalized_header=genesis)) == "genesis_header_not_empty"
    assert refuse(store, replace(update, finalized_header=pretended)) == "finality_branch_invalid"


def first_update(slot: int) -> LightClientUpdate:
    state = state_at(slot, None)
    rules = NETWORK.rules_at(slot)
    attested = header_at(slot, state)
    return LightClientUpdate(
        attested_header=attested,
        sync_aggregate=sign_header(NETWORK, attested.beacon, slot + 1),
        signature_slot=slot + 1,
        finality_branch=state.branch(rules.finalized_root),
    )


# -- the next committee -------------------------------------------------------------------------


def foreign_committee() -> SyncCommittee:
    return signers_of(99).committee


def test_verify_update_refuses_when_a_next_committee_has_no_branch() -> None:
    """A committee that somebody names without proof would sign whatever they like."""
    update = replace(update_at(ATTESTED, with_committee=False))
    forged = replace(update, next_sync_committee=foreign_committee())
    assert refuse(HELD, forged) == "next_sync_committee_unproven"
    padded = replace(forged, next_sync_committee_branch=(ZERO_HASH,) * 6)
    assert refuse(HELD, padded) == "next_sync_committee_unproven"


def test_verify_update_refuses_when_the_next_committee_is_another() -> None:
    update = replace(update_at(ATTESTED), next_sync_committee=foreign_committee())
    assert refuse(HELD, update) == "next_sync_committee_branch_invalid"


def test_verify_update_refuses_when_the_branch_of_a_next_committee_lacks_it() -> None:
    update = replace(update_at(ATTESTED), next_sync_committee=None)
    assert refuse(HELD, update) == "next_sync_committee_missing"


def test_verify_update_refuses_when_the_next_committee_is_of_another_size() -> None:
    committee = signers_of(99).committee
    small = replace(committee, public_keys=committee.public_keys[:16])
    assert refuse(HELD, replace(update_at(ATTESTED), next_sync_committee=small)) == (
        "committee_size_wrong"
    )


def test_verify_update_refuses_when_the_known_next_committee_changes() -> None:
    store = store_at(START, knows_next=True)
    assert refuse(store, update_at(ATTESTED, following=foreign_committee())) == (
        "next_sync_committee_conflict"
    )


def test_verify_update_refuses_when_the_current_committee_is_given_for_the_next() -> None:
    """It stands beside the next one in the state: a branch to it is one bit of the index away."""
    state = state_at(ATTESTED, header_at(ATTESTED - 16))
    rules = NETWORK.rules_at(ATTESTED)
    update = replace(
        update_at(ATTESTED),
        next_sync_committee=HELD.current_sync_committee,
        next_sync_committee_branch=state.branch(rules.current_sync_committee),
    )
    assert refuse(HELD, update) == "next_sync_committee_branch_invalid"


# -- branches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["finality_branch", "next_sync_committee_branch"])
def test_verify_update_refuses_when_a_branch_is_filled_up_with_other_than_zero(name: str) -> None:
    update = update_at(ATTESTED)
    honest = getattr(update, name)
    assert slot_of(take(HELD, replace(update, **{name: (ZERO_HASH, ZERO_HASH, *honest)}))) == (
        START + 4
    )
    for padding in ((filler(1),), (filler(1), ZERO_HASH), (ZERO_HASH, filler(1))):
        changed = replace(update, **{name: (*padding, *honest)})
        assert refuse(HELD, changed) == "branch_padding_not_zero"
    shifted = replace(update, **{name: (*honest, ZERO_HASH)})
    assert refuse(HELD, shifted) == "branch_padding_not_zero"
    assert refuse(HELD, replace(update, **{name: (ZERO_HASH,) * 100 + honest})) == (
        "branch_length_wrong"
    )
    assert refuse(HELD, replace(update, **{name: honest[1:]})) == "branch_length_wrong"


@pytest.mark.parametrize(
    ("fork", "rules_of", "reason"),
    [
        (Fork.ELECTRA, Fork.DENEB, "branch_length_wrong"),
        (Fork.DENEB, Fork.ELECTRA, "branch_padding_not_zero"),
        (Fork.GLOAS, Fork.FULU, "branch_length_wrong"),
        (Fork.FULU, Fork.GLOAS, "branch_padding_not_zero"),
    ],
)
def test_verify_update_refuses_when_branches_follow_another_fork(
    fork: Fork, rules_of: Fork, reason: str
) -> None:
    """A state with the right leaves at another fork's places, truly signed."""
    slot = FIRST_SLOT[fork] + 6
    finalized = header_at(slot - 3)
    elsewhere = replace(
        NETWORK,
        activations=tuple(
            replace(entry, rules=STANDARD_RULES[rules_of]) if entry.fork == fork else entry
            for entry in NETWORK.activations
        ),
    )
    state = state_at(slot, finalized, network=elsewhere)
    update = update_at(slot, finalized_slot=slot - 3)
    beacon = replace(update.attested_header.beacon, state_root=state.root)
    rules = STANDARD_RULES[rules_of]
    moved = resigned(
        replace(
            update,
            attested_header=replace(update.attested_header, beacon=beacon),
            finality_branch=state.branch(rules.finalized_root),
            next_sync_committee_branch=state.branch(rules.next_sync_committee),
        )
    )
    assert refuse(store_at(slot - 4), moved) == reason


# -- signatures ---------------------------------------------------------------------------------


def test_verify_update_refuses_when_it_was_signed_for_another_network() -> None:
    other = replace(NETWORK, genesis_validators_root=filler("other validators"))
    assert refuse(HELD, update_at(ATTESTED, network=other)) == "bls_signature_wrong"


def test_verify_update_refuses_when_another_committee_signed() -> None:
    update = update_at(ATTESTED, signers=signers_of(99))
    assert refuse(HELD, update) == "bls_signature_wrong"


def test_verify_update_refuses_when_the_signature_is_over_another_header() -> None:
    update = update_at(ATTESTED)
    other = header_at(ATTESTED, label="another block").beacon
    assert signing_root(NETWORK, other, ATTESTED + 1) != (
        signing_root(NETWORK, update.attested_header.beacon, ATTESTED + 1)
    )
    changed = replace(update, sync_aggregate=sign_header(NETWORK, other, ATTESTED + 1))
    assert refuse(HELD, changed) == "bls_signature_wrong"


def test_verify_update_refuses_when_the_committees_keys_cancel_each_other() -> None:
    """A sum of infinity would be verified by any signature that is infinity."""
    own = signers_of(NETWORK.period_at(START))
    secrets = (*own.secrets[:31], -sum(own.secrets[:31]) % CURVE_ORDER)
    keys = tuple(map(derive_public_key, secrets))
    committee = replace(own.committee, public_keys=keys)
    store = replace(HELD, current_sync_committee=committee)
    assert refuse(store, update_at(ATTESTED)) == "bls_public_key_invalid"


# -- execution ----------------------------------------------------------------------------------


def test_verify_update_refuses_when_an_execution_part_is_changed_in_either_header() -> None:
    update = update_at(ATTESTED)
    for name in ("attested_header", "finalized_header"):
        header = getattr(update, name)
        forged = replace(header.execution, state_root=filler("a state of my own"))
        changed = replace(update, **{name: replace(header, execution=forged)})
        assert refuse(HELD, changed) == "execution_branch_invalid"
        bare = replace(update, **{name: replace(header, execution=None)})
        assert refuse(HELD, bare) == "execution_missing"


def test_apply_update_complains_when_the_update_was_never_verified() -> None:
    with pytest.raises(ValueError, match="verified"):
        apply_update(NETWORK, HELD, replace(update_at(ATTESTED), finalized_header=None))


def test_verify_update_refuses_when_headers_are_from_before_altair() -> None:
    store = store_at(FIRST_SLOT[Fork.ALTAIR])
    early = LightClientHeader(replace(store.finalized_header.beacon, slot=10))
    update = update_at(FIRST_SLOT[Fork.ALTAIR] + 20)
    assert refuse(store, replace(update, finalized_header=early)) == "fork_unsupported"
