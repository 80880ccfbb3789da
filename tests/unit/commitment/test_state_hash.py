"""One hash for a state: equal states agree, and nothing that matters is left out of it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from clearinghouse.book.entries import FinalityViolated, GenesisRecorded, VenueRegistered
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.commitment.state_hash import state_hash
from tests.builders import ALICE, BOB, HOME, OTHER_VENUE, VENUE, build_genesis


def test_state_hash_is_the_same_when_mappings_were_filled_in_another_order() -> None:
    hashes = []
    for venues in ((VENUE, OTHER_VENUE), (OTHER_VENUE, VENUE)):
        state = State()
        apply(state, GenesisRecorded(build_genesis()))
        for venue in venues:
            apply(state, VenueRegistered(venue.address, "a venue"))
        state.used_releases |= {Hash32(venue.address + bytes(12)) for venue in venues}
        hashes.append(state_hash(state))
    assert hashes[0] == hashes[1]


def test_state_hash_differs_when_integers_differ_beyond_64_bits() -> None:
    states = [State(fill_count=2**64), State(fill_count=2**64 + 1), State(fill_count=-(2**64))]
    assert len({state_hash(state) for state in states}) == 3


def test_state_hash_differs_when_an_entry_was_applied() -> None:
    state = State()
    hashes = [state_hash(state)]
    for entry in (
        GenesisRecorded(build_genesis()),
        VenueRegistered(VENUE.address, "a venue"),
        VenueRegistered(VENUE.address, "renamed"),
        FinalityViolated(HOME, "two blocks of one height"),
    ):
        apply(state, entry)
        hashes.append(state_hash(state))
    assert len(set(hashes)) == 5


@pytest.mark.parametrize("name", [field.name for field in fields(State)])
def test_state_hash_covers_field_when_it_changes(name: str) -> None:
    changed = State()
    value = getattr(changed, name)
    if isinstance(value, dict):
        value[ALICE.address] = BOB.address
    elif isinstance(value, set):
        value.add(ALICE.address)
    elif isinstance(value, list):
        value.append(ALICE.address)
    else:
        setattr(changed, name, "changed")
    assert state_hash(changed) != state_hash(State())
