"""Accounts and limits in arrays: 128 bits of a limit, 64 of its nonce, and what they come to."""

from __future__ import annotations

import pytest

from clearinghouse.book.account_table import NO_LIMIT, AccountTable
from clearinghouse.book.identifiers import Position
from clearinghouse.book.orders import PlacementLimit
from clearinghouse.book.ranges import INT64_MAX, UINT64_MAX, UINT128_MAX
from tests.builders import ALICE, EUR, HOME, REMOTE, SPOKE, USD

A, B = Position(0), Position(1)
VAULTS = ((HOME, USD), (HOME, EUR), (SPOKE, USD))


@pytest.fixture
def table() -> AccountTable:
    table = AccountTable((USD, EUR), VAULTS)
    table.reserve(2)
    return table


def limit(maximum: int, nonce: int = 1, vault: tuple[int, int] = (HOME, USD)) -> PlacementLimit:
    return PlacementLimit(ALICE.address, *vault, maximum, nonce)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "maximum",
    [0, 1, *(2**bits + more for bits in (63, 64, 127) for more in (-1, 0, 1)), UINT128_MAX],
)
@pytest.mark.parametrize("nonce", [0, 1, 2**63, UINT64_MAX])
def test_limit_comes_back_whole_when_it_needs_every_bit(
    table: AccountTable, maximum: int, nonce: int
) -> None:
    table.accept_limit(A, limit(maximum, nonce))
    assert table.find_limit(A, (HOME, USD)) == (maximum, nonce)
    assert table.find_limit(B, (HOME, USD)) is None
    assert table.find_limit(A, (SPOKE, USD)) is None
    largest = table.largest_claims((HOME, USD), 2)
    assert largest.tolist() == [min(maximum, INT64_MAX), NO_LIMIT]


def test_limit_is_replaced_when_another_is_accepted(table: AccountTable) -> None:
    for maximum, nonce in ((UINT128_MAX, 1), (3, 2)):
        table.accept_limit(A, limit(maximum, nonce))
    assert table.find_limit(A, (HOME, USD)) == (3, 2)


def test_asset_is_accepted_when_any_chain_has_a_limit_even_of_nothing(table: AccountTable) -> None:
    assert not table.accepts_asset(A, USD)
    table.accept_limit(A, limit(0, 0, (SPOKE, USD)))
    assert table.accepts_asset(A, USD)
    assert not table.accepts_asset(A, EUR)
    assert not table.accepts_asset(B, USD)


def test_lookup_raises_when_there_is_no_such_vault(table: AccountTable) -> None:
    with pytest.raises(KeyError):
        table.accept_limit(A, limit(1, 1, (REMOTE, EUR)))
    with pytest.raises(KeyError):
        table.claims_of((REMOTE, USD))


def test_collateral_leaves_credits_out_and_debts_and_holds_in(table: AccountTable) -> None:
    for name, quanta in (("claims", 100), ("pending", 20), ("held", 3)):
        table.add(B, EUR, name, quanta)
    for change, expected in ((0, 117), (50, 117), (-100, 67)):
        table.add(B, EUR, "residual", change)
        assert table.collateral(B, EUR) == expected
    assert table.collateral(A, EUR) == table.collateral(B, USD) == 0


def test_claims_are_listed_without_zeros_and_summed(table: AccountTable) -> None:
    row = table.vault_rows[(HOME, EUR)]
    table.own_claims()[row, :2] = 0, 7
    assert table.claims_of((HOME, EUR)) == {B: 7}
    assert table.claims_total((HOME, EUR)) == 7
    assert table.claims_total((HOME, USD)) == 0


def test_reserve_keeps_everything_when_members_come(table: AccountTable) -> None:
    table.add(B, USD, "claims", 9)
    table.accept_limit(B, limit(UINT128_MAX, 5))
    table.own_claims()[0, 1] = 9
    table.reserve(1_000)
    assert table.collateral(B, USD) == 9
    assert table.find_limit(B, (HOME, USD)) == (UINT128_MAX, 5)
    assert table.claims_of((HOME, USD)) == {B: 9}
    assert table.collateral(Position(999), USD) == 0
    assert table.find_limit(Position(999), (HOME, USD)) is None


@pytest.mark.parametrize("original", [True, False])
def test_copy_and_table_are_apart_when_either_changes(table: AccountTable, original: bool) -> None:
    table.add(B, USD, "claims", 1)
    copy = table.copied()
    assert copy.claims is table.claims, "nothing is copied before something changes"
    changed, kept = (table, copy) if original else (copy, table)
    changed.add(A, USD, "claims", 9)
    changed.add(A, USD, "claims", 1)
    changed.accept_limit(A, limit(1))
    changed.own_claims()[0, 0] = 9
    changed.reserve(500)
    changed.add(Position(400), EUR, "pending", 4)
    assert (kept.collateral(A, USD), kept.collateral(B, USD)) == (0, 1)
    assert kept.find_limit(A, (HOME, USD)) is None
    assert kept.claims_total((HOME, USD)) == 0
    assert (changed.collateral(A, USD), changed.collateral(B, USD)) == (10, 1)
    assert changed.collateral(Position(400), EUR) == 4
    assert changed.claims_total((HOME, USD)) == 9


def test_copies_of_one_table_are_apart_from_each_other(table: AccountTable) -> None:
    first, second = table.copied(), table.copied()
    first.add(A, USD, "held", 1)
    second.add(A, USD, "held", 2)
    table.add(A, USD, "held", 3)
    assert [t.collateral(A, USD) for t in (first, second, table)] == [-1, -2, -3]
