"""How a light client moves on: an update is verified against the store, then applied to it.

Everything in an update is the relayer's word until the last line of ``validate_update`` has
passed: the signature binds the attested header, its state root binds the finalised header and the
next committee, and each of these binds its parts. A next committee is only ever taken from the
update that proves it. Source: ethereum/consensus-specs, ``specs/altair/light-client/
sync-protocol.md``, ``validate_light_client_update`` and ``apply_light_client_update``.

Reasons raised: ``signature_slot_in_future``, ``signature_slot_not_after_attested``,
``finalized_after_attested``, ``committee_unknown``, ``update_not_relevant``,
``finalized_header_unproven``, ``genesis_header_not_empty``,
``finality_branch_invalid``, ``next_sync_committee_unproven``, ``next_sync_committee_missing``,
``next_sync_committee_conflict``, ``next_sync_committee_branch_invalid``, ``update_not_final``, and
those of ``signing``, ``execution``, ``ssz`` and ``bls``.
"""

from __future__ import annotations

from dataclasses import replace

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientUpdate, SyncCommittee
from clearinghouse.proofs.ethereum.execution import verify_execution
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.signing import (
    verify_committee_size,
    verify_participation,
    verify_supermajority,
    verify_sync_aggregate,
)
from clearinghouse.proofs.ethereum.ssz import verify_branch
from clearinghouse.proofs.ethereum.store import LightClientStore, find_committee

GENESIS_SLOT = 0


def verify_update(
    network: Network, store: LightClientStore, update: LightClientUpdate, current_slot: int
) -> None:
    """Require an update that is final, signed by two thirds, and brings the store something.

    Parameters
    ----------
    current_slot
        By the caller's clock; nothing may be signed later than this.

    Raises
    ------
    ProofInvalid
        With the first reason found; signatures, which are costly, are checked last.
    """
    verify_participation(network, update.sync_aggregate)
    verify_supermajority(update.sync_aggregate)
    _verify_claims(network, store, update, current_slot)
    if not (_advances(store, update) or _finalizes_next_committee(network, store, update)):
        raise ProofInvalid(
            "update_not_final",
            "the update finalises neither a newer header nor the missing next committee; wait for "
            "one that does",
            attested_slot=update.attested_header.beacon.slot,
            store_slot=store.finalized_header.beacon.slot,
        )
    verify_signature(network, store, update)


def apply_update(
    network: Network, store: LightClientStore, update: LightClientUpdate
) -> LightClientStore:
    """Return the store after an update that ``verify_update`` passed.

    Raises
    ------
    ValueError
        When ``update`` has no finalised header, which no verified update lacks.
    """
    finalized = update.finalized_header
    if finalized is None:
        raise ValueError("apply_update takes verified updates, which have a finalised header")
    store_slot = store.finalized_header.beacon.slot
    finalized_period = network.period_at(finalized.beacon.slot)
    if store.next_sync_committee is None:
        store = replace(store, next_sync_committee=update.next_sync_committee)
    elif finalized_period == network.period_at(store_slot) + 1:
        store = replace(
            store,
            current_sync_committee=store.next_sync_committee,
            next_sync_committee=update.next_sync_committee,
        )
    if finalized.beacon.slot > store_slot:
        store = replace(store, finalized_header=finalized)
    return store


def validate_update(
    network: Network, store: LightClientStore, update: LightClientUpdate, current_slot: int
) -> None:
    """Require what the specification requires of any update, final or not.

    Raises
    ------
    ProofInvalid
        With the first reason found.
    """
    verify_participation(network, update.sync_aggregate)
    _verify_claims(network, store, update, current_slot)
    verify_signature(network, store, update)


def verify_slots(update: LightClientUpdate, current_slot: int) -> None:
    """Require now >= signed > attested >= finalised.

    Raises
    ------
    ProofInvalid
        ``signature_slot_in_future``, ``signature_slot_not_after_attested`` or
        ``finalized_after_attested``.
    """
    attested_slot = update.attested_header.beacon.slot
    if update.signature_slot > current_slot:
        raise ProofInvalid(
            "signature_slot_in_future",
            f"the update is signed in slot {update.signature_slot}, now is {current_slot}; wait, "
            "or set the clock",
            signature_slot=update.signature_slot,
            current_slot=current_slot,
        )
    if update.signature_slot <= attested_slot:
        raise ProofInvalid(
            "signature_slot_not_after_attested",
            f"a header of slot {attested_slot} cannot be signed in slot {update.signature_slot}",
            signature_slot=update.signature_slot,
            attested_slot=attested_slot,
        )
    if update.finalized_header and update.finalized_header.beacon.slot > attested_slot:
        raise ProofInvalid(
            "finalized_after_attested",
            f"a state of slot {attested_slot} cannot have finalised slot "
            f"{update.finalized_header.beacon.slot}",
            finalized_slot=update.finalized_header.beacon.slot,
            attested_slot=attested_slot,
        )


def verify_content(network: Network, update: LightClientUpdate) -> None:
    """Require that the attested header proves everything else in the update.

    Raises
    ------
    ProofInvalid
        When an execution block, the finalised header or the next committee is given without its
        proof, or the proof is of something else.
    """
    verify_execution(network, update.attested_header)
    _verify_finalized_header(network, update)
    _verify_next_committee(network, update)


