"""Which rules hold when: schedules, periods, and domains on both sides of every fork."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.forks import (
    STANDARD_RULES,
    Fork,
    Network,
    Preset,
    schedule,
)
from clearinghouse.proofs.ethereum.networks import HOLESKY, HOODI, MAINNET, NETWORKS, SEPOLIA
from tests.unit.proofs.ethereum.chain import NETWORK

each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@each_network
def test_activation_at_changes_with_the_first_slot_of_an_epoch(network: Network) -> None:
    for before, after in pairwise(network.activations):
        first = after.epoch * 32
        if first == 0:
            continue
        assert network.activation_at(first) == last_of_epoch(network, after.epoch)
        assert network.activation_at(first - 1) == last_of_epoch(network, after.epoch - 1)
        assert before.epoch <= after.epoch


def last_of_epoch(network: Network, epoch: int) -> object:
    return max(
        (entry for entry in network.activations if entry.epoch <= epoch),
        key=lambda entry: entry.fork,
    )


@pytest.mark.parametrize(
    ("slot", "finalized", "current", "following", "execution"),
    [
        (0, 105, 54, 55, None),
        (5_841_037, 105, 54, 55, None),
        (194_048 * 32 - 1, 105, 54, 55, None),
        (194_048 * 32, 105, 54, 55, 25),
        (364_032 * 32 - 1, 105, 54, 55, 25),
        (364_032 * 32, 169, 86, 87, 25),
        (14_557_249, 169, 86, 87, 25),
    ],
)
def test_rules_at_gives_mainnets_indices(
    slot: int, finalized: int, current: int, following: int, execution: int | None
) -> None:
    if slot == 0:
        with pytest.raises(ProofInvalid) as refusal:
            MAINNET.rules_at(slot)
        assert refusal.value.reason == "fork_unsupported"
        return
    rules = MAINNET.rules_at(slot)
    assert (rules.finalized_root, rules.execution_payload) == (finalized, execution)
    assert (rules.current_sync_committee, rules.next_sync_committee) == (current, following)


def test_rules_of_gloas_have_no_payload_and_prove_the_block_hash() -> None:
    rules = STANDARD_RULES[Fork.GLOAS]
    assert rules.execution_payload is None
    assert rules.execution_block_hash == 2856
    assert (rules.finalized_root, rules.next_sync_committee) == (735, 2946)


def test_period_at_is_27_hours_long_on_mainnet() -> None:
    assert MAINNET.period_at(8191) == 0
    assert MAINNET.period_at(8192) == 1
    assert MAINNET.period_at(14_557_249) == 1777
    assert round(MAINNET.preset.slots_per_period * MAINNET.seconds_per_slot / 3600, 1) == 27.3


def test_slot_at_counts_from_genesis_and_is_zero_before() -> None:
    assert MAINNET.slot_at(MAINNET.genesis_time - 1) == 0
    assert MAINNET.slot_at(MAINNET.genesis_time + 11) == 0
    assert MAINNET.slot_at(MAINNET.genesis_time + 12) == 1


def test_domains_are_all_different_when_network_or_fork_is() -> None:
    domains = [
        network.sync_committee_domain(entry.epoch * 32 + 1)
        for network in NETWORKS.values()
        for entry in network.activations
        if entry == network.activation_at(entry.epoch * 32)
    ]
    assert len(set(domains)) == len(domains) > 20
    assert all(domain[:4] == bytes.fromhex("07000000") and len(domain) == 32 for domain in domains)


def test_sync_committee_domain_is_of_the_slot_before() -> None:
    first = 411_392 * 32
    fulu, electra = MAINNET.sync_committee_domain(first + 1), MAINNET.sync_committee_domain(first)
    assert fulu != electra
    assert MAINNET.sync_committee_domain(first - 1) == electra
    assert MAINNET.sync_committee_domain(0) == MAINNET.sync_committee_domain(1)


def test_networks_have_their_own_chain_ids() -> None:
    ids = [network.chain_id for network in (MAINNET, SEPOLIA, HOLESKY, HOODI)]
    assert ids == [1, 11_155_111, 17_000, 560_048]


@pytest.mark.parametrize(
    "changes",
    [
        {"activations": ()},
        {"activations": NETWORK.activations[1:]},
        {"activations": NETWORK.activations[::-1]},
        {"activations": schedule((Fork.PHASE0, "00000000", 0), (Fork.PHASE0, "00000001", 0))},
        {"activations": schedule((Fork.PHASE0, "0000", 0))},
        {
            "activations": schedule(
                (Fork.PHASE0, "00000000", 0),
                (Fork.ALTAIR, "00000001", 9),
                (Fork.BELLATRIX, "00000002", 8),
            )
        },
        {"seconds_per_slot": 0},
        {"genesis_time": -1},
        {"preset": Preset(512, 0, 256)},
        {"preset": Preset(0, 32, 256)},
        {"preset": Preset(33, 32, 256)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_network_complains_when_it_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fork|slot|committee"):
        replace(NETWORK, **changes)  # type: ignore[arg-type]


def test_rules_can_be_configured_when_a_fork_changes_them() -> None:
    """Gloas may still move its fields before it has a date."""
    moved = replace(STANDARD_RULES[Fork.GLOAS], finalized_root=4711)
    *others, gloas = NETWORK.activations
    network = replace(
        NETWORK, activations=(*others, replace(gloas, rules=moved)), chain_id=ChainId(2)
    )
    assert network.rules_at(gloas.epoch * 8).finalized_root == 4711
    assert network.rules_at(gloas.epoch * 8 - 1).finalized_root == 169
