"""Random lives of a client: the contract and ``clearinghouse.proofs.committee_client`` agree."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.committee.client import build_update
from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Scheme
from clearinghouse.proofs.committee_client import (
    ClientRules,
    CommitteeClient,
    apply_equivocation,
    apply_handover,
    apply_handover_conflict,
    apply_header,
    complete_recovery,
    find_condition,
    new_client,
    propose_recovery,
    veto_recovery,
)
from clearinghouse.proofs.recovery import recovery_digest, veto_digest
from tests.unit.contracts.committee import (
    POLICY,
    RECOVERERS,
    CommitteeContract,
    deploy_committee,
)
from tests.unit.contracts.evm import Evm, Reverted
from tests.unit.proofs.committees import (
    EPOCH,
    Attesters,
    attesters_of,
    header_rlp,
    sign_all,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("committee-contract")]

STEPS = 150

ERROR_OF = {
    "client_frozen": "AlreadyFrozen",
    "client_expired": "ClientExpired",
    "client_active": "ClientActive",
    "height_not_increasing": "HeightNotIncreasing",
    "timestamp_decreasing": "TimestampDecreasing",
    "timestamp_in_future": "TimestampInFuture",
    "epoch_unknown": "UnknownEpoch",
    "epoch_ended": "EpochEnded",
    "epoch_not_current": "EpochNotCurrent",
    "height_outside_epoch": "HeightOutsideEpoch",
    "last_height_out_of_range": "LastHeightOutOfRange",
    "quorum_too_small": "QuorumNotReached",
    "not_equivocation": "NotEquivocation",
    "signer_unknown": "SignerNotInOrder",
    "bls_signature_wrong": "AggregateInvalid",
    "recovery_missing": "NoRecovery",
    "recovery_too_early": "RecoveryTooEarly",
    "recovery_set_mismatch": "RecoverySetMismatch",
    "convicted_cannot_veto": "ConvictedCannotVeto",
}

EVIDENCE_FAULTS = {"NotEquivocation", "EpochEnded", "UnknownEpoch"}
"""Evidence may have several at once; which of them is named is nobody's promise."""

Step = tuple[Callable[[], Any], Callable[[CommitteeClient, int], CommitteeClient]]
"""What is sent to the contract, and what it makes of the model at a time."""


@dataclass
class Life:
    """The contract, the model, and whoever attests in each epoch (the same keys after any path)."""

    client: CommitteeContract
    model: CommitteeClient
    chance: random.Random
    first: int = EPOCH
    """The epoch in which the committee's keys are those of ``label``."""
    label: int = EPOCH
    seen: int = EPOCH

    @property
    def epoch(self) -> int:
        return self.model.committee.epoch

    def attesters(self, offset: int = 0) -> Attesters:
        if self.epoch >> 32 != self.first >> 32:  # recovered, by the next keys
            self.label += self.seen - self.first + 1
            self.first = self.epoch
        self.seen = self.epoch
        number = self.epoch + offset
        keys = attesters_of(self.model.committee.scheme, self.label + number - self.first)
        return keys.in_epoch(number)

    def header(self) -> Step:
        signing = self.attesters(self.chance.choice([0] * 6 + [-1, -1, -1, 1]))
        height = max(1, self.model.height + self.chance.choice([1] * 6 + [3, 0, -1, 9]))
        timestamp = self.client.now + self.chance.choice([0] * 9 + [-500, 10_000])
        encoded = header_rlp(height, timestamp, self.chance.choice(["a", "a", "a", "b"]))
        places = self.chance.choice([(0, 1, 2), (1, 2, 3), (0, 1, 2, 3), (0, 2)])
        attestation = signing.attest(height, keccak256(encoded), places)
        data = build_update(encoded, attestation, signing.committee.scheme)
        return (
            lambda: self.client.contract.send("update", data),
            lambda model, now: apply_header(model, encoded, attestation, now),
        )

    def _after(self, ending: Attesters) -> Attesters:
        return self.attesters(ending.committee.epoch + 1 - self.epoch)

    def handover(self) -> Step:
        ending = self.attesters(self.chance.choice([0, 0, 0, -1, 1]))
        successor = self._after(ending)
        last_height = max(0, self.model.height + self.chance.choice([0, 1, 2, 5, -1]))
        places = self.chance.choice([(0, 1, 2), (1, 2, 3), (0, 2)])
        handover = ending.hand_over(last_height, successor.committee, places)
        return (
            lambda: self.client.hand_over(handover),
            lambda model, now: apply_handover(model, handover, now),
        )

    def equivocation(self) -> Step:
        height = self.model.height + 1
        first, second = (self.attesters(self.chance.choice([0, 0, -1])) for _ in range(2))
        pair = (
            first.attest(height, Hash32(b"\x01" * 32)),
            second.attest(height, Hash32(bytes([self.chance.choice([1, 2, 2])]) * 32)),
        )
        return (
            lambda: self.client.freeze(*pair),
            lambda model, now: apply_equivocation(model, *pair, now),
        )

    def handover_conflict(self) -> Step:
        ending = self.attesters(self.chance.choice([0, -1]))
        successor = self._after(ending).committee
        pair = [ending.hand_over(10 + self.chance.choice([0, 1]), successor) for _ in range(2)]
        return (
            lambda: self.client.freeze_by_handovers(*pair),
            lambda model, now: apply_handover_conflict(model, pair[0], pair[1], now),
        )

    def proposal(self) -> Step:
        successor = self.attesters(1).committee
        attempt = max(0, self.model.attempt + self.chance.choice([0, 0, 0, -1]))
        keys = RECOVERERS[: self.chance.choice([3, 3, 4, 2])]
        digest = recovery_digest(self.client.attempt(attempt), successor)
        signatures = sign_all(digest, keys)
        return (
            lambda: self.client.propose(successor, attempt, keys),
            lambda model, now: propose_recovery(model, successor, signatures, now),
        )

    def veto(self) -> Step:
        attempt = max(0, self.model.attempt - 1)
        signatures = self.attesters().sign(veto_digest(self.client.attempt(attempt)))
        return (
            lambda: self.client.veto(attempt, self.attesters()),
            lambda model, now: veto_recovery(model, signatures),
        )

    def completion(self) -> Step:
        offset = self.chance.choice([1, 1, 1, 2])
        successor = self.attesters(offset).committee
        return (
            lambda: self.client.complete(successor),
            lambda model, now: complete_recovery(model, successor, now),
        )

    def steps(self) -> Iterator[Step]:
        while True:
            make = self.chance.choices(
                (
                    *(self.header, self.handover, self.equivocation, self.handover_conflict),
                    *(self.proposal, self.veto, self.completion),
                ),
                (12, 4, 1, 1, 4, 1, 4) if _is_active(self) else (1, 1, 1, 1, 4, 2, 6),
            )[0]
            yield make()


