"""Applying entries: what each changes, and that none contradicts what was recorded before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from clearinghouse.book.entries import (
    BatchRecorded,
    DepositFinalised,
    FinalityViolated,
    GenesisRecorded,
    InstrumentListed,
    OrdersRecorded,
    RecordedOrder,
    ReleaseAccepted,
)
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.order_table import NO_ORDER
from clearinghouse.book.orders import Reason, Release, Side, SignedOrder
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply
from clearinghouse.errors import ClearingError, Corruption
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    EUR,
    HOME,
    INSTRUMENTS,
    NEVER,
    SPOKE,
    USD,
    VENUE,
    Clearing,
    build_genesis,
    build_order,
    hash_of,
    sign_order,
)
from tests.ledger import RecordedFill, batch_entry, filled
from tests.unit.book.entries import A_HASH, corruption, last

replace = msgspec.structs.replace


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.close()


# -- reference data and deposits ----------------------------------------------------------------


def test_genesis_opens_every_vault_when_applied() -> None:
    state = State()
    apply(state, GenesisRecorded(build_genesis()))
    assert set(state.deposits) == set(state.accounts.vault_rows)
    assert len(state.deposits) == 5


def test_get_genesis_raises_conflict_when_the_journal_is_empty() -> None:
    with pytest.raises(ClearingError) as caught:
        State().get_genesis()
    assert caught.value.reason == "genesis_missing"


def test_apply_raises_when_reference_data_is_recorded_twice(clearing: Clearing) -> None:
    assert corruption(clearing, GenesisRecorded(build_genesis())) == "genesis_twice"
    assert corruption(clearing, InstrumentListed(INSTRUMENTS[0])) == "instrument_twice"


def test_deposit_makes_a_member_when_it_is_the_first(clearing: Clearing) -> None:
    clearing.deposit(CAROL, 5, SPOKE)
    clearing.deposit(CAROL, 6, HOME)
    position = clearing.position(CAROL)
    assert position == 2
    assert clearing.read(lambda state: state.members[position]) == CAROL.address
    assert clearing.read(lambda state: state.collateral(position, USD)) == 11


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"index": 1}, "deposit_out_of_order"),
        ({"index": 3}, "deposit_out_of_order"),
        ({"total": 2**63}, "deposit_overflow"),
        ({"chain_id": ChainId(99)}, "entry_dangling"),
    ],
)
def test_apply_raises_when_deposit_does_not_follow(
    clearing: Clearing, change: dict[str, Any], reason: str
) -> None:
    following = replace(last(clearing, DepositFinalised), index=2)
    assert corruption(clearing, replace(following, **change)) == reason
    clearing.record(following)


def test_apply_raises_when_deposits_of_all_chains_overflow(clearing: Clearing) -> None:
    """A member's account adds them up, whatever chain they are on."""
    following = replace(last(clearing, DepositFinalised), chain_id=SPOKE, index=0)
    already = 2_000_000
    largest = replace(following, quanta=INT64_MAX - already, total=INT64_MAX - already)
    beyond = replace(largest, quanta=largest.quanta + 1, total=largest.total + 1)
    assert corruption(clearing, beyond) == "deposit_overflow"
    clearing.record(largest)
    bob = clearing.position(BOB)
    assert clearing.read(lambda s: s.collateral(bob, USD)) == INT64_MAX - already + 1_000_000
    clearing.deposit(ALICE, 5, SPOKE, EUR)


def test_apply_raises_when_positions_are_exhausted() -> None:
    class Full(list):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 2**32

    state = State()
    apply(state, GenesisRecorded(build_genesis()))
    state.members = Full()
    with pytest.raises(Corruption) as caught:
        apply(state, DepositFinalised(HOME, USD, 0, ALICE.address, 1, 1, A_HASH, 1, A_HASH))
    assert caught.value.reason == "positions_exhausted"


# -- releases and batches -----------------------------------------------------------------------


def test_apply_raises_when_release_is_taken_twice_or_by_nobody(clearing: Clearing) -> None:
    clearing.release(ALICE, 5)
    assert corruption(clearing, last(clearing, ReleaseAccepted)) == "release_twice"
    stranger = Release(CAROL.address, HOME, USD, 5, 1, NEVER)
    assert corruption(clearing, ReleaseAccepted(A_HASH, stranger, b"")) == "entry_dangling"


@pytest.fixture
def orders() -> list[tuple[Hash32, SignedOrder]]:
    """Orders 0 and 1 of the journal: Alice buys and Bob sells 10 lots."""
    signed = [
        sign_order(ALICE, build_order(ALICE, Side.BUY, 10, 100)),
        sign_order(BOB, build_order(BOB, Side.SELL, 10, 100)),
    ]
    return [(hash_of(order), order) for order in signed]


