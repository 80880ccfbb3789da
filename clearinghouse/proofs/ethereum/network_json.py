"""A network that is not built in, from what its beacon nodes say of it.

The document is ``{"name": ..., "spec": S, "genesis": G}`` where S and G are the ``data`` of a
node's ``/eth/v1/config/spec`` and ``/eth/v1/beacon/genesis``. It is trusted: whoever writes it
chooses the chain.

Reasons raised: ``json_malformed``, ``network_invalid``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.forks import (
    STANDARD_RULES,
    Fork,
    ForkActivation,
    Network,
    Preset,
)
from clearinghouse.proofs.ethereum.json_values import (
    decode_hash,
    decode_uint,
    get_field,
    mapping_of,
)

FAR_FUTURE_EPOCH = 2**64 - 1
"""The epoch of a fork that has no date yet."""


def decode_network(document: object) -> Network:
    """Read a network's configuration.

    Raises
    ------
    ProofInvalid
        ``json_malformed``, or ``network_invalid`` when the values contradict each other.
    """
    found = mapping_of(document, "network")
    spec = mapping_of(get_field(found, "spec", "network"), "spec")
    genesis = mapping_of(get_field(found, "genesis", "network"), "genesis")
    try:
        return Network(
            name=str(found.get("name", spec.get("CONFIG_NAME", "unnamed"))),
            chain_id=ChainId(_uint(spec, "DEPOSIT_CHAIN_ID")),
            preset=Preset(
                sync_committee_size=_uint(spec, "SYNC_COMMITTEE_SIZE"),
                slots_per_epoch=_uint(spec, "SLOTS_PER_EPOCH"),
                epochs_per_sync_committee_period=_uint(spec, "EPOCHS_PER_SYNC_COMMITTEE_PERIOD"),
            ),
            genesis_time=decode_uint(
                get_field(genesis, "genesis_time", "genesis"), "genesis.genesis_time"
            ),
            genesis_validators_root=decode_hash(
                get_field(genesis, "genesis_validators_root", "genesis"),
                "genesis.genesis_validators_root",
            ),
            seconds_per_slot=_seconds_per_slot(spec),
            activations=_activations(spec),
        )
    except ValueError as error:
        raise ProofInvalid("network_invalid", str(error)) from error


def _seconds_per_slot(spec: Mapping[str, Any]) -> int:
    """Read the slot's length, which newer nodes give in milliseconds."""
    if "SLOT_DURATION_MS" not in spec:
        return _uint(spec, "SECONDS_PER_SLOT")
    seconds, rest = divmod(_uint(spec, "SLOT_DURATION_MS"), 1000)
    if rest:
        raise ValueError("slots last whole seconds")
    return seconds


def _activations(spec: Mapping[str, Any]) -> tuple[ForkActivation, ...]:
    activations = [ForkActivation(Fork.PHASE0, _version(spec, "GENESIS"), 0, None)]
    for fork, rules in STANDARD_RULES.items():
        if f"{fork.name}_FORK_EPOCH" not in spec:
            continue
        epoch = _uint(spec, f"{fork.name}_FORK_EPOCH")
        if epoch != FAR_FUTURE_EPOCH:
            activations.append(ForkActivation(fork, _version(spec, fork.name), epoch, rules))
    return tuple(activations)


def _uint(spec: Mapping[str, Any], name: str) -> int:
    return decode_uint(get_field(spec, name, "spec"), f"spec.{name}")


def _version(spec: Mapping[str, Any], fork_name: str) -> bytes:
    """Read a fork version; the network refuses one that has not four bytes."""
    raw = str(get_field(spec, f"{fork_name}_FORK_VERSION", "spec"))
    return bytes.fromhex(raw.removeprefix("0x"))