def _is_active(life: Life) -> bool:
    return find_condition(life.model, life.client.now).name == "ACTIVE"


@pytest.mark.parametrize("seed", range(3))
def test_contract_and_model_agree_on_every_message(committee_evm: Evm, seed: int) -> None:
    scheme = Scheme.BLS if seed == 2 else Scheme.ECDSA
    client = deploy_committee(committee_evm, attesters_of(scheme))
    rules = ClientRules(
        host_chain_id=client.attempt(0).host_chain_id,
        client=client.attempt(0).client,
        trusting_seconds=POLICY.trusting_seconds,
        overlap_seconds=POLICY.overlap_seconds,
        drift_seconds=POLICY.drift_seconds,
        recovery_delay_seconds=POLICY.recovery_delay_seconds,
        recovery_threshold=POLICY.recovery_threshold,
        recovery_members=POLICY.recovery_members,
    )
    model = new_client(rules, client.attesters.committee, client.now)
    life = Life(client, model, random.Random(seed))
    met: set[str] = set()
    for _, (send, apply) in zip(range(STEPS), life.steps(), strict=False):
        waits = [1] * 6 + [POLICY.overlap_seconds, POLICY.recovery_delay_seconds]
        now = client.now + life.chance.choice([*waits, POLICY.trusting_seconds // 3])
        client.evm.set_next_time(now)
        met.add(_play(life, send, apply, now))
        assert client.status == find_condition(life.model, now).value
        assert client.contract.call("epoch") == life.epoch
        assert client.contract.call("latestHeight") == life.model.height
        assert client.contract.call("recovery")[0] == life.model.attempt
    assert {"accepted", "AlreadyFrozen", "QuorumNotReached", "RecoveryTooEarly"} <= met
    assert life.epoch > EPOCH + 1


def _play(
    life: Life,
    send: Callable[[], Any],
    apply: Callable[[CommitteeClient, int], CommitteeClient],
    now: int,
) -> str:
    """Give both one message, require the same answer, and return it."""
    try:
        life_after, expected = apply(life.model, now), "accepted"
    except ProofInvalid as refusal:
        life_after, expected = life.model, ERROR_OF[refusal.reason]
    try:
        send()
        answer = "accepted"
    except Reverted as reverted:
        answer = reverted.error.name
    if {answer, expected} <= EVIDENCE_FAULTS:
        answer = expected
    assert answer == expected
    life.model = life_after
    return answer
