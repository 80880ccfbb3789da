"""The specification's whole client, as its vectors expect it: optimistic header, forced update.

The product follows finality alone. This model adds what the vectors also observe around the
product's own ``validate_update`` and ``apply_update``, so that replaying them tests these two.
Source: ethereum/consensus-specs, ``process_light_client_update``, ``is_better_update`` and
``process_light_client_store_force_update``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from clearinghouse.proofs.ethereum.containers import LightClientHeader, LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.store import LightClientStore
from clearinghouse.proofs.ethereum.updates import apply_update, validate_update


@dataclass
class SpecClient:
    """A store and what the specification keeps beside it."""

    network: Network
    store: LightClientStore
    optimistic_header: LightClientHeader
    best_valid_update: LightClientUpdate | None = None
    previous_max_participants: int = 0
    current_max_participants: int = 0

    def process_update(self, update: LightClientUpdate, current_slot: int) -> None:
        validate_update(self.network, self.store, update, current_slot)
        if self.best_valid_update is None or self.is_better(update, self.best_valid_update):
            self.best_valid_update = update
        participants = update.sync_aggregate.participants
        self.current_max_participants = max(self.current_max_participants, participants)
        safe = max(self.previous_max_participants, self.current_max_participants) // 2
        attested = update.attested_header
        if participants > safe and attested.beacon.slot > self.optimistic_header.beacon.slot:
            self.optimistic_header = attested
        finalized_slot = update.finalized_header.beacon.slot if update.finalized_header else 0
        finalizes_committee = (
            self.store.next_sync_committee is None
            and update.has_next_sync_committee
            and update.has_finality
            and self.period(finalized_slot) == self.period(attested.beacon.slot)
        )
        is_newer = finalized_slot > self.store.finalized_header.beacon.slot
        if has_supermajority(update) and (is_newer or finalizes_committee):
            self.apply(update)

    def force_update(self, current_slot: int) -> None:
        held = self.store.finalized_header.beacon.slot
        best = self.best_valid_update
        if best is None or current_slot <= held + self.network.preset.slots_per_period:
            return
        if best.finalized_header is None or best.finalized_header.beacon.slot <= held:
            best = replace(best, finalized_header=best.attested_header)
        self.apply(best)

    def apply(self, update: LightClientUpdate) -> None:
        before = self.store
        self.store = apply_update(self.network, before, update)
        if self.store.current_sync_committee != before.current_sync_committee:
            self.previous_max_participants = self.current_max_participants
            self.current_max_participants = 0
        if self.store.finalized_header.beacon.slot > self.optimistic_header.beacon.slot:
            self.optimistic_header = self.store.finalized_header
        self.best_valid_update = None

    def is_better(self, new: LightClientUpdate, old: LightClientUpdate) -> bool:
        return self.merit(new) > self.merit(old)

    def merit(self, update: LightClientUpdate) -> tuple[object, ...]:
        """Return what updates are compared by, the most important first; larger is better."""
        attested_slot = update.attested_header.beacon.slot
        finalized = update.finalized_header
        participants = update.sync_aggregate.participants
        is_enough = has_supermajority(update)
        return (
            is_enough,
            0 if is_enough else participants,
            update.has_next_sync_committee
            and self.period(attested_slot) == self.period(update.signature_slot),
            update.has_finality,
            finalized is not None
            and self.period(finalized.beacon.slot) == self.period(attested_slot),
            participants,
            -attested_slot,
            -update.signature_slot,
        )

    def period(self, slot: int) -> int:
        return self.network.period_at(slot)


def has_supermajority(update: LightClientUpdate) -> bool:
    places = len(update.sync_aggregate.participation)
    return update.sync_aggregate.participants * 3 >= places * 2
