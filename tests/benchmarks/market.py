"""A market of any size, the same for the same seed: who is in it, their orders, and its fills.

Two ways lead to it. ``opening_entries`` are honest journal entries, so that a replay of the journal
means what it says. ``dense_state`` fills the tables of a state directly, for a cycle at its worst:
every member owns something in every vault, which would take a journal of millions of deposits.
Signatures of members' limits are zeros: nothing looks at them once an entry is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.columns import FillColumns, FillRows
from clearinghouse.book.entries import (
    BatchForm,
    BatchRecorded,
    DepositFinalised,
    Entry,
    GenesisRecorded,
    InstrumentListed,
    OrdersRecorded,
    PlacementLimitAccepted,
    RecordedOrder,
    VenueRegistered,
)
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.novation import ADMITTED
from clearinghouse.book.orders import Order, PlacementLimit, Side, SignedOrder
from clearinghouse.book.reference import Asset, Chain, Genesis, Instrument, VaultAsset
from clearinghouse.book.settlements import OperatorSet
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply, apply_fills
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import (
    fill_columns_digest,
    fill_rows_digest,
    order_digests,
)
from clearinghouse.commitment.signatures import sign_digest
from tests.builders import (
    CLEARINGHOUSE_ID,
    HOUSE,
    NEVER,
    OPERATORS,
    OTHER_VENUE,
    START_SECONDS,
    VENUE,
    WINDOWS,
    account,
)

CHAINS = tuple(ChainId(number) for number in (1, 10, 8_453, 42_161, 59_144))
ASSETS = tuple(AssetId(number) for number in (1, 2, 3, 4))
INSTRUMENTS = 16
ORDERS_PER_MEMBER = 4
"""A buy and a sell order in each of two instruments."""
DEPOSIT_QUANTA = 10**12
"""Far above every margin: what is measured is admission, not refusal."""
LOWEST_PRICE, HIGHEST_PRICE = 900, 1_100
ORDER_LOTS = 10**12


class Fills(NamedTuple):
    """Random fills, one element each."""

    buys: NDArray[np.uint32]
    """Order numbers."""
    sells: NDArray[np.uint32]
    quantities: NDArray[np.uint64]
    cash: NDArray[np.uint64]


@dataclass(frozen=True)
class Market:
    """So many members, known by their number; member ``n`` has orders ``4n`` to ``4n + 3``."""

    members: int
    seed: int

    @cached_property
    def keys(self) -> list[bytes]:
        """Members' signing keys."""
        return [keccak256(b"member %d of %d" % (n, self.seed)) for n in range(self.members)]

    @cached_property
    def addresses(self) -> list[Address]:
        """Of members that sign nothing themselves: made of the number, to save the arithmetic."""
        return [Address(b"\x55" * 12 + n.to_bytes(8, "big")) for n in range(self.members)]

    @cached_property
    def traded(self) -> NDArray[np.uint32]:
        """Return the two instruments (rows) of every member: (members, 2)."""
        number = np.arange(self.members, dtype=np.uint32)
        first = number % INSTRUMENTS
        second = (first + 1 + number // INSTRUMENTS % (INSTRUMENTS - 1)) % INSTRUMENTS
        return np.stack([first, second], axis=1)

    @cached_property
    def _traders(self) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
        """Return buy orders' numbers sorted by instrument, and where each one's begin and end."""
        flat = self.traded.ravel()
        by_instrument = np.argsort(flat, kind="stable")
        edges = np.searchsorted(flat[by_instrument], np.arange(INSTRUMENTS + 1))
        return (2 * by_instrument).astype(np.uint32), edges[:-1], np.diff(edges)

    def fills(self, batch: int, count: int) -> Fills:
        """Return the fills of one batch: two different members, a price near the middle."""
        random = np.random.default_rng([self.seed, batch])
        orders, first, traders = self._traders
        instrument = random.integers(0, INSTRUMENTS, count)
        there = traders[instrument]
        buyer = (random.random(count) * there).astype(np.int64)
        seller = (buyer + 1 + (random.random(count) * (there - 1)).astype(np.int64)) % there
        quantities = random.integers(1, 10, count, dtype=np.uint64)
        prices = random.integers(LOWEST_PRICE, HIGHEST_PRICE + 1, count, dtype=np.uint64)
        return Fills(
            orders[first[instrument] + buyer],
            orders[first[instrument] + seller] + np.uint32(1),
            quantities,
            quantities * prices,
        )

    @property
    def probe(self) -> Fills:
        """Return one fill of the two orders that come after all others, see ``probe_entry``."""
        first = np.array([ORDERS_PER_MEMBER * self.members], np.uint32)
        return Fills(first, first + np.uint32(1), np.array([1], "<u8"), np.array([1_000], "<u8"))

    def orders(
        self, members: range, addresses: list[Address], venue: Address = VENUE.address
    ) -> list[Order]:
        """Return the orders of some members, in the order of their numbers."""
        return [
            Order(
                member=addresses[n],
                instrument=InstrumentId(FIRST_INSTRUMENT + int(row)),
                side=side,
                quantity=ORDER_LOTS,
                limit_price=HIGHEST_PRICE if side is Side.BUY else LOWEST_PRICE,
                maximum_fee_rate=0,
                expiry=NEVER,
                nonce=0,
                venue=venue,
            )
            for n in members
            for row in self.traded[n]
            for side in (Side.BUY, Side.SELL)
        ]


FIRST_INSTRUMENT = 10
"""Instrument ids are this and the next ones."""


def build_genesis() -> Genesis:
    """Return five chains that all hold all four assets."""
    return Genesis(
        clearinghouse_id=CLEARINGHOUSE_ID,
        home_chain_id=CHAINS[0],
        chains=tuple(
            Chain(
                chain,
                f"chain {chain}",
                account(f"anchor {chain}").address,
                tuple(
                    VaultAsset(asset, account(f"token {chain} {asset}").address, 1, 1)
                    for asset in ASSETS
                ),
            )
            for chain in CHAINS
        ),
        assets=tuple(Asset(asset, f"ASSET{asset}", 6) for asset in ASSETS),
        operator_set=OperatorSet(1, 2, tuple(each.address for each in OPERATORS), ZERO_HASH),
        windows=WINDOWS,
        house=HOUSE.address,
    )


def reference_entries() -> Iterator[Entry]:
    """Yield the genesis, all instruments and two venues."""
    yield GenesisRecorded(build_genesis())
    for row in range(INSTRUMENTS):
        number = InstrumentId(FIRST_INSTRUMENT + row)
        yield InstrumentListed(Instrument(number, f"I{row}", ASSETS[row % len(ASSETS)], 0, 50_000))
    for venue in (VENUE, OTHER_VENUE):
        yield VenueRegistered(venue.address, venue.label)


def opening_entries(market: Market, addresses: list[Address]) -> Iterator[Entry]:
    """Yield the reference entries, then a deposit and a limit per member and asset it needs."""
    yield from reference_entries()
    heads: dict[tuple[ChainId, AssetId], tuple[int, int, Hash32]] = {}
    for n, member in enumerate(addresses):
        chain = CHAINS[n % len(CHAINS)]
        for asset in sorted({ASSETS[int(row) % len(ASSETS)] for row in market.traded[n]}):
            index, total, head = heads.get((chain, asset), (0, 0, ZERO_HASH))
            head, total = keccak256(head + member), total + DEPOSIT_QUANTA
            heads[(chain, asset)] = (index + 1, total, head)
            yield DepositFinalised(
                chain, asset, index, member, DEPOSIT_QUANTA, total, head, n + 1, ZERO_HASH
            )
            limit = PlacementLimit(member, chain, asset, 2**64 - 1, 1)
            yield PlacementLimitAccepted(limit, bytes(65))


def order_entries(
    market: Market, addresses: list[Address], venue: Address = VENUE.address
) -> Iterator[OrdersRecorded]:
    """Yield all members' orders as recorded, with zeros for signatures."""
    step = 4_096
    for start in range(0, market.members, step):
        members = range(start, min(start + step, market.members))
        orders = market.orders(members, addresses, venue)
        digests = order_digests(CLEARINGHOUSE_ID, orders)
        recorded = tuple(
            RecordedOrder(Hash32(digest.tobytes()), SignedOrder(order, bytes(65)))
            for digest, order in zip(digests, orders, strict=True)
        )
        yield OrdersRecorded(venue, START_SECONDS, recorded)


def probe_entry(market: Market, addresses: list[Address]) -> OrdersRecorded:
    """Return a buy and a sell order of two members on the other venue, in one instrument."""
    members = (range(1), range(INSTRUMENTS, INSTRUMENTS + 1))
    buy, sell = (market.orders(each, addresses, OTHER_VENUE.address) for each in members)
    orders = (buy[0], sell[1])
    digests = order_digests(CLEARINGHOUSE_ID, orders)
    return OrdersRecorded(
        OTHER_VENUE.address,
        START_SECONDS,
        tuple(
            RecordedOrder(Hash32(digest.tobytes()), SignedOrder(order, bytes(65)))
            for digest, order in zip(digests, orders, strict=True)
        ),
    )


def batch_entries(market: Market, fills: int, batch_fills: int) -> Iterator[BatchRecorded]:
    """Yield batches of columns in which every fill is admitted."""
    for batch, start in enumerate(range(0, fills, batch_fills)):
        columns = build_columns(market.fills(batch, min(batch_fills, fills - start)), batch)
        yield BatchRecorded(
            venue=columns.venue,
            batch_id=columns.batch_id,
            form=BatchForm.COLUMNS,
            digest=keccak256(columns.batch_id),
            signature=bytes(65),
            admitted_at=START_SECONDS,
            buy_orders=columns.buy_orders,
            sell_orders=columns.sell_orders,
            quantities=columns.quantities,
            cash=columns.cash,
            reasons=bytes([ADMITTED]) * columns.count,
        )


def build_columns(
    fills: Fills, batch: int, venue: Address = VENUE.address, label: bytes = b"batch"
) -> FillColumns:
    """Return a batch of columns; its id is made of the label and the number."""
    return FillColumns(
        venue,
        keccak256(b"%s %d" % (label, batch)),
        *(column.tobytes() for column in fills),
    )


def build_rows(fills: Fills, batch: int, digests: NDArray[np.uint8]) -> FillRows:
    """Return the same as rows; ``digests`` are those of all orders, (orders, 32)."""
    return FillRows(
        VENUE.address,
        keccak256(b"rows %d" % batch),
        digests[fills.buys].tobytes(),
        digests[fills.sells].tobytes(),
        fills.quantities.tobytes(),
        fills.cash.tobytes(),
    )


def sign_columns(columns: FillColumns, key: bytes = VENUE.key) -> bytes:
    """Return the venue's signature, as it signs on its own machine."""
    return sign_digest(key, fill_columns_digest(CLEARINGHOUSE_ID, columns))


def sign_rows(rows: FillRows) -> bytes:
    """Return the venue's signature over rows."""
    return sign_digest(VENUE.key, fill_rows_digest(CLEARINGHOUSE_ID, rows))


def dense_state(market: Market, fills: int, batch_fills: int = 65_536) -> State:
    """Return a state after so many fills in which every member has a claim on every vault.

    Members, claims, limits and orders are written into the tables of ``clearinghouse.book`` as the
    transition would; fills go through the transition.
    """
    state = State()
    for sequence, entry in enumerate(reference_entries(), start=1):
        state.sequence = sequence
        apply(state, entry)
    members = market.members
    state.members = list(market.addresses)
    state.positions = {address: Position(n) for n, address in enumerate(state.members)}
    state.holdings.reserve(members, 0)
    accounts = state.accounts
    accounts.reserve(members)
    random = np.random.default_rng([market.seed, members])
    for row, vault in enumerate(accounts.vaults):
        quanta = random.integers(10**6, 10**9, members)
        accounts.claims[row, :members] = quanta
        accounts.accounts[accounts.asset_rows[vault[1]], :members]["claims"] += quanta
        accounts.limits[row, :members] = np.array([(0, 2**63, 1, 1)], accounts.limits.dtype)
    _enter_orders(state, market)
    apply(state, probe_entry(market, market.addresses))
    for entry in batch_entries(market, fills, batch_fills):
        apply_fills(state, entry.columns)
    return state


def _enter_orders(state: State, market: Market) -> None:
    """Fill the order table; digests are made of the numbers, for nothing names these orders so."""
    count = ORDERS_PER_MEMBER * market.members
    orders = state.orders
    orders.rows = np.zeros(count, orders.rows.dtype)
    rows = orders.rows
    side = np.arange(count) % 2
    rows["quantity"] = ORDER_LOTS
    rows["limit_price"] = np.where(side == 0, HIGHEST_PRICE, LOWEST_PRICE)
    rows["expiry"] = NEVER
    rows["position"] = np.repeat(np.arange(market.members), ORDERS_PER_MEMBER)
    rows["instrument"] = np.repeat(market.traded.ravel(), 2)
    rows["venue"] = state.venue_rows[VENUE.address]
    rows["side"] = side
    orders.digests = [Hash32(b"\x66" * 24 + n.to_bytes(8, "big")) for n in range(count)]
    orders.numbers = {digest: number for number, digest in enumerate(orders.digests)}
