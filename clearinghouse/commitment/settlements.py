"""Hashes of settlements, legs and operator sets, equal to the contracts' to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from eth_abi.abi import encode

from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.ranges import (
    INT64_MAX,
    require_bytes,
    require_range,
    require_uint32,
    require_uint64,
    require_uint128,
)
from clearinghouse.book.settlements import ChainEntry, Leg, OperatorSet, Settlement, Windows
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.typed_data import address_word, typed_digest, word
from clearinghouse.errors import Rejected

CHAIN_ENTRY_TYPE = b"ChainEntry(uint256 chainId,address anchor,bytes32 legHash,bool active)"
SETTLEMENT_TYPE = (
    b"Settlement(bytes32 clearinghouseId,uint64 cycle,bytes32 parent,uint64 operatorEpoch,"
    b"uint64 cutTime,uint64 journalCount,bytes32 journalHead,bytes32 statementsRoot,"
    b"bytes32 flowsRoot,bytes32 fillsRoot,bytes32 pricesRoot,uint64 prepareDeadline,"
    b"uint64 decideBy,ChainEntry[] chains)" + CHAIN_ENTRY_TYPE
)
_CHAIN_ENTRY_TYPE_HASH = keccak256(CHAIN_ENTRY_TYPE)
_SETTLEMENT_TYPE_HASH = keccak256(SETTLEMENT_TYPE)

LEG_ABI = (
    "(uint256,address,uint64,bytes32,"
    "(uint32,bytes32,uint128,bytes32,uint128,uint64,bytes32,uint64)[],bytes32)"
)


def _chain_entry_hash(entry: ChainEntry) -> Hash32:
    return keccak256(
        _CHAIN_ENTRY_TYPE_HASH
        + word(require_range("chain id", entry.chain_id, 1, INT64_MAX))
        + address_word(require_bytes("anchor", entry.anchor, 20))
        + require_bytes("leg hash", entry.leg_hash, 32)
        + word(int(entry.active))
    )


def settlement_id(settlement: Settlement) -> Hash32:
    """Return the settlement's EIP-712 digest, which is its id and what operators sign.

    Raises
    ------
    Rejected
        ``OUT_OF_RANGE`` or ``MALFORMED`` naming the field (invariant P12), ``CHAINS_UNSORTED`` when
        chain ids are not strictly increasing.
    """
    _require_increasing("CHAINS_UNSORTED", [entry.chain_id for entry in settlement.chains])
    entries = b"".join(_chain_entry_hash(entry) for entry in settlement.chains)
    struct_hash = keccak256(
        _SETTLEMENT_TYPE_HASH
        + require_bytes("clearinghouse id", settlement.clearinghouse_id, 32)
        + word(require_uint64("cycle", settlement.cycle))
        + require_bytes("parent", settlement.parent, 32)
        + word(require_uint64("operator epoch", settlement.operator_epoch))
        + word(require_uint64("cut time", settlement.cut_time))
        + word(require_uint64("journal count", settlement.journal_count))
        + require_bytes("journal head", settlement.journal_head, 32)
        + require_bytes("statements root", settlement.statements_root, 32)
        + require_bytes("flows root", settlement.flows_root, 32)
        + require_bytes("fills root", settlement.fills_root, 32)
        + require_bytes("prices root", settlement.prices_root, 32)
        + word(require_uint64("prepare deadline", settlement.prepare_deadline))
        + word(require_uint64("decide by", settlement.decide_by))
        + keccak256(entries)
    )
    return typed_digest(settlement.clearinghouse_id, struct_hash)


def _require_increasing(reason: str, ids: Sequence[int]) -> None:
    if any(first >= second for first, second in pairwise(ids)):
        raise Rejected(reason, "list each id once, strictly increasing", ids=list(ids))


def leg_tuple(leg: Leg) -> tuple[object, ...]:
    """Return the leg as the nested tuple that ABI encoders take, every field range-checked.

    Raises
    ------
    Rejected
        As ``settlement_id``; ``ASSETS_UNSORTED`` when asset ids are not strictly increasing.
    """
    _require_increasing("ASSETS_UNSORTED", [asset.asset_id for asset in leg.assets])
    return (
        require_range("chain id", leg.chain_id, 1, INT64_MAX),
        require_bytes("anchor", leg.anchor, 20),
        require_uint64("cycle", leg.cycle),
        require_bytes("parent leg", leg.parent_leg, 32),
        [
            (
                require_uint32("asset id", asset.asset_id),
                require_bytes("claims tree", asset.claims_tree, 32),
                require_uint128("claims", asset.claims),
                require_bytes("releases tree", asset.releases_tree, 32),
                require_uint128("released", asset.released),
                require_uint64("deposit cursor", asset.deposit_cursor),
                require_bytes("deposit hash", asset.deposit_hash, 32),
                require_uint64("exit cursor", asset.exit_cursor),
            )
            for asset in leg.assets
        ],
        require_bytes("data hash", leg.data_hash, 32),
    )


def leg_hash(leg: Leg) -> Hash32:
    """Return ``keccak256(abi.encode(leg))``."""
    return keccak256(encode([LEG_ABI], [leg_tuple(leg)]))


def operator_set_hash(operator_set: OperatorSet) -> Hash32:
    """Return ``keccak256(abi.encode(epoch, threshold, signers, parametersHash))``.

    Raises
    ------
    Rejected
        ``OPERATOR_SET_INVALID`` when signers are not strictly increasing or the threshold is not
        in 1 .. number of signers.
    """
    signers = [require_bytes("signer", signer, 20) for signer in operator_set.signers]
    increasing = all(a < b for a, b in pairwise(signers))
    if not increasing or not 1 <= operator_set.threshold <= len(signers):
        raise Rejected(
            "OPERATOR_SET_INVALID",
            "sort signers strictly by address and take a threshold of 1 up to their number",
            threshold=operator_set.threshold,
            signers=len(signers),
        )
    return keccak256(
        encode(
            ["uint64", "uint32", "address[]", "bytes32"],
            [
                require_uint64("operator epoch", operator_set.epoch),
                require_uint32("threshold", operator_set.threshold),
                signers,
                require_bytes("parameters hash", operator_set.parameters_hash, 32),
            ],
        )
    )


def clearinghouse_id(
    salt: Hash32, home_chain_id: ChainId, chain_ids: Sequence[ChainId], windows: Windows
) -> Hash32:
    """Return the id that binds every signature to one deployment and its constants for ever.

    Raises
    ------
    Rejected
        As ``settlement_id``; ``HOME_UNLISTED`` when home is not one of the chains.
    """
    _require_increasing("CHAINS_UNSORTED", chain_ids)
    if home_chain_id not in chain_ids:
        raise Rejected("HOME_UNLISTED", "list home among the chains", home_chain_id=home_chain_id)
    return keccak256(
        encode(
            [
                "bytes32",
                "uint256",
                "uint256[]",
                "(uint64,uint64,uint64,uint64,uint64,uint64)",
            ],
            [
                require_bytes("salt", salt, 32),
                home_chain_id,
                [require_range("chain id", chain, 1, INT64_MAX) for chain in chain_ids],
                tuple(
                    require_uint64(name.replace("_", " "), getattr(windows, name))
                    for name in Windows.__struct_fields__
                ),
            ],
        )
    )
