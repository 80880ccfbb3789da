"""A committee's light client as a value: what it holds, and what each message makes of it.

The same rules as ``CommitteeCore.sol``, so that an operator, a watcher or a test can tell what the
contract will do. Every function takes the client's time in seconds and returns the next client; a
refusal raises, and then nothing changed.

Reasons raised: ``client_frozen``, ``client_expired``, ``client_active``, ``height_not_increasing``,
``timestamp_decreasing``, ``timestamp_in_future``, ``epoch_not_current``, ``epoch_ended``,
``recovery_set_missing``, ``recovery_missing``, ``recovery_too_early``, ``recovery_set_mismatch``,
``convicted_cannot_veto``, and those of ``committee``, ``handover`` and ``quorum``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import (
    Attestation,
    Committee,
    verify_attested_header,
    verify_equivocation,
)
from clearinghouse.proofs.handover import (
    Epoch,
    Handover,
    extend_epochs,
    get_epoch,
    verify_handover_conflict,
    verify_height,
)
from clearinghouse.proofs.header import VerifiedHeader, decode_header
from clearinghouse.proofs.quorum import verify_quorum
from clearinghouse.proofs.recovery import (
    RecoveryAttempt,
    recovered_epoch,
    recovery_digest,
    veto_digest,
)

FIRST_HEIGHT = 1

KEPT_HEADERS = 251
"""As in the contract."""


class ClientCondition(Enum):
    """``ILightClient.Status``."""

    ACTIVE = 0
    FROZEN = 1
    EXPIRED = 2


@dataclass(frozen=True, slots=True)
class ClientRules:
    """What a client is deployed with beside its first attesters; see the contract's interface."""

    host_chain_id: ChainId
    """The chain that the client is on."""
    client: Address
    trusting_seconds: int
    overlap_seconds: int
    drift_seconds: int
    recovery_delay_seconds: int
    recovery_threshold: int = 0
    recovery_members: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingRecovery:
    """New attesters that are proposed, and when they can take over."""

    successor: Committee
    ready_at: int


@dataclass(frozen=True, slots=True)
class CommitteeClient:
    """What one client holds."""

    rules: ClientRules
    epochs: tuple[Epoch, ...]
    """Without gaps, the current one last; those before a recovery are forgotten."""
    trusted_since: int
    """When the current trust was given, by deployment or recovery."""
    retired_at: dict[int, int] = field(default_factory=dict)
    """By epoch: when its handover was taken here."""
    newest: VerifiedHeader | None = None
    headers: dict[int, VerifiedHeader] = field(default_factory=dict)
    """Those that count, by height modulo ``KEPT_HEADERS``."""
    is_frozen: bool = False
    attempt: int = 0
    """Proposals of a recovery so far."""
    pending: PendingRecovery | None = None

    @property
    def committee(self) -> Committee:
        """The current epoch's."""
        return self.epochs[-1].committee

    @property
    def height(self) -> int:
        return 0 if self.newest is None else self.newest.height

    @property
    def timestamp(self) -> int:
        return 0 if self.newest is None else self.newest.timestamp


def new_client(rules: ClientRules, committee: Committee, now: int) -> CommitteeClient:
    """Return a client that trusts ``committee`` and holds nothing."""
    return CommitteeClient(rules, (Epoch(committee, FIRST_HEIGHT),), trusted_since=now)


def find_condition(client: CommitteeClient, now: int) -> ClientCondition:
    """Return whether the client can be relied upon at a time."""
    if client.is_frozen:
        return ClientCondition.FROZEN
    since = max(client.timestamp, client.trusted_since)
    if now > since + client.rules.trusting_seconds:
        return ClientCondition.EXPIRED
    return ClientCondition.ACTIVE


def apply_header(
    client: CommitteeClient, header_rlp: bytes, attestation: Attestation, now: int
) -> CommitteeClient:
    """Return the client with one more header; the same one when it holds it already."""
    _verify_active(client, now)
    header = decode_header(header_rlp)
    place = header.height % KEPT_HEADERS
    held = client.headers.get(place)
    if held is not None and held.block_hash == header.block_hash:
        return client
    if header.height <= client.height:
        raise _refusal("height_not_increasing", f"the newest height is {client.height}")
    if header.timestamp < client.timestamp:
        raise _refusal("timestamp_decreasing", f"the newest header is of {client.timestamp}")
    if header.timestamp > now + client.rules.drift_seconds:
        raise _refusal("timestamp_in_future", f"at {now} no header is of {header.timestamp}")
    epoch = _epoch_at(client, attestation.epoch, now, client.rules.overlap_seconds)
    verify_height(epoch, header.height)
    verified = verify_attested_header(epoch.committee, header_rlp, attestation)
    return replace(client, newest=verified, headers={**client.headers, place: verified})


