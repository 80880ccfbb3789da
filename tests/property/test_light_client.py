"""Whatever is changed in a true update, and however chains are followed: only truth passes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum import beacon_ssz
from clearinghouse.proofs.ethereum.beacon_json import decode_updates, encode_update
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork
from clearinghouse.proofs.ethereum.ssz import branch_root, verify_branch
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    NETWORK,
    PERIOD,
    Tree,
    filler,
    signers_of,
    store_at,
    update_at,
)
from tests.unit.proofs.ethereum.test_beacon_ssz import write_update

START = FIRST_SLOT[Fork.FULU] + 2
STORE = store_at(START)
TRUE = update_at(START + 20, places=range(25))
WRITTEN = json.dumps(encode_update(TRUE))
BINARY = write_update(TRUE)


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values that are no containers."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, inner in pairs for leaf in leaves_of(inner, (*path, key))]
    return [path]


def put(document: Any, path: tuple[Any, ...], change: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = change(document[path[-1]])


def flip(text: str, at: int) -> str:
    """Change one digit of a hex string or of a number."""
    if not text.startswith("0x"):
        return str(int(text) ^ (1 << at % 20))
    if text == "0x":
        return "0x00"
    index = 2 + at % (len(text) - 2)
    digit = f"{int(text[index], 16) ^ (1 << at % 4):x}"
    return text[:index] + digit + text[index + 1 :]


def test_verify_update_passes_when_nothing_is_changed() -> None:
    (update,) = decode_updates(json.loads(WRITTEN))
    verify_update(NETWORK, STORE, update, 10_000)


SIGNED = [path for path in leaves_of(json.loads(WRITTEN)) if path != ("signature_slot",)]
"""All but the slot of the signature, of which the committee signs no more than its fork."""


@given(st.sampled_from(SIGNED), st.integers(0, 10_000))
def test_verify_update_refuses_when_any_digit_is_changed(path: tuple[Any, ...], at: int) -> None:
    document = json.loads(WRITTEN)
    put(document, path, lambda text: flip(text, at))
    assert document != json.loads(WRITTEN)
    try:
        (update,) = decode_updates(document)
        verify_update(NETWORK, STORE, update, 10_000)
    except ProofInvalid:
        return
    pytest.fail(f"a changed {path} was believed")


@given(st.integers(0, len(BINARY) - 1), st.integers(1, 255))
def test_decode_update_or_verify_update_refuses_when_any_byte_is_changed(
    at: int, difference: int
) -> None:
    changed = bytearray(BINARY)
    changed[at] ^= difference
    slot_begins = BINARY.index(TRUE.sync_aggregate.signature) + 96
    try:
        update = beacon_ssz.decode_update(NETWORK, bytes(changed))
        verify_update(NETWORK, STORE, update, 10_000)
    except ProofInvalid:
        return
    assert slot_begins <= at < slot_begins + 8
    assert replace(update, signature_slot=TRUE.signature_slot) == TRUE


@given(st.binary(max_size=3_000))
def test_decode_update_never_fails_otherwise_when_bytes_are_random(data: bytes) -> None:
    with pytest.raises(ProofInvalid):
        beacon_ssz.decode_update(NETWORK, data)


UNREACHED = {"committee_unknown", "update_not_final", "update_not_relevant"}
"""Why a true update may be refused: it comes too early, too late, or brings nothing."""


@given(st.sampled_from(list(STANDARD_RULES)), st.data())
def test_following_a_chain_knows_the_true_committees_when_steps_are_any(
    fork: Fork, data: st.DataObject
) -> None:
    """Finality never goes back, and each committee held is the one of its period."""
    store = store_at(FIRST_SLOT[fork] + data.draw(st.integers(0, PERIOD), label="start"))
    for _ in range(4):
        held = store.finalized_header.beacon.slot
        finalized = held + data.draw(st.integers(0, 3 * PERIOD // 2), label="to the finalised")
        attested = finalized + data.draw(st.integers(1, 40), label="to the attested")
        with_committee = data.draw(st.booleans(), label="brings the next committee")
        update = update_at(attested, finalized_slot=finalized, with_committee=with_committee)
        try:
            verify_update(NETWORK, store, update, update.signature_slot)
        except ProofInvalid as refusal:
            if refusal.reason not in UNREACHED:
                raise
            continue
        store = apply_update(NETWORK, store, update)
        assert store.finalized_header.beacon.slot == finalized >= held
        period = NETWORK.period_at(finalized)
        assert store.current_sync_committee == signers_of(period).committee
        assert store.next_sync_committee in (None, signers_of(period + 1).committee)


@given(
    st.integers(1, 2**12 - 1),
    st.integers(1, 2**12 - 1),
    st.integers(0, 11),
    st.booleans(),
)
def test_verify_branch_proves_a_leaf_at_one_index_only(
    index: int, other: int, height: int, change_node: bool
) -> None:
    leaf = filler("leaf")
    tree = Tree({index: leaf}, "tree")
    branch = tree.branch(index)
    verify_branch(leaf, branch, index, tree.root, reason="never")
    if other != index:
        with pytest.raises(ProofInvalid):
            verify_branch(leaf, branch, other, tree.root, reason="other_root")
    if change_node and branch:
        nodes = list(branch)
        nodes[height % len(nodes)] = filler("changed")
        assert branch_root(leaf, nodes, index) != tree.root