def verify_signature(network: Network, store: LightClientStore, update: LightClientUpdate) -> None:
    """Require the signature of the committee of the signature's period.

    Raises
    ------
    ProofInvalid
        ``committee_unknown``, and what ``verify_sync_aggregate`` raises.
    """
    verify_sync_aggregate(
        network,
        _get_committee(network, store, update),
        update.sync_aggregate,
        update.attested_header.beacon,
        update.signature_slot,
    )


def _get_committee(
    network: Network, store: LightClientStore, update: LightClientUpdate
) -> SyncCommittee:
    committee = find_committee(network, store, update.signature_slot)
    if committee is None:
        period = network.period_at(update.signature_slot)
        raise ProofInvalid(
            "committee_unknown",
            f"the committee of period {period} is not known; bring the updates of the periods "
            "between first, or start from a newer block",
            period=period,
            store_period=network.period_at(store.finalized_header.beacon.slot),
        )
    return committee


def _verify_claims(
    network: Network, store: LightClientStore, update: LightClientUpdate, current_slot: int
) -> None:
    """Require all but the signature."""
    verify_slots(update, current_slot)
    _get_committee(network, store, update)
    _verify_relevance(network, store, update)
    _verify_next_committee_agrees(network, store, update)
    verify_content(network, update)


def _advances(store: LightClientStore, update: LightClientUpdate) -> bool:
    """Whether the update's finalised header, proven before, is newer."""
    finalized = update.finalized_header
    return finalized is not None and finalized.beacon.slot > store.finalized_header.beacon.slot


def _finalizes_next_committee(
    network: Network, store: LightClientStore, update: LightClientUpdate
) -> bool:
    """Whether the update brings the unknown next committee, in a period that is itself final.

    What the update proves of both was verified before.
    """
    finalized = update.finalized_header
    return (
        store.next_sync_committee is None
        and update.next_sync_committee is not None
        and finalized is not None
        and network.period_at(finalized.beacon.slot)
        == network.period_at(update.attested_header.beacon.slot)
    )


def _verify_relevance(network: Network, store: LightClientStore, update: LightClientUpdate) -> None:
    """Require news: a newer header, or the unknown next committee of the store's period."""
    attested_slot = update.attested_header.beacon.slot
    store_slot = store.finalized_header.beacon.slot
    brings_committee = (
        store.next_sync_committee is None
        and update.has_next_sync_committee
        and network.period_at(attested_slot) == network.period_at(store_slot)
    )
    if attested_slot <= store_slot and not brings_committee:
        raise ProofInvalid(
            "update_not_relevant",
            f"slot {attested_slot} is not after the finalised slot {store_slot}; the update is "
            "old or was applied before",
            attested_slot=attested_slot,
            store_slot=store_slot,
        )


def _verify_next_committee_agrees(
    network: Network, store: LightClientStore, update: LightClientUpdate
) -> None:
    """Require the next committee of a period to stay what it was: else somebody lies."""
    period = network.period_at(update.attested_header.beacon.slot)
    if (
        update.has_next_sync_committee
        and store.next_sync_committee is not None
        and period == network.period_at(store.finalized_header.beacon.slot)
        and update.next_sync_committee != store.next_sync_committee
    ):
        raise ProofInvalid(
            "next_sync_committee_conflict",
            f"period {period} has another next committee already; if two thirds signed this "
            "update, it is evidence of misbehaviour",
            period=period,
        )


def _verify_finalized_header(network: Network, update: LightClientUpdate) -> None:
    finalized = update.finalized_header
    if not update.has_finality:
        if finalized is not None:
            raise ProofInvalid(
                "finalized_header_unproven", "a finalised header is given without its branch"
            )
        return
    if finalized is not None and finalized.beacon.slot == GENESIS_SLOT:
        raise ProofInvalid(
            "genesis_header_not_empty",
            "before the first finality the checkpoint is empty, and so must the header be",
        )
    if finalized is not None:
        verify_execution(network, finalized)
    attested = update.attested_header.beacon
    verify_branch(
        ZERO_HASH if finalized is None else finalized.beacon.root(),
        update.finality_branch,
        network.rules_at(attested.slot).finalized_root,
        attested.state_root,
        reason="finality_branch_invalid",
    )


def _verify_next_committee(network: Network, update: LightClientUpdate) -> None:
    committee = update.next_sync_committee
    if not update.has_next_sync_committee:
        if committee is not None:
            raise ProofInvalid(
                "next_sync_committee_unproven", "a next committee is given without its branch"
            )
        return
    if committee is None:
        raise ProofInvalid(
            "next_sync_committee_missing", "a branch is given without the committee it proves"
        )
    verify_committee_size(network, committee)
    attested = update.attested_header.beacon
    verify_branch(
        committee.root(),
        update.next_sync_committee_branch,
        network.rules_at(attested.slot).next_sync_committee,
        attested.state_root,
        reason="next_sync_committee_branch_invalid",
    )
