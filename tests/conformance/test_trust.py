"""Only what is final and proven counts, whatever a node says."""

from __future__ import annotations

from functools import partial

import pytest

from adapters.committee.attester import sign_attestation
from adapters.committee.client import build_freeze_evidence
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.errors import ChainFault, ClearingError, ProofInvalid, Unavailable
from clearinghouse.proofs.anchor_layout import deposit_slots
from tests.conformance.scenario import ALICE, BOB, CAROL, Scenario, refused_with
from tests.conformance.world import (
    DOLLAR,
    FINALITY_DEPTH,
    HOME,
    OTHER_SPOKE,
    SPOKE,
    Lie,
    World,
)

FROZEN = 1
"""``ILightClient.Status``."""


def flipped(nodes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Change one bit in the last node."""
    last = nodes[-1]
    return (*nodes[:-1], last[:-1] + bytes((last[-1] ^ 1,)))


LIES = {
    "last storage node cut": (Lie(storage_nodes=lambda n: n[:-1]), "proof_truncated"),
    "storage proof emptied": (Lie(storage_nodes=lambda _: ()), "proof_truncated"),
    "account proof emptied": (Lie(account_nodes=lambda _: ()), "proof_truncated"),
    "storage node repeated": (Lie(storage_nodes=lambda n: (*n, n[-1])), "proof_extended"),
    "account node repeated": (Lie(account_nodes=lambda n: (*n, n[-1])), "proof_extended"),
    "storage node altered": (Lie(storage_nodes=flipped), "node_hash_mismatch"),
    "account node altered": (Lie(account_nodes=flipped), "node_hash_mismatch"),
    "proof of a past block": (Lie(height=lambda height: height - 3), "node_hash_mismatch"),
    "deposit hidden": (Lie(deposit_count=lambda count: count - 1), "deposit_count_wrong"),
    "deposit invented": (Lie(deposit_count=lambda count: count + 1), "deposit_count_wrong"),
    "deposits denied": (Lie(deposit_count=lambda _: 0), "deposit_count_wrong"),
}


def deposits_of(scenario: Scenario, *, first: int = 0, hash_before: Hash32 = ZERO_HASH) -> object:
    header = scenario.finalise(SPOKE)
    return scenario.world.adapters[SPOKE].prove_deposits(header, DOLLAR, first, hash_before)


def test_deposits_are_proven_in_order_when_final(scenario: Scenario) -> None:
    adapter = scenario.world.adapters[SPOKE]
    for quanta, member in ((100, ALICE), (50, BOB), (25, ALICE)):
        adapter.submit_deposit(DOLLAR, quanta, member)
    header = scenario.finalise(SPOKE)
    found = adapter.prove_deposits(header, DOLLAR, 0, ZERO_HASH)
    assert [(d.index, d.member, d.quanta, d.total) for d in found] == [
        (0, ALICE, 100, 100),
        (1, BOB, 50, 150),
        (2, ALICE, 25, 175),
    ]
    assert {(d.chain_id, d.asset_id, d.height) for d in found} == {(SPOKE, DOLLAR, header.height)}
    later = adapter.prove_deposits(header, DOLLAR, 2, found[1].hash)
    assert list(later) == [found[2]]
    assert list(adapter.prove_deposits(header, DOLLAR, 3, found[2].hash)) == []


def test_many_deposits_are_proven_when_one_request_does_not_hold_them(scenario: Scenario) -> None:
    adapter = scenario.world.adapters[SPOKE]
    for index in range(70):
        adapter.submit_deposit(DOLLAR, 10 + index, CAROL)
    found = adapter.prove_deposits(scenario.finalise(SPOKE), DOLLAR, 0, ZERO_HASH)
    assert [d.quanta for d in found] == [10 + index for index in range(70)]


def test_deposit_is_not_credited_when_it_is_not_final_yet(scenario: Scenario) -> None:
    world, adapter = scenario.world, scenario.world.adapters[SPOKE]
    before = scenario.finalise(SPOKE)
    adapter.submit_deposit(DOLLAR, 100, ALICE)
    for _ in range(FINALITY_DEPTH):
        scenario.attest(SPOKE)
        header = adapter.find_finalised_header()
        assert header is not None
        assert not adapter.prove_deposits(header, DOLLAR, 0, ZERO_HASH)
        world.mine(SPOKE)
    scenario.attest(SPOKE)
    header = adapter.find_finalised_header()
    assert header is not None
    assert header.height > before.height
    assert len(adapter.prove_deposits(header, DOLLAR, 0, ZERO_HASH)) == 1


def test_deposits_are_refused_when_they_do_not_follow_the_known_hash(scenario: Scenario) -> None:
    scenario.deposit(SPOKE, ALICE, 100)
    for first, hash_before in ((0, Hash32(b"\x01" * 32)), (1, Hash32(b"\x01" * 32))):
        if first == 1:
            scenario.world.adapters[SPOKE].submit_deposit(DOLLAR, 50, BOB)
        with pytest.raises(ProofInvalid) as raised:
            deposits_of(scenario, first=first, hash_before=hash_before)
        assert raised.value.reason == "deposit_hash_broken"


def test_deposits_are_refused_when_known_ones_are_gone(scenario: Scenario) -> None:
    with pytest.raises(ProofInvalid) as raised:
        deposits_of(scenario, first=1)
    assert raised.value.reason == "deposit_count_wrong"


@pytest.mark.parametrize("name", LIES)
def test_nothing_is_credited_when_the_node_lies(scenario: Scenario, name: str) -> None:
    lie, reason = LIES[name]
    scenario.deposit(SPOKE, ALICE, 100)
    scenario.deposit(SPOKE, BOB, 50)
    first, hash_before = (1, ZERO_HASH) if name == "deposits denied" else (0, ZERO_HASH)
    header = scenario.finalise(SPOKE)
    liar = scenario.world.adapter_through(SPOKE, lie)
    with pytest.raises(ProofInvalid) as raised:
        liar.prove_deposits(header, DOLLAR, first, hash_before)
    assert raised.value.reason == reason


def test_nothing_is_credited_when_the_node_serves_another_slots_proof(scenario: Scenario) -> None:
    scenario.deposit(SPOKE, ALICE, 100)
    scenario.deposit(SPOKE, BOB, 50)
    swap = dict(zip(deposit_slots(DOLLAR, 0), deposit_slots(DOLLAR, 1), strict=True))
    liar = scenario.world.adapter_through(SPOKE, Lie(slots=lambda slot: swap.get(slot, slot)))
    with pytest.raises(ProofInvalid):
        liar.prove_deposits(scenario.finalise(SPOKE), DOLLAR, 0, ZERO_HASH)


def test_header_is_refused_when_the_node_serves_another_block(scenario: Scenario) -> None:
    scenario.finalise(SPOKE)
    liar = scenario.world.adapter_through(SPOKE, Lie(parent_instead=True))
    with pytest.raises(ProofInvalid) as raised:
        liar.find_finalised_header()
    assert raised.value.reason == "header_hash_mismatch"


@pytest.mark.parametrize("name", ["last storage node cut", "storage node altered"])
def test_phase_is_not_proven_when_the_node_lies(scenario: Scenario, name: str) -> None:
    lie, reason = LIES[name]
    proposal = scenario.propose()
    scenario.prepare(proposal, SPOKE)
    liar = scenario.world.adapter_through(SPOKE, lie)
    with pytest.raises(ProofInvalid) as raised:
        liar.prove_phase(scenario.finalise(SPOKE), proposal.id)
    assert raised.value.reason == reason


def test_header_is_refused_when_a_signature_is_missing_or_foreign(scenario: Scenario) -> None:
    world = scenario.world
    world.mine(SPOKE, FINALITY_DEPTH + 1)
    height, block_hash = world.finalised_hash(SPOKE)
    committee, keys = world.committee(SPOKE), world.committee_keys(SPOKE)
    too_few = sign_attestation(committee, keys[: committee.threshold - 1], height, block_hash)
    foreign = sign_attestation(
        world.committee(HOME), world.committee_keys(HOME)[:3], height, block_hash
    )
    for attestation, reason in ((too_few, "quorum_too_small"), (foreign, "signer_unknown")):
        world.publish(SPOKE, attestation)
        with pytest.raises(ProofInvalid) as raised:
            world.adapter_through(SPOKE, Lie()).find_finalised_header()
        assert raised.value.reason == reason


def test_nothing_was_credited_early_when_a_reorganisation_stays_above_finality(
    scenario: Scenario,
) -> None:
    world, adapter = scenario.world, scenario.world.adapters[SPOKE]
    adapter.submit_deposit(DOLLAR, 100, ALICE)
    world.mine(SPOKE, FINALITY_DEPTH - 1)
    scenario.attest(SPOKE)
    assert adapter.find_finalised_header() is not None
    world.reorganise(SPOKE, FINALITY_DEPTH)
    header = scenario.finalise(SPOKE)  # a descendant of what was final before
    assert not adapter.prove_deposits(header, DOLLAR, 0, ZERO_HASH)
    scenario.deposit(SPOKE, ALICE, 100)  # the chain goes on


def test_finality_is_violated_for_good_when_a_reorganisation_goes_deeper(
    scenario: Scenario,
) -> None:
    world, adapter = scenario.world, scenario.world.adapters[SPOKE]
    scenario.deposit(SPOKE, ALICE, 100)
    world.reorganise(SPOKE, FINALITY_DEPTH + 2)
    world.mine(SPOKE)
    scenario.attest(SPOKE)
    for _ in range(2):
        with pytest.raises(ChainFault) as raised:
            adapter.find_finalised_header()
        assert raised.value.reason == "finality_violated"


def test_finality_is_violated_when_a_walk_of_several_blocks_ends_elsewhere(
    scenario: Scenario,
) -> None:
    world = scenario.world
    scenario.finalise(SPOKE)
    world.reorganise(SPOKE, FINALITY_DEPTH + 1)
    world.mine(SPOKE, 20)
    scenario.attest(SPOKE)
    with pytest.raises(ChainFault) as raised:
        world.adapters[SPOKE].find_finalised_header()
    assert raised.value.reason == "finality_violated"


def test_later_header_is_accepted_when_many_blocks_lie_between(scenario: Scenario) -> None:
    first = scenario.finalise(SPOKE)
    scenario.world.mine(SPOKE, 40)
    assert scenario.finalise(SPOKE).height == first.height + 40 + FINALITY_DEPTH


def equivocate(scenario: Scenario) -> ChainFault:
    """Let the spoke's committee sign a second block for a height it signed before."""
    world = scenario.world
    header = scenario.relay(SPOKE, HOME)
    committee, keys = world.committee(SPOKE), world.committee_keys(SPOKE)
    forged = sign_attestation(committee, keys[1:], header.height, Hash32(b"\x66" * 32))
    world.publish(SPOKE, forged)
    with pytest.raises(ChainFault) as raised:
        world.adapters[SPOKE].find_finalised_header()
    return raised.value


def test_light_client_freezes_and_settling_stops_when_attesters_equivocate(
    scenario: Scenario,
) -> None:
    world = scenario.world
    prepared = scenario.propose()
    for chain_id in (HOME, SPOKE, OTHER_SPOKE):
        scenario.prepare(prepared, chain_id)
    proofs = [scenario.prove(prepared, chain_id, HOME) for chain_id in (SPOKE, OTHER_SPOKE)]
    violation = equivocate(scenario)
    assert violation.reason == "finality_violated"
    keys = world.committee_keys(SPOKE)
    assert violation.attributes["culprits"] == tuple(key.address for key in keys[1:3])

    evidence = violation.attributes["evidence"]
    assert isinstance(evidence, bytes)
    world.adapters[HOME].submit_client_freeze(SPOKE, evidence)
    assert world.clients_status(HOME, SPOKE) == FROZEN
    refused_with(
        "AlreadyFrozen", lambda: world.adapters[HOME].submit_client_freeze(SPOKE, evidence)
    )
    refused_with(
        "ClientFrozen",
        lambda: world.adapters[HOME].submit_commit(
            prepared.settlement, prepared.legs[HOME], proofs
        ),
    )


def test_light_client_is_not_frozen_when_the_evidence_is_one_sided(scenario: Scenario) -> None:
    world = scenario.world
    committee, keys = world.committee(SPOKE), world.committee_keys(SPOKE)
    first = sign_attestation(committee, keys[:3], 5, Hash32(b"\x01" * 32))
    few = sign_attestation(committee, keys[:2], 5, Hash32(b"\x02" * 32))
    for second, error in ((first, "NotEquivocation"), (few, "QuorumNotReached")):
        evidence = build_freeze_evidence(first, second)
        refused_with(error, partial(world.adapters[HOME].submit_client_freeze, SPOKE, evidence))
    assert world.clients_status(HOME, SPOKE) != FROZEN


def test_light_client_refuses_an_update_when_it_is_older_or_badly_signed(
    scenario: Scenario,
) -> None:
    world = scenario.world
    old = scenario.finalise(SPOKE)
    (update,) = world.adapters[SPOKE].build_client_updates(old, 0)
    newest = scenario.relay(SPOKE, HOME)
    assert world.adapters[HOME].hint_client_height(SPOKE) == newest.height
    home = world.adapters[HOME]
    refused_with("HeightNotIncreasing", lambda: home.submit_client_update(SPOKE, update))
    (again,) = world.adapters[SPOKE].build_client_updates(newest, 0)
    home.submit_client_update(SPOKE, again)  # the same header again is no fault
    (of_home,) = world.adapters[HOME].build_client_updates(scenario.finalise(HOME), 0)
    refused_with("SignerNotInOrder", lambda: home.submit_client_update(OTHER_SPOKE, of_home))
    assert home.hint_client_height(SPOKE) == newest.height


def test_every_call_says_unreachable_when_the_node_is_gone(scenario: Scenario) -> None:
    world = scenario.world
    header = scenario.finalise(SPOKE)
    proposal = scenario.propose()
    world.mine(SPOKE)
    scenario.attest(SPOKE)
    world.stop(SPOKE)
    adapter = world.adapters[SPOKE]
    for attempt in (
        adapter.hint_time,
        adapter.find_finalised_header,
        lambda: adapter.prove_phase(header, proposal.id),
        lambda: adapter.submit_deposit(DOLLAR, 10, ALICE),
        lambda: scenario.prepare(proposal, SPOKE),
    ):
        with pytest.raises(Unavailable) as raised:
            attempt()
        assert raised.value.reason == "chain_unreachable"
        assert raised.value.retryable


def test_sender_gives_up_and_goes_on_when_the_chain_includes_nothing(world: World) -> None:
    adapter = world.adapters[SPOKE]
    adapter.submit_deposit(DOLLAR, 10, ALICE)
    world.set_including(SPOKE, False)
    with pytest.raises(ClearingError) as raised:
        adapter.submit_deposit(DOLLAR, 20, BOB)
    assert raised.value.reason == "transaction_not_included"
    assert adapter.solvency(DOLLAR).vault == 10
    world.mine(SPOKE)  # it was included after all: look before sending again
    assert adapter.solvency(DOLLAR).vault == 30
    world.set_including(SPOKE, True)
    adapter.submit_deposit(DOLLAR, 40, BOB)
    assert adapter.solvency(DOLLAR).vault == 70
