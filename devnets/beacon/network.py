"""The constants of a devnet's beacon chain, and the document by which others know them."""

from __future__ import annotations

from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.proofs.ethereum.forks import Fork, Network, Preset, schedule
from devnets.configuration import BeaconConfiguration, ChainConfiguration

FORK_VERSIONS = {fork: f"{fork:02x}000001" for fork in Fork if fork < Fork.GLOAS}
"""As in the specification's minimal configuration. All forks are there from genesis on, so the last
one's rules hold; Gloas has no payload in its blocks and no devnet yet."""


def build_network(
    chain: ChainConfiguration,
    beacon: BeaconConfiguration,
    genesis_time: int,
    genesis_validators_root: Hash32,
) -> Network:
    """Return a beacon chain beside ``chain`` that begins at ``genesis_time``."""
    return Network(
        name=chain.name,
        chain_id=chain.id,
        preset=Preset(beacon.committee_size, beacon.slots_per_epoch, beacon.epochs_per_period),
        genesis_time=genesis_time,
        genesis_validators_root=genesis_validators_root,
        seconds_per_slot=int(chain.block_seconds),
        activations=schedule(*((fork, version, 0) for fork, version in FORK_VERSIONS.items())),
    )


def network_document(network: Network) -> dict[str, object]:
    """Return what ``proofs.ethereum.network_json`` reads: a beacon node's answers about itself."""
    spec = {
        "DEPOSIT_CHAIN_ID": network.chain_id,
        "SYNC_COMMITTEE_SIZE": network.preset.sync_committee_size,
        "SLOTS_PER_EPOCH": network.preset.slots_per_epoch,
        "EPOCHS_PER_SYNC_COMMITTEE_PERIOD": network.preset.epochs_per_sync_committee_period,
        "SECONDS_PER_SLOT": network.seconds_per_slot,
    }
    forks: dict[str, str] = {}
    for activation in network.activations:
        name = activation.fork.name if activation.fork else "GENESIS"
        forks[f"{name}_FORK_VERSION"] = to_hex(activation.version)
        if activation.fork:
            forks[f"{name}_FORK_EPOCH"] = str(activation.epoch)
    return {
        "name": network.name,
        "spec": {**{name: str(value) for name, value in spec.items()}, **forks},
        "genesis": {
            "genesis_time": str(network.genesis_time),
            "genesis_validators_root": to_hex(network.genesis_validators_root),
        },
    }
