"""The shared vectors, recomputed by libraries that share no code with the clearinghouse.

The Solidity tests read the same file: what passes in both is equal to the byte.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak

ROOT = Path(__file__).resolve().parents[3]

TYPES = {
    "Order": (
        "address member,uint32 instrument,uint8 side,uint64 quantity,uint64 limitPrice,"
        "uint32 maxFeeRate,uint64 expiry,uint64 nonce,address venue"
    ),
    "PlacementLimit": (
        "address member,uint256 chainId,uint32 assetId,uint128 maximumQuanta,uint64 nonce"
    ),
    "Release": (
        "address member,uint256 chainId,uint32 assetId,uint64 quanta,uint64 nonce,uint64 expiry"
    ),
    "Mandate": (
        "address member,address delegate,address venue,uint32 instrument,"
        "uint64 maximumOrderNotional,uint64 maximumTotalNotional,uint64 minimumSellPrice,"
        "uint64 expiry,uint64 nonce"
    ),
    "MandatedOrders": (
        "address venue,uint32 count,bytes members,bytes instruments,bytes sides,bytes quantities,"
        "bytes limitPrices,bytes maxFeeRates,bytes expiries,bytes nonces"
    ),
    "FillColumns": (
        "address venue,bytes32 batchId,uint32 count,bytes buyOrders,bytes sellOrders,"
        "bytes quantities,bytes cash"
    ),
    "Fill": "bytes32 buyOrder,bytes32 sellOrder,uint64 quantity,uint64 cash",
    "FillBatch": "address venue,bytes32 batchId,Fill[] fills",
    "CommitteeHeader": "uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash",
    "ChainEntry": "uint256 chainId,address anchor,bytes32 legHash,bool active",
    "Settlement": (
        "bytes32 clearinghouseId,uint64 cycle,bytes32 parent,uint64 operatorEpoch,uint64 cutTime,"
        "uint64 journalCount,bytes32 journalHead,bytes32 statementsRoot,bytes32 flowsRoot,"
        "bytes32 fillsRoot,bytes32 pricesRoot,uint64 prepareDeadline,uint64 decideBy,"
        "ChainEntry[] chains"
    ),
}
"""Written out again from the protocol, so that a slip in the source's type strings shows."""

SIGNED = [
    ("Order", "order", "order_digest", ()),
    ("PlacementLimit", "placement_limit", "placement_limit_digest", ()),
    ("Release", "release", "release_digest", ()),
    ("FillBatch", "fill_batch", "fill_batch_digest", ("Fill",)),
    ("Mandate", "mandate", "mandate_digest", ()),
    ("MandatedOrders", "mandated_orders", "mandated_orders_digest", ()),
    ("FillColumns", "fill_columns", "fill_columns_digest", ()),
    ("CommitteeHeader", "committee_header", "committee_digest", ()),
    ("Settlement", "settlement", "settlement_id", ("ChainEntry",)),
]
"""(type, key of the value, key of its digest, types it refers to)."""


@cache
def vectors() -> dict[str, Any]:
    return json.loads((ROOT / "tests" / "vectors" / "commitment.json").read_text())


def fields_of(type_name: str) -> list[dict[str, str]]:
    pairs = [field.split(" ") for field in TYPES[type_name].split(",")]
    return [{"type": kind, "name": name} for kind, name in pairs]


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def message_of(type_name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return a vector's value under its Solidity names and in Python's types."""
    message = {}
    for field in fields_of(type_name):
        item, kind = value[snake(field["name"])], field["type"]
        if kind.endswith("[]"):
            message[field["name"]] = [message_of(kind[:-2], part) for part in item]
        else:
            message[field["name"]] = int(item) if kind.startswith("uint") else item
    return message


def typed_data_digest(type_name: str, others: tuple[str, ...], value: dict[str, Any]) -> str:
    """Return the EIP-712 digest that eth-account, which wallets' users sign with, gives."""
    domain = {
        "name": "Clearinghouse",
        "version": "1",
        "salt": bytes.fromhex(vectors()["clearinghouse_id"][2:]),
    }
    types = {name: fields_of(name) for name in (type_name, *others)}
    signable = encode_typed_data(domain, types, message_of(type_name, value))
    return "0x" + keccak(b"\x19" + signable.version + signable.header + signable.body).hex()


def test_vectors_are_fresh_when_generated_again() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_vectors.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("type_name", "value", "digest", "others"), SIGNED)
def test_digest_equals_eth_account_when_value_is_typed_data(
    type_name: str, value: str, digest: str, others: tuple[str, ...]
) -> None:
    assert typed_data_digest(type_name, others, vectors()[value]) == vectors()[digest]


