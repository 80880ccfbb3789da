"""The specification's own sequences, replayed: every header after every step."""

from __future__ import annotations

from typing import Any

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientHeader, SyncCommittee
from clearinghouse.proofs.ethereum.signing import verify_sync_aggregate
from clearinghouse.proofs.ethereum.store import verify_bootstrap
from clearinghouse.proofs.ethereum.updates import apply_update, verify_content, verify_update
from tests.unit.proofs.ethereum.recordings import (
    SPEC_CASES,
    SpecCase,
    is_execution_root,
    spec_case,
    unhex,
)
from tests.unit.proofs.ethereum.spec_client import SpecClient, has_supermajority


def begin(case: SpecCase) -> SpecClient:
    store = verify_bootstrap(case.network, case.trusted_block_root, case.bootstrap)
    return SpecClient(case.network, store, store.finalized_header)


def assert_header(header: LightClientHeader, expected: dict[str, Any]) -> None:
    assert header.beacon.slot == expected["slot"]
    assert header.beacon.root() == unhex(expected["beacon_root"])
    assert is_execution_root(header, expected["execution_root"])


@pytest.mark.parametrize("name", SPEC_CASES)
def test_client_holds_the_expected_headers_when_a_sequence_is_replayed(name: str) -> None:
    case = spec_case(name)
    client = begin(case)
    used = set()
    for step in case.steps:
        ((kind, body),) = step.items()
        if kind == "process_update":
            used.add(body["update"])
            client.process_update(case.updates[body["update"]], body["current_slot"])
        else:
            assert kind == "force_update"
            client.force_update(body["current_slot"])
        assert_header(client.store.finalized_header, body["checks"]["finalized_header"])
        assert_header(client.optimistic_header, body["checks"]["optimistic_header"])
    assert used
    assert used <= case.updates.keys()


@pytest.mark.parametrize("name", SPEC_CASES)
def test_verify_update_follows_finality_alone_when_a_sequence_is_replayed(name: str) -> None:
    """Until the first forced update, the product's client and the whole one agree on finality."""
    case = spec_case(name)
    client = begin(case)
    store = client.store
    for step in case.steps:
        ((kind, body),) = step.items()
        if kind == "force_update":
            break
        update, now = case.updates[body["update"]], body["current_slot"]
        before = client.store
        client.process_update(update, now)
        if client.store == before:
            with pytest.raises(ProofInvalid) as refusal:
                verify_update(case.network, store, update, now)
            is_enough = has_supermajority(update)
            assert refusal.value.reason == (
                "update_not_final" if is_enough else "participation_below_two_thirds"
            )
        else:
            verify_update(case.network, store, update, now)
            store = apply_update(case.network, store, update)
        assert store == client.store


@pytest.mark.parametrize("name", SPEC_CASES)
def test_every_update_is_true_when_its_committee_is_in_the_case(name: str) -> None:
    """Also of those that no step uses: content and the signature of a committee of the case."""
    case = spec_case(name)
    committees = [case.bootstrap.current_sync_committee]
    committees += [
        one.next_sync_committee for one in case.updates.values() if one.next_sync_committee
    ]
    for update in case.updates.values():
        verify_content(case.network, update)
        signed = (update.sync_aggregate, update.attested_header.beacon, update.signature_slot)
        assert any(is_signed(case, committee, signed) for committee in committees)


def is_signed(case: SpecCase, committee: SyncCommittee, signed: Any) -> bool:
    try:
        verify_sync_aggregate(case.network, committee, *signed)
    except ProofInvalid as refusal:
        if refusal.reason != "bls_signature_wrong":
            raise
        return False
    return True
