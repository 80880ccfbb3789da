"""One hash for a whole state, so that two replays can be compared in a line."""

from __future__ import annotations

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.snapshot import encode_state
from clearinghouse.book.state import State
from clearinghouse.commitment.keccak import keccak256


def state_hash(state: State) -> Hash32:
    """Return the hash of everything in the state; equal states have equal encodings."""
    return keccak256(encode_state(state))
