"""Two thirds of a committee, to the last place."""

from __future__ import annotations

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import SyncAggregate
from clearinghouse.proofs.ethereum.signing import signing_root, verify_supermajority
from tests.unit.proofs.ethereum.chain import NETWORK, header_at


@pytest.mark.parametrize(
    ("places", "needed"), [(512, 342), (32, 22), (48, 32), (24, 16), (8, 6), (3, 2)]
)
def test_verify_supermajority_passes_from_two_thirds_on(places: int, needed: int) -> None:
    def aggregate(participants: int) -> SyncAggregate:
        flags = (True,) * participants + (False,) * (places - participants)
        return SyncAggregate(flags, b"")

    verify_supermajority(aggregate(places))
    verify_supermajority(aggregate(needed))
    with pytest.raises(ProofInvalid) as refusal:
        verify_supermajority(aggregate(needed - 1))
    assert refusal.value.reason == "participation_below_two_thirds"
    assert f"{needed} are needed" in refusal.value.message


def test_signing_root_differs_when_header_or_fork_does() -> None:
    first, second = header_at(200).beacon, header_at(201).beacon
    fork = next(entry.epoch * 8 for entry in NETWORK.activations if entry.epoch * 8 > 300)
    roots = {
        signing_root(NETWORK, header, slot) for header in (first, second) for slot in (210, 999)
    }
    assert len(roots) == 4
    assert signing_root(NETWORK, first, fork) != signing_root(NETWORK, first, fork + 1)
    assert signing_root(NETWORK, first, fork) == signing_root(NETWORK, first, fork - 1)
