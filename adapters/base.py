"""The contract that every chain family meets, and the values that pass through it.

Two kinds of statement leave an adapter. *Proven* ones (``VerifiedHeader``, ``ProvenPhase``,
``ProvenDeposit``, ``ProvenExit``) were checked against a committee-signed or consensus-signed
header, so a lying node cannot forge them; only these enter the journal. *Hints* (every ``hint_*``)
are what a node says; they may only decide whether a transaction is worth sending: the contract
checks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, Position
from clearinghouse.book.settlements import Leg, OperatorSet, Phase, Settlement
from clearinghouse.commitment.trees import Branch
from clearinghouse.proofs.header import VerifiedHeader


@dataclass(frozen=True)
class CounterProof:
    """Evidence on one chain of a storage slot of the anchor on another (EIP-1186 nodes)."""

    height: int
    """Of the finalised header that the proof stands against."""
    account_proof: tuple[bytes, ...]
    storage_proof: tuple[bytes, ...]


@dataclass(frozen=True)
class ProvenPhase:
    """A settlement's phase on one anchor at a finalised header, and the evidence of it."""

    phase: Phase
    header: VerifiedHeader
    proof: CounterProof


@dataclass(frozen=True)
class ProvenDeposit:
    """A deposit at the chain's finality, checked against the anchor's storage (invariant P11)."""

    chain_id: ChainId
    asset_id: AssetId
    index: int
    member: Address
    quanta: int
    time: int
    """Seconds since the epoch, by the chain's clock."""
    total: int
    """Quanta deposited so far in this asset, this one included."""
    hash: Hash32
    """keccak-256(hash before || record): the anchor's deposit hash chain."""
    height: int
    """Height of the finalised header it was proven against."""


@dataclass(frozen=True)
class ProvenExit:
    """A request to leave at the chain's finality, checked against the anchor's storage (P11)."""

    chain_id: ChainId
    asset_id: AssetId
    index: int
    """Within its asset; the legs answer exits in this order."""
    member: Address
    """Who asked; it need not own anything."""
    quanta: int
    """The most that it asks for."""
    time: int
    """Seconds since the epoch, by the chain's clock; from here on the grace runs."""
    height: int
    """Height of the finalised header it was proven against."""


@dataclass(frozen=True)
class FreezeState:
    """How far an anchor is on the way to freezing, at the newest block; a hint."""

    warned_at: int
    """Seconds since the epoch of the last warning, 0 if none; in force until a leg commits."""
    frozen_at: int
    """Seconds since the epoch, 0 while settlements go on."""


@dataclass(frozen=True)
class TransactionOutcome:
    """A transaction that was included in a block."""

    transaction_hash: Hash32
    height: int
    gas_used: int


class ClientStatus(IntEnum):
    """Whether a light client can be relied upon: ``ILightClient.Status``."""

    ACTIVE = 0
    FROZEN = 1
    """Its chain was caught in two histories; it stopped for ever."""
    EXPIRED = 2
    """It went without an update for so long that it takes none any more."""


@dataclass(frozen=True)
class ClientState:
    """A light client at the newest block of its chain; a hint."""

    status: ClientStatus
    height: int
    """Of the newest header that it holds; 0 before the first."""
    timestamp: int
    """Of that header, in seconds by the followed chain's clock; 0 before the first."""


class Signer(Protocol):
    """A key that signs 32-byte digests; the only way to a private key."""

    @property
    def address(self) -> Address: ...

    def sign_digest(self, digest: bytes) -> bytes:
        """Return r || s || v, 65 bytes, low-s, v 27 or 28."""
        ...


class HeaderSource(Protocol):
    """Where a chain's finalised headers come from: all in which chain families differ.

    Calls are thread-safe and raise as those of ``ChainAdapter``.
    """

    def find_newest(self) -> VerifiedHeader | None:
        """Return the newest finalised header that verified, or None before there is any."""
        ...

    def build_client_updates(self, header: VerifiedHeader, held_height: int) -> Sequence[bytes]:
        """Return what ``ILightClient.update`` on another chain takes for ``header``, in order.

        The client holds a header of ``held_height``, none if 0.
        """
        ...


