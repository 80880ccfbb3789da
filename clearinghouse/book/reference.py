"""Reference data: what can be owned, traded and settled, and where."""

from __future__ import annotations

import msgspec

from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId
from clearinghouse.book.settlements import OperatorSet, Windows


class Asset(msgspec.Struct, frozen=True):
    """Something that a claim is in; one quantum has one worth on every chain."""

    asset_id: AssetId
    symbol: str
    decimals: int
    """Of a quantum: 6 means that a quantum is 10^-6 of the unit that people speak of."""


class VaultAsset(msgspec.Struct, frozen=True):
    """An asset as one chain's anchor holds it."""

    asset_id: AssetId
    token: Address
    token_units_per_quantum: int
    minimum_deposit_quanta: int


class Chain(msgspec.Struct, frozen=True):
    """A settlement chain and the anchor on it."""

    chain_id: ChainId
    name: str
    anchor: Address
    assets: tuple[VaultAsset, ...]
    """Sorted by asset id."""


class Instrument(msgspec.Struct, frozen=True):
    """A cash-settled contract: variation margin is realised in the quote asset at every cut."""

    instrument_id: InstrumentId
    symbol: str
    quote_asset: AssetId
    lot_exponent: int
    """One lot is 10^lot_exponent of the underlying."""
    initial_margin_ppm: int
    """Initial margin in parts per million of the notional, rounded up against the member."""


class Genesis(msgspec.Struct, frozen=True):
    """What one clearinghouse is deployed with; the first entry of its journal."""

    clearinghouse_id: Hash32
    home_chain_id: ChainId
    chains: tuple[Chain, ...]
    """Chain ids strictly increasing, home among them."""
    assets: tuple[Asset, ...]
    operator_set: OperatorSet
    windows: Windows
    house: Address
    """The member that receives fees and pays shortfalls first."""
