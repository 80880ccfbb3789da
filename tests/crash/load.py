"""The load of the crash tests: numbered batches, each the same whoever sends it, and their sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.orders import Fill, FillBatch, Side, SignedOrder
from clearinghouse.commitment.keccak import keccak256
from tests.builders import ALICE, BOB, build_order, hash_of, sign_batch, sign_order

IN_FLIGHT_MAX = 24
"""Batches that a writer has sent and not heard of."""
PRICE = 5_000
FUNDED_QUANTA = 10**15
"""So that margin never refuses: every batch is admitted whole, once."""

Submission = tuple[FillBatch, Sequence[SignedOrder], bytes]


def batch_id(number: int) -> Hash32:
    """Return the id of a batch, by which a repetition is known."""
    return keccak256(b"batch" + number.to_bytes(8, "big"))


def quantity(number: int) -> int:
    """Return what Alice buys of Bob with a batch; negative where she sells."""
    return (1 + number % 7) * (-1) ** (number % 2)


def build_submission(number: int) -> Submission:
    """Return batch ``number``: one fill of two orders that allow exactly it."""
    lots = abs(quantity(number))
    buyer, seller = (ALICE, BOB) if quantity(number) > 0 else (BOB, ALICE)
    buy = sign_order(buyer, build_order(buyer, Side.BUY, lots, PRICE, nonce=number))
    sell = sign_order(seller, build_order(seller, Side.SELL, lots, PRICE, nonce=number))
    fill = Fill(hash_of(buy), hash_of(sell), lots, lots * PRICE)
    batch, signature = sign_batch([fill], batch_id(number))
    return batch, [buy, sell], signature


def expected_holding(numbers: Iterable[int]) -> tuple[int, int]:
    """Return Alice's (quantity, basis) after these batches, each once."""
    lots = sum(quantity(number) for number in numbers)
    return lots, lots * PRICE
