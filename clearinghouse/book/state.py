"""The state that the journal folds to. Integers only; changed by ``transition`` alone.

Words of the accounting, per member position ``p`` and instrument ``i``:

- ``quantity``: lots held now, signed.
- ``basis``: quanta paid for them since the last *committed* cut, plus their worth at that cut's
  mark. So ``quantity * mark - basis`` is the variation margin a cut at ``mark`` realises, and a
  settlement that aborts needs nothing undone: the next cut simply nets from the same opening.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from clearinghouse.book.entries import PlannedRelease, SettlementProposed
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.orders import Order, PlacementLimit, Reason, Release
from clearinghouse.book.reference import Chain, Genesis, Instrument
from clearinghouse.book.settlements import Leg, Phase
from clearinghouse.errors import Conflict

Vault = tuple[ChainId, AssetId]
"""One asset on one chain."""


@dataclass(slots=True)
class Holding:
    """One member's position in one instrument."""

    quantity: int = 0
    """Lots, signed."""
    basis: int = 0
    """Quanta; see the module docstring."""


@dataclass(slots=True)
class OpenOrder:
    """A known order and how much of it is filled."""

    order: Order
    position: Position
    filled: int = 0


@dataclass(frozen=True, slots=True)
class Deposit:
    """A final deposit that no committed leg has consumed."""

    index: int
    position: Position
    quanta: int
    hash: Hash32


@dataclass(slots=True)
class DepositQueue:
    """The deposits of one vault in index order."""

    consumed: int = 0
    """Deposits with a smaller index are in claims."""
    consumed_hash: Hash32 = ZERO_HASH
    unconsumed: deque[Deposit] = field(default_factory=deque)

    @property
    def count(self) -> int:
        """Deposits known to be final."""
        return self.consumed + len(self.unconsumed)

    @property
    def head_hash(self) -> Hash32:
        """The anchor's deposit hash chain after the last known deposit."""
        return self.unconsumed[-1].hash if self.unconsumed else self.consumed_hash


@dataclass(slots=True)
class SettlementState:
    """A settlement from its cut until no chain has anything left to do for it."""

    proposal: SettlementProposed
    signatures: tuple[bytes, ...] = ()
    phases: dict[ChainId, Phase] = field(default_factory=dict)
    """Proven phase per active chain; NONE until proven otherwise."""
    lapsed: set[ChainId] = field(default_factory=set)
    """Chains proven to hold NONE past the prepare deadline: they never can prepare it."""
    heights: dict[ChainId, int] = field(default_factory=dict)
    """Of the header that the phase was proven in; an older one is no news."""
    outcome: Phase = Phase.NONE
    """Home's decision: NONE while open, then COMMITTED or ABORTED, COMMITTED then FINAL."""
    committed_at: int = 0
    """Seconds since the epoch: time of the first header that proved home's commit, 0 before."""
    cut_holdings: dict[Position, dict[InstrumentId, tuple[int, int]]] = field(default_factory=dict)
    """(quantity, basis) at the cut; dropped when home has decided."""
    cut_fill_count: int = 0
    """Fills admitted before the cut."""

    @property
    def settlement_id(self) -> Hash32:
        """The EIP-712 digest of the settlement."""
        return self.proposal.settlement_id

    @property
    def active_chains(self) -> list[ChainId]:
        """Chains with a leg, ascending."""
        return [entry.chain_id for entry in self.proposal.settlement.chains if entry.active]

    def is_closed(self) -> bool:
        """Tell whether every active chain has reached its last phase for the outcome."""
        if self.outcome is Phase.ABORTED:
            return all(
                self.phases[chain] is Phase.ABORTED or chain in self.lapsed
                for chain in self.active_chains
            )
        return all(self.phases[chain] is Phase.FINAL for chain in self.active_chains)


@dataclass(slots=True)
class BatchAnswer:
    """What a batch id was answered, for the venue that repeats it."""

    digest: Hash32
    sequence: int
    reasons: tuple[Reason, ...]


