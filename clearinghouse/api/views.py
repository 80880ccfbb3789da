"""What questions about the ledger are answered with: plain values, the same on both sides.

The server takes them from the state (``clearinghouse.api.projection``), the client returns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clearinghouse.book.entries import (
    FinalityViolated,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.identifiers import (
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.orders import PlacementLimit
from clearinghouse.book.settlements import Leg, OperatorSet, Phase, Settlement
from clearinghouse.commitment.trees import Branch, Node
from clearinghouse.netting.metrics import NettingFigures

SettlementEntry = (
    SettlementProposed | SettlementSigned | PhaseProven | TransactionIncluded | FinalityViolated
)
"""The journal entries that a relay follows."""


@dataclass(frozen=True, slots=True)
class SettlementEvent:
    """A journal entry about settlements, in its place."""

    sequence: int
    time_milliseconds: int
    """Since the epoch, by the coordinator's clock; informative."""
    entry: SettlementEntry


@dataclass(frozen=True, slots=True)
class Claim:
    """What a member owns in one vault after the last committed leg."""

    chain_id: ChainId
    asset_id: AssetId
    quanta: int


@dataclass(frozen=True, slots=True)
class AssetAccount:
    """A member's account in one asset over all chains, in quanta."""

    asset_id: AssetId
    collateral_quanta: int
    """Claims and final deposits less what is held for release."""
    pending_deposit_quanta: int
    held_quanta: int
    variation_quanta: int
    """Unrealised profit and loss since the last committed cut."""
    required_quanta: int
    """Initial margin of the holdings."""


@dataclass(frozen=True, slots=True)
class MemberHolding:
    """A member's holding in one instrument."""

    instrument_id: InstrumentId
    quantity: int
    """Lots, negative when short."""
    basis_quanta: int
    """Paid since the last committed cut plus the worth of the holding at that cut's mark."""
    mark: int
    """Quanta per lot."""


@dataclass(frozen=True, slots=True)
class Member:
    """A clearing member as of one journal sequence."""

    member: Address
    position: Position
    claims: tuple[Claim, ...]
    accounts: tuple[AssetAccount, ...]
    holdings: tuple[MemberHolding, ...]
    placement_limits: tuple[PlacementLimit, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class ChainPhase:
    """A settlement's proven phase on one active chain."""

    chain_id: ChainId
    phase: Phase
    lapsed: bool
    """Proven to hold NONE past the prepare deadline: the anchor never can prepare it."""


@dataclass(frozen=True, slots=True)
class PayableRelease:
    """A payment that a leg makes payable once the settlement is final."""

    chain_id: ChainId
    asset_id: AssetId
    index: int
    """Leaf number in the leg's releases tree."""
    member: Address
    quanta: int
    release_id: Hash32


@dataclass(frozen=True, slots=True)
class SettlementRecord:
    """A settlement with everything that a relay needs to drive it on any chain."""

    settlement_id: Hash32
    settlement: Settlement
    legs: tuple[Leg, ...]
    operator_set: OperatorSet
    signatures: tuple[bytes, ...]
    """The quorum's, sorted by signer; empty until signed."""
    chain_phases: tuple[ChainPhase, ...]
    outcome: Phase
    """Home's decision: NONE while open, then ABORTED, or COMMITTED and then FINAL."""
    releases: tuple[PayableRelease, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class SettlementSummary:
    """A line of the list of settlements."""

    settlement_id: Hash32
    cycle: int
    outcome: Phase
    chain_phases: tuple[ChainPhase, ...]
    closed: bool
    """No chain has anything left to do for it."""


@dataclass(frozen=True, slots=True)
class CycleLeg:
    """What one chain's leg did and cost; gas is None where nothing ran here."""

    chain_id: ChainId
    phase: Phase
    prepare_gas: int | None = None
    commit_gas: int | None = None
    abort_gas: int | None = None
    finalize_gas: int | None = None
    update_gas: int | None = None
    proofs_verified: int = 0


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle saved, and what its legs cost."""

    cycle: int
    settlement_id: Hash32
    outcome: Phase
    fills: int
    positions: NettingFigures
    cash: NettingFigures
    bilateral: NettingFigures
    crossings: Mapping[AssetId, int]
    """Quanta per asset; see ``clearinghouse.netting.cut.crossing_quanta``."""
    legs: tuple[CycleLeg, ...]


@dataclass(frozen=True, slots=True)
class ClaimBranch:
    """A member's claim under the last committed leg of a chain; zero proves that it has none."""

    leg_hash: Hash32
    root: Node
    position: Position
    member: Address
    quanta: int
    branch: Branch


@dataclass(frozen=True, slots=True)
class ReleaseBranch:
    """A release under a leg; what ``claimRelease`` of the anchor takes."""

    settlement_id: Hash32
    root: Node
    index: int
    member: Address
    quanta: int
    branch: Branch


@dataclass(frozen=True, slots=True)
class VaultLiabilities:
    """What the ledger says that one vault must cover, in quanta (invariant P1)."""

    chain_id: ChainId
    asset_id: AssetId
    claims_quanta: int
    released_quanta: int
    """Made payable by committed legs so far, claimed or not: the chain knows which."""
    unconsumed_deposit_quanta: int
    deposit_count: int
    """Final deposits known to the ledger; the anchor may already hold later ones."""


@dataclass(frozen=True, slots=True)
class Solvency:
    """The ledger's side of solvency as of one journal sequence."""

    vaults: tuple[VaultLiabilities, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """How far the journal and the cycles have come."""

    clearinghouse_id: Hash32
    sequence: int
    journal_head: Hash32
    halted: str
    """Why nothing is admitted any more; empty while all is well."""
    cycle: int
    in_flight: Hash32 | None
    last_committed: Hash32
    members: int
    instruments: int
    fills: int
    fills_since_cut: int
