"""Small markets with absurd numbers in them: a ledger and the reference model of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from clearinghouse.book.entries import (
    DepositFinalised,
    GenesisRecorded,
    InstrumentListed,
    VenueRegistered,
)
from clearinghouse.book.identifiers import ZERO_HASH, AssetId, InstrumentId, Position
from clearinghouse.book.orders import Order, Side
from clearinghouse.book.reference import Instrument
from clearinghouse.book.snapshot import decode_state, encode_state
from clearinghouse.book.state import State
from clearinghouse.book.transition import apply, enter_order
from clearinghouse.commitment.keccak import keccak256
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    EUR,
    HOME,
    HOUSE,
    OTHER_VENUE,
    START_SECONDS,
    USD,
    VENUE,
    build_genesis,
)
from tests.reference.admission import (
    LARGEST_TOTAL,
    Model,
    ModelFill,
    ModelInstrument,
    ModelOrder,
)

MEMBERS = (ALICE, BOB, CAROL, DAVE, HOUSE)
ASSETS = (USD, EUR)
VENUES = (VENUE.address, OTHER_VENUE.address)
INSTRUMENTS = (
    Instrument(InstrumentId(3), "BTC", USD, 0, 100_000),
    Instrument(InstrumentId(7), "FREE", USD, 0, 0),
    Instrument(InstrumentId(4), "ETH", USD, 0, 33_333),
    Instrument(InstrumentId(5), "ESTX", EUR, 0, 1_000_000),
    Instrument(InstrumentId(6), "LEAN", EUR, 0, 1),
)
WIDE = 2**63 - 1

large = st.sampled_from(
    [sign + power for power in (2**59, 2**60, 2**61, 2**62, 2**63) for sign in (-2, -1, 0, 1)]
    + [2**64 - 2, 2**64 - 1, 2**31, 2**32, 2**30 - 1]
)


def mostly(usual: st.SearchStrategy[Any], *others: st.SearchStrategy[Any], times: int) -> Any:
    """Draw the usual ``times`` times as often as each of the others."""
    return st.sampled_from([*[usual] * times, *others]).flatmap(lambda chosen: chosen)


lots = mostly(st.integers(1, 40), st.just(0), st.integers(1, 2**20), large, times=12)
prices = mostly(st.integers(0, 60), st.integers(0, 2**30), large, times=12)
"""Quanta per lot, as far as the fields go."""


@cache
def _reference_data() -> bytes:
    """Return a state with members, venues and instruments, encoded."""
    state = State()
    entries: list[Any] = [GenesisRecorded(build_genesis())]
    entries += [InstrumentListed(instrument) for instrument in INSTRUMENTS]
    entries += [VenueRegistered(venue, "a venue") for venue in VENUES]
    entries += [
        DepositFinalised(HOME, USD, n, member.address, 1, n + 1, ZERO_HASH, 1, ZERO_HASH)
        for n, member in enumerate(MEMBERS)
    ]
    for entry in entries:
        state.sequence += 1
        apply(state, entry)
    return encode_state(state)


@dataclass(frozen=True)
class Account:
    """What a member has in one asset, quanta."""

    claims: int
    pending: int
    held: int
    residual: int

    @property
    def collateral(self) -> int:
        return self.claims + self.pending - self.held + min(0, self.residual)


@dataclass(frozen=True)
class Market:
    """Accounts by member and asset, and the orders that are known, by number."""

    accounts: tuple[tuple[Account, ...], ...]
    orders: tuple[ModelOrder, ...]

    def model(self) -> Model:
        """Return the reference of it."""
        return Model(
            [ModelInstrument(ASSETS.index(i.quote_asset), i.initial_margin_ppm)
             for i in INSTRUMENTS],
            self.orders,
            {(member, asset): account.collateral
             for member, own in enumerate(self.accounts) for asset, account in enumerate(own)},
        )  # fmt: skip

    def state(self) -> State:
        """Return a new ledger of it."""
        state = decode_state(_reference_data())
        for member, own in enumerate(self.accounts):
            for asset, account in zip(ASSETS, own, strict=True):
                row = state.accounts.account(Position(member), AssetId(asset))
                row["claims"], row["pending"] = account.claims, account.pending
                row["held"], row["residual"] = account.held, account.residual
        for number, order in enumerate(self.orders):
            enter_order(state, digest_of(number), _signed_content(order, number), None)
        return state


def digest_of(number: int) -> Any:
    """Return the digest that stands for an order number, known or not."""
    return keccak256(b"order" + number.to_bytes(8, "big"))


def _signed_content(order: ModelOrder, number: int) -> Order:
    return Order(
        MEMBERS[order.member].address,
        INSTRUMENTS[order.instrument].instrument_id,
        order.side,
        order.quantity,
        order.limit_price,
        0,
        order.expiry,
        number,
        VENUES[order.venue],
    )


quanta = st.one_of(st.integers(0, 5_000), st.integers(0, 2**50), st.sampled_from([2**58, 2**59]))
accounts = st.builds(
    Account, quanta, quanta, st.integers(0, 3_000), st.sampled_from([0, 0, -700, 700, -(2**50)])
)
odd_orders = st.builds(
    ModelOrder,
    member=st.integers(0, len(MEMBERS) - 1),
    instrument=st.integers(0, len(INSTRUMENTS) - 1),
    side=st.sampled_from(Side),
    quantity=lots.filter(lambda quantity: 1 <= quantity < 2**63),
    limit_price=prices.filter(lambda price: price < 2**63),
    expiry=st.sampled_from([0, START_SECONDS - 1, START_SECONDS, START_SECONDS + 5, 2**64 - 1]),
    venue=st.sampled_from([0, 0, 0, 1]),
)


def wide_orders() -> list[ModelOrder]:
    """Return orders that let every member trade every instrument at any price."""
    return [
        ModelOrder(member, number, side, WIDE, WIDE if side is Side.BUY else 0, 2**63, 0)
        for number in range(len(INSTRUMENTS))
        for member in range(len(MEMBERS))
        for side in Side
    ]


def wide_number(member: int, instrument: int, side: Side) -> int:
    """Return the number of a wide order."""
    return (instrument * len(MEMBERS) + member) * 2 + int(side)


markets = st.builds(
    lambda own, odd: Market(own, (*wide_orders(), *odd)),
    st.tuples(*[st.tuples(accounts, accounts)] * len(MEMBERS)),
    st.lists(odd_orders, min_size=4, max_size=8),
)


@dataclass(frozen=True)
class Intent:
    """A fill to be; what it comes to may depend on what the model allows by then."""

    instrument: int
    buyer: int
    seller: int
    quantity: int
    price: int
    extra_cash: int
    edge: int | None
    """Lots beyond what the buyer's margin, or the odd order, bears; None takes ``quantity``."""
    odd: int | None
    """An odd order at its limit instead of a wide one, if there is one of this number."""
    worth: int | None
    """Quanta beyond the price that gives all open lots the largest worth; None takes ``price``."""
    numbers: tuple[int, int] | None
    """Two order numbers whatever they name, counted from the first odd one."""

    def fill(self, model: Model) -> ModelFill:
        """Return the fill, within what the fields of a batch can hold."""
        first_odd = len(wide_orders())
        if self.odd is not None and first_odd + self.odd < len(model.orders):
            return self._fill_odd(model, first_odd + self.odd)
        quantity = self.quantity if self.edge is None else self._affordable(model) + self.edge
        buy, sell = (
            (first_odd + self.numbers[0], first_odd + self.numbers[1])
            if self.numbers is not None
            else (
                wide_number(self.buyer, self.instrument, Side.BUY),
                wide_number(self.seller, self.instrument, Side.SELL),
            )
        )
        price = self.price
        if self.worth is not None:
            open_lots = model.open_interest(self.instrument) + quantity
            price = LARGEST_TOTAL // max(open_lots, 1) + self.worth
        return _fit(buy, sell, quantity, quantity * price + self.extra_cash)

    def _fill_odd(self, model: Model, number: int) -> ModelFill:
        """Return a fill of an odd order at its limit or just off, and another member's wide one."""
        order = model.orders[number]
        other = self.buyer if self.buyer != order.member else (self.buyer + 1) % len(MEMBERS)
        left = order.quantity - model.filled(number)
        quantity = self.quantity if self.edge is None else left + self.edge
        cash = quantity * order.limit_price + self.price % 3 - 1
        if order.side is Side.BUY:
            return _fit(number, wide_number(other, order.instrument, Side.SELL), quantity, cash)
        return _fit(wide_number(other, order.instrument, Side.BUY), number, quantity, cash)

    def _affordable(self, model: Model) -> int:
        """Return about how many lots the buyer can add at the price."""
        instrument = model.instruments[self.instrument]
        free = model.equity(self.buyer, instrument.asset) - model.margin(
            self.buyer, instrument.asset
        )
        rate = self.price * instrument.initial_margin_ppm
        return free * 1_000_000 // rate if rate else self.quantity


def _fit(buy: int, sell: int, quantity: int, cash: int) -> ModelFill:
    return ModelFill(buy, sell, *(min(max(number, 0), 2**64 - 1) for number in (quantity, cash)))


members = st.integers(0, len(MEMBERS) - 1)
intents = st.builds(
    Intent,
    instrument=st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    buyer=members,
    seller=members,
    quantity=lots,
    price=prices,
    extra_cash=mostly(st.just(0), st.integers(-7, 7), times=4),
    edge=mostly(st.none(), st.integers(-1, 1), times=4),
    worth=mostly(st.none(), st.integers(-1, 1), times=5),
    odd=mostly(st.none(), st.integers(0, 7), times=5),
    numbers=mostly(st.none(), st.tuples(st.integers(-50, 8), st.integers(-50, 8)), times=8),
)
Program = Sequence[tuple[int, int, Sequence[Intent]]]
"""Batches: seconds after the start, venue, fills."""
programs = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 6]),
        st.sampled_from([0] * 9 + [1]),
        st.lists(intents, min_size=5, max_size=12),
    ),
    min_size=2,
    max_size=3,
)
