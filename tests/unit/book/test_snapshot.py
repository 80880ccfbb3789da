"""States as bytes: nothing is lost, equal states are equal bytes, other bytes are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import msgspec
import pytest

from clearinghouse.book import snapshot
from clearinghouse.book.account_table import AccountTable
from clearinghouse.book.snapshot import decode_state, encode_state
from clearinghouse.book.state import State
from clearinghouse.intake.replay import replay
from tests.builders import ALICE, CAROL, DAVE, HOME, SPOKE, USD
from tests.ledger import facts, filled
from tests.unit.book.states import CHANGES, DERIVED, build_full_state, full_journal


def test_state_comes_back_as_it_was_when_nothing_is_empty() -> None:
    state = build_full_state()
    restored = decode_state(encode_state(state))
    assert facts(restored) == facts(state)
    assert filled(restored) == filled(state)
    for name in ("genesis", "sequence", "head", "halted", "instruments", "venues", "venue_rows",
                 "positions", "early_limits", "batches", "fill_count", "used_releases",
                 "settlements", "open_settlements", "in_flight", "last_committed",
                 "cycle"):  # fmt: skip
        assert getattr(restored, name) == getattr(state, name), name
    assert restored.orders.numbers == state.orders.numbers
    assert restored.mandates.in_force == state.mandates.in_force
    assert restored.cut is not None
    assert state.cut is not None
    assert (restored.cut.quantities == state.cut.quantities).all()
    assert (restored.cut.bases == state.cut.bases).all()
    assert list(restored.releases) == list(state.releases), "in the order of acceptance"
    for member, vault in ((ALICE, (HOME, USD)), (CAROL, (SPOKE, USD)), (DAVE, (SPOKE, USD))):
        limit = state.find_limit(member.address, vault)
        assert limit is not None
        assert restored.find_limit(member.address, vault) == limit


def test_encoding_is_the_same_when_a_state_was_restored_at_any_entry() -> None:
    states = [State()]
    for record in full_journal():
        states.append(replay([record], decode_state(encode_state(states[-1]))))
    assert encode_state(states[-1]) == encode_state(build_full_state())
    encodings = [encode_state(state) for state in states]
    assert len(set(encodings)) == len(encodings)
    assert [encode_state(decode_state(encoding)) for encoding in encodings] == encodings


@pytest.mark.parametrize("name", CHANGES)
def test_change_survives_when_the_state_is_restored(name: str) -> None:
    state = build_full_state()
    change: Callable[[State], None] = CHANGES[name]
    change(state)
    encoding = encode_state(state)
    assert encode_state(decode_state(encoding)) == encoding


def test_changes_touch_every_field_of_a_state() -> None:
    """A field that is added to the state and forgotten in the encoding must not stay unnoticed."""
    touched = set()
    for change in CHANGES.values():
        state, changed = build_full_state(), build_full_state()
        change(changed)
        for field in fields(State):
            if _values(getattr(state, field.name)) != _values(getattr(changed, field.name)):
                touched.add(field.name)
    assert touched | DERIVED == {field.name for field in fields(State)}


def _values(value: object) -> object:
    """Return what a table or mapping holds, in values that compare."""
    if isinstance(value, dict | set | list | State) or not hasattr(value, "__dict__"):
        return repr(value) if isinstance(value, dict | set | list) else _plain(value)
    names = vars(AccountTable()) if isinstance(value, AccountTable) else vars(value)
    return {name: _plain(getattr(value, name)) for name in names}


def _plain(value: object) -> object:
    if hasattr(value, "tobytes"):
        return value.tobytes()
    if hasattr(value, "__slots__") and not isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    return repr(value)


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x90", b"{}", b"snapshot"])
def test_decode_raises_when_the_bytes_are_no_state(payload: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        decode_state(payload)


def test_decode_raises_when_another_release_wrote_it(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = encode_state(build_full_state())
    monkeypatch.setattr(snapshot, "ENCODING", snapshot.ENCODING + 1)
    with pytest.raises(ValueError, match="encoding"):
        decode_state(payload)


def test_decode_raises_when_bytes_are_missing_at_the_end() -> None:
    payload = encode_state(build_full_state())
    for length in range(0, len(payload), 997):
        with pytest.raises((msgspec.DecodeError, ValueError)):
            decode_state(payload[:length])
