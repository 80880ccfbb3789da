"""What went wrong elsewhere, tried on ``SyncCommitteeLightClient`` and on what audits rollups.

Named after the incidents. Those of tries and RLP stand with the proofs, those of optimistic roots
(undecided, lost, blacklisted and retired games, pending assertions, machines that did not finish,
upgraded contracts, malformed clones) in ``rollup/test_roots.py``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode, encode

from adapters.ethereum.network import build_network
from adapters.ethereum.update import UPDATE_TYPE
from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.proofs.ethereum.forks import Fork
from tests.unit.contracts.client import (
    ACTIVE,
    DECADE_SECONDS,
    ELECTRA_PERIOD,
    FROZEN,
    SLOT,
    Client,
    deploy_client,
    finalising,
    header_with,
    payload_of,
    reverts,
)
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.ethereum.chain import FIRST_SLOT, NETWORK, PERIOD, signers_of, update_at

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

KEPT_HEADERS = 251
NEXT_COMMITTEE, NEXT_BRANCH = 5, 6
"""Of ``struct Update``."""


@pytest.fixture
def client(evm: Evm) -> Client:
    return deploy_client(evm, ELECTRA_PERIOD)


def test_nomad_2022_zero_is_nothing_that_was_ever_trusted(evm: Evm, client: Client) -> None:
    """An initialiser had made the zero root an accepted one: whatever was not proven, passed."""
    with reverts("InvalidNetwork"):
        evm.deploy(
            "SyncCommitteeLightClient",
            build_network(NETWORK, DECADE_SECONDS),
            ELECTRA_PERIOD,
            ZERO_HASH,
        )
    for height in (0, 1, KEPT_HEADERS, 2**64 - 1):
        with reverts("UnknownHeader", height):
            client.contract.call("headerAt", height)
    client.update(update_at(SLOT))
    held = payload_of(update_at(SLOT)).block_number
    for height in (0, held + KEPT_HEADERS, held % KEPT_HEADERS):
        with reverts("UnknownHeader", height):
            client.contract.call("headerAt", height)
    for name, zero in (("block_number", 0), ("state_root", ZERO_HASH), ("block_hash", ZERO_HASH)):
        with reverts("ZeroHeader"):
            client.update(finalising(SLOT + 4, header_with(SLOT - 12, **{name: zero})))
    assert client.committee_root(7) == ZERO_HASH
    with reverts("UnknownCommittee", 7):
        client.update(update_at(7 * PERIOD + 20, finalized_slot=400, with_committee=False))


def test_sp1_helios_ghsa_83q5_vwj7_gxww_next_committee_needs_a_proof_of_its_own(
    client: Client,
) -> None:
    """The prover's word for the next committee was committed where no update came with it."""
    forged = signers_of(9).committee
    (fields,) = decode([UPDATE_TYPE], client.encode(update_at(SLOT, with_committee=False)))
    for branch, error in (((), "BranchNotNormalised"), ((ZERO_HASH,) * 6, "BranchInvalid")):
        parts = list(fields)
        parts[NEXT_COMMITTEE], parts[NEXT_BRANCH] = forged.root(), branch
        with reverts(error):
            client.contract.send("update", encode([UPDATE_TYPE], [tuple(parts)]))
    assert client.committee_root(ELECTRA_PERIOD + 1) == ZERO_HASH
    client.update(update_at(SLOT))
    by_forged = update_at(6 * PERIOD + 20, signers=signers_of(9), with_committee=False)
    with reverts("SignatureInvalid"):
        client.update(by_forged)


def test_telepathy_another_root_never_replaces_the_one_that_is_stored(client: Client) -> None:
    """There consumers see ``consistent == false``; here both updates together freeze the client."""
    first = update_at(SLOT, with_committee=False)
    client.update(first)
    held = client.contract.call("headerAt", payload_of(first).block_number)
    other = finalising(SLOT + 1, header_with(SLOT - 16, block_hash=b"\x77" * 32))
    with reverts("SlotNotIncreasing", SLOT - 16, SLOT - 16):
        client.update(other)
    assert client.contract.call("headerAt", payload_of(first).block_number) == held
    client.freeze(first, other)
    assert client.status == FROZEN


def test_telepathy_indices_are_of_the_headers_fork_and_the_committee_of_the_signature(
    evm: Evm,
) -> None:
    """Hard-coded 105, 55 and 402 ended at Deneb and Electra; the period came from another slot."""
    for fork in (Fork.DENEB, Fork.ELECTRA):
        slot = FIRST_SLOT[fork] + 17
        client = deploy_client(evm, slot // PERIOD)
        client.update(update_at(slot))
        assert client.contract.call("latestHeight") == payload_of(update_at(slot)).block_number
    client = deploy_client(evm, ELECTRA_PERIOD)
    client.update(update_at(SLOT))
    last = 6 * PERIOD - 1
    client.update(update_at(last, signature_slot=last + 1, with_committee=False))
    assert client.finalized_slot == last - 16


def test_rogue_key_in_a_committee_signs_for_nobody_else(client: Client) -> None:
    """Ethereum's deposits prove possession; here, no key enters but by a committee's root."""
    honest = signers_of(ELECTRA_PERIOD)
    with_rogue = replace(
        honest.committee,
        public_keys=(signers_of(9).committee.public_keys[0], *honest.committee.public_keys[1:]),
    )
    client.committees[ELECTRA_PERIOD] = with_rogue
    # Absent members' keys are proven, so the exchanged key shows; present ones' are never sent.
    with reverts("CommitteeMismatch"):
        client.update(update_at(SLOT, places=range(1, 32), with_committee=False))
    del client.committees[ELECTRA_PERIOD]
    assert client.status == ACTIVE


def test_frozen_client_is_thawed_by_nobody(client: Client) -> None:
    """Not by more evidence, not by a true update: it is replaced, by whoever deploys another."""
    pair = (
        update_at(SLOT, with_committee=False),
        update_at(SLOT, following=signers_of(9).committee, with_committee=False),
    )
    client.freeze(*pair)
    for attempt in (lambda: client.update(update_at(SLOT + 4)), lambda: client.freeze(*pair)):
        with reverts("AlreadyFrozen"):
            attempt()
    functions = {
        name
        for name, entry in client.contract.artifact.functions.items()
        if entry["stateMutability"] not in ("view", "pure")
    }
    assert functions == {"update", "freeze"}, "there is no door for an owner"
