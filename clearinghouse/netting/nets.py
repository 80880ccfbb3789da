"""What a cut realises: variation margin per member and asset, and how a shortfall is shared."""

from __future__ import annotations

from collections.abc import Mapping

from clearinghouse.book.identifiers import AssetId, InstrumentId, Position
from clearinghouse.book.state import State
from clearinghouse.errors import check

Amounts = dict[Position, int]
"""Signed quanta of one asset per member; zeros are left out."""


def variation_amounts(state: State, marks: Mapping[InstrumentId, int]) -> dict[AssetId, Amounts]:
    """Return the variation margin of every member at ``marks``, by quote asset.

    Per member and instrument it is ``quantity * mark - basis``, which is the protocol's
    ``closing quantity * closing mark - opening quantity * opening mark - filled cash``. What the
    last settlement could not place and carried is added.

    Raises
    ------
    Corruption
        ``nets_not_zero`` when an asset's amounts do not sum to zero (invariant P3).
    """
    amounts: dict[AssetId, Amounts] = {
        asset.asset_id: dict(state.residuals.get(asset.asset_id, {}))
        for asset in state.get_genesis().assets
    }
    for position, holdings in state.holdings.items():
        for number, held in holdings.items():
            asset_amounts = amounts[state.instruments[number].quote_asset]
            variation = held.quantity * marks[number] - held.basis
            asset_amounts[position] = asset_amounts.get(position, 0) + variation
    for asset, asset_amounts in amounts.items():
        check(
            sum(asset_amounts.values()) == 0,
            "nets_not_zero",
            "variation margin does not sum to zero over members (invariant P3)",
            asset=asset,
        )
        amounts[asset] = {position: net for position, net in asset_amounts.items() if net}
    return amounts


def share_pro_rata(total: int, bases: Mapping[Position, int]) -> Amounts:
    """Split ``total`` over members in proportion to ``bases``; exact, no share above its basis.

    Every share is first rounded down; the quanta left go to the largest remainders, ties to the
    smaller position, so the result does not depend on the order of the input.

    Raises
    ------
    Corruption
        ``share_exceeds_bases`` when the bases together are less than ``total``.
    """
    whole = sum(bases.values())
    check(0 <= total <= whole, "share_exceeds_bases", "nobody is left to pay", total=total)
    if total == 0:
        return {}
    shares = {position: total * basis // whole for position, basis in bases.items()}
    remainders = sorted(bases, key=lambda p: (-(total * bases[p] % whole), p))
    for position in remainders[: total - sum(shares.values())]:
        shares[position] += 1
    return {position: share for position, share in shares.items() if share}


def shortfall_flows(
    before: Mapping[Position, int], nets: Mapping[Position, int], house: Position | None
) -> Amounts:
    """Return what brings every negative closing to zero, and who pays for it.

    ``before`` is opening plus deposits per member, ``nets`` the cycle's amounts. The house pays
    first, out of its own closing; then the cycle's gainers give up a part of their gain pro rata
    (variation margin gains haircut), never their opening. The flows sum to zero.

    Source: PFMI principle 4; pro-rata instead of a queue because queues overshoot.
    """
    closings = {
        position: before.get(position, 0) + nets.get(position, 0) for position in {*before, *nets}
    }
    flows = {position: -closing for position, closing in closings.items() if closing < 0}
    missing = sum(flows.values())
    if missing == 0:
        return {}
    if house is not None:
        paid = min(missing, max(0, closings.get(house, 0)))
        if paid:
            flows[house] = -paid
            missing -= paid
    # A gainer's closing covers its gain, the house's only what it has not paid away already.
    gains = {position: net for position, net in nets.items() if net > 0}
    if house in gains:
        gains[house] = max(0, min(gains[house], closings[house] + flows.get(house, 0)))
    for position, share in share_pro_rata(missing, gains).items():
        flows[position] = flows.get(position, 0) - share
    return flows
