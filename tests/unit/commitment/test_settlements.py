"""Hashes of settlements, legs, operator sets and deployments: every field counts, none overflows.

That they are EIP-712's and the ABI's is shown in ``test_vectors``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from clearinghouse.book.identifiers import ZERO_HASH, Address, AssetId, ChainId, Hash32
from clearinghouse.book.settlements import ChainEntry, Leg, LegAsset, OperatorSet, Settlement
from clearinghouse.commitment.settlements import (
    clearinghouse_id,
    leg_hash,
    operator_set_hash,
    settlement_id,
)
from clearinghouse.errors import Rejected
from tests.builders import CHAINS, CLEARINGHOUSE_ID, HOME, OPERATORS, REMOTE, WINDOWS, anchor_of

replace = msgspec.structs.replace


def a_hash(number: int) -> Hash32:
    return Hash32(number.to_bytes(32, "big"))


ENTRY = ChainEntry(HOME, anchor_of(HOME), a_hash(1), True)
SETTLEMENT = Settlement(
    CLEARINGHOUSE_ID, 1, a_hash(2), 3, 4, 5, a_hash(6), a_hash(7), a_hash(8), a_hash(9),
    a_hash(10), 11, 12, (ENTRY, ChainEntry(REMOTE, anchor_of(REMOTE), ZERO_HASH, False)),
)  # fmt: skip
ASSET = LegAsset(AssetId(1), a_hash(1), 2, a_hash(3), 4, 5, a_hash(6), 7)
LEG = Leg(HOME, anchor_of(HOME), 1, a_hash(2), (ASSET, replace(ASSET, asset_id=AssetId(2))),
          a_hash(3))  # fmt: skip
OPERATOR_SET = OperatorSet(1, 2, tuple(o.address for o in OPERATORS), a_hash(4))


def with_entry(**fields: Any) -> Settlement:
    return replace(SETTLEMENT, chains=(replace(ENTRY, **fields), SETTLEMENT.chains[1]))


def with_asset(**fields: Any) -> Leg:
    return replace(LEG, assets=(replace(ASSET, **fields), LEG.assets[1]))


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value[:-1] + b"\x99" if isinstance(value, bytes) else value + 1


def scalar_fields(struct: msgspec.Struct) -> list[str]:
    return [n for n in struct.__struct_fields__ if not isinstance(getattr(struct, n), tuple)]


def rejection(call: Callable[[], object]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value


def test_settlement_id_changes_when_any_field_changes() -> None:
    variants = [SETTLEMENT, replace(SETTLEMENT, chains=(ENTRY,))]
    for name in scalar_fields(SETTLEMENT):
        variants.append(replace(SETTLEMENT, **{name: changed(getattr(SETTLEMENT, name))}))
    for name in ENTRY.__struct_fields__:
        variants.append(with_entry(**{name: changed(getattr(ENTRY, name))}))
    assert len({settlement_id(variant) for variant in variants}) == 2 + 13 + 4


def test_leg_hash_changes_when_any_field_changes() -> None:
    variants = [LEG, replace(LEG, assets=()), replace(LEG, assets=(ASSET,))]
    for name in scalar_fields(LEG):
        variants.append(replace(LEG, **{name: changed(getattr(LEG, name))}))
    for name in set(ASSET.__struct_fields__) - {"asset_id"}:
        variants.append(with_asset(**{name: changed(getattr(ASSET, name))}))
    variants.append(with_asset(asset_id=AssetId(0)))
    assert len({leg_hash(variant) for variant in variants}) == 3 + 5 + 8


def test_operator_set_hash_changes_when_any_field_changes() -> None:
    variants = [
        OPERATOR_SET,
        replace(OPERATOR_SET, epoch=2),
        replace(OPERATOR_SET, threshold=3),
        replace(OPERATOR_SET, signers=OPERATOR_SET.signers[:2]),
        replace(OPERATOR_SET, parameters_hash=a_hash(5)),
    ]
    assert len({operator_set_hash(variant) for variant in variants}) == len(variants)


def test_clearinghouse_id_changes_when_any_constant_changes() -> None:
    ids = {
        CLEARINGHOUSE_ID,
        clearinghouse_id(a_hash(1), HOME, CHAINS, WINDOWS),
        clearinghouse_id(a_hash(1), REMOTE, CHAINS, WINDOWS),
        clearinghouse_id(a_hash(1), HOME, CHAINS[:2], WINDOWS),
    }
    for name in WINDOWS.__struct_fields__:
        windows = replace(WINDOWS, **{name: getattr(WINDOWS, name) + 1})
        ids.add(clearinghouse_id(a_hash(1), HOME, CHAINS, windows))
    assert len(ids) == 4 + 6


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("cycle", 2**64),
        ("operator_epoch", 2**64),
        ("cut_time", 2**64),
        ("journal_count", 2**64),
        ("prepare_deadline", 2**64),
        ("decide_by", 2**64),
    ],
)
def test_settlement_id_names_the_field_when_number_does_not_fit(name: str, bound: int) -> None:
    settlement_id(replace(SETTLEMENT, **{name: bound - 1}))
    for outside in (-1, bound):
        error = rejection(lambda n=outside: settlement_id(replace(SETTLEMENT, **{name: n})))
        assert (error.reason, error.attributes["name"]) == ("OUT_OF_RANGE", name.replace("_", " "))


@pytest.mark.parametrize(
    "name",
    ["clearinghouse_id", "parent", "journal_head", "statements_root", "flows_root", "fills_root",
     "prices_root"],
)  # fmt: skip
def test_settlement_id_names_the_field_when_hash_is_cut_short(name: str) -> None:
    error = rejection(lambda: settlement_id(replace(SETTLEMENT, **{name: bytes(31)})))
    assert (error.reason, error.attributes["name"]) == ("MALFORMED", name.replace("_", " "))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"chain_id": 0}, "OUT_OF_RANGE"),
        ({"anchor": bytes(21)}, "MALFORMED"),
        ({"leg_hash": bytes(33)}, "MALFORMED"),
    ],
)
def test_settlement_id_refuses_chain_entry_when_a_field_does_not_fit(
    fields: dict[str, Any], reason: str
) -> None:
    assert rejection(lambda: settlement_id(with_entry(**fields))).reason == reason


def test_settlement_id_refuses_chain_ids_when_beyond_63_bits() -> None:
    entry = replace(ENTRY, chain_id=ChainId(2**63))
    error = rejection(lambda: settlement_id(replace(SETTLEMENT, chains=(entry,))))
    assert error.reason == "OUT_OF_RANGE"


def test_settlement_id_refuses_chains_when_not_strictly_increasing() -> None:
    for chains in (SETTLEMENT.chains[::-1], (ENTRY, ENTRY)):
        error = rejection(lambda c=chains: settlement_id(replace(SETTLEMENT, chains=c)))
        assert error.reason == "CHAINS_UNSORTED"


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("asset_id", 2**32),
        ("claims", 2**128),
        ("released", 2**128),
        ("deposit_cursor", 2**64),
        ("exit_cursor", 2**64),
    ],
)
def test_leg_hash_names_the_field_when_number_does_not_fit(name: str, bound: int) -> None:
    one_asset = replace(LEG, assets=(replace(ASSET, **{name: bound - 1}),))
    leg_hash(one_asset)
    for outside in (-1, bound):
        leg = replace(LEG, assets=(replace(ASSET, **{name: outside}),))
        error = rejection(lambda leg=leg: leg_hash(leg))
        assert (error.reason, error.attributes["name"]) == ("OUT_OF_RANGE", name.replace("_", " "))


@pytest.mark.parametrize("name", ["anchor", "parent_leg", "data_hash"])
def test_leg_hash_names_the_field_when_bytes_are_cut_short(name: str) -> None:
    leg = replace(LEG, **{name: getattr(LEG, name)[:-1]})
    error = rejection(lambda: leg_hash(leg))
    assert (error.reason, error.attributes["name"]) == ("MALFORMED", name.replace("_", " "))


def test_leg_hash_refuses_assets_when_not_strictly_increasing() -> None:
    for assets in (LEG.assets[::-1], (ASSET, ASSET)):
        error = rejection(lambda a=assets: leg_hash(replace(LEG, assets=a)))
        assert error.reason == "ASSETS_UNSORTED"


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": 0},
        {"threshold": 4},
        {"signers": OPERATOR_SET.signers[::-1]},
        {"signers": (OPERATOR_SET.signers[0],) * 2},
        {"signers": (), "threshold": 0},
    ],
)
def test_operator_set_hash_refuses_set_when_it_makes_no_quorum(fields: dict[str, Any]) -> None:
    error = rejection(lambda: operator_set_hash(replace(OPERATOR_SET, **fields)))
    assert error.reason == "OPERATOR_SET_INVALID"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"epoch": 2**64}, "OUT_OF_RANGE"),
        ({"parameters_hash": b""}, "MALFORMED"),
        ({"signers": (Address(bytes(19)), *OPERATOR_SET.signers)}, "MALFORMED"),
    ],
)
def test_operator_set_hash_refuses_field_when_it_does_not_fit(
    fields: dict[str, Any], reason: str
) -> None:
    error = rejection(lambda: operator_set_hash(replace(OPERATOR_SET, **fields)))
    assert error.reason == reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((b"", HOME, CHAINS, WINDOWS), "MALFORMED"),
        ((a_hash(1), HOME, CHAINS[::-1], WINDOWS), "CHAINS_UNSORTED"),
        ((a_hash(1), HOME, (HOME, HOME), WINDOWS), "CHAINS_UNSORTED"),
        ((a_hash(1), ChainId(7), CHAINS, WINDOWS), "HOME_UNLISTED"),
        ((a_hash(1), HOME, (ChainId(0), HOME), WINDOWS), "OUT_OF_RANGE"),
        ((a_hash(1), HOME, CHAINS, replace(WINDOWS, stall_seconds=-1)), "OUT_OF_RANGE"),
    ],
)
def test_clearinghouse_id_refuses_deployment_when_it_makes_no_sense(
    arguments: tuple[Any, ...], reason: str
) -> None:
    assert rejection(lambda: clearinghouse_id(*arguments)).reason == reason
