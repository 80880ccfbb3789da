"""A beacon chain's constants as ``SyncCommitteeLightClient``'s constructor takes them."""

from __future__ import annotations

from adapters.evm.encoding import AbiTuple
from clearinghouse.proofs.ethereum.forks import ForkActivation, ForkRules, Network


def build_network(network: Network, trusting_seconds: int) -> AbiTuple:
    """Return ``struct Network``.

    ``trusting_seconds`` is how long a committee is believed without an update; keep it below the
    weak subjectivity period (14 days are safe on mainnet).
    """
    return (
        network.chain_id,
        network.genesis_validators_root,
        network.genesis_time,
        network.seconds_per_slot,
        network.preset.slots_per_epoch,
        network.preset.epochs_per_sync_committee_period,
        network.preset.sync_committee_size,
        trusting_seconds,
        [
            _fork(activation, activation.rules)
            for activation in network.activations
            if activation.rules is not None
        ],
    )


def _fork(activation: ForkActivation, rules: ForkRules) -> AbiTuple:
    # Of a payload the contract proves the first 16 leaves: all there are before Deneb, the left
    # half of the tree since.
    payload = (rules.execution_payload or 0) << rules.has_blob_fields
    return (
        activation.epoch,
        activation.version,
        rules.finalized_root,
        rules.next_sync_committee,
        payload,
        rules.execution_block_hash or 0,
    )