BUY, SELL = 0, 1


def test_apply_novates_fill_when_it_is_admitted(
    clearing: Clearing, orders: list[tuple[Hash32, SignedOrder]]
) -> None:
    fills = [RecordedFill(BUY, SELL, quantity, 50) for quantity in (1, 4)]
    refused = RecordedFill(BUY, SELL, 1, 1, Reason.MARGIN_INSUFFICIENT)
    sequence = clearing.record(batch_entry([fills[0], refused, fills[1]], orders))
    assert clearing.holding(ALICE) == (5, 100)
    assert clearing.holding(BOB) == (-5, -100)
    assert clearing.read(lambda s: s.batches) == {(VENUE.address, A_HASH): sequence}
    assert clearing.read(lambda state: (state.fill_count, state.marks[BTC])) == (2, 12)
    assert clearing.read(lambda s: s.instrument_table.rows[0]["open_interest"]) == 5
    assert clearing.read(filled) == {orders[BUY][0]: 5, orders[SELL][0]: 5}


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (RecordedFill(SELL, BUY, 1, 1), "fill_sides"),
        (RecordedFill(BUY, BUY, 1, 1), "fill_sides"),
        (RecordedFill(BUY, SELL, 11, 1), "order_overfilled"),
        (RecordedFill(BUY, SELL, 0, 1), "order_overfilled"),
        (RecordedFill(BUY, SELL, 2**64 - 1, 1), "order_overfilled"),
        (RecordedFill(BUY, SELL, 1, 2**63), "order_overfilled"),
    ],
)
def test_apply_raises_when_admitted_fill_does_not_fit_its_orders(
    clearing: Clearing,
    orders: list[tuple[Hash32, SignedOrder]],
    fill: RecordedFill,
    reason: str,
) -> None:
    assert corruption(clearing, batch_entry([fill], orders)) == reason


@pytest.mark.parametrize("number", [0, 2, 63, 64, NO_ORDER])
def test_apply_raises_when_admitted_fill_names_no_order(
    clearing: Clearing, orders: list[tuple[Hash32, SignedOrder]], number: int
) -> None:
    known = orders if number else ()
    for pair in ((number, SELL), (BUY, number)) if number else ((0, 1), (1, 0)):
        entry = batch_entry([RecordedFill(*pair, 1, 1)], known)
        assert corruption(clearing, entry) == "fill_sides"


def test_apply_raises_when_order_names_nobody(clearing: Clearing) -> None:
    stranger = sign_order(CAROL, build_order(CAROL, Side.BUY, 1, 1))
    entry = batch_entry([], [(hash_of(stranger), stranger)])
    assert corruption(clearing, entry) == "entry_dangling"
    recorded = RecordedOrder(hash_of(stranger), stranger)
    assert corruption(clearing, OrdersRecorded(VENUE.address, 0, (recorded,))) == "entry_dangling"


@pytest.mark.parametrize("column", ["buy_orders", "sell_orders", "quantities", "cash", "reasons"])
def test_apply_raises_when_a_column_has_another_length(
    clearing: Clearing, orders: list[tuple[Hash32, SignedOrder]], column: str
) -> None:
    entry = batch_entry([RecordedFill(BUY, SELL, 1, 1)] * 2, orders)
    whole = getattr(entry, column)
    shorter = replace(entry, **{column: whole[: len(whole) // 2]})
    assert corruption(clearing, shorter) == "columns_uneven"


def test_apply_raises_when_a_column_breaks_within_a_number(
    clearing: Clearing, orders: list[tuple[Hash32, SignedOrder]]
) -> None:
    entry = batch_entry([RecordedFill(BUY, SELL, 1, 1)], orders)
    assert corruption(clearing, replace(entry, cash=entry.cash[:-1])) == "entry_dangling"


def test_apply_raises_when_batch_is_recorded_twice(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 1, 100)
    assert corruption(clearing, last(clearing, BatchRecorded)) == "batch_twice"


# -- halts --------------------------------------------------------------------------------------


def test_state_is_halted_when_finality_was_violated(clearing: Clearing) -> None:
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    halted = clearing.read(lambda state: state.halted)
    assert halted == f"finality_violated on chain {SPOKE}: two blocks of one height"


def test_chain_is_found_by_its_id_when_listed(clearing: Clearing) -> None:
    assert clearing.read(lambda state: state.chain(SPOKE).chain_id) == SPOKE
    with pytest.raises(KeyError):
        clearing.read(lambda state: state.chain(ChainId(99)))
