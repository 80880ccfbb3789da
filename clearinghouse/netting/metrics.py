"""How much netting saves: the worth of the legs before, and of the net legs after.

Every transfer of worth ``a`` is two gross legs, ``-a`` at the giver's key and ``+a`` at the
receiver's. Legs of one key cancel; what is left is the net leg. The *efficiency* is
``E = 1 - sum |net| / (2 * sum a)``, that is one less net worth over gross worth. How many legs
fall away is another question (batching rather than netting), so counts stand beside it.

Worth is in quanta of the settlement asset. Amounts of one unit (an asset, an instrument) are summed
exactly and valued together, rounded half even once per unit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, TypeVar

Account = TypeVar("Account", int, str, bytes)
"""Whatever names the accounts of a tape or of the ledger; ordered, so that a pair has one name."""

Instrument = TypeVar("Instrument", bound=Hashable)
"""Whatever names the instruments."""


@dataclass(frozen=True, slots=True)
class NettingFigures:
    """Gross against net of one way of netting; figures of several windows may be added."""

    gross: int
    """Worth of all gross legs in quanta: a transfer counts at both its ends."""
    net: int
    """Worth of all net legs in quanta, unsigned."""
    gross_legs: int
    net_legs: int
    """Keys whose legs do not cancel."""

    def __add__(self, other: NettingFigures) -> NettingFigures:
        return NettingFigures(
            self.gross + other.gross,
            self.net + other.net,
            self.gross_legs + other.gross_legs,
            self.net_legs + other.net_legs,
        )

    @property
    def efficiency_exact(self) -> Fraction:
        """Return E; 0 when there was nothing to net.

        It is never above 1, and below 0 only where net positions are valued at a mark above the
        prices at which they were traded.
        """
        return Fraction(self.gross - self.net, self.gross) if self.gross else Fraction(0)

    @property
    def efficiency(self) -> float:
        """Return E for people to read."""
        return float(self.efficiency_exact)


NOTHING = NettingFigures(0, 0, 0, 0)
"""The figures of an empty window, to start sums with."""


class NetTally:
    """Sums legs by key. A unit says what an amount counts; only amounts of one unit add up."""

    def __init__(self) -> None:
        self._nets: dict[Hashable, dict[Hashable, int]] = {}
        self._amount: dict[Hashable, int] = {}
        self._worth: dict[Hashable, int] = {}
        self._legs = 0

    def post(self, key: Hashable, unit: Hashable, amount: int, worth: int) -> None:
        """Add one gross leg: a signed amount of a unit and its unsigned worth in quanta."""
        nets = self._nets.setdefault(unit, {})
        nets[key] = nets.get(key, 0) + amount
        self._amount[unit] = self._amount.get(unit, 0) + abs(amount)
        self._worth[unit] = self._worth.get(unit, 0) + worth
        self._legs += 1

    def figures(self, prices: Mapping[Hashable, Fraction] | None = None) -> NettingFigures:
        """Return the figures of all legs.

        Net amounts are valued at ``prices``, quanta per amount of each unit; without them at the
        average at which the unit's gross legs were valued, so that E lies in [0, 1].
        """
        net, net_legs = 0, 0
        for unit, nets in self._nets.items():
            left = sum(abs(amount) for amount in nets.values())
            net_legs += sum(1 for amount in nets.values() if amount)
            if prices is not None:
                net += round(left * prices[unit])
            elif left:
                net += round(Fraction(left * self._worth[unit], self._amount[unit]))
        return NettingFigures(sum(self._worth.values()), net, self._legs, net_legs)


@dataclass(frozen=True, slots=True)
class FillFigures:
    """One set of fills, netted three ways."""

    positions: NettingFigures
    """Multilateral: per (account, instrument), lots valued at the instrument's mark."""
    cash: NettingFigures
    """Multilateral: per account, over all instruments."""
    bilateral: NettingFigures
    """Per (pair of accounts, instrument), lots valued at the mark; one gross leg per fill, because
    what a pair owes is one obligation."""

    def __add__(self, other: FillFigures) -> FillFigures:
        return FillFigures(
            self.positions + other.positions,
            self.cash + other.cash,
            self.bilateral + other.bilateral,
        )


NO_FILLS = FillFigures(NOTHING, NOTHING, NOTHING)
"""The figures of a window without fills, to start sums with."""


def figures_of_fills(
    fills: Iterable[tuple[Account, Account, Instrument, int, int]],
    marks: Mapping[Instrument, int] | Mapping[Instrument, Fraction] | None = None,
) -> FillFigures:
    """Return the figures of fills (buyer, seller, instrument, quantity in lots, cash in quanta).

    All cash is of one settlement asset. Gross legs are worth the cash that was traded. Nets of
    positions are valued at ``marks``, quanta per lot; without them at each instrument's last price
    among the fills. Whoever wants E of several windows adds the figures of each.
    """
    positions, cash, bilateral = NetTally(), NetTally(), NetTally()
    prices: dict[Hashable, Fraction] = {}
    for buyer, seller, instrument, quantity, quanta in fills:
        positions.post(buyer, instrument, quantity, quanta)
        positions.post(seller, instrument, -quantity, quanta)
        cash.post(buyer, "cash", -quanta, quanta)
        cash.post(seller, "cash", quanta, quanta)
        pair = (buyer, seller) if buyer <= seller else (seller, buyer)
        owed = 0 if buyer == seller else quantity if pair[0] == buyer else -quantity
        bilateral.post(pair, instrument, owed, quanta)
        mark = None if marks is None else marks[instrument]
        prices[instrument] = Fraction(quanta, quantity) if mark is None else Fraction(mark)
    return FillFigures(positions.figures(prices), cash.figures(), bilateral.figures(prices))


class ValuedTransfer(Protocol):
    """A movement of an asset from an account on one chain to an account on another."""

    @property
    def sender(self) -> str: ...
    @property
    def receiver(self) -> str: ...
    @property
    def asset(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def worth_quanta(self) -> int: ...


@dataclass(frozen=True, slots=True)
class TransferFigures:
    """One set of cross-chain transfers, netted two ways."""

    accounts: NettingFigures
    """Per (account, asset, chain): what the users themselves could offset."""
    chains: NettingFigures
    """Per (asset, chain): what a clearinghouse with inventory must move between chains."""

    def __add__(self, other: TransferFigures) -> TransferFigures:
        return TransferFigures(self.accounts + other.accounts, self.chains + other.chains)


NO_TRANSFERS = TransferFigures(NOTHING, NOTHING)
"""The figures of a window without transfers, to start sums with."""


def figures_of_transfers(transfers: Iterable[ValuedTransfer]) -> TransferFigures:
    """Return the figures of cross-chain transfers.

    There is no figure per (account, asset) without the chain: bridge users send to themselves, so
    it would be near 1 and say nothing about netting.
    """
    accounts, chains = NetTally(), NetTally()
    for transfer in transfers:
        for account, chain, amount in (
            (transfer.sender, transfer.source, -transfer.amount),
            (transfer.receiver, transfer.destination, transfer.amount),
        ):
            accounts.post((account, chain), transfer.asset, amount, transfer.worth_quanta)
            chains.post(chain, transfer.asset, amount, transfer.worth_quanta)
    return TransferFigures(accounts.figures(), chains.figures())