def test_leg_hash_equals_abi_encoding_when_encoded_by_hand() -> None:
    leg = vectors()["leg"]
    words = [
        word(0x20),
        word(int(leg["chain_id"])),
        word(int(leg["anchor"], 16)),
        word(int(leg["cycle"])),
        bytes_of(leg["parent_leg"]),
        word(6 * 32),
        bytes_of(leg["data_hash"]),
        word(len(leg["assets"])),
    ]
    for asset in leg["assets"]:
        words += [
            word(int(asset["asset_id"])),
            bytes_of(asset["claims_tree"]),
            word(int(asset["claims"])),
            bytes_of(asset["releases_tree"]),
            word(int(asset["released"])),
            word(int(asset["deposit_cursor"])),
            bytes_of(asset["deposit_hash"]),
            word(int(asset["exit_cursor"])),
        ]
    assert "0x" + keccak(b"".join(words)).hex() == vectors()["leg_hash"]


def test_operator_set_hash_equals_abi_encoding_when_encoded_by_hand() -> None:
    operators = vectors()["operator_set"]
    words = [
        word(int(operators["epoch"])),
        word(int(operators["threshold"])),
        word(4 * 32),
        bytes_of(operators["parameters_hash"]),
        word(len(operators["signers"])),
        *(word(int(signer, 16)) for signer in operators["signers"]),
    ]
    assert "0x" + keccak(b"".join(words)).hex() == vectors()["operator_set_hash"]


def test_clearinghouse_id_equals_abi_encoding_when_encoded_by_hand() -> None:
    deployment = vectors()["deployment"]
    words = [
        bytes_of(deployment["salt"]),
        word(int(deployment["home_chain_id"])),
        word(9 * 32),
        *(word(int(seconds)) for seconds in deployment["windows"].values()),
        word(len(deployment["chain_ids"])),
        *(word(int(chain)) for chain in deployment["chain_ids"]),
    ]
    assert "0x" + keccak(b"".join(words)).hex() == vectors()["clearinghouse_id"]


@pytest.mark.parametrize(
    ("tree", "number", "quanta", "prefix"),
    [("claims_tree", "position", "claim", "00"), ("releases_tree", "index", "quanta", "02")],
)
def test_tree_root_and_branches_follow_when_hashed_leaf_by_leaf(
    tree: str, number: str, quanta: str, prefix: str
) -> None:
    value = vectors()[tree]
    assert sum(int(leaf[quanta]) for leaf in value["leaves"]) == int(value["sum"])
    for leaf, branch in zip(value["leaves"], value["branches"], strict=True):
        assert leaf[number] == branch[number]
        total, position = int(leaf[quanta]), int(leaf[number])
        index = "" if number == "position" else f"{position:016x}"
        running = keccak(bytes.fromhex(f"{prefix}{index}{leaf['member'][2:]}{total:032x}"))
        for sibling, sibling_sum in zip(branch["siblings"], branch["sibling_sums"], strict=True):
            pair = [(running, total), (bytes_of(sibling), int(sibling_sum))]
            if position & 1:
                pair.reverse()
            running = keccak(b"\x01" + b"".join(h + s.to_bytes(16, "big") for h, s in pair))
            total, position = total + int(sibling_sum), position >> 1
        assert ("0x" + running.hex(), str(total)) == (value["root"], value["sum"])


def test_settlement_lists_leg_when_vectors_belong_together() -> None:
    leg, settlement = vectors()["leg"], vectors()["settlement"]
    entry = next(e for e in settlement["chains"] if e["chain_id"] == leg["chain_id"])
    assert entry["leg_hash"] == vectors()["leg_hash"]
    assert leg["assets"][0]["claims_tree"] == vectors()["claims_tree"]["root"]
    assert leg["assets"][0]["releases_tree"] == vectors()["releases_tree"]["root"]


def bytes_of(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")
