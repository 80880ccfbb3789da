"""Commands to a sequencer: matches of two members, failures, a writer that waits."""

from __future__ import annotations

import pytest

from clearinghouse.book.orders import Fill, Side, SignedOrder
from clearinghouse.errors import ClearingError
from tests.builders import (
    ALICE,
    BOB,
    WAIT_SECONDS,
    Clearing,
    account,
    build_order,
    hash_of,
    sign_order,
)


def match(clearing: Clearing, quantity: int = 1) -> tuple[Fill, list[SignedOrder]]:
    """Return a fill of two new orders of Alice and Bob at 100."""
    nonce = clearing.number()
    orders = [
        sign_order(member, build_order(member, side, quantity, 100, nonce=nonce))
        for member, side in ((ALICE, Side.BUY), (BOB, Side.SELL))
    ]
    return Fill(hash_of(orders[0]), hash_of(orders[1]), quantity, 100 * quantity), orders


def failure(clearing: Clearing, command: object) -> ClearingError:
    with pytest.raises(ClearingError) as caught:
        clearing.get(command)  # type: ignore[arg-type]
    return caught.value


def hold(clearing: Clearing) -> None:
    """Make the writer wait inside its next append until ``journal.open`` is set."""
    clearing.journal.open.clear()
    clearing.journal.entered.clear()
    clearing.sequencer.register_venue(account(f"v{clearing.number()}").address, "holds the writer")
    assert clearing.journal.entered.wait(WAIT_SECONDS)


def assert_equals_replay(clearing: Clearing) -> None:
    expected = clearing.hash()
    again = Clearing(clearing.journal)
    assert again.hash() == expected
    again.close()
