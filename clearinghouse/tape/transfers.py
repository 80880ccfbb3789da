"""A cross-chain transfer, as bridges record them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transfer:
    """One amount of one asset that left one chain for another."""

    sender: str
    receiver: str
    asset: str
    """One name for the asset on all chains; its contract on one of them where it has none."""
    source: str
    """Chain on which the sender gave."""
    destination: str
    amount: int
    """The token's base units; they exceed 2^64."""
    worth_quanta: int
    """Worth in 1e-6 USD where the recording has prices, else the amount itself. Only worth may be
    summed over assets."""
    time_seconds: int
    """When it left the source chain, since the epoch."""
