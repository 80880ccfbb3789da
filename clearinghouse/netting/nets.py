"""What a cut realises: variation margin per member and asset, and how a shortfall is shared.

Amounts of one asset are arrays with one element per member position. They are 64-bit integers
wherever every sum is certain to fit, and Python integers in an array of objects where a member's
losses are so absurd that one might not; the arithmetic is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.identifiers import AssetId, Position
from clearinghouse.book.state import State
from clearinghouse.errors import check

Amounts = NDArray[Any]
"""Signed quanta of one asset per member position: int64, or Python integers as objects."""

SAFE_QUANTA = 2.0**61
"""Worth in all, to floating-point accuracy, below which no sum of amounts leaves 63 bits."""


def variation_amounts(state: State) -> dict[AssetId, Amounts]:
    """Return the variation margin of every member at the marks, by quote asset.

    Per member and instrument it is ``quantity * mark - basis``, which is the protocol's
    ``closing quantity * closing mark - opening quantity * opening mark - filled cash``. What the
    last settlement could not place and carried is added.

    Raises
    ------
    Corruption
        ``nets_not_zero`` when an asset's amounts do not sum to zero (invariant P3).
    """
    rows, instruments = state.holdings.used(), state.instrument_table.rows
    listed = rows["instrument"]
    variation = rows["quantity"] * instruments["mark"][listed] - rows["basis"]
    assets = instruments["asset"][listed]
    amounts: dict[AssetId, Amounts] = {}
    for row, asset in enumerate(state.accounts.assets):
        chosen = assets == row
        residual = state.accounts.accounts[row, : len(state.members)]["residual"]
        amounts[asset] = _sums(residual, rows["position"][chosen], variation[chosen])
        check(
            amounts[asset].sum() == 0,
            "nets_not_zero",
            "variation margin does not sum to zero over members (invariant P3)",
            asset=asset,
        )
    return amounts


def _sums(
    start: NDArray[np.int64], positions: NDArray[np.uint32], quanta: NDArray[np.int64]
) -> Amounts:
    worth = np.abs(start.astype(float)).sum() + np.abs(quanta.astype(float)).sum()
    kind = np.int64 if worth < SAFE_QUANTA else object
    sums = start.astype(kind)
    np.add.at(sums, positions, quanta.astype(kind))
    return sums


def share_pro_rata(total: int, bases: Amounts) -> Amounts:
    """Split ``total`` over members in proportion to ``bases``, none of which is negative.

    Exact, no share above its basis. Every share is first rounded down; the quanta left go to the
    largest remainders, ties to the smaller position.

    Raises
    ------
    Corruption
        ``share_exceeds_bases`` when the bases together are less than ``total``.
    """
    total, whole = int(total), int(bases.sum())
    check(0 <= total <= whole, "share_exceeds_bases", "nobody is left to pay", total=total)
    shares = np.zeros(len(bases), object)
    if total:
        (sharing,) = np.nonzero(bases)
        products = total * bases[sharing].astype(object)  # beyond 63 bits
        portions = products // whole
        largest = np.argsort(-(products % whole), kind="stable")
        portions[largest[: total - int(portions.sum())]] += 1
        shares[sharing] = portions
    fitting: Amounts = shares.astype(bases.dtype)
    return fitting


def shortfall_flows(before: Amounts, nets: Amounts, house: Position | None) -> Amounts:
    """Return what brings every negative closing to zero, and who pays for it.

    ``before`` is opening plus deposits per member, ``nets`` the cycle's amounts. The house pays
    first, out of its own closing; then the cycle's gainers give up a part of their gain pro rata
    (variation margin gains haircut), never their opening. The flows sum to zero.

    Source: PFMI principle 4; pro-rata instead of a queue because queues overshoot.
    """
    closings = before + nets
    flows: Amounts = np.maximum(-closings, 0)
    missing = flows.sum()
    if missing == 0:
        return flows
    if house is not None:
        paid = min(missing, max(0, closings[house]))
        flows[house] -= paid
        missing -= paid
    # A gainer's closing covers its gain, the house's only what it has not paid away already.
    gains = np.maximum(nets, 0)
    if house is not None:
        gains[house] = max(0, min(gains[house], closings[house] + flows[house]))
    flows -= share_pro_rata(missing, gains)
    return flows
