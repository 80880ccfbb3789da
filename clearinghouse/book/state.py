"""The state that the journal folds to. Integers only; who changes it: ``transition``.

Words of the accounting, per member position ``p`` and instrument ``i``:

- ``quantity``: lots held now, signed.
- ``basis``: quanta paid for them since the last *committed* cut, plus their worth at that cut's
  mark. So ``quantity * mark - basis`` is the variation margin a cut at ``mark`` realises, and a
  settlement that aborts needs nothing undone: the next cut simply nets from the same opening.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.account_table import AccountTable, Vault
from clearinghouse.book.entries import PlannedRelease, SettlementProposed
from clearinghouse.book.holding_table import HoldingTable
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.instrument_table import InstrumentTable
from clearinghouse.book.mandates import MandateTable
from clearinghouse.book.order_table import OrderTable
from clearinghouse.book.orders import PlacementLimit, Release
from clearinghouse.book.reference import Chain, Genesis, Instrument
from clearinghouse.book.settlements import Leg, Phase
from clearinghouse.errors import Conflict


class Holding(NamedTuple):
    """One member's position in one instrument."""

    quantity: int = 0
    """Lots, signed."""
    basis: int = 0
    """Quanta; see the module docstring."""


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
    total: int = 0
    """Quanta of all deposits ever, consumed or not."""
    unconsumed: deque[Deposit] = field(default_factory=deque)

    @property
    def count(self) -> int:
        """Deposits known to be final."""
        return self.consumed + len(self.unconsumed)

    @property
    def head_hash(self) -> Hash32:
        """The anchor's deposit hash chain after the last known deposit."""
        return self.unconsumed[-1].hash if self.unconsumed else self.consumed_hash

    def copied(self) -> DepositQueue:
        """Return a copy with a queue of its own."""
        return DepositQueue(self.consumed, self.consumed_hash, self.total, deque(self.unconsumed))


@dataclass(frozen=True, slots=True)
class Exit:
    """A final request to leave that no committed leg has answered."""

    index: int
    position: Position
    quanta: int
    """The most that it asks for."""
    held: int
    """What is held for it, which is no collateral any more."""


@dataclass(slots=True)
class ExitQueue:
    """The exits of one vault in index order."""

    answered: int = 0
    """Exits with a smaller index have been answered by a committed leg."""
    waiting: deque[Exit] = field(default_factory=deque)

    @property
    def count(self) -> int:
        """Exits known to be final."""
        return self.answered + len(self.waiting)

    def copied(self) -> ExitQueue:
        """Return a copy with a queue of its own."""
        return ExitQueue(self.answered, deque(self.waiting))


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
class Cut:
    """Where the journal stood when a cycle was cut; kept until home has decided the settlement."""

    sequence: int
    head: Hash32
    fill_count: int
    """Fills admitted before the cut."""
    quantities: NDArray[np.int64]
    """Of the holdings' rows at the cut. No row moves before the settlement is decided."""
    bases: NDArray[np.int64]


