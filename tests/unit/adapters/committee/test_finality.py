"""One finalised history, against simulated chains; ``tests/conformance`` has the common cases."""

from __future__ import annotations

import pytest

from adapters import ancestry
from adapters.committee import finality
from adapters.committee.attester import sign_attestation
from adapters.committee.finality import CommitteeFinality
from adapters.simulated.network import HOME, SimulatedNetwork
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ChainFault, ProofInvalid, Unavailable


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
