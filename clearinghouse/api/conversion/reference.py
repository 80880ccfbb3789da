"""The deployment, its chains and assets, and instruments."""

from __future__ import annotations

from collections.abc import Iterable

from clearinghouse.api.conversion.fields import (
    address_of,
    chain_id_of,
    fitting,
    hash_of,
    submessage_of,
    uint128_bytes,
    uint128_of,
)
from clearinghouse.api.conversion.settlements import (
    operator_set_from_message,
    operator_set_to_message,
)
from clearinghouse.book.identifiers import AssetId, InstrumentId
from clearinghouse.book.ranges import require_range
from clearinghouse.book.reference import Asset, Chain, Genesis, Instrument, VaultAsset
from clearinghouse.book.settlements import Windows
from clearinghouse.errors import Rejected
from clearinghouse.v1 import instruments_pb2

MAXIMUM_NAME_CHARACTERS = 64
"""Of what operators type for people to read; it ends up in every table and log line."""
MAXIMUM_LOT_EXPONENT = 36


def name_of(field: str, text: str) -> str:
    """Return a name for people: 1 .. 64 printable characters.

    Raises
    ------
    Rejected
        ``MALFORMED`` for another length, or for characters that would break a table or a log.
    """
    if not 1 <= len(text) <= MAXIMUM_NAME_CHARACTERS or not text.isprintable():
        raise Rejected(
            "MALFORMED",
            f"{field} must be 1 to {MAXIMUM_NAME_CHARACTERS} printable characters",
            field=field,
            length=len(text),
        )
    return text


def instrument_to_message(instrument: Instrument) -> instruments_pb2.Instrument:
    """Return the message of an instrument."""
    with fitting("instrument"):
        return instruments_pb2.Instrument(
            instrument_id=instrument.instrument_id,
            symbol=instrument.symbol,
            quote_asset=instrument.quote_asset,
            lot_exponent=instrument.lot_exponent,
            initial_margin_ppm=instrument.initial_margin_ppm,
        )


def instrument_from_message(message: instruments_pb2.Instrument) -> Instrument:
    """Return the instrument of a message; intake judges its id, asset and margin rate."""
    limit = MAXIMUM_LOT_EXPONENT
    return Instrument(
        instrument_id=InstrumentId(message.instrument_id),
        symbol=name_of("symbol", message.symbol),
        quote_asset=AssetId(message.quote_asset),
        lot_exponent=require_range("lot exponent", message.lot_exponent, -limit, limit),
        initial_margin_ppm=message.initial_margin_ppm,
    )


def chain_to_message(chain: Chain) -> instruments_pb2.Chain:
    """Return the message of a chain."""
    return instruments_pb2.Chain(
        chain_id=chain.chain_id,
        name=chain.name,
        anchor=chain.anchor,
        assets=[
            instruments_pb2.VaultAsset(
                asset_id=asset.asset_id,
                token=asset.token,
                token_units_per_quantum=uint128_bytes(
                    "token units per quantum", asset.token_units_per_quantum
                ),
                minimum_deposit_quanta=asset.minimum_deposit_quanta,
            )
            for asset in chain.assets
        ],
    )


def chain_from_message(message: instruments_pb2.Chain) -> Chain:
    """Return the chain of a message."""
    return Chain(
        chain_id=chain_id_of("chain id", message.chain_id),
        name=message.name,
        anchor=address_of("anchor", message.anchor),
        assets=tuple(
            VaultAsset(
                asset_id=AssetId(asset.asset_id),
                token=address_of("token", asset.token),
                token_units_per_quantum=uint128_of(
                    "token units per quantum", asset.token_units_per_quantum
                ),
                minimum_deposit_quanta=asset.minimum_deposit_quanta,
            )
            for asset in message.assets
        ),
    )


def clearinghouse_to_message(genesis: Genesis) -> instruments_pb2.Clearinghouse:
    """Return the deployment without its chains, which have a call of their own."""
    windows = genesis.windows
    return instruments_pb2.Clearinghouse(
        clearinghouse_id=genesis.clearinghouse_id,
        home_chain_id=genesis.home_chain_id,
        assets=[
            instruments_pb2.Asset(
                asset_id=asset.asset_id, symbol=asset.symbol, decimals=asset.decimals
            )
            for asset in genesis.assets
        ],
        operator_set=operator_set_to_message(genesis.operator_set),
        windows=instruments_pb2.Windows(
            challenge_seconds=windows.challenge_seconds,
            grace_seconds=windows.grace_seconds,
            stall_seconds=windows.stall_seconds,
            freeze_delay_seconds=windows.freeze_delay_seconds,
            max_decide_seconds=windows.max_decide_seconds,
            client_latency_seconds=windows.client_latency_seconds,
        ),
        house=genesis.house,
    )


def genesis_from_messages(
    message: instruments_pb2.Clearinghouse, chains: Iterable[instruments_pb2.Chain]
) -> Genesis:
    """Return the deployment from its two answers."""
    windows = submessage_of(message, "windows")
    return Genesis(
        clearinghouse_id=hash_of("clearinghouse id", message.clearinghouse_id),
        home_chain_id=chain_id_of("home chain id", message.home_chain_id),
        chains=tuple(chain_from_message(chain) for chain in chains),
        assets=tuple(
            Asset(AssetId(asset.asset_id), asset.symbol, asset.decimals) for asset in message.assets
        ),
        operator_set=operator_set_from_message(submessage_of(message, "operator_set")),
        windows=Windows(
            challenge_seconds=windows.challenge_seconds,
            grace_seconds=windows.grace_seconds,
            stall_seconds=windows.stall_seconds,
            freeze_delay_seconds=windows.freeze_delay_seconds,
            max_decide_seconds=windows.max_decide_seconds,
            client_latency_seconds=windows.client_latency_seconds,
        ),
        house=address_of("house", message.house),
    )
