"""Evidence that two thirds of a sync committee signed what cannot both be true.

Validators are not punished for this by Ethereum itself: what protects a client is that anybody who
sees both updates can freeze it. Evidence is judged by the committees the store knows, so it must
be brought while these are in office. Unlike an update, it may be old and bring nothing new.

Attested headers and next committees are not yet final, so after a deep reorganisation an honest
committee could be caught by its older signature. A client frozen then is frozen without need; one
that went on while two thirds sign two histories could settle on the wrong one.

Reasons raised: ``not_misbehaviour``, and those of ``updates`` and ``signing``.
"""

from __future__ import annotations

from enum import StrEnum

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.signing import verify_participation, verify_supermajority
from clearinghouse.proofs.ethereum.store import LightClientStore
from clearinghouse.proofs.ethereum.updates import verify_content, verify_signature, verify_slots


class Misbehaviour(StrEnum):
    """What the committee contradicted itself about."""

    FINALIZED_HEADER = "finalized_header"
    """Two finalised blocks of one slot."""
    ATTESTED_HEADER = "attested_header"
    """Two signed blocks of one slot."""
    NEXT_SYNC_COMMITTEE = "next_sync_committee"
    """Two committees for one period."""


def verify_misbehaviour(
    network: Network,
    store: LightClientStore,
    first: LightClientUpdate,
    second: LightClientUpdate,
    current_slot: int,
) -> Misbehaviour:
    """Return what two updates, each good by itself, contradict each other in: freeze the client.

    Raises
    ------
    ProofInvalid
        ``not_misbehaviour`` when they agree, and the reason when either is no signed update.
    """
    found = find_contradiction(network, first, second)
    if found is None:
        raise ProofInvalid("not_misbehaviour", "the two updates can both be true")
    for update in (first, second):
        _verify_evidence(network, store, update, current_slot)
    return found


def verify_contradiction(
    network: Network, store: LightClientStore, update: LightClientUpdate, current_slot: int
) -> Misbehaviour:
    """Return what a signed update contradicts the store itself in: freeze the client.

    Raises
    ------
    ProofInvalid
        ``not_misbehaviour`` when they agree, and the reason when it is no signed update.
    """
    held, claimed = store.finalized_header.beacon, update.finalized_header
    period = network.period_at(update.attested_header.beacon.slot)
    if claimed and claimed.beacon.slot == held.slot and claimed.beacon != held:
        found = Misbehaviour.FINALIZED_HEADER
    elif (
        store.next_sync_committee is not None
        and update.next_sync_committee is not None
        and period == network.period_at(held.slot)
        and update.next_sync_committee != store.next_sync_committee
    ):
        found = Misbehaviour.NEXT_SYNC_COMMITTEE
    else:
        raise ProofInvalid("not_misbehaviour", "the update agrees with what the client holds")
    _verify_evidence(network, store, update, current_slot)
    return found


def find_contradiction(
    network: Network, first: LightClientUpdate, second: LightClientUpdate
) -> Misbehaviour | None:
    """Return what two updates contradict each other in, without asking who signed them."""
    attested, other_attested = first.attested_header.beacon, second.attested_header.beacon
    finalized, other_finalized = first.finalized_header, second.finalized_header
    if (
        finalized
        and other_finalized
        and finalized.beacon.slot == other_finalized.beacon.slot
        and finalized.beacon != other_finalized.beacon
    ):
        return Misbehaviour.FINALIZED_HEADER
    if attested.slot == other_attested.slot and attested != other_attested:
        return Misbehaviour.ATTESTED_HEADER
    committee, other_committee = first.next_sync_committee, second.next_sync_committee
    if (
        committee
        and other_committee
        and network.period_at(attested.slot) == network.period_at(other_attested.slot)
        and committee != other_committee
    ):
        return Misbehaviour.NEXT_SYNC_COMMITTEE
    return None


def _verify_evidence(
    network: Network, store: LightClientStore, update: LightClientUpdate, current_slot: int
) -> None:
    """Require all that makes an update true, but not that it is news."""
    verify_participation(network, update.sync_aggregate)
    verify_supermajority(update.sync_aggregate)
    verify_slots(update, current_slot)
    verify_content(network, update)
    verify_signature(network, store, update)
