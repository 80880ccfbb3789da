"""A small clearinghouse for tests: signed orders, deposits and settlements in one line each.

Everything goes the way that it goes in production, through a ``Sequencer`` and its journal; only
the journal is in memory, the clock is turned by hand, and the chains' answers are written down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from clearinghouse.book.earlier_entries import EarlierEntry, decode_any_entry
from clearinghouse.book.entries import (
    CycleCut,
    DepositFinalised,
    Entry,
    GenesisRecorded,
    JournalRecord,
    PhaseProven,
    SettlementProposed,
)
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
    Position,
)
from clearinghouse.book.orders import (
    Fill,
    FillBatch,
    Order,
    PlacementLimit,
    Reason,
    Release,
    Side,
    SignedOrder,
)
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.reference import Asset, Chain, Genesis, Instrument, VaultAsset
from clearinghouse.book.settlements import OperatorSet, Phase, Windows
from clearinghouse.book.state import State
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import (
    fill_batch_digest,
    order_digest,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.settlements import clearinghouse_id
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import ClearingError
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.intake.sequencer import Sequencer
from clearinghouse.netting.cut import cut
from clearinghouse.settlement.proposal import Timing, build_proposal

HOME, SPOKE, REMOTE = ChainId(1), ChainId(10), ChainId(42161)
CHAINS = (HOME, SPOKE, REMOTE)
USD, EUR = AssetId(1), AssetId(2)
BTC, ETH, EURO_STOXX = InstrumentId(3), InstrumentId(4), InstrumentId(5)
START_SECONDS = 1_800_000_000
NEVER = START_SECONDS + 10**9
PREPARE_SECONDS, DECIDE_SECONDS = 100, 600
WAIT_SECONDS = 20
"""Longest wait for an answer that comes in milliseconds; a hang fails instead of blocking."""


@dataclass(frozen=True)
class Account:
    """A key and its address."""

    label: str
    key: bytes = field(repr=False)
    address: Address = field(repr=False)

    def sign_digest(self, digest: bytes) -> bytes:
        """Return r || s || v."""
        return sign_digest(self.key, digest)


def account(label: str) -> Account:
    """Return the account of a label, always the same."""
    key = keccak256(f"key of {label}".encode())
    return Account(label, key, signer_address(key))


ALICE, BOB, CAROL, DAVE = (account(name) for name in ("alice", "bob", "carol", "dave"))
HOUSE, VENUE, OTHER_VENUE = account("house"), account("venue"), account("other venue")
OPERATORS = tuple(
    sorted((account(f"operator {n}") for n in range(3)), key=lambda operator: operator.address)
)

WINDOWS = Windows(
    challenge_seconds=60,
    grace_seconds=5_000,
    stall_seconds=5_000,
    freeze_delay_seconds=5_000,
    max_decide_seconds=1_000,
    client_latency_seconds=100,
)
CLEARINGHOUSE_ID = clearinghouse_id(keccak256(b"test"), HOME, CHAINS, WINDOWS)


def anchor_of(chain_id: ChainId) -> Address:
    """Return the anchor's address on a chain."""
    return account(f"anchor {chain_id}").address


def build_genesis() -> Genesis:
    """Return three chains that all hold USD; EUR lies on home and the spoke only."""
    return Genesis(
        clearinghouse_id=CLEARINGHOUSE_ID,
        home_chain_id=HOME,
        chains=tuple(
            Chain(
                chain_id,
                f"chain {chain_id}",
                anchor_of(chain_id),
                tuple(
                    VaultAsset(asset, account(f"token {chain_id} {asset}").address, 1, 1)
                    for asset in ((USD,) if chain_id == REMOTE else (USD, EUR))
                ),
            )
            for chain_id in CHAINS
        ),
        assets=(Asset(USD, "USD", 6), Asset(EUR, "EUR", 6)),
        operator_set=OperatorSet(1, 2, tuple(o.address for o in OPERATORS), ZERO_HASH),
        windows=WINDOWS,
        house=HOUSE.address,
    )


INSTRUMENTS = (
    Instrument(BTC, "BTC", USD, -5, 100_000),
    Instrument(ETH, "ETH", USD, -4, 50_000),
    Instrument(EURO_STOXX, "ESTX", EUR, 0, 100_000),
)


class ManualClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.milliseconds = START_SECONDS * 1_000

    def now_milliseconds(self) -> int:
        return self.milliseconds

    def advance(self, seconds: int) -> None:
        self.milliseconds += 1_000 * seconds


