"""Write ``tests/vectors/commitment.json``: one value of everything that is signed or committed to.

Python computes it, the Solidity tests recompute it, and the Python tests compare it with libraries
that share no code with us; so a byte that moves on either side shows. ``--check`` writes nothing
and exits with 1 when the file is not what this script would write.

Numbers are decimal strings, since JSON readers lose integers beyond 2^53; bytes are 0x-hex; keys
are the Solidity names in snake case. The values are chosen to be told apart: no two fields of a
struct are equal, and every width is used up to its top somewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from clearinghouse.book.columns import FillColumns, MandatedOrders
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
    to_hex,
)
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import Fill, FillBatch, Order, PlacementLimit, Release, Side
from clearinghouse.book.settlements import (
    ChainEntry,
    Leg,
    LegAsset,
    OperatorSet,
    Settlement,
    Windows,
)
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import (
    fill_batch_digest,
    fill_columns_digest,
    mandate_digest,
    mandated_orders_digest,
    order_digest,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.settlements import (
    clearinghouse_id,
    leg_hash,
    operator_set_hash,
    settlement_id,
)
from clearinghouse.commitment.trees import SumTree, claims_tree, releases_tree
from clearinghouse.proofs.committee import committee_digest

VECTORS = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "commitment.json"

HOME, SPOKE, LARGEST = ChainId(1), ChainId(8453), ChainId(2**63 - 1)
SALT = keccak256(b"salt of the vectors")
WINDOWS = Windows(
    challenge_seconds=7_200,
    grace_seconds=86_400,
    stall_seconds=172_800,
    freeze_delay_seconds=43_200,
    max_decide_seconds=3_600,
    client_latency_seconds=900,
)
_SOLIDITY_NAMES = {
    "maximum_fee_rate": "max_fee_rate",
    "maximum_fee_rates": "max_fee_rates",
}


def account(label: str) -> Address:
    """Return an address that nobody holds the key of."""
    return Address(keccak256(label.encode())[12:])


def digest_of(label: str) -> Hash32:
    """Return a hash that stands for content we do not need here."""
    return keccak256(label.encode())


CLAIMS = {
    Position(0): (account("member 0"), 1),
    Position(1): (account("member 1"), 2**63 - 1),
    Position(6): (account("member 6"), 250_000_000),
    Position(2**31): (account("member 2^31"), 2**64),
    Position(2**32 - 1): (account("member 2^32 - 1"), 2**127),
}
RELEASES = (
    (account("member 1"), 5_000_000),
    (account("member 6"), 0),
    (account("member 1"), 2**64 - 1),
)


def build_vectors() -> dict[str, Any]:
    """Return the content of the file."""
    clearinghouse = clearinghouse_id(SALT, HOME, (HOME, SPOKE, LARGEST), WINDOWS)
    claims, releases = claims_tree(CLAIMS), releases_tree(RELEASES)
    leg = _leg(claims, releases)
    settlement = _settlement(clearinghouse, leg)
    order = Order(
        member=account("member 1"),
        instrument=InstrumentId(2**32 - 1),
        side=Side.SELL,
        quantity=2**63 - 1,
        limit_price=64_250,
        maximum_fee_rate=350,
        expiry=2**64 - 1,
        nonce=17,
        venue=account("venue"),
    )
    limit = PlacementLimit(
        member=account("member 6"),
        chain_id=SPOKE,
        asset_id=AssetId(7),
        maximum_quanta=2**128 - 1,
        nonce=3,
    )
    release = Release(
        member=account("member 0"),
        chain_id=LARGEST,
        asset_id=AssetId(2**32 - 2),
        quanta=2**63 - 1,
        nonce=2**64 - 1,
        expiry=1_900_000_000,
    )
    batch = FillBatch(
        venue=account("venue"),
        batch_id=digest_of("batch"),
        fills=(
            Fill(digest_of("buy 1"), order_digest(clearinghouse, order), 12, 771_000),
            Fill(digest_of("buy 2"), digest_of("sell 2"), 2**63 - 1, 2**64 - 1),
        ),
    )
    mandate = Mandate(
        member=account("member 1"),
        delegate=account("session key"),
        venue=account("venue"),
        instrument=InstrumentId(2**32 - 2),
        maximum_order_notional=2**64 - 3,
        maximum_total_notional=2**64 - 2,
        minimum_sell_price=64_000,
        expiry=2**64 - 1,
        nonce=5,
    )
    buy = msgspec.structs.replace(order, side=Side.BUY, maximum_fee_rate=2**32 - 1, nonce=2**64 - 1)
    mandated = MandatedOrders.of(account("venue"), (order, buy))
    columns = FillColumns.of(
        account("venue"),
        digest_of("columns"),
        buy_orders=[0, 2**32 - 2, 7],
        sell_orders=[1, 2**31, 6],
        quantities=[12, 2**63 - 1, 2**64 - 1],
        cash=[771_000, 2**64 - 2, 3],
    )
    operators = OperatorSet(
        epoch=9,
        threshold=2,
        signers=tuple(sorted(account(f"operator {index}") for index in range(3))),
        parameters_hash=digest_of("parameters"),
    )
    header = {"chain_id": SPOKE, "epoch": 4, "height": 21_000_000, "block_hash": digest_of("block")}
    return _plain(
        {
            "deployment": {
                "salt": SALT,
                "home_chain_id": HOME,
                "chain_ids": (HOME, SPOKE, LARGEST),
                "windows": WINDOWS,
            },
            "clearinghouse_id": clearinghouse,
            "settlement": settlement,
            "settlement_id": settlement_id(settlement),
            "leg": leg,
            "leg_hash": leg_hash(leg),
            "order": order,
            "order_digest": order_digest(clearinghouse, order),
            "placement_limit": limit,
            "placement_limit_digest": placement_limit_digest(clearinghouse, limit),
            "release": release,
            "release_digest": release_digest(clearinghouse, release),
            "fill_batch": batch,
            "fill_batch_digest": fill_batch_digest(clearinghouse, batch),
            "mandate": mandate,
            "mandate_digest": mandate_digest(clearinghouse, mandate),
            "mandated_orders": _columns(mandated),
            "mandated_orders_digest": mandated_orders_digest(clearinghouse, mandated),
            "fill_columns": _columns(columns),
            "fill_columns_digest": fill_columns_digest(clearinghouse, columns),
            "committee_header": header,
            "committee_digest": committee_digest(
                clearinghouse, SPOKE, 4, 21_000_000, digest_of("block")
            ),
            "operator_set": operators,
            "operator_set_hash": operator_set_hash(operators),
            "claims_tree": _tree(
                "position",
                claims,
                [
                    {"position": position, "member": member, "claim": claim}
                    for position, (member, claim) in CLAIMS.items()
                ],
            ),
            "releases_tree": _tree(
                "index",
                releases,
                [
                    {"index": index, "member": member, "quanta": quanta}
                    for index, (member, quanta) in enumerate(RELEASES)
                ],
            ),
        }
    )


def _leg(claims: SumTree, releases: SumTree) -> Leg:
    return Leg(
        chain_id=SPOKE,
        anchor=account("anchor of the spoke"),
        cycle=42,
        parent_leg=digest_of("parent leg"),
        assets=(
            LegAsset(
                asset_id=AssetId(7),
                claims_tree=claims.root.hash,
                claims=claims.root.sum,
                releases_tree=releases.root.hash,
                released=releases.root.sum,
                deposit_cursor=1_001,
                deposit_hash=digest_of("deposit 1000"),
                exit_cursor=2,
            ),
            LegAsset(
                asset_id=AssetId(2**32 - 2),
                claims_tree=SumTree().root.hash,
                claims=0,
                releases_tree=SumTree().root.hash,
                released=0,
                deposit_cursor=0,
                deposit_hash=ZERO_HASH,
                exit_cursor=0,
            ),
        ),
        data_hash=digest_of("data"),
    )


def _settlement(clearinghouse: Hash32, leg: Leg) -> Settlement:
    return Settlement(
        clearinghouse_id=clearinghouse,
        cycle=42,
        parent=digest_of("parent settlement"),
        operator_epoch=9,
        cut_time=1_800_000_000,
        journal_count=2**64 - 1,
        journal_head=digest_of("journal head"),
        statements_root=digest_of("statements"),
        flows_root=digest_of("flows"),
        fills_root=digest_of("fills"),
        prices_root=digest_of("prices"),
        prepare_deadline=1_800_000_600,
        decide_by=1_800_003_600,
        chains=(
            ChainEntry(HOME, account("anchor of home"), digest_of("leg of home"), True),
            ChainEntry(SPOKE, leg.anchor, leg_hash(leg), True),
            ChainEntry(LARGEST, account("anchor of the largest"), ZERO_HASH, False),
        ),
    )


def _tree(key: str, tree: SumTree, leaves: list[dict[str, Any]]) -> dict[str, Any]:
    branches = []
    for leaf in leaves:
        branch = tree.branch(leaf[key])
        branches.append(
            {
                key: leaf[key],
                "siblings": branch.siblings,
                "sibling_sums": branch.sibling_sums,
            }
        )
    return {
        "leaves": leaves,
        "root": tree.root.hash,
        "sum": tree.root.sum,
        "branches": branches,
    }


def _columns(columns: FillColumns | MandatedOrders) -> dict[str, Any]:
    """Return what is signed for columns: their fields, and how many rows they have."""
    names = columns.__struct_fields__
    values = {_SOLIDITY_NAMES.get(name, name): getattr(columns, name) for name in names}
    return {"count": columns.count, **values}


def _plain(value: Any) -> Any:
    """Return the value as JSON's types, by the rules at the head of this file."""
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return {_SOLIDITY_NAMES.get(name, name): _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return to_hex(value)
    return value if isinstance(value, bool) else str(int(value))


def main() -> int:
    """Write the file, or compare it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    text = json.dumps(build_vectors(), indent=2) + "\n"
    if not arguments.check:
        VECTORS.parent.mkdir(parents=True, exist_ok=True)
        VECTORS.write_text(text)
        return 0
    if VECTORS.exists() and VECTORS.read_text() == text:
        return 0
    print(f"{VECTORS.name} is stale: run scripts/generate_vectors.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
