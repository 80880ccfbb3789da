"""One finalised history by sync committees, over a beacon chain whose validators we hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ethereum import finality
from adapters.ethereum.finality import BeaconFinality
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ChainFault, ProofInvalid, Unavailable
from clearinghouse.proofs.ethereum.containers import (
    BeaconBlockHeader,
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
)
from devnets.beacon.chain import BeaconChain, SparseTree
from devnets.beacon.validators import Validators
from tests.unit.devnets.beacon.execution import (
    GENESIS_TIME,
    SEED,
    SLOTS_PER_PERIOD,
    ExecutionChain,
    build_test_network,
)

NETWORK = build_test_network()


class Beacon:
    """A beacon chain and, as its ``UpdateSource``, whatever a test lets it serve."""

    def __init__(self) -> None:
        self.execution = ExecutionChain()
        self.validators = Validators(NETWORK, SEED)
        self.chain = BeaconChain(NETWORK, self.validators, self.execution.payload(0))
        self.newest: LightClientUpdate | None = None
        self.of_period: dict[int, LightClientUpdate] = {}

    def get_bootstrap(self) -> LightClientBootstrap:
        return self.chain.bootstrap()

    def find_newest(self) -> LightClientUpdate | None:
        return self.newest

    def find_of_period(self, period: int) -> LightClientUpdate | None:
        return self.of_period.get(period)

    def grow(self, slots: int) -> None:
        for slot in range(self.chain.head_slot + 1, self.chain.head_slot + 1 + slots):
            payload = self.execution.mine()
            final = self.execution.payload(self.execution.final_height)
            for update in self.chain.extend(slot, payload, final, self.execution.canonical_hash):
                if update.next_sync_committee is None:
                    self.newest = update
                else:
                    self.of_period[NETWORK.period_at(slot)] = update

    def followed(self) -> BeaconFinality:
        return BeaconFinality(
            NETWORK,
            self.chain.checkpoint_root,
            self,
            self.execution.get_header_by_hash,
            clock=lambda: GENESIS_TIME + 2 * self.chain.head_slot,
        )


@pytest.fixture
def beacon() -> Beacon:
    return Beacon()


def newest_height(follower: BeaconFinality) -> int:
    header = follower.find_newest()
    assert header is not None
    return header.height


def test_there_is_no_header_when_nothing_is_final(beacon: Beacon) -> None:
    assert beacon.followed().find_newest() is None


def test_newest_is_the_execution_block_when_a_committee_signed_it(beacon: Beacon) -> None:
    beacon.grow(10)
    header = beacon.followed().find_newest()
    assert header is not None
    proven = beacon.execution.payload(header.height)
    assert (header.block_hash, header.state_root) == (proven.block_hash, proven.state_root)
    assert header.chain_id == NETWORK.chain_id


def test_newest_follows_when_committees_rotate(beacon: Beacon) -> None:
    follower = beacon.followed()
    heights = []
    for _ in range(3 * SLOTS_PER_PERIOD):
        beacon.grow(1)
        header = follower.find_newest()
        heights.append(0 if header is None else header.height)
    assert heights == sorted(heights)
    assert heights[-1] == beacon.execution.final_height - 1


def test_newest_follows_when_the_best_update_of_a_period_is_not_final_in_it(
    beacon: Beacon,
) -> None:
    """What a real node has until the first block of a period is final: true, yet no rotation."""
    follower = beacon.followed()
    beacon.grow(SLOTS_PER_PERIOD + 1)
    attested = beacon.chain._head
    beacon.grow(1)
    newest = beacon.newest
    assert newest is not None
    assert newest.finalized_header is not None
    assert newest.attested_header == attested.header
    assert NETWORK.period_at(attested.slot) == 1
    assert NETWORK.period_at(newest.finalized_header.beacon.slot) == 0
    beacon.of_period[1] = replace(
        newest,
        next_sync_committee=beacon.validators.committee(2),
        next_sync_committee_branch=attested.state.branch(
            NETWORK.rules_at(attested.slot).next_sync_committee
        ),
    )
    assert newest_height(follower) == beacon.execution.final_height - 1
    del beacon.of_period[1]
    beacon.grow(SLOTS_PER_PERIOD)
    assert newest_height(follower) == beacon.execution.final_height - 1


def test_newest_is_found_from_the_checkpoint_when_periods_have_passed(beacon: Beacon) -> None:
    beacon.grow(4 * SLOTS_PER_PERIOD)
    assert newest_height(beacon.followed()) == beacon.execution.final_height - 1


def test_newest_stays_when_the_source_falls_back(beacon: Beacon) -> None:
    beacon.grow(8)
    older = beacon.newest
    beacon.grow(4)
    follower = beacon.followed()
    height = newest_height(follower)
    beacon.newest = older
    assert newest_height(follower) == height
    beacon.newest = None
    assert newest_height(follower) == height


def test_updates_lead_through_every_rotation_when_a_client_is_far_behind(beacon: Beacon) -> None:
    beacon.grow(4 * SLOTS_PER_PERIOD)
    follower = beacon.followed()
    header = follower.find_newest()
    assert header is not None
    assert len(follower.build_client_updates(header, 0)) == 5
    assert len(follower.build_client_updates(header, header.height - 1)) == 1
    second = beacon.of_period[2].finalized_header
    assert second is not None
    held = second.execution
    assert not isinstance(held, bytes)
    assert held is not None
    # That client's own period once more: it may have come to this block without the rotation.
    assert len(follower.build_client_updates(header, held.block_number)) == 3
    assert len(follower.build_client_updates(header, held.block_number + 1)) == 2


def test_update_is_missing_when_the_header_is_no_longer_remembered(
    beacon: Beacon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finality, "REMEMBERED_HEADERS", 2)
    follower = beacon.followed()
    beacon.grow(6)
    first = follower.find_newest()
    assert first is not None
    assert follower.build_client_updates(first, 0)
    for _ in range(3):
        beacon.grow(1)
        follower.find_newest()
    with pytest.raises(Unavailable) as raised:
        follower.build_client_updates(first, 0)
    assert raised.value.reason == "update_missing"


def test_newest_is_refused_when_signed_after_now(beacon: Beacon) -> None:
    beacon.grow(10)
    follower = BeaconFinality(
        NETWORK,
        beacon.chain.checkpoint_root,
        beacon,
        beacon.execution.get_header_by_hash,
        clock=lambda: GENESIS_TIME,
    )
    with pytest.raises(ProofInvalid) as raised:
        follower.find_newest()
    assert raised.value.reason == "signature_slot_in_future"


def test_newest_is_refused_when_the_checkpoint_is_another(beacon: Beacon) -> None:
    beacon.grow(10)
    follower = BeaconFinality(
        NETWORK, Hash32(b"\x01" * 32), beacon, beacon.execution.get_header_by_hash
    )
    with pytest.raises(ProofInvalid) as raised:
        follower.find_newest()
    assert raised.value.reason == "trusted_root_mismatch"


def test_finality_is_violated_when_a_committee_signs_two_finalised_blocks(beacon: Beacon) -> None:
    beacon.grow(10)
    follower = beacon.followed()
    follower.find_newest()
    assert beacon.newest is not None
    beacon.newest = contradicting(beacon, beacon.newest)
    with pytest.raises(ChainFault) as raised:
        follower.find_newest()
    assert raised.value.reason == "finality_violated"
    assert raised.value.attributes["evidence"]
    beacon.grow(1)
    with pytest.raises(ChainFault):
        follower.find_newest()


def test_contradiction_is_no_violation_when_nobody_signed_it(beacon: Beacon) -> None:
    beacon.grow(10)
    follower = beacon.followed()
    first = follower.find_newest()
    honest = beacon.newest
    assert honest is not None
    forged = contradicting(beacon, honest)
    beacon.newest = replace(forged, sync_aggregate=honest.sync_aggregate)
    with pytest.raises(ProofInvalid) as raised:
        follower.find_newest()
    assert raised.value.reason == "bls_signature_wrong"
    beacon.newest = honest
    assert follower.find_newest() == first


def test_finality_is_violated_when_the_execution_chain_is_another(beacon: Beacon) -> None:
    beacon.grow(8)
    follower = beacon.followed()
    follower.find_newest()
    beacon.execution.reorganise(7)
    for _ in range(9):
        beacon.execution.mine(b"other")
    beacon.grow(4)
    with pytest.raises(ChainFault) as raised:
        follower.find_newest()
    assert raised.value.reason == "finality_violated"
    assert "evidence" not in raised.value.attributes


def contradicting(beacon: Beacon, update: LightClientUpdate) -> LightClientUpdate:
    """Return an update, signed, that finalises another block of the same slot."""
    finalized, attested = update.finalized_header, update.attested_header
    assert finalized is not None
    rules = NETWORK.rules_at(attested.beacon.slot)
    other = replace(finalized, beacon=replace(finalized.beacon, proposer_index=1))
    committees = {
        rules.current_sync_committee: beacon.validators.committee_root(0),
        rules.next_sync_committee: beacon.validators.committee_root(1),
    }
    state = SparseTree({rules.finalized_root: other.beacon.root(), **committees})
    header = BeaconBlockHeader(
        attested.beacon.slot,
        attested.beacon.proposer_index,
        attested.beacon.parent_root,
        state.root,
        attested.beacon.body_root,
    )
    return replace(
        update,
        attested_header=LightClientHeader(header, attested.execution, attested.execution_branch),
        finalized_header=other,
        finality_branch=state.branch(rules.finalized_root),
        sync_aggregate=beacon.validators.sign(header, update.signature_slot),
    )
