"""One finalised history, against simulated chains; ``tests/conformance`` has the common cases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode

from adapters import ancestry
from adapters.committee import finality
from adapters.committee.attester import sign_attestation, sign_handover
from adapters.committee.client import EVIDENCE_TYPES, UPDATE_TYPES
from adapters.committee.finality import CommitteeFinality
from adapters.simulated.keys import simulated_keys
from adapters.simulated.network import HOME, SimulatedNetwork
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ChainFault, ProofInvalid, Unavailable
from clearinghouse.proofs.committee import Attestation, Committee


@pytest.fixture
def network() -> SimulatedNetwork:
    """Chains of ten blocks, nothing attested."""
    network = SimulatedNetwork(11)
    network.chains[HOME].mine(10)
    return network


def followed(network: SimulatedNetwork) -> CommitteeFinality:
    return CommitteeFinality(
        network.committees[HOME], network.attestations, network.chains[HOME].get_header_by_hash
    )


def test_there_is_no_header_when_nothing_is_attested(network: SimulatedNetwork) -> None:
    assert followed(network).find_newest() is None


def test_newest_stays_when_an_older_attestation_appears(network: SimulatedNetwork) -> None:
    follower = followed(network)
    older = network.attest(HOME)
    network.chains[HOME].mine(5)
    newest = network.attest(HOME)
    network.attestations._by_chain[HOME].pop(older.height)
    first = follower.find_newest()
    assert first is not None
    assert first.height == newest.height
    network.attestations._by_chain[HOME].clear()
    assert follower.find_newest() == first
    network.attestations.publish(HOME, older)
    assert follower.find_newest() == first


def test_equivocation_is_seen_when_the_newest_height_is_signed_anew_below_another(
    network: SimulatedNetwork,
) -> None:
    follower = followed(network)
    height = network.attest(HOME).height
    follower.find_newest()
    network.chains[HOME].mine(5)
    network.attest(HOME)
    network.equivocate(HOME, height)
    with pytest.raises(ChainFault) as raised:
        follower.find_newest()
    assert raised.value.attributes["height"] == height


def test_equivocation_is_no_violation_when_the_second_side_lacks_its_quorum(
    network: SimulatedNetwork,
) -> None:
    follower = followed(network)
    height = network.attest(HOME).height
    first = follower.find_newest()
    honest = network.attestations.find_at(HOME, height)
    assert honest is not None
    keys = network.attesters[HOME][:2]
    forged = sign_attestation(network.committees[HOME], keys, height, Hash32(b"\x01" * 32))
    network.attestations.publish(HOME, forged)
    with pytest.raises(ProofInvalid):
        follower.find_newest()
    network.attestations.publish(HOME, honest)
    assert follower.find_newest() == first


def test_update_is_built_again_when_the_header_was_found_by_another(
    network: SimulatedNetwork,
) -> None:
    network.attest(HOME)
    header = followed(network).find_newest()
    assert header is not None
    restarted = followed(network)
    network.chains[HOME].mine(3)
    network.attest(HOME)
    expected = followed(network).build_client_updates(header, 0)
    assert restarted.build_client_updates(header, header.height - 1) == expected
    network.attestations._by_chain[HOME].pop(header.height)
    with pytest.raises(Unavailable) as raised:
        restarted.build_client_updates(header, 0)
    assert raised.value.reason == "attestation_missing"


def test_descent_goes_unchecked_when_the_gap_is_longer_than_is_walked(
    network: SimulatedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ancestry, "ANCESTRY_WALK_BLOCKS", 6)
    for gap, violated in ((7, False), (6, True)):
        follower = followed(network)
        network.attest(HOME)
        follower.find_newest()
        network.chains[HOME].reorganise(3)
        network.chains[HOME].mine(gap)
        network.attest(HOME)
        if violated:
            with pytest.raises(ChainFault):
                follower.find_newest()
        else:
            assert follower.find_newest() is not None


def test_oldest_headers_are_forgotten_when_there_are_many(
    network: SimulatedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finality, "REMEMBERED_HEADERS", 2)
    follower = followed(network)
    heights = []
    for _ in range(4):
        heights.append(network.attest(HOME).height)
        follower.find_newest()
        network.chains[HOME].mine()
    assert list(follower._seen) == heights[-2:]


SUCCESSORS = simulated_keys(11, "successor", 4)


def successor_of(network: SimulatedNetwork) -> Committee:
    members = tuple(key.address for key in SUCCESSORS)
    committee = network.committees[HOME]
    return replace(committee, epoch=committee.epoch + 1, members=members)


def hand_over(network: SimulatedNetwork, last_height: int) -> None:
    committee, keys = network.committees[HOME], network.attesters[HOME][:3]
    network.attestations.publish_handover(
        sign_handover(committee, keys, last_height, successor_of(network))
    )


def attest_next(network: SimulatedNetwork, block_hash: Hash32 | None = None) -> Attestation:
    """Let the next epoch attest the newest final block, or another hash of its height."""
    final = network.chains[HOME].finalised()
    attestation = sign_attestation(
        successor_of(network), SUCCESSORS[:3], final.height, block_hash or final.block_hash
    )
    network.attestations.publish(HOME, attestation)
    return attestation


def test_next_epoch_is_followed_when_the_old_one_handed_over(network: SimulatedNetwork) -> None:
    follower = followed(network)
    older = network.attest(HOME)
    follower.find_newest()
    network.chains[HOME].mine(5)
    attest_next(network)
    with pytest.raises(ProofInvalid) as raised:
        follower.find_newest()
    assert raised.value.reason == "epoch_unknown"
    hand_over(network, older.height)
    header = follower.find_newest()
    assert header is not None
    assert header.height == older.height + 5
    for held, handovers in ((0, 1), (older.height, 1), (older.height + 1, 0)):
        (update,) = follower.build_client_updates(header, held)
        assert len(decode(UPDATE_TYPES, update)[3]) == handovers


def test_header_is_refused_when_it_is_not_its_epochs(network: SimulatedNetwork) -> None:
    hand_over(network, network.chains[HOME].finalised().height)
    attest_next(network)
    with pytest.raises(ProofInvalid) as raised:
        followed(network).find_newest()
    assert raised.value.reason == "height_outside_epoch"


def test_handover_is_refused_when_the_epoch_attested_above_its_end(
    network: SimulatedNetwork,
) -> None:
    follower = followed(network)
    older = network.attest(HOME)
    follower.find_newest()
    network.chains[HOME].mine(5)
    hand_over(network, older.height - 1)
    attest_next(network)
    with pytest.raises(ProofInvalid) as raised:
        follower.find_newest()
    assert raised.value.reason == "last_height_out_of_range"


def test_equivocation_is_seen_when_two_epochs_sign_one_height(network: SimulatedNetwork) -> None:
    follower = followed(network)
    older = network.attest(HOME)
    hand_over(network, older.height)
    follower.find_newest()
    attest_next(network, Hash32(b"\x05" * 32))
    with pytest.raises(ChainFault) as raised:
        follower.find_newest()
    evidence = raised.value.attributes["evidence"]
    assert isinstance(evidence, bytes)
    epoch = network.committees[HOME].epoch
    assert decode(EVIDENCE_TYPES, evidence)[5:] == (epoch, epoch + 1)
