"""A ledger, a coordinator and three simulated chains, moved on step by step by the test."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait as wait_for

from adapters.simulated.keys import simulated_key
from adapters.simulated.network import SimulatedNetwork
from clearinghouse.book.entries import GenesisRecorded, PlacementLimitAccepted, VenueRegistered
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId
from clearinghouse.book.orders import PlacementLimit, Side, SignedOrder
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.reference import Asset, Chain, Genesis, Instrument, VaultAsset
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import SettlementState
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import order_digest
from clearinghouse.errors import ChainFault
from clearinghouse.settlement.coordinator import Coordinator, Schedule
from clearinghouse.settlement.deposits import DepositWatcher
from tests.builders import (
    HOUSE,
    VENUE,
    WAIT_SECONDS,
    Account,
    Clearing,
    build_order,
)
from tests.ledger import RecordedFill, batch_entry

SEED = 11
HOME, SPOKE, REMOTE = ChainId(31_001), ChainId(31_002), ChainId(31_003)
CHAINS = (HOME, SPOKE, REMOTE)
DOLLAR = AssetId(1)
PERPETUAL = InstrumentId(3)
SCHEDULE = Schedule(prepare_seconds=200, decide_seconds=400, cycle_seconds=0, poll_seconds=0.01)
FUNDER = simulated_key(SEED, "funder")


class SettlementWorld:
    """Nothing moves by itself: ``advance`` mines and attests, ``step`` lets the coordinator act."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork(SEED)
        self.clearing = Clearing()
        self.clearing.record(GenesisRecorded(self._genesis()))
        instrument = Instrument(PERPETUAL, "PERP", DOLLAR, 0, 100_000)
        self.clearing.get(self.clearing.sequencer.create_instrument(instrument))
        self.clearing.record(VenueRegistered(VENUE.address, "a venue"))
        self.violations: list[tuple[ChainId, ChainFault]] = []
        for chain_id in CHAINS:
            self.network.mint(chain_id, DOLLAR, FUNDER.address, 10**9)
        self.start()

    def _genesis(self) -> Genesis:
        network = self.network
        token = VaultAsset(DOLLAR, Address(b"\x01" * 20), 1, 1)
        return Genesis(
            clearinghouse_id=network.clearinghouse_id,
            home_chain_id=network.home,
            chains=tuple(
                Chain(c, f"chain {c}", network.chains[c].state.anchor.identity.address, (token,))
                for c in network.chain_ids
            ),
            assets=(Asset(DOLLAR, "USD", 6),),
            operator_set=network.operator_set,
            windows=network.chains[HOME].state.anchor.identity.windows,
            house=HOUSE.address,
        )

    def start(self, schedule: Schedule = SCHEDULE) -> None:
        """Start a coordinator that knows nothing but the journal."""
        self.adapters = {c: self.network.adapter(c, FUNDER.address) for c in CHAINS}
        self.coordinator = Coordinator(
            self.clearing.sequencer, self.adapters, self.network.operators, schedule
        )
        self.watchers = {
            c: DepositWatcher(
                self.clearing.sequencer,
                self.adapters[c],
                0.01,
                lambda chain, fault: self.violations.append((chain, fault)),
            )
            for c in CHAINS
        }

    def restart(self, schedule: Schedule = SCHEDULE) -> None:
        """Throw sequencer and coordinator away; only journal and chains remain."""
        self.coordinator.close()
        self.clearing.restart()
        self.start(schedule)

    def close(self) -> None:
        self.coordinator.close()
        self.clearing.close()

    # -- what members do ------------------------------------------------------------------------

    def fund(self, member: Account, chain_id: ChainId, quanta: int) -> None:
        """Deposit on a chain and wait for its finality; the member accepts every chain."""
        self.adapters[chain_id].submit_deposit(DOLLAR, quanta, member.address)
        self.advance(3)
        assert self.watchers[chain_id].step() == 1
        for chain in CHAINS:
            nonce = self.clearing.number()
            limit = PlacementLimit(member.address, chain, DOLLAR, INT64_MAX, nonce)
            self.clearing.record(PlacementLimitAccepted(limit, b""))

    def trade(self, buyer: Account, seller: Account, quantity: int, price: int) -> None:
        """Record an admitted fill; its signatures are intake's matter."""
        number = self.clearing.number()
        orders = []
        for member, side in ((buyer, Side.BUY), (seller, Side.SELL)):
            order = build_order(member, side, quantity, price, nonce=number)
            digest = order_digest(self.network.clearinghouse_id, order)
            orders.append((digest, SignedOrder(order, b"")))
        first = self.clearing.read(lambda state: len(state.orders))
        fill = RecordedFill(first, first + 1, quantity, quantity * price)
        batch_id = keccak256(number.to_bytes(8, "big"))
        self.clearing.record(batch_entry([fill], orders, batch_id))

    # -- what chains do -------------------------------------------------------------------------

    def advance(self, blocks: int = 1, seconds: int = 0) -> None:
        """Mine on every chain that is not halted, then attest what is final."""
        for chain_id, chain in self.network.chains.items():
            if seconds:
                chain.advance_time(seconds)
            chain.mine(blocks)
            if not chain.halted:
                self.network.attest(chain_id)

    def resume(self, chain_id: ChainId) -> None:
        """Let a halted chain go on; its next block has caught up with home's clock."""
        chain = self.network.chains[chain_id]
        chain.halted = False
        chain.advance_time(self.network.chains[HOME].newest.timestamp - chain.newest.timestamp)

    def step(self) -> None:
        """Let the coordinator act once and see its transactions included."""
        self.coordinator.step()
        submitting = self.coordinator._driver._submitting.values()
        assert not wait_for(submitting, timeout=WAIT_SECONDS).not_done

    def drive(self, until: Callable[[], bool], seconds: int = 0, restarting: bool = False) -> int:
        """Step and advance until a condition holds; return the steps it took."""
        for steps in range(80):
            if until():
                return steps
            self.step()
            self.advance(seconds=seconds)
            if restarting:
                self.restart()
        raise AssertionError("the condition was not reached in 80 steps")

    # -- what is known --------------------------------------------------------------------------

    def settlement(self, cycle: int) -> SettlementState:
        """Return the settlement of a cycle."""

        def look(state) -> SettlementState:  # type: ignore[no-untyped-def]
            return next(
                record
                for record in state.settlements.values()
                if record.proposal.settlement.cycle == cycle
            )

        return self.clearing.read(look)

    def phases(self, cycle: int) -> dict[ChainId, Phase]:
        """Return the phases of a cycle as the chains hold them now."""
        number: Hash32 = self.settlement(cycle).settlement_id
        return {c: chain.state.anchor.phase(number) for c, chain in self.network.chains.items()}