class MemoryJournal:
    """A journal in memory that can be told to fail or to wait."""

    def __init__(self) -> None:
        self.records: list[JournalRecord] = []
        self.appends: list[int] = []
        """Records per unit of work."""
        self.failures: list[tuple[ClearingError, bool]] = []
        """What the next appends raise, and whether the records are kept all the same."""
        self.entered = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def append(self, records: Sequence[JournalRecord]) -> None:
        self.entered.set()
        assert self.open.wait(WAIT_SECONDS)
        assert records[0].sequence == len(self.records) + 1
        error, kept = self.failures.pop(0) if self.failures else (None, True)
        if kept:
            self.records += records
            self.appends.append(len(records))
        if error is not None:
            raise error

    def read(self, first_sequence: int = 1) -> Iterator[JournalRecord]:
        return iter(self.records[first_sequence - 1 :])

    def find(self, sequence: int) -> JournalRecord | None:
        return self.records[sequence - 1] if 0 < sequence <= len(self.records) else None

    def head(self) -> tuple[int, Hash32]:
        return (
            (self.records[-1].sequence, self.records[-1].hash) if self.records else (0, ZERO_HASH)
        )

    def entries(self) -> list[Entry | EarlierEntry]:
        """Return every entry, decoded."""
        return [decode_any_entry(record.payload) for record in self.records]


def build_order(
    member: Account, side: Side, quantity: int, limit_price: int, **fields: Any
) -> Order:
    """Return an order for BTC on ``VENUE`` that does not expire; ``fields`` replace the rest."""
    defaults: dict[str, Any] = {
        "instrument": BTC,
        "maximum_fee_rate": 0,
        "expiry": NEVER,
        "nonce": 0,
        "venue": VENUE.address,
    }
    return Order(member.address, side=side, quantity=quantity, limit_price=limit_price,
                 **(defaults | fields))  # fmt: skip


def sign_order(member: Account, order: Order) -> SignedOrder:
    """Return the order with its member's signature."""
    return SignedOrder(order, member.sign_digest(order_digest(CLEARINGHOUSE_ID, order)))


def hash_of(signed: SignedOrder) -> Hash32:
    """Return the digest by which fills name an order."""
    return order_digest(CLEARINGHOUSE_ID, signed.order)


def sign_batch(
    fills: Sequence[Fill], batch_id: Hash32, venue: Account = VENUE
) -> tuple[FillBatch, bytes]:
    """Return a batch and its venue's signature."""
    batch = FillBatch(venue.address, batch_id, tuple(fills))
    return batch, venue.sign_digest(fill_batch_digest(CLEARINGHOUSE_ID, batch))


