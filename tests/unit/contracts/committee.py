"""A committee's light client on a chain, for both schemes, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from adapters.committee.client import (
    ClientPolicy,
    build_configuration,
    build_freeze_evidence,
    build_handover,
    build_handover_update,
    build_set,
    build_signatures,
    build_update,
)
from adapters.committee.deployment import CONTRACT_OF
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.committee import Attestation, Committee
from clearinghouse.proofs.handover import Handover
from clearinghouse.proofs.recovery import RecoveryAttempt, recovery_digest, veto_digest
from tests.unit.contracts.client import reverts
from tests.unit.contracts.evm import Contract, Evm
from tests.unit.proofs.committees import (
    FIRST_THREE,
    Attesters,
    addresses,
    header_rlp,
    keys_sorted_by_address,
    sign_all,
)

ACTIVE, FROZEN, EXPIRED = range(3)

HOST_CHAIN = ChainId(777)
"""Of the anvil that clients are on; not the one that they follow."""

RECOVERY_KEYS = keys_sorted_by_address(7)[4:] + keys_sorted_by_address(4)[:1]
RECOVERERS = tuple(sorted(RECOVERY_KEYS, key=lambda key: addresses([key])[0]))

POLICY = ClientPolicy(
    trusting_seconds=100_000,
    overlap_seconds=1_000,
    drift_seconds=60,
    recovery_delay_seconds=10_000,
    recovery_threshold=3,
    recovery_members=addresses(RECOVERERS),
)


@dataclass
class CommitteeContract:
    """The contract and the attesters of its first epoch."""

    attesters: Attesters
    contract: Contract

    @property
    def evm(self) -> Evm:
        return self.contract.evm

    @property
    def now(self) -> int:
        """Time of the newest block."""
        return int(self.evm.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    @property
    def status(self) -> int:
        return int(self.contract.call("status"))

    @property
    def state(self) -> tuple[Any, ...]:
        """All that a message could have changed."""
        epoch = self.contract.call("epoch")
        return (
            epoch,
            self.contract.call("epochAt", epoch),
            self.contract.call("latestHeight"),
            self.status,
            self.contract.call("recovery"),
        )

    def wait(self, seconds: int) -> None:
        self.evm.set_next_time(self.now + seconds)
        self.evm.request("evm_mine")

    def encode_header(
        self,
        height: int,
        *,
        by: Attesters | None = None,
        places: Sequence[int] = FIRST_THREE,
        timestamp: int | None = None,
        label: str = "block",
        handovers: Sequence[Handover] = (),
    ) -> bytes:
        """Return the update with a signed header of this height and of now."""
        signing = by or self.attesters
        encoded = header_rlp(height, self.now if timestamp is None else timestamp, label)
        attestation = signing.attest(height, keccak256(encoded), places)
        return build_update(encoded, attestation, signing.committee.scheme, handovers)

    def store(self, height: int, **options: Any) -> Any:
        return self.contract.send("update", self.encode_header(height, **options))

    def hand_over(self, *handovers: Handover) -> Any:
        return self.contract.send("update", build_handover_update(handovers))

    def freeze(self, first: Attestation, second: Attestation) -> Any:
        scheme = self.attesters.committee.scheme
        return self.contract.send("freeze", build_freeze_evidence(first, second, scheme))

    def freeze_by_handovers(self, first: Handover, second: Handover) -> Any:
        return self.contract.send(
            "freezeByHandovers", build_handover(first), build_handover(second)
        )

    def attempt(self, number: int) -> RecoveryAttempt:
        committee = self.attesters.committee
        client = Address(bytes.fromhex(self.contract.address.removeprefix("0x")))
        return RecoveryAttempt(
            committee.clearinghouse_id,
            committee.chain_id,
            ChainId(int(self.evm.request("eth_chainId"), 16)),
            client,
            number,
        )

    def propose(
        self, successor: Committee, attempt: int = 0, keys: Sequence[bytes] = RECOVERERS[:3]
    ) -> Any:
        digest = recovery_digest(self.attempt(attempt), successor)
        signatures = list(sign_all(digest, keys))
        return self.contract.send("proposeRecovery", build_set(successor), signatures)

    def veto(
        self, attempt: int, by: Attesters | None = None, places: Sequence[int] = FIRST_THREE
    ) -> Any:
        signing = by or self.attesters
        signatures = signing.sign(veto_digest(self.attempt(attempt)), places)
        return self.contract.send(
            "vetoRecovery", build_signatures(signing.committee.scheme, signatures)
        )

    def complete(self, successor: Committee) -> Any:
        return self.contract.send("completeRecovery", build_set(successor))

    def equivocate(self, height: int = 50) -> tuple[Attestation, Attestation]:
        """Return two attestations of the first epoch that contradict each other."""
        one, other = (Hash32(bytes([byte]) * 32) for byte in (1, 2))
        return self.attesters.attest(height, one), self.attesters.attest(height, other)


def deploy_committee(
    evm: Evm, attesters: Attesters, policy: ClientPolicy = POLICY
) -> CommitteeContract:
    contract = evm.deploy(
        CONTRACT_OF[attesters.committee.scheme], build_configuration(attesters.committee, policy)
    )
    return CommitteeContract(attesters, contract)


@contextmanager
def refused(client: CommitteeContract, error: str, *arguments: object) -> Iterator[None]:
    """Require a contract's error, and that nothing changed."""
    before = client.state
    with reverts(error, *arguments):
        yield
    assert client.state == before


def at_epoch(attesters: Attesters, epoch: int) -> Attesters:
    """Return the same keys as the attesters of another epoch."""
    return replace(attesters, committee=replace(attesters.committee, epoch=epoch))
