"""Mandates: what a member signs once so that it need not sign every order.

A mandate lets a *delegate* order for the member on one venue, within limits. The delegate is a
session key that signs each order in the member's place, or the venue itself, whose signature over
a batch of orders then stands for the members'.

The *notional* of an order is its quantity times its limit price, in quanta of the instrument's
quote asset: what it may cost a buyer at most, and bring a seller at least. A mandate's total counts
every order ever recorded under it, filled or not, for each quote asset by itself. What a seller may
lose is not bounded by a low limit price, so a mandate also has a floor for it. All of this can be
judged from what was signed, without any market price.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from clearinghouse.book.identifiers import Address, AssetId, InstrumentId
from clearinghouse.book.orders import Order
from clearinghouse.errors import Corruption, check

ANY_INSTRUMENT = InstrumentId(0)
"""Names all instruments in a mandate; no instrument has this number."""


class Mandate(msgspec.Struct, frozen=True):
    """What a delegate may order for a member on one venue, signed by the member (EIP-712)."""

    member: Address
    delegate: Address
    venue: Address
    """The only venue that the orders may name; the delegate itself where it signs columns."""
    instrument: InstrumentId
    """The only instrument that the orders may name, or ``ANY_INSTRUMENT``."""
    maximum_order_notional: int
    """Quanta, of one order; 0 revokes."""
    maximum_total_notional: int
    """Quanta, of all orders together, for each quote asset by itself; 0 revokes."""
    minimum_sell_price: int
    """Quanta per lot: the lowest limit price of a sell order."""
    expiry: int
    """Seconds since the epoch: no order is taken after it, and none that would outlive it."""
    nonce: int
    """Of (member, delegate, venue, instrument) the mandate with the greatest is in force."""


class MandateAccepted(msgspec.Struct, frozen=True, tag="mandate_accepted"):
    """Journal entry: a member's signed mandate, in force from here on."""

    mandate: Mandate
    signature: bytes


MandateKey = tuple[Address, Address, Address, InstrumentId]
"""(member, delegate, venue, instrument)"""


def order_notional(order: Order) -> int:
    """Return what an order counts, in quanta; a limit price of 0 counts as 1, so never nothing."""
    return order.quantity * max(order.limit_price, 1)


@dataclass(slots=True)
class MandateUse:
    """A mandate in force and what was ordered under it."""

    mandate: Mandate
    used_notional: dict[AssetId, int] = field(default_factory=dict)
    """Quanta per quote asset; starts again when the member signs a new mandate."""

    def left_notional(self, asset: AssetId) -> int:
        """Return the quanta that orders quoted in ``asset`` may still reach."""
        return self.mandate.maximum_total_notional - self.used_notional.get(asset, 0)


class MandateTable:
    """The mandates in force. A part of the state; who changes it: ``transition``."""

    def __init__(self) -> None:
        self.in_force: dict[MandateKey, MandateUse] = {}

    def enter(self, mandate: Mandate) -> None:
        """Put a mandate in force; its use starts at nothing."""
        key = key_of(mandate)
        known = self.in_force.get(key)
        check(
            known is None or known.mandate.nonce < mandate.nonce,
            "mandate_nonce",
            "a mandate is replaced by one with a greater nonce",
        )
        self.in_force[key] = MandateUse(mandate)

    def find(self, key: MandateKey) -> MandateUse | None:
        """Return the mandate that decides on an order of this member, delegate, venue, instrument.

        It is the one for the instrument, revoked or not, and the one for any instrument only where
        the first was never given; so a member can take a single instrument out of a wide mandate.
        """
        return self.in_force.get(key) or self.in_force.get((*key[:3], ANY_INSTRUMENT))

    def use(self, key: MandateKey, asset: AssetId, notional: int) -> None:
        """Count an order's notional, in quanta of its quote asset, against its mandate.

        Raises
        ------
        Corruption
            ``mandate_exceeded``: no order is recorded beyond a mandate in force.
        """
        use = self.find(key)
        if use is None or notional > use.left_notional(asset):
            raise Corruption(
                "mandate_exceeded",
                "an order was recorded beyond its mandate; restore the journal from a replica",
                notional=notional,
            )
        use.used_notional[asset] = use.used_notional.get(asset, 0) + notional

    def copied(self) -> MandateTable:
        """Return a copy that later entries leave as it is."""
        copy = MandateTable()
        copy.in_force = {
            key: MandateUse(use.mandate, dict(use.used_notional))
            for key, use in self.in_force.items()
        }
        return copy


def key_of(mandate: Mandate) -> MandateKey:
    """Return what a mandate is in force for."""
    return (mandate.member, mandate.delegate, mandate.venue, mandate.instrument)
