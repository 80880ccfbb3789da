"""One hash for a state: equal states agree, and nothing that matters is left out of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clearinghouse.book.entries import FinalityViolated, GenesisRecorded, VenueRegistered
from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.commitment.state_hash import state_hash
from tests.builders import HOME, OTHER_VENUE, SPOKE, VENUE, build_genesis
from tests.unit.book.states import CHANGES, build_full_state


@pytest.fixture(scope="module")
def full_hash() -> Hash32:
    return state_hash(build_full_state())


def test_state_hash_is_the_same_when_mappings_were_filled_in_another_order(
    full_hash: Hash32,
) -> None:
    state = build_full_state()
    for limits in state.early_limits.values():
        backwards = list(reversed(limits.items()))
        limits.clear()
        limits.update(backwards)
    for name in ("deposits", "used_releases", "legs", "leg_hashes", "positions"):
        value = getattr(state, name)
        backwards = list(reversed(value.items() if isinstance(value, dict) else list(value)))
        assert len(backwards) > 1, name
        setattr(state, name, type(value)(backwards))
    mandates = state.mandates.in_force
    state.mandates.in_force = dict(reversed(mandates.items()))
    for use in mandates.values():
        use.used_notional = dict(reversed(use.used_notional.items()))
    for record in state.settlements.values():
        record.phases = dict(reversed(record.phases.items()))
        record.heights = dict(reversed(record.heights.items()))
    assert state_hash(state) == full_hash


def test_state_hash_differs_when_venues_came_in_another_order() -> None:
    """Rows of orders name venues by their number, so their order is a part of the state."""
    hashes = []
    for venues in ((VENUE, OTHER_VENUE), (OTHER_VENUE, VENUE)):
        state = State()
        apply(state, GenesisRecorded(build_genesis()))
        for venue in venues:
            apply(state, VenueRegistered(venue.address, "a venue"))
        hashes.append(state_hash(state))
    assert hashes[0] != hashes[1]


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


@pytest.mark.parametrize("name", CHANGES)
def test_state_hash_covers_what_changes(name: str, full_hash: Hash32) -> None:
    changed = build_full_state()
    change: Callable[[State], None] = CHANGES[name]
    change(changed)
    assert state_hash(changed) != full_hash


def test_state_hash_is_not_of_the_room_that_tables_have_left(full_hash: Hash32) -> None:
    state = build_full_state()
    state.accounts.reserve(500)
    state.holdings.reserve(500, 500)
    assert state_hash(state) == full_hash
    assert SPOKE in state.leg_hashes
