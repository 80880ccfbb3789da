"""The rules of admission once more: slow, readable, plain integers, nothing shared with the ledger.

Everything is worked out from the list of admitted fills whenever it is needed. The only names taken
from the ledger are those of the reasons and sides, which are what the two are compared by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from clearinghouse.book.orders import Reason, Side

LARGEST_TOTAL = 2**60 - 1
"""Of an instrument's open interest in lots, of its worth in quanta, of a basis in quanta."""
LARGEST_FIELD = 2**63 - 1
"""Of a fill's lots and cash."""


@dataclass(frozen=True)
class ModelInstrument:
    """What margin needs to know of an instrument."""

    asset: int
    initial_margin_ppm: int


@dataclass(frozen=True)
class ModelOrder:
    """A known order; members, instruments and venues are whatever names them."""

    member: int
    instrument: int
    side: Side
    quantity: int
    limit_price: int
    expiry: int
    venue: int


@dataclass(frozen=True)
class ModelFill:
    """A fill of two orders by their numbers, which may name none."""

    buy: int
    sell: int
    quantity: int
    cash: int

    @property
    def price(self) -> int:
        """Quanta per lot, halves to the even neighbour."""
        return round(Fraction(self.cash, self.quantity))


@dataclass
class Model:
    """Decides fills one by one; remembers those that it admitted."""

    instruments: Sequence[ModelInstrument]
    orders: Sequence[ModelOrder]
    collateral: Mapping[tuple[int, int], int]
    """Quanta by (member, asset); nothing where there is none."""
    admitted: list[ModelFill] = field(default_factory=list)

    def decide(self, fill: ModelFill, venue: int, now_seconds: int) -> Reason:
        """Return the decision, and remember the fill if it is admitted."""
        reason = next(self._refusals(fill, venue, now_seconds), Reason.ADMITTED)
        if reason is Reason.ADMITTED:
            self.admitted.append(fill)
        return reason

    def _refusals(self, fill: ModelFill, venue: int, now_seconds: int) -> Iterator[Reason]:
        """Yield every reason against a fill; each may rely on those before it not to hold."""
        if not 1 <= fill.quantity <= LARGEST_FIELD:
            yield Reason.QUANTITY_INVALID
        if not 0 <= fill.cash <= LARGEST_FIELD:
            yield Reason.CASH_INVALID
        if fill.buy >= len(self.orders) or fill.sell >= len(self.orders):
            yield Reason.ORDER_UNKNOWN
        buy, sell = self.orders[fill.buy], self.orders[fill.sell]
        if (buy.side, sell.side) != (Side.BUY, Side.SELL):
            yield Reason.SIDE_MISMATCH
        if buy.instrument != sell.instrument:
            yield Reason.INSTRUMENT_MISMATCH
        if (buy.venue, sell.venue) != (venue, venue):
            yield Reason.VENUE_MISMATCH
        if buy.member == sell.member:
            yield Reason.SELF_TRADE
        if min(buy.expiry, sell.expiry) < now_seconds:
            yield Reason.ORDER_EXPIRED
        for number in (fill.buy, fill.sell):
            if self.filled(number) + fill.quantity > self.orders[number].quantity:
                yield Reason.ORDER_OVERFILLED
        if not sell.limit_price <= Fraction(fill.cash, fill.quantity) <= buy.limit_price:
            yield Reason.PRICE_OUTSIDE_LIMIT
        if self._overflows(fill):
            yield Reason.TOTAL_OVERFLOW
        if not all(self._bears(member, fill) for member in (buy.member, sell.member)):
            yield Reason.MARGIN_INSUFFICIENT

    def _overflows(self, fill: ModelFill) -> bool:
        """Tell whether a total would become too large, or is and the price makes it worth more."""
        instrument = self.orders[fill.buy].instrument
        after = self._with(fill)
        members = (self.orders[fill.buy].member, self.orders[fill.sell].member)
        open_interest = max(model.open_interest(instrument) for model in (self, after))
        totals = [
            fill.quantity,
            fill.cash,
            *(abs(after.basis(member, instrument)) for member in members),
            open_interest,
            open_interest * fill.price,
        ]
        return max(totals) > LARGEST_TOTAL

    def _bears(self, member: int, fill: ModelFill) -> bool:
        """Tell whether a member has the margin for it afterwards. To reduce its position it needs
        none: a price no worse for it than the mark, or equity that is not negative, is enough."""
        instrument = self.orders[fill.buy].instrument
        after = self._with(fill)
        lots_before, lots = self.lots(member, instrument), after.lots(member, instrument)
        asset = self.instruments[instrument].asset
        if 0 <= lots < lots_before or lots_before < lots <= 0:
            mark = self.mark(instrument) or 0
            gained = (lots - lots_before) * (mark - Fraction(fill.cash, fill.quantity))
            return gained >= 0 or after.equity(member, asset) >= 0
        return after.equity(member, asset) >= after.margin(member, asset)

    def _with(self, fill: ModelFill) -> Model:
        """Return what would be if the fill were admitted."""
        return Model(self.instruments, self.orders, self.collateral, [*self.admitted, fill])

    # -- what follows from the admitted fills ---------------------------------------------------

    def filled(self, number: int) -> int:
        """Return an order's filled lots."""
        return sum(fill.quantity for fill in self.admitted if number in (fill.buy, fill.sell))

    def _sides(self, member: int, instrument: int) -> Iterator[tuple[int, ModelFill]]:
        """Yield a member's fills in an instrument, +1 where it bought and -1 where it sold."""
        for fill in self.admitted:
            for number, sign in ((fill.buy, 1), (fill.sell, -1)):
                order = self.orders[number]
                if (order.member, order.instrument) == (member, instrument):
                    yield sign, fill

    def lots(self, member: int, instrument: int) -> int:
        """Return a member's signed position."""
        return sum(sign * fill.quantity for sign, fill in self._sides(member, instrument))

    def basis(self, member: int, instrument: int) -> int:
        """Return the quanta that a member paid for its position."""
        return sum(sign * fill.cash for sign, fill in self._sides(member, instrument))

    def open_interest(self, instrument: int) -> int:
        """Return the lots that are held long."""
        members = {order.member for order in self.orders}
        return sum(max(0, self.lots(member, instrument)) for member in members)

    def mark(self, instrument: int) -> int | None:
        """Return the price of the last fill, None before the first."""
        prices = [f.price for f in self.admitted if self.orders[f.buy].instrument == instrument]
        return prices[-1] if prices else None

    def equity(self, member: int, asset: int) -> int:
        """Return collateral plus variation margin in an asset."""
        return self.collateral.get((member, asset), 0) + sum(
            self.lots(member, number) * (self.mark(number) or 0) - self.basis(member, number)
            for number, instrument in enumerate(self.instruments)
            if instrument.asset == asset
        )

    def margin(self, member: int, asset: int) -> int:
        """Return the initial margin in an asset, each instrument's rounded up."""
        return sum(
            ceil(
                Fraction(
                    abs(self.lots(member, number))
                    * (self.mark(number) or 0)
                    * instrument.initial_margin_ppm,
                    1_000_000,
                )
            )
            for number, instrument in enumerate(self.instruments)
            if instrument.asset == asset
        )
