"""What varies between networks and forks: sizes, versions, and where things are in the trees.

A fork is always looked up by a header's own slot. Whoever brings data cannot choose the rules it
is judged by. Sources: ethereum/consensus-specs, ``presets/``, ``configs/`` and the constants in
``specs/*/light-client/sync-protocol.md``.

Reasons raised: ``fork_unsupported``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.ssz import hash_pair

DOMAIN_SYNC_COMMITTEE = bytes.fromhex("07000000")
"""Separates the committee's signatures from all others that validators make."""


class Fork(IntEnum):
    """Forks of the beacon chain, in their order."""

    PHASE0 = 0
    ALTAIR = 1
    BELLATRIX = 2
    CAPELLA = 3
    DENEB = 4
    ELECTRA = 5
    FULU = 6
    GLOAS = 7


@dataclass(frozen=True, slots=True)
class ForkRules:
    """Generalised indices of what light clients prove, and the form of the execution part."""

    finalized_root: int
    """Of ``finalized_checkpoint.root`` in the beacon state."""
    current_sync_committee: int
    """In the beacon state."""
    next_sync_committee: int
    """In the beacon state."""
    execution_payload: int | None = None
    """Of the execution payload in the block body; ``None`` where light client data has none."""
    execution_block_hash: int | None = None
    """Of the execution block's hash in the block body."""
    has_blob_fields: bool = False
    """Whether the payload's header has the two blob fields."""


_ALTAIR = ForkRules(105, 54, 55)
_CAPELLA = ForkRules(105, 54, 55, execution_payload=25, execution_block_hash=412)
_DENEB = ForkRules(
    105, 54, 55, execution_payload=25, execution_block_hash=812, has_blob_fields=True
)
_ELECTRA = ForkRules(
    169, 86, 87, execution_payload=25, execution_block_hash=812, has_blob_fields=True
)
_GLOAS = ForkRules(735, 2945, 2946, execution_block_hash=2856)

STANDARD_RULES = {
    Fork.ALTAIR: _ALTAIR,
    Fork.BELLATRIX: _ALTAIR,
    Fork.CAPELLA: _CAPELLA,
    Fork.DENEB: _DENEB,
    Fork.ELECTRA: _ELECTRA,
    Fork.FULU: _ELECTRA,
    Fork.GLOAS: _GLOAS,
}
"""By fork; before Altair there are no sync committees."""


@dataclass(frozen=True, slots=True)
class ForkActivation:
    """From which epoch a fork's rules hold."""

    fork: Fork
    version: bytes
    """Four bytes, in every signature's domain."""
    epoch: int
    rules: ForkRules | None
    """``None`` before Altair."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Sizes that a network is compiled with."""

    sync_committee_size: int
    slots_per_epoch: int
    epochs_per_sync_committee_period: int

    @property
    def slots_per_period(self) -> int:
        """How long one committee signs, in slots."""
        return self.slots_per_epoch * self.epochs_per_sync_committee_period


MAINNET_PRESET = Preset(512, 32, 256)
MINIMAL_PRESET = Preset(32, 8, 8)


@dataclass(frozen=True, slots=True)
class Network:
    """One beacon chain, as configured: this is what is trusted."""

    name: str
    chain_id: ChainId
    """Of the execution chain, EIP-155."""
    preset: Preset
    genesis_time: int
    """Seconds since the epoch."""
    genesis_validators_root: Hash32
    """In every signature's domain: what makes networks with equal versions differ."""
    seconds_per_slot: int
    activations: tuple[ForkActivation, ...]
    """In the order of forks, from genesis on; several may share an epoch, the last one counts."""

    def __post_init__(self) -> None:
        """Refuse a schedule that leaves a slot without rules or has forks out of order."""
        ordered = all(a.fork < b.fork and a.epoch <= b.epoch for a, b in pairwise(self.activations))
        if not ordered or not self.activations or self.activations[0].epoch != 0:
            raise ValueError("forks are listed in their order, beginning with one at epoch 0")
        if any(len(activation.version) != 4 for activation in self.activations):
            raise ValueError("a fork version has 4 bytes")
        sizes = self.preset
        if min(sizes.slots_per_period, self.seconds_per_slot) < 1 or self.genesis_time < 0:
            raise ValueError("slots, epochs and periods have a length, and genesis a time")
        if sizes.sync_committee_size < 8 or sizes.sync_committee_size % 8:
            raise ValueError("the committee's size is a positive multiple of 8")

    def epoch_at(self, slot: int) -> int:
        """Return the epoch of ``slot``."""
        return slot // self.preset.slots_per_epoch

    def period_at(self, slot: int) -> int:
        """Return the sync committee period of ``slot``."""
        return slot // self.preset.slots_per_period

    def slot_at(self, time: int) -> int:
        """Return the slot at ``time``, in seconds since the epoch; 0 before genesis."""
        return max(time - self.genesis_time, 0) // self.seconds_per_slot

    def activation_at(self, slot: int) -> ForkActivation:
        """Return the fork in force at ``slot``."""
        epoch = self.epoch_at(slot)
        return [entry for entry in self.activations if entry.epoch <= epoch][-1]

    def rules_at(self, slot: int) -> ForkRules:
        """Return the rules in force at ``slot``.

        Raises
        ------
        ProofInvalid
            ``fork_unsupported`` before Altair.
        """
        activation = self.activation_at(slot)
        if activation.rules is None:
            raise ProofInvalid(
                "fork_unsupported",
                f"slot {slot} of {self.name} is before Altair, where no committee signs blocks",
                slot=slot,
            )
        return activation.rules

    def sync_committee_domain(self, signature_slot: int) -> bytes:
        """Return what the committee mixes into each signature: its purpose, fork and network.

        The block of ``signature_slot`` carries votes cast one slot before, so the version is that
        of the slot before; at a fork the two differ.
        """
        version = self.activation_at(max(signature_slot, 1) - 1).version
        fork_data_root = hash_pair(version.ljust(32, b"\x00"), self.genesis_validators_root)
        return DOMAIN_SYNC_COMMITTEE + fork_data_root[:28]


def schedule(*entries: tuple[Fork, str, int]) -> tuple[ForkActivation, ...]:
    """Return the activations of (fork, version in hex, epoch) entries, with the standard rules."""
    return tuple(
        ForkActivation(fork, bytes.fromhex(version), epoch, STANDARD_RULES.get(fork))
        for fork, version, epoch in entries
    )
