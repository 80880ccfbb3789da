"""Beacon blocks over execution blocks, and the light client updates that they make possible.

No clock and no node here: ``extend`` is told what has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.proofs.ethereum.containers import (
    BeaconBlockHeader,
    Branch,
    ExecutionPayloadHeader,
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
)
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.ssz import hash_pair
from devnets.beacon.validators import Validators

GENESIS_SLOT = 0

ROTATION_SLOTS = 3
"""Blocks that a period needs before its rotation: one, one whose state holds it final, and one that
carries the signatures of the second."""

CanonicalHash = Callable[[int], Hash32]
"""Returns the hash of the final execution block of a height."""


@dataclass(frozen=True)
class SparseTree:
    """A hash tree given by some nodes, by generalised index; every other subtree is zero."""

    nodes: Mapping[int, bytes]

    def node(self, index: int) -> Hash32:
        if index in self.nodes:
            return Hash32(self.nodes[index])
        depth = index.bit_length()
        below = (node for node in self.nodes if node.bit_length() > depth)
        if any(node >> (node.bit_length() - depth) == index for node in below):
            return hash_pair(self.node(2 * index), self.node(2 * index + 1))
        return ZERO_HASH

    @property
    def root(self) -> Hash32:
        return self.node(1)

    def branch(self, index: int) -> Branch:
        """Return the siblings from the node of ``index`` upwards."""
        return tuple(self.node(index >> height ^ 1) for height in range(index.bit_length() - 1))


@dataclass(frozen=True)
class BeaconBlock:
    """A block, its state, and what that state holds final."""

    header: LightClientHeader
    state: SparseTree
    finalized: LightClientHeader | None

    @property
    def slot(self) -> int:
        return self.header.beacon.slot

    @property
    def payload(self) -> ExecutionPayloadHeader:
        assert isinstance(self.header.execution, ExecutionPayloadHeader)
        return self.header.execution


class BeaconChain:
    """One chain of blocks from a genesis on."""

    def __init__(
        self, network: Network, validators: Validators, genesis: ExecutionPayloadHeader
    ) -> None:
        self._network = network
        self._validators = validators
        self._genesis = self._head = self._build(GENESIS_SLOT, genesis, ZERO_HASH, None)
        self._waiting: list[BeaconBlock] = []
        """Blocks that are not final, oldest first, replaced ones among them."""
        self._rotated_period = -1
        self.finalized: BeaconBlock | None = None
        """The newest block that the next block's state holds final."""

    @property
    def head_slot(self) -> int:
        return self._head.slot

    @property
    def checkpoint_root(self) -> Hash32:
        """Of the genesis block: what light clients trust at first."""
        return self._genesis.header.beacon.root()

    def bootstrap(self) -> LightClientBootstrap:
        """Return the genesis block's bootstrap."""
        rules = self._network.rules_at(GENESIS_SLOT)
        return LightClientBootstrap(
            self._genesis.header,
            self._validators.committee(self._network.period_at(GENESIS_SLOT)),
            self._genesis.state.branch(rules.current_sync_committee),
        )

    def extend(
        self,
        slot: int,
        payload: ExecutionPayloadHeader,
        final: ExecutionPayloadHeader,
        canonical_hash: CanonicalHash,
    ) -> list[LightClientUpdate]:
        """Add a block over ``payload``; return the updates that it completes, oldest first.

        ``final`` is the newest final execution block. Where slots were skipped, blocks over it
        stand in for them at the beginning of every period: a chain without a rotation in some
        period is lost to its light clients.
        """
        if slot <= self.head_slot:
            raise ValueError(f"slot {slot} is not after {self.head_slot}")
        updates = []
        for skipped in range(self.head_slot + 1, slot):
            in_period = skipped % self._network.preset.slots_per_period
            if in_period < ROTATION_SLOTS or not self._has_rotated(skipped):
                updates += self._append(skipped, final, final, canonical_hash)
        return updates + self._append(slot, payload, final, canonical_hash)

    def _append(
        self,
        slot: int,
        payload: ExecutionPayloadHeader,
        final: ExecutionPayloadHeader,
        canonical_hash: CanonicalHash,
    ) -> list[LightClientUpdate]:
        updates = self._sign_head(slot)
        self._finalise(final.block_number, canonical_hash)
        finalized = None if self.finalized is None else self.finalized.header
        self._head = self._build(slot, payload, self._head.header.beacon.root(), finalized)
        self._waiting.append(self._head)
        return updates

    def _has_rotated(self, slot: int) -> bool:
        return self._rotated_period >= self._network.period_at(slot)

    def _sign_head(self, signature_slot: int) -> list[LightClientUpdate]:
        """Return what the committee's signatures under the head prove, if it holds anything final.

        That is the finalised header, and once in every period, when all of it lies in that period,
        beside it the next committee.
        """
        head, rules = self._head, self._network.rules_at(self._head.slot)
        if head.finalized is None:
            return []
        finality = LightClientUpdate(
            attested_header=head.header,
            sync_aggregate=self._validators.sign(head.header.beacon, signature_slot),
            signature_slot=signature_slot,
            finalized_header=head.finalized,
            finality_branch=head.state.branch(rules.finalized_root),
        )
        slots = (head.finalized.beacon.slot, head.slot, signature_slot)
        periods = {self._network.period_at(slot) for slot in slots}
        if len(periods) > 1 or self._has_rotated(head.slot):
            return [finality]
        (self._rotated_period,) = periods
        rotation = LightClientUpdate(
            attested_header=finality.attested_header,
            sync_aggregate=finality.sync_aggregate,
            signature_slot=signature_slot,
            finalized_header=finality.finalized_header,
            finality_branch=finality.finality_branch,
            next_sync_committee=self._validators.committee(self._rotated_period + 1),
            next_sync_committee_branch=head.state.branch(rules.next_sync_committee),
        )
        return [rotation, finality]

    def _finalise(self, final_height: int, canonical_hash: CanonicalHash) -> None:
        """Take the newest waiting block whose execution block is final; forget those before it."""
        for at in reversed(range(len(self._waiting))):
            payload = self._waiting[at].payload
            if (
                0 < payload.block_number <= final_height
                and canonical_hash(payload.block_number) == payload.block_hash
            ):
                self.finalized = self._waiting[at]
                del self._waiting[: at + 1]
                return

    def _build(
        self,
        slot: int,
        payload: ExecutionPayloadHeader,
        parent_root: Hash32,
        finalized: LightClientHeader | None,
    ) -> BeaconBlock:
        rules, period = self._network.rules_at(slot), self._network.period_at(slot)
        state = SparseTree(
            {
                rules.finalized_root: finalized.beacon.root() if finalized else ZERO_HASH,
                rules.current_sync_committee: self._validators.committee_root(period),
                rules.next_sync_committee: self._validators.committee_root(period + 1),
            }
        )
        if rules.execution_payload is None:
            raise ValueError(f"the fork of slot {slot} has no execution payloads in its blocks")
        root = payload.root(has_blob_fields=rules.has_blob_fields)
        body = SparseTree({rules.execution_payload: root})
        header = BeaconBlockHeader(slot, 0, parent_root, state.root, body.root)
        branch = body.branch(rules.execution_payload)
        return BeaconBlock(LightClientHeader(header, payload, branch), state, finalized)