class Clearing:
    """A running clearinghouse with an in-memory journal and no chains."""

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.journal = journal or MemoryJournal()
        self.clock = ManualClock()
        self.sequencer = Sequencer(self.journal, self.clock)
        self._numbers = 0
        self._totals: dict[tuple[ChainId, AssetId], int] = {}

    def start(self, *funded: Account, quanta: int = 1_000_000) -> Clearing:
        """Record the genesis, list everything, and fund members on home; they accept all chains."""
        self.record(GenesisRecorded(build_genesis()))
        for instrument in INSTRUMENTS:
            self.get(self.sequencer.create_instrument(instrument))
        for venue in (VENUE, OTHER_VENUE):
            self.get(self.sequencer.register_venue(venue.address, "a venue"))
        for member in funded:
            self.deposit(member, quanta)
            self.accept_limits(member)
        return self

    def restart(self) -> None:
        """Stop and start again on the same journal."""
        self.sequencer.close()
        self.sequencer = Sequencer(self.journal, self.clock)

    def close(self) -> None:
        self.sequencer.close()

    # -- what is known --------------------------------------------------------------------------

    def number(self) -> int:
        """Return 1, 2, 3, ...: for nonces, batch ids and heights."""
        self._numbers += 1
        return self._numbers

    def read(self, look: Callable[[State], Any]) -> Any:
        """Return what ``look`` sees in the state."""
        with self.sequencer.reading() as state:
            return look(state)

    def hash(self) -> Hash32:
        """Return the hash of the state."""
        return self.read(state_hash)

    def position(self, member: Account) -> Position:
        """Return a member's position."""
        return self.read(lambda state: state.positions[member.address])

    def claims(self, member: Account, asset: AssetId = USD) -> dict[ChainId, int]:
        """Return a member's claims by chain, zeros left out."""
        position = self.position(member)
        return self.read(
            lambda state: {
                chain: claims[position]
                for chain, number in state.deposits
                if number == asset and position in (claims := state.claims_of((chain, number)))
            }
        )

    def holding(self, member: Account, instrument: InstrumentId = BTC) -> tuple[int, int]:
        """Return a member's (quantity, basis)."""
        position = self.position(member)

        return tuple(self.read(lambda s: s.holdings_of(position).get(instrument, (0, 0))))

    # -- commands -------------------------------------------------------------------------------

    @staticmethod
    def get(future: Future[Any]) -> Any:
        """Return a command's answer, or raise it."""
        return future.result(WAIT_SECONDS)

    def record(self, entry: Entry) -> int:
        """Record an entry as it is."""
        return self.get(self.sequencer.record(lambda state: entry))

    def deposit(
        self, member: Account, quanta: int, chain: ChainId = HOME, asset: AssetId = USD
    ) -> int:
        """Finalise a deposit."""
        count, before = self.read(
            lambda s: (s.deposits[(chain, asset)].count, s.deposits[(chain, asset)].head_hash)
        )
        vault = (chain, asset)
        self._totals[vault] = self._totals.get(vault, 0) + quanta
        slot = member.address + asset.to_bytes(4, "big") + quanta.to_bytes(8, "big")
        return self.record(
            DepositFinalised(
                chain_id=chain,
                asset_id=asset,
                index=count,
                member=member.address,
                quanta=quanta,
                total=self._totals[vault],
                hash=keccak256(before + slot),
                height=self.number(),
                block_hash=keccak256(b"block"),
            )
        )

    def accept_limits(
        self,
        member: Account,
        maximum_quanta: int = INT64_MAX,
        chains: Collection[ChainId] = CHAINS,
        asset: AssetId = USD,
        nonce: int | None = None,
    ) -> int:
        """Accept a member's placement limits on the chains that hold the asset."""
        nonce = self.number() if nonce is None else nonce
        vaults = self.read(lambda state: set(state.deposits))
        limits = [
            PlacementLimit(member.address, chain, asset, maximum_quanta, nonce)
            for chain in chains
            if (chain, asset) in vaults
        ]
        return self.get(
            self.sequencer.accept_placement_limits(
                [
                    (limit, member.sign_digest(placement_limit_digest(CLEARINGHOUSE_ID, limit)))
                    for limit in limits
                ]
            )
        )

    def release(
        self,
        member: Account,
        quanta: int,
        chain: ChainId = HOME,
        asset: AssetId = USD,
        expiry: int = NEVER,
    ) -> Hash32:
        """Accept a member's release; return its id."""
        release = Release(member.address, chain, asset, quanta, self.number(), expiry)
        signature = member.sign_digest(release_digest(CLEARINGHOUSE_ID, release))
        return self.get(self.sequencer.accept_release(release, signature))

    def submit(
        self,
        fills: Sequence[Fill],
        orders: Sequence[SignedOrder] = (),
        batch_id: Hash32 | None = None,
        venue: Account = VENUE,
    ) -> Future[BatchReceipt]:
        """Queue a batch signed by its venue."""
        batch_id = batch_id or keccak256(self.number().to_bytes(8, "big"))
        batch, signature = sign_batch(fills, batch_id, venue)
        return self.sequencer.submit_batch(batch, orders, signature)

    def reasons(self, fills: Sequence[Fill], orders: Sequence[SignedOrder]) -> list[Reason]:
        """Submit a batch and return the decision on every fill."""
        return list(self.get(self.submit(fills, orders)).reasons)

    def trade(
        self,
        buyer: Account,
        seller: Account,
        quantity: int,
        price: int,
        instrument: InstrumentId = BTC,
    ) -> Reason:
        """Submit one fill of two new orders that allow exactly it; return the decision."""
        nonce = self.number()
        buy, sell = (
            sign_order(
                member,
                build_order(member, side, quantity, price, instrument=instrument, nonce=nonce),
            )
            for member, side in ((buyer, Side.BUY), (seller, Side.SELL))
        )
        fill = Fill(hash_of(buy), hash_of(sell), quantity, quantity * price)
        return self.reasons([fill], [buy, sell])[0]

    # -- settlements ----------------------------------------------------------------------------

    def propose(self, active: Collection[ChainId] = CHAINS) -> SettlementProposed:
        """Cut a cycle and record the proposal."""
        self.clock.advance(1)
        now = self.clock.milliseconds // 1_000
        chains = sorted(active)
        timing = Timing(now, now + PREPARE_SECONDS, now + DECIDE_SECONDS)
        at_cut = self.cut(now)
        proposal = build_proposal(at_cut, cut(at_cut, chains, now), chains, timing)
        self.record(proposal)
        return proposal

    def cut(self, now_seconds: int) -> State:
        """Record that a cycle is cut; return the state that it is cut from."""
        copies = []

        def decide(state: State) -> Entry:
            copies.append(state.copied())
            return CycleCut(now_seconds, state.sequence, state.head)

        self.get(self.sequencer.record(decide))
        return copies[0]

    def prove(
        self,
        proposal: SettlementProposed,
        phase: Phase,
        chains: Collection[ChainId] = CHAINS,
        timestamp: int | None = None,
    ) -> None:
        """Record a phase as proven on chains, home first."""
        active = [entry.chain_id for entry in proposal.settlement.chains if entry.active]
        for chain in sorted(chains, key=lambda chain: (chain != HOME, chain)):
            if chain in active:
                self.record(
                    PhaseProven(
                        settlement_id=proposal.settlement_id,
                        chain_id=chain,
                        phase=phase,
                        height=self.number(),
                        block_hash=keccak256(b"block"),
                        timestamp=timestamp or proposal.settlement.cut_time,
                    )
                )

    def settle(self, active: Collection[ChainId] = CHAINS) -> SettlementProposed:
        """Cut a cycle and have every active chain commit it."""
        proposal = self.propose(active)
        self.prove(proposal, Phase.COMMITTED)
        return proposal