def apply_handover(client: CommitteeClient, handover: Handover, now: int) -> CommitteeClient:
    """Return the client in the next epoch; the same one when it took that handover already."""
    _verify_active(client, now)
    current = client.committee.epoch
    if handover.epoch != current:
        for epoch in client.epochs:
            taken = epoch.handover
            if taken is not None and taken.digest == handover.digest:
                return client
        raise _refusal("epoch_not_current", f"epoch {current} is current, not {handover.epoch}")
    epochs = extend_epochs(client.epochs, handover, client.height)
    return replace(client, epochs=epochs, retired_at={**client.retired_at, current: now})


def apply_equivocation(
    client: CommitteeClient, first: Attestation, second: Attestation, now: int
) -> CommitteeClient:
    """Return the client stopped by two attested hashes of one height."""
    _verify_not_frozen(client)
    grace = client.rules.trusting_seconds
    committees = [_epoch_at(client, one.epoch, now, grace).committee for one in (first, second)]
    verify_equivocation(committees[0], first, second, committees[1])
    return replace(client, is_frozen=True)


def apply_handover_conflict(
    client: CommitteeClient, first: Handover, second: Handover, now: int
) -> CommitteeClient:
    """Return the client stopped by two handovers of one epoch."""
    _verify_not_frozen(client)
    epoch = _epoch_at(client, first.epoch, now, client.rules.trusting_seconds)
    verify_handover_conflict(epoch.committee, first, second)
    return replace(client, is_frozen=True)


def propose_recovery(
    client: CommitteeClient, successor: Committee, signatures: Sequence[bytes], now: int
) -> CommitteeClient:
    """Return the stopped client with new attesters proposed, in place of any proposed before."""
    if find_condition(client, now) is ClientCondition.ACTIVE:
        raise _refusal("client_active", "a client that works is not recovered")
    rules = client.rules
    if not rules.recovery_members:
        raise _refusal("recovery_set_missing", "the client was deployed without a recovery set")
    digest = recovery_digest(_attempt(client, client.attempt), successor)
    verify_quorum(digest, rules.recovery_members, rules.recovery_threshold, signatures)
    pending = PendingRecovery(successor, now + rules.recovery_delay_seconds)
    return replace(client, attempt=client.attempt + 1, pending=pending)


def veto_recovery(client: CommitteeClient, signatures: Sequence[bytes]) -> CommitteeClient:
    """Return the client with the pending recovery refused by the current attesters."""
    if client.pending is None:
        raise _refusal("recovery_missing", "no recovery is pending")
    if client.is_frozen:
        raise _refusal("convicted_cannot_veto", "the attesters were convicted")
    digest = veto_digest(_attempt(client, client.attempt - 1))
    client.committee.verify_signed(digest, signatures)
    return replace(client, pending=None)


def complete_recovery(client: CommitteeClient, successor: Committee, now: int) -> CommitteeClient:
    """Return the client with the proposed attesters, in an epoch that is its own.

    Nothing that was signed or stored before counts any more.
    """
    pending = client.pending
    if pending is None:
        raise _refusal("recovery_missing", "no recovery is pending")
    if now < pending.ready_at:
        raise _refusal("recovery_too_early", f"it can be completed from {pending.ready_at} on")
    proposed = pending.successor
    if (successor.threshold, successor.members) != (proposed.threshold, proposed.members):
        raise _refusal("recovery_set_mismatch", "other attesters were proposed")
    digest = recovery_digest(_attempt(client, client.attempt - 1), successor)
    begun = replace(successor, epoch=recovered_epoch(client.committee.epoch, digest))
    return replace(
        client,
        epochs=(Epoch(begun, client.height + 1),),
        trusted_since=now,
        retired_at={},
        headers={},
        is_frozen=False,
        pending=None,
    )


def _epoch_at(client: CommitteeClient, number: int, now: int, grace_seconds: int) -> Epoch:
    """Return an epoch whose signatures count: the current one, or one retired not long ago."""
    epoch = get_epoch(client.epochs, number)
    if number != client.committee.epoch:
        until = client.retired_at[number] + grace_seconds
        if now > until:
            raise _refusal("epoch_ended", f"epoch {number} counted until {until}")
    return epoch


def _verify_active(client: CommitteeClient, now: int) -> None:
    _verify_not_frozen(client)
    if find_condition(client, now) is ClientCondition.EXPIRED:
        raise _refusal("client_expired", "it went without a newer header for too long; recover it")


def _verify_not_frozen(client: CommitteeClient) -> None:
    if client.is_frozen:
        raise _refusal("client_frozen", "its attesters were convicted; recover it")


def _attempt(client: CommitteeClient, number: int) -> RecoveryAttempt:
    committee, rules = client.committee, client.rules
    return RecoveryAttempt(
        committee.clearinghouse_id,
        committee.chain_id,
        rules.host_chain_id,
        rules.client,
        number,
    )


def _refusal(reason: str, message: str) -> ProofInvalid:
    return ProofInvalid(reason, message)