class ChainAdapter(Protocol):
    """One chain and its anchor. Calls are thread-safe; ``submit_*`` block until inclusion.

    Raises
    ------
    Unavailable
        ``chain_unreachable`` when the node does not answer, ``transaction_not_included`` when a
        transaction was not included in time (it may still be: look before sending again).
    ChainFault
        ``transaction_reverted`` with the contract's decoded error, ``finality_violated`` when two
        signed headers of one height differ or a finalised header is no ancestor of a later one.
    ProofInvalid
        When what the node returned does not verify.
    """

    @property
    def chain_id(self) -> ChainId: ...

    @property
    def anchor(self) -> Address: ...

    def find_finalised_header(self) -> VerifiedHeader | None:
        """Return the newest finalised header that verified, or None before there is any."""
        ...

    def prove_phase(self, header: VerifiedHeader, settlement_id: Hash32) -> ProvenPhase:
        """Return the settlement's phase at ``header``, proven present or soundly absent."""
        ...

    def prove_deposits(
        self, header: VerifiedHeader, asset_id: AssetId, first_index: int, hash_before: Hash32
    ) -> Sequence[ProvenDeposit]:
        """Return all deposits at ``header`` from ``first_index`` on, the hash chain checked."""
        ...

    def prove_exits(
        self, header: VerifiedHeader, asset_id: AssetId, first_index: int
    ) -> Sequence[ProvenExit]:
        """Return all exits at ``header`` from ``first_index`` on, none left out."""
        ...

    def prove_frozen(self, header: VerifiedHeader) -> bool:
        """Return whether the anchor had frozen at ``header``, proven either way."""
        ...

    def build_client_updates(self, header: VerifiedHeader, held_height: int) -> Sequence[bytes]:
        """Return what ``ILightClient.update`` on another chain takes for ``header``, in order.

        The client holds a header of ``held_height``, none if 0. It takes several where it is so far
        behind that it has to learn who signs first.
        """
        ...

    def hint_time(self) -> int:
        """Return the newest block's timestamp in seconds."""
        ...

    def hint_phase(self, settlement_id: Hash32) -> Phase:
        """Return the phase at the newest block, not final and not proven."""
        ...

    def hint_in_flight(self) -> Hash32:
        """Return the id of the PREPARED settlement, zero if none."""
        ...

    def hint_last_leg(self) -> Hash32:
        """Return the hash of the last committed leg, zero before the first."""
        ...

    def hint_freeze(self) -> FreezeState:
        """Return when the anchor was last warned and when it froze."""
        ...

    def hint_exited(self, asset_id: AssetId, position: Position) -> bool:
        """Return whether a claim was paid out of the frozen anchor."""
        ...

    def hint_refunded(self, asset_id: AssetId, index: int) -> bool:
        """Return whether the frozen anchor gave a deposit back."""
        ...

    def hint_client_height(self, of_chain: ChainId) -> int:
        """Return the newest height that the light client of ``of_chain`` here holds; 0 if none."""
        ...

    def hint_client(self, of_chain: ChainId) -> ClientState:
        """Return how the light client of ``of_chain`` here stands."""
        ...

    def submit_client_update(self, of_chain: ChainId, update: bytes) -> TransactionOutcome: ...

    def submit_client_freeze(self, of_chain: ChainId, evidence: bytes) -> TransactionOutcome:
        """Stop the light client of ``of_chain`` here for ever.

        ``evidence`` is the attribute of that name of a ``finality_violated``.
        """
        ...

    def submit_prepare(
        self,
        settlement: Settlement,
        leg: Leg,
        operator_set: OperatorSet,
        signatures: Sequence[bytes],
    ) -> TransactionOutcome: ...

    def submit_commit(
        self, settlement: Settlement, leg: Leg, proofs: Sequence[CounterProof]
    ) -> TransactionOutcome:
        """On home: a proof for every other active chain in order; on a spoke: home's one proof."""
        ...

    def submit_abort(self, settlement: Settlement) -> TransactionOutcome:
        """On home, after ``decide_by``."""
        ...

    def submit_abort_by_absence(
        self, settlement: Settlement, of_chain: ChainId, proof: CounterProof
    ) -> TransactionOutcome:
        """On home: ``of_chain`` holds NONE at a header past the prepare deadline."""
        ...

    def submit_abort_by_proof(
        self, settlement: Settlement, proof: CounterProof
    ) -> TransactionOutcome:
        """On a spoke: home ABORTED, or NONE at a header past the prepare deadline."""
        ...

    def submit_finalize(self, settlement_id: Hash32) -> TransactionOutcome: ...

    def submit_finalize_by_proof(
        self, settlement_id: Hash32, proof: CounterProof
    ) -> TransactionOutcome: ...

    def submit_claim_release(
        self,
        settlement_id: Hash32,
        asset_id: AssetId,
        index: int,
        member: Address,
        quanta: int,
        branch: Branch,
    ) -> TransactionOutcome: ...

    def submit_request_exit(self, asset_id: AssetId, quanta: int) -> TransactionOutcome:
        """Ask to leave with up to ``quanta``, as this adapter's own account."""
        ...

    def submit_warn(self) -> TransactionOutcome:
        """State that a deposit, an exit or the next leg is overdue; anyone may."""
        ...

    def submit_freeze(self) -> TransactionOutcome:
        """Stop the anchor for ever, the freeze delay after a warning; anyone may."""
        ...

    def submit_resolve(self) -> TransactionOutcome:
        """On a spoke frozen for 30 days: decide what is in flight without home; anyone may."""
        ...

    def submit_exit_frozen(
        self,
        leg: Leg,
        asset_id: AssetId,
        position: Position,
        member: Address,
        claim: int,
        branch: Branch,
    ) -> TransactionOutcome:
        """Pay a member its claim in ``leg``, the last one of a frozen anchor; anyone may."""
        ...

    def submit_refund(self, asset_id: AssetId, index: int, member: Address) -> TransactionOutcome:
        """Give ``member`` its deposit back that no leg of a frozen anchor consumed; anyone may."""
        ...

    def close(self) -> None:
        """Stop waiting: calls waiting for inclusion raise ``transaction_not_included`` at once."""
        ...

    def submit_deposit(self, asset_id: AssetId, quanta: int, member: Address) -> TransactionOutcome:
        """Deposit from this adapter's own account for ``member``; approves the token first."""
        ...

    def solvency(self, asset_id: AssetId) -> AnchorSolvency:
        """Return the newest block's vault and liabilities of one asset, read at one height."""
        ...


@dataclass(frozen=True)
class AnchorSolvency:
    """One vault against what it owes, in quanta (invariant P1: ``vault`` covers the rest)."""

    vault: int
    claims: int
    unclaimed_releases: int
    unconsumed_deposits: int

    @property
    def difference(self) -> int:
        """Quanta in the vault beyond what is owed."""
        return self.vault - self.claims - self.unclaimed_releases - self.unconsumed_deposits