@dataclass(slots=True)
class State:
    """Everything the clearinghouse knows. ``clearinghouse.book.transition.apply`` changes it.

    What grows with members, orders and fills lies in tables of arrays; the rest in mappings.
    """

    genesis: Genesis | None = None
    sequence: int = 0
    """Of the last entry applied."""
    head: Hash32 = ZERO_HASH
    """The journal's hash after it."""
    halted: str = ""
    """Why nothing is admitted any more, the reason first; empty while all is well."""

    instruments: dict[InstrumentId, Instrument] = field(default_factory=dict)
    venues: dict[Address, str] = field(default_factory=dict)
    venue_rows: dict[Address, int] = field(default_factory=dict)
    """0, 1, 2, ... in the order of registration; rows of orders name venues by it."""
    positions: dict[Address, Position] = field(default_factory=dict)
    members: list[Address] = field(default_factory=list)
    """Member of each position."""
    early_limits: dict[Address, dict[Vault, PlacementLimit]] = field(default_factory=dict)
    """Limits of those who have no position yet, because no deposit of theirs is final."""

    accounts: AccountTable = field(default_factory=AccountTable)
    instrument_table: InstrumentTable = field(default_factory=InstrumentTable)
    mandates: MandateTable = field(default_factory=MandateTable)
    orders: OrderTable = field(default_factory=OrderTable)
    holdings: HoldingTable = field(default_factory=HoldingTable)
    batches: dict[tuple[Address, Hash32], int] = field(default_factory=dict)
    """Journal sequence of every (venue, batch id): a repetition is answered from there."""
    fill_count: int = 0
    cut_fill_count: int = 0
    """``fill_count`` at the last committed cut: what an aborted one left is cut again."""

    deposits: dict[Vault, DepositQueue] = field(default_factory=dict)
    exits: dict[Vault, ExitQueue] = field(default_factory=dict)
    releases: dict[Hash32, Release] = field(default_factory=dict)
    """Accepted and not yet settled."""
    used_releases: set[Hash32] = field(default_factory=set)

    settlements: dict[Hash32, SettlementState] = field(default_factory=dict)
    """Every settlement ever proposed, in order."""
    open_settlements: dict[Hash32, SettlementState] = field(default_factory=dict)
    """Those of ``settlements`` that are not closed, in order: few, however many there ever were."""
    cut: Cut | None = None
    """Of the settlement in flight, or of the one that is being planned."""
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

    @property
    def marks(self) -> dict[InstrumentId, int]:
        """Price of the last admitted fill, quanta per lot, of every instrument that has traded."""
        return self.instrument_table.marks()

    def holdings_of(self, position: Position) -> dict[InstrumentId, Holding]:
        """Return a member's holdings by instrument."""
        ids = self.instrument_table.ids
        return {ids[row]: Holding(*held) for row, *held in self.holdings.of(position)}

    def claims_of(self, vault: Vault) -> dict[Position, int]:
        """Return the quanta per member after the last committed leg; zeros are left out."""
        return self.accounts.claims_of(vault)

    def find_limit(self, member: Address, vault: Vault) -> PlacementLimit | None:
        """Return a member's placement limit in force, None where none was signed."""
        position = self.positions.get(member)
        if position is None:
            return self.early_limits.get(member, {}).get(vault)
        found = self.accounts.find_limit(position, vault)
        return None if found is None else PlacementLimit(member, *vault, *found)

    def collateral(self, position: Position, asset: AssetId) -> int:
        """Quanta a member can lose; see ``AccountTable.collateral``."""
        return self.accounts.collateral(position, asset)

    def variation(self, position: Position, asset: AssetId) -> int:
        """Unrealised profit and loss since the last committed cut, quanta of ``asset``."""
        marks = self.marks
        return sum(
            held.quantity * marks[instrument] - held.basis
            for instrument, held in self.holdings_of(position).items()
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

    def copied(self) -> State:
        """Return a copy for a cut, to plan outside the lock while entries go on changing this.

        Mappings and deposit queues are copied; arrays are copied or, where their owner copies
        before it writes, shared until then. Settlements are shared and may advance while the plan
        is made, which can only free a chain that was waited for. Orders, mandates and batch ids,
        which no cut looks at, are left out.
        """
        return replace(
            self,
            positions=dict(self.positions),
            members=list(self.members),
            accounts=self.accounts.copied(),
            instrument_table=self.instrument_table.copied(),
            mandates=MandateTable(),
            orders=OrderTable(),
            holdings=self.holdings.copied(),
            batches={},
            deposits={vault: queue.copied() for vault, queue in self.deposits.items()},
            exits={vault: queue.copied() for vault, queue in self.exits.items()},
            releases=dict(self.releases),
            used_releases=set(),
            settlements=dict(self.settlements),
            open_settlements=dict(self.open_settlements),
            legs=dict(self.legs),
            leg_hashes=dict(self.leg_hashes),
        )
