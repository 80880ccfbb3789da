"""What a sync committee signs, and who of it did.

Reasons raised: ``committee_size_wrong``, ``participation_length_wrong``, ``participants_none``,
``participation_below_two_thirds``, and those of ``bls``.
"""

from __future__ import annotations

from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.bls import verify_fast_aggregate
from clearinghouse.proofs.ethereum.containers import (
    BeaconBlockHeader,
    SyncAggregate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.ssz import hash_pair


def signing_root(network: Network, header: BeaconBlockHeader, signature_slot: int) -> Hash32:
    """Return the 32 bytes that a committee signs for ``header`` in the block of that slot."""
    return hash_pair(header.root(), network.sync_committee_domain(signature_slot))


def verify_committee_size(network: Network, committee: SyncCommittee) -> None:
    """Require as many keys as the network's committees have.

    Raises
    ------
    ProofInvalid
        ``committee_size_wrong``; a committee of another size has another tree, and other places.
    """
    expected = network.preset.sync_committee_size
    if len(committee.public_keys) != expected:
        raise ProofInvalid(
            "committee_size_wrong",
            f"a sync committee of {network.name} has {expected} keys, "
            f"was {len(committee.public_keys)}",
            keys=len(committee.public_keys),
        )


def verify_participation(network: Network, aggregate: SyncAggregate) -> None:
    """Require one flag per place, and one of them set.

    Raises
    ------
    ProofInvalid
        ``participation_length_wrong`` or ``participants_none``.
    """
    places = network.preset.sync_committee_size
    if len(aggregate.participation) != places:
        raise ProofInvalid(
            "participation_length_wrong",
            f"a sync committee of {network.name} has {places} places, the update speaks of "
            f"{len(aggregate.participation)}",
            places=len(aggregate.participation),
        )
    if aggregate.participants == 0:
        raise ProofInvalid("participants_none", "nobody signed the update")


def verify_supermajority(aggregate: SyncAggregate) -> None:
    """Require two thirds of the committee: 342 of 512.

    Raises
    ------
    ProofInvalid
        ``participation_below_two_thirds``; wait for a block that more of the committee signed.
    """
    places = len(aggregate.participation)
    if aggregate.participants * 3 < places * 2:
        raise ProofInvalid(
            "participation_below_two_thirds",
            f"{aggregate.participants} of {places} signed, {-(-places * 2 // 3)} are needed; wait "
            "for a block that more signed",
            participants=aggregate.participants,
            places=places,
        )


def verify_sync_aggregate(
    network: Network,
    committee: SyncCommittee,
    aggregate: SyncAggregate,
    header: BeaconBlockHeader,
    signature_slot: int,
) -> None:
    """Require the signature of those places of ``committee`` whose flags are set.

    Raises
    ------
    ProofInvalid
        As ``verify_fast_aggregate``, or when committee and flags have another size.
    """
    verify_committee_size(network, committee)
    verify_participation(network, aggregate)
    pairs = zip(committee.public_keys, aggregate.participation, strict=True)
    signers = [key for key, signed in pairs if signed]
    message = signing_root(network, header, signature_slot)
    verify_fast_aggregate(signers, message, aggregate.signature)