@dataclass(slots=True)
class State:
    """Everything the clearinghouse knows. ``clearinghouse.book.transition.apply`` changes it."""

    genesis: Genesis | None = None
    sequence: int = 0
    """Of the last entry applied."""
    head: Hash32 = ZERO_HASH
    """The journal's hash after it."""
    halted: str = ""
    """Why nothing is admitted any more; empty while all is well."""

    instruments: dict[InstrumentId, Instrument] = field(default_factory=dict)
    venues: dict[Address, str] = field(default_factory=dict)
    positions: dict[Address, Position] = field(default_factory=dict)
    members: list[Address] = field(default_factory=list)
    """Member of each position."""
    placement_limits: dict[tuple[Address, ChainId, AssetId], PlacementLimit] = field(
        default_factory=dict
    )

    orders: dict[Hash32, OpenOrder] = field(default_factory=dict)
    batches: dict[tuple[Address, Hash32], BatchAnswer] = field(default_factory=dict)
    holdings: dict[Position, dict[InstrumentId, Holding]] = field(default_factory=dict)
    marks: dict[InstrumentId, int] = field(default_factory=dict)
    """Price of the last admitted fill, quanta per lot."""
    fill_count: int = 0
    cut_fill_count: int = 0
    """``fill_count`` at the last committed cut: what an aborted one left is cut again."""

    deposits: dict[Vault, DepositQueue] = field(default_factory=dict)
    claims: dict[Vault, dict[Position, int]] = field(default_factory=dict)
    """Quanta per member after the last committed leg; zeros are not kept."""
    claims_total: dict[Position, dict[AssetId, int]] = field(default_factory=dict)
    """The same summed over chains."""
    pending_deposits: dict[Position, dict[AssetId, int]] = field(default_factory=dict)
    """Final and unconsumed quanta."""
    residuals: dict[AssetId, dict[Position, int]] = field(default_factory=dict)
    releases: dict[Hash32, Release] = field(default_factory=dict)
    """Accepted and not yet settled."""
    held: dict[Position, dict[AssetId, int]] = field(default_factory=dict)
    """Quanta of the accepted releases."""
    used_releases: set[Hash32] = field(default_factory=set)

    settlements: dict[Hash32, SettlementState] = field(default_factory=dict)
    """Every settlement ever proposed, in order."""
    in_flight: Hash32 | None = None
    """Proposed and not yet decided by home."""
    last_committed: Hash32 = ZERO_HASH
    cycle: int = 0
    """The last cycle number used; numbers are never used twice."""
    legs: dict[ChainId, Leg] = field(default_factory=dict)
    """The last committed leg per chain."""
    leg_hashes: dict[ChainId, Hash32] = field(default_factory=dict)

    def get_genesis(self) -> Genesis:
        """Return the deployment; raise ``Conflict`` while the journal is empty."""
        if self.genesis is None:
            raise Conflict("genesis_missing", "the journal is empty: record the genesis first")
        return self.genesis

    def chain(self, chain_id: ChainId) -> Chain:
        """Return a chain of the genesis; raise ``KeyError`` for another."""
        for chain in self.get_genesis().chains:
            if chain.chain_id == chain_id:
                return chain
        raise KeyError(chain_id)

    def collateral(self, position: Position, asset: AssetId) -> int:
        """Quanta a member can lose: claims, final deposits, less what is held for release.

        A residual that it owes is no longer its own; one that it is owed is no claim yet.
        """
        return (
            self.claims_total.get(position, {}).get(asset, 0)
            + self.pending_deposits.get(position, {}).get(asset, 0)
            + min(0, self.residuals.get(asset, {}).get(position, 0))
            - self.held.get(position, {}).get(asset, 0)
        )

    def variation(self, position: Position, asset: AssetId) -> int:
        """Unrealised profit and loss since the last committed cut, quanta of ``asset``."""
        return sum(
            holding.quantity * self.marks[instrument] - holding.basis
            for instrument, holding in self.holdings.get(position, {}).items()
            if self.instruments[instrument].quote_asset == asset
        )

    def releases_of(
        self, settlement: SettlementState, chain_id: ChainId, asset_id: AssetId
    ) -> list[PlannedRelease]:
        """Return the releases of one leg and asset in index order."""
        return [
            release
            for release in settlement.proposal.releases
            if (release.chain_id, release.asset_id) == (chain_id, asset_id)
        ]
