"""An ERC-20 token as far as an anchor sees it."""

from __future__ import annotations

from adapters.simulated.revert import revert, shown
from clearinghouse.book.identifiers import Address


class SimulatedToken:
    """Balances in token units; a fee may be kept of every transfer."""

    def __init__(self, fee_divisor: int | None = None) -> None:
        self._balances: dict[Address, int] = {}
        self._fee_divisor = fee_divisor
        """100 keeps a hundredth of what is sent; None keeps nothing."""

    def balance_of(self, owner: Address) -> int:
        """Return the units that an account holds."""
        return self._balances.get(owner, 0)

    def mint(self, owner: Address, units: int) -> None:
        """Give units to anyone."""
        self._balances[owner] = self.balance_of(owner) + units

    def transfer(self, sender: Address, receiver: Address, units: int) -> None:
        """Move units, less the fee. Allowances are not modelled: every owner has given one."""
        held = self.balance_of(sender)
        if held < units:
            revert("ERC20InsufficientBalance", shown(sender), held, units)
        self._balances[sender] = held - units
        fee = 0 if self._fee_divisor is None else units // self._fee_divisor
        self.mint(receiver, units - fee)
