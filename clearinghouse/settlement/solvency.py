"""Proof of solvency, per chain and asset: what the vault holds against what it owes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.base import AnchorSolvency, ChainAdapter
from clearinghouse.book.identifiers import AssetId, ChainId
from clearinghouse.book.state import State


@dataclass(frozen=True)
class SolvencyLine:
    """One vault against its liabilities and against the ledger."""

    chain_id: ChainId
    asset_id: AssetId
    anchor: AnchorSolvency
    ledger_claims: int
    """Quanta that the ledger's committed claims add up to; equal to the anchor's when settled."""

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is missing, nothing is left over, and ledger and chain agree."""
        return self.anchor.difference == 0 and self.anchor.claims == self.ledger_claims


def solvency_of(state: State, adapters: Mapping[ChainId, ChainAdapter]) -> list[SolvencyLine]:
    """Read every vault and compare it with the ledger.

    Raises
    ------
    Unavailable
        When a chain does not answer.
    """
    return [
        SolvencyLine(
            chain_id,
            asset_id,
            adapters[chain_id].solvency(asset_id),
            state.accounts.claims_total((chain_id, asset_id)),
        )
        for chain_id, asset_id in sorted(state.deposits)
    ]
