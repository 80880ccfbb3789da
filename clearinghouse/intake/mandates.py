"""Decisions on mandates, and on orders that were signed under one.

Signatures are checked before (``clearinghouse.intake.verification``); here it is decided, in order
and against the state, whether a mandate takes effect and whether it covers an order. The rules work
on orders as they are recorded, so a fill needs no look at a mandate: whoever revokes stops new
orders, and what was recorded before ends at its own expiry, never after the mandate's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from clearinghouse.book.identifiers import Address, InstrumentId, Position
from clearinghouse.book.mandates import (
    Mandate,
    MandateAccepted,
    MandateKey,
    MandateTable,
    key_of,
    order_notional,
)
from clearinghouse.book.orders import Order, Reason, Side
from clearinghouse.book.reference import Instrument
from clearinghouse.errors import Conflict, Rejected


class MandateView(Protocol):
    """What these decisions see of the state."""

    @property
    def mandates(self) -> MandateTable:
        """The mandates in force and their use."""
        ...

    @property
    def instruments(self) -> Mapping[InstrumentId, Instrument]:
        """The listed instruments: their quote assets."""
        ...

    @property
    def venues(self) -> Mapping[Address, str]:
        """The registered venues."""
        ...

    @property
    def positions(self) -> Mapping[Address, Position]:
        """The members: whoever has a final deposit."""
        ...


def decide_mandates(
    view: MandateView, mandates: Sequence[tuple[Mandate, bytes]]
) -> list[MandateAccepted]:
    """Decide a call as a whole: each mandate against those before it, nothing applied yet.

    A mandate that is in force already is answered in silence, so a repetition is harmless.

    Raises
    ------
    Rejected
        ``MEMBER_UNKNOWN``: nothing is kept for keys that nobody has deposited for;
        ``VENUE_UNKNOWN``, ``INSTRUMENT_UNKNOWN``.
    Conflict
        ``MANDATE_SUPERSEDED`` when the nonce is not above that of the mandate in force.
    """
    news: dict[MandateKey, Mandate] = {}
    entries = []
    for mandate, signature in mandates:
        _require_listed(view, mandate)
        key = key_of(mandate)
        use = view.mandates.in_force.get(key)
        known = news.get(key) or (use.mandate if use is not None else None)
        if known == mandate:
            continue
        if known is not None and mandate.nonce <= known.nonce:
            raise Conflict(
                "MANDATE_SUPERSEDED",
                f"sign the mandate with a nonce above {known.nonce}",
                nonce=mandate.nonce,
                known=known.nonce,
            )
        news[key] = mandate
        entries.append(MandateAccepted(mandate, signature))
    return entries


def mandate_refusal(
    view: MandateView, order: Order, delegate: Address, now_seconds: int
) -> Reason | None:
    """Return why no mandate covers an order that its delegate signed, None when one does.

    The order's instrument must be listed. Nothing is counted: ``MandateTable.use`` does that when
    the order is entered.
    """
    use = view.mandates.find((order.member, delegate, order.venue, order.instrument))
    if use is None:
        return Reason.MANDATE_UNKNOWN
    mandate = use.mandate
    if mandate.expiry < now_seconds or mandate.expiry < order.expiry:
        return Reason.MANDATE_EXPIRED
    asset = view.instruments[order.instrument].quote_asset
    left = min(mandate.maximum_order_notional, use.left_notional(asset))
    below = order.side is Side.SELL and order.limit_price < mandate.minimum_sell_price
    return Reason.MANDATE_EXCEEDED if below or order_notional(order) > left else None


def _require_listed(view: MandateView, mandate: Mandate) -> None:
    if mandate.member not in view.positions:
        raise Rejected(
            "MEMBER_UNKNOWN",
            "a member exists from its first final deposit on; send the mandate again after it",
            member=mandate.member,
        )
    if mandate.venue not in view.venues:
        raise Rejected(
            "VENUE_UNKNOWN",
            "a mandate names a registered venue; ask the operator which there are",
            venue=mandate.venue,
        )
    if mandate.instrument and mandate.instrument not in view.instruments:
        raise Rejected(
            "INSTRUMENT_UNKNOWN",
            "a mandate names a listed instrument, or 0 for any",
            instrument=mandate.instrument,
        )
