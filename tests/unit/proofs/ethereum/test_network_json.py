"""Networks from what their nodes say."""

from __future__ import annotations

from typing import Any

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.forks import Fork, Network
from clearinghouse.proofs.ethereum.network_json import FAR_FUTURE_EPOCH, decode_network
from clearinghouse.proofs.ethereum.networks import NETWORKS
from tests.unit.proofs.ethereum.chain import NETWORK


def document_of(network: Network) -> dict[str, Any]:
    """Return a network as a node would describe it; all values are strings there."""
    sizes = network.preset
    spec = {
        "CONFIG_NAME": network.name,
        "DEPOSIT_CHAIN_ID": str(network.chain_id),
        "SECONDS_PER_SLOT": str(network.seconds_per_slot),
        "SLOTS_PER_EPOCH": str(sizes.slots_per_epoch),
        "SYNC_COMMITTEE_SIZE": str(sizes.sync_committee_size),
        "EPOCHS_PER_SYNC_COMMITTEE_PERIOD": str(sizes.epochs_per_sync_committee_period),
        "HEZE_FORK_EPOCH": str(FAR_FUTURE_EPOCH),
    }
    for entry in network.activations:
        name = "GENESIS" if entry.fork == Fork.PHASE0 else entry.fork.name
        spec[f"{name}_FORK_VERSION"] = "0x" + entry.version.hex()
        if entry.fork != Fork.PHASE0:
            spec[f"{name}_FORK_EPOCH"] = str(entry.epoch)
    genesis = {
        "genesis_time": str(network.genesis_time),
        "genesis_validators_root": "0x" + network.genesis_validators_root.hex(),
        "genesis_fork_version": spec["GENESIS_FORK_VERSION"],
    }
    return {"spec": spec, "genesis": genesis}


@pytest.mark.parametrize("network", [*NETWORKS.values(), NETWORK], ids=lambda one: one.name)
def test_decode_network_reads_what_nodes_say(network: Network) -> None:
    document = document_of(network)
    assert decode_network(document) == network
    document["spec"]["SLOT_DURATION_MS"] = str(1000 * network.seconds_per_slot)
    del document["spec"]["SECONDS_PER_SLOT"]
    assert decode_network(document) == network
    assert decode_network({**document, "name": "mine"}).name == "mine"


def test_decode_network_leaves_a_fork_out_when_it_has_no_date() -> None:
    document = document_of(NETWORK)
    document["spec"]["GLOAS_FORK_EPOCH"] = str(FAR_FUTURE_EPOCH)
    assert decode_network(document).activations == NETWORK.activations[:-1]
    document = document_of(NETWORK)
    del document["spec"]["GLOAS_FORK_EPOCH"]
    assert decode_network(document).activations == NETWORK.activations[:-1]


@pytest.mark.parametrize(
    ("part", "name", "value", "reason"),
    [
        ("spec", "SYNC_COMMITTEE_SIZE", None, "json_malformed"),
        ("spec", "SYNC_COMMITTEE_SIZE", "0", "network_invalid"),
        ("spec", "SLOTS_PER_EPOCH", "0", "network_invalid"),
        ("spec", "SLOTS_PER_EPOCH", "-8", "json_malformed"),
        ("spec", "ALTAIR_FORK_VERSION", None, "json_malformed"),
        ("spec", "ALTAIR_FORK_VERSION", "0x01", "network_invalid"),
        ("spec", "ALTAIR_FORK_VERSION", "0xzz", "network_invalid"),
        ("spec", "DENEB_FORK_EPOCH", "1", "network_invalid"),
        ("spec", "SLOT_DURATION_MS", "1500", "network_invalid"),
        ("genesis", "genesis_validators_root", "0x00", "json_malformed"),
        ("genesis", "genesis_time", None, "json_malformed"),
    ],
)
def test_decode_network_refuses_when_a_value_cannot_be(
    part: str, name: str, value: str | None, reason: str
) -> None:
    document = document_of(NETWORK)
    if value is None:
        del document[part][name]
    else:
        document[part][name] = value
    with pytest.raises(ProofInvalid) as refusal:
        decode_network(document)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("document", [None, [], {}, {"spec": {}}, {"spec": {}, "genesis": []}])
def test_decode_network_refuses_when_the_document_is_none(document: object) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_network(document)
    assert refusal.value.reason == "json_malformed"
