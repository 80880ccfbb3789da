"""A light client contract that follows a beacon chain of the tests, or a recorded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.ethereum.network import build_network
from adapters.ethereum.update import build_freeze_evidence, build_update
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientHeader,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import Network
from tests.unit.contracts.evm import Contract, Evm, Reverted
from tests.unit.proofs.ethereum.chain import (
    NETWORK,
    Tree,
    header_at,
    payload_at,
    sign_header,
    signers_of,
    state_at,
)

DECADE_SECONDS = 10 * 365 * 86_400
"""Recordings are old; what a test does not ask about never expires."""

ACTIVE, FROZEN, EXPIRED = range(3)

ELECTRA_PERIOD = 5
"""Of the tests' chain: slots 320 to 383, Electra until slot 352, Fulu from there on."""

SLOT = 345
"""An attested slot in it; what it finalises is there too."""


@dataclass
class Client:
    """The contract, and the committees that the tests know."""

    network: Network
    contract: Contract
    committees: dict[int, SyncCommittee] = field(default_factory=dict)
    """By period; of the tests' own chain, where a period is missing."""

    def committee(self, period: int) -> SyncCommittee:
        """Return the committee of a period, whoever signs."""
        if period in self.committees:
            return self.committees[period]
        return signers_of(period, self.network.preset.sync_committee_size).committee

    def encode(self, update: LightClientUpdate, execution_header: bytes = b"") -> bytes:
        """Return an update as the relayer encodes it."""
        committee = self.committee(self.network.period_at(update.signature_slot))
        return build_update(update, committee, self.network, execution_header=execution_header)

    def update(self, update: LightClientUpdate, execution_header: bytes = b"") -> Any:
        """Return the receipt of an update."""
        return self.contract.send("update", self.encode(update, execution_header))

    def encode_evidence(self, first: LightClientUpdate, second: LightClientUpdate) -> bytes:
        """Return two updates as the relayer encodes them for ``freeze``."""
        pairs = [
            (update, self.committee(self.network.period_at(update.signature_slot)))
            for update in (first, second)
        ]
        return build_freeze_evidence(pairs[0], pairs[1], self.network)

    def freeze(self, first: LightClientUpdate, second: LightClientUpdate) -> Any:
        """Return the receipt of bringing two updates as evidence."""
        return self.contract.send("freeze", self.encode_evidence(first, second))

    @property
    def finalized_slot(self) -> int:
        return int(self.contract.call("finalizedSlot"))

    @property
    def status(self) -> int:
        return int(self.contract.call("status"))

    def committee_root(self, period: int) -> bytes:
        return bytes(self.contract.call("committeeAt", period))


def deploy_client(
    evm: Evm,
    period: int,
    network: Network = NETWORK,
    *,
    committee: SyncCommittee | None = None,
    trusting_seconds: int = DECADE_SECONDS,
) -> Client:
    """Return a client that trusts the committee of ``period``."""
    trusted = committee or signers_of(period, network.preset.sync_committee_size).committee
    contract = evm.deploy(
        "SyncCommitteeLightClient", build_network(network, trusting_seconds), period, trusted.root()
    )
    return Client(network, contract, {period: trusted} if committee else {})


@contextmanager
def reverts(error: str, *arguments: object) -> Iterator[None]:
    """Require the block to fail with a contract's error, and if given with these arguments."""
    with pytest.raises(Reverted) as caught:
        yield
    raised = caught.value.error
    assert raised.name == error, raised
    if arguments:
        assert raised.arguments == arguments


def payload_of(update: LightClientUpdate) -> ExecutionPayloadHeader:
    """Return the payload within the finalised header."""
    assert update.finalized_header is not None
    assert isinstance(update.finalized_header.execution, ExecutionPayloadHeader)
    return update.finalized_header.execution


def finalising(slot: int, finalized: LightClientHeader) -> LightClientUpdate:
    """Return a true update, signed in the slot after ``slot``, that makes a header final."""
    state = state_at(slot, finalized)
    attested = header_at(slot, state)
    return LightClientUpdate(
        attested_header=attested,
        sync_aggregate=sign_header(NETWORK, attested.beacon, slot + 1),
        signature_slot=slot + 1,
        finalized_header=finalized,
        finality_branch=state.branch(NETWORK.rules_at(slot).finalized_root),
    )


def header_with(slot: int, **changes: object) -> LightClientHeader:
    """Return the header of a block of Deneb or later with another payload."""
    payload = replace(payload_at(slot, has_blob_fields=True), **changes)  # type: ignore[arg-type]
    body = Tree({25: payload.root(has_blob_fields=True)}, "body")
    beacon = replace(header_at(slot).beacon, body_root=body.root)
    return LightClientHeader(beacon, payload, body.branch(25))


def with_finalized(update: LightClientUpdate, **changes: object) -> LightClientUpdate:
    """Change fields of the finalised beacon header and nothing that proves it."""
    assert update.finalized_header is not None
    beacon = replace(update.finalized_header.beacon, **changes)  # type: ignore[arg-type]
    return replace(update, finalized_header=replace(update.finalized_header, beacon=beacon))
