"""The whole ledger against a slow one: random programs of everything that can happen to it.

The model keeps no running totals. It remembers every deposit, fill and payment, and works each
member's account out from the beginning again whenever a cut commits:

    claims + carried = deposits consumed + sum over instruments (lots * mark - cash)
                       - released + shortfall flows

It never looks at bases, holdings or queues, so it shares no accounting with the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from clearinghouse.book.entries import SettlementProposed
from clearinghouse.book.identifiers import AssetId, ChainId, InstrumentId
from clearinghouse.book.orders import Reason
from clearinghouse.book.settlements import Phase
from clearinghouse.book.snapshot import decode_state, encode_state
from clearinghouse.book.state import State
from clearinghouse.errors import Rejected
from clearinghouse.netting.cut import cut
from clearinghouse.settlement.claims_trees import ClaimsTrees
from clearinghouse.settlement.proposal import Timing, build_proposal
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CHAINS,
    DAVE,
    DECIDE_SECONDS,
    ETH,
    EUR,
    EURO_STOXX,
    HOME,
    HOUSE,
    INSTRUMENTS,
    PREPARE_SECONDS,
    REMOTE,
    SPOKE,
    USD,
    Account,
    Clearing,
)
from tests.ledger import claims, holdings, residuals

MEMBERS = (ALICE, BOB, CAROL, DAVE, HOUSE)
VAULTS = ((HOME, USD), (REMOTE, USD), (SPOKE, USD), (HOME, EUR), (SPOKE, EUR))
QUOTE = {instrument.instrument_id: instrument.quote_asset for instrument in INSTRUMENTS}
RATE_PPM = {instrument.instrument_id: instrument.initial_margin_ppm for instrument in INSTRUMENTS}

members = st.sampled_from(MEMBERS)
vaults = st.sampled_from(VAULTS)


@dataclass(frozen=True)
class Traded:
    """A fill as one side sees it: signed lots, and cash paid for them."""

    member: Account
    instrument: InstrumentId
    lots: int
    cash: int


@dataclass
class History:
    """Everything that happened, in order, up to some moment."""

    deposits: list[tuple[Account, ChainId, AssetId, int]] = field(default_factory=list)
    traded: list[Traded] = field(default_factory=list)

    def copy(self) -> History:
        return History(list(self.deposits), list(self.traded))

    def deposited(self, member: Account, asset: AssetId) -> int:
        return sum(q for m, _, a, q in self.deposits if (m, a) == (member, asset))

    def marks(self) -> dict[InstrumentId, int]:
        return {t.instrument: t.cash // t.lots for t in self.traded}

    def lots(self, member: Account, instrument: InstrumentId) -> int:
        return sum(t.lots for t in self.traded if (t.member, t.instrument) == (member, instrument))

    def profit(self, member: Account, asset: AssetId) -> int:
        """Profit and loss since the beginning, at the last prices."""
        marks = self.marks()
        return sum(
            t.lots * marks[t.instrument] - t.cash
            for t in self.traded
            if t.member is member and QUOTE[t.instrument] == asset
        )

    def margin(self, member: Account, asset: AssetId) -> int:
        return sum(
            -(-abs(self.lots(member, number)) * mark * RATE_PPM[number] // 1_000_000)
            for number, mark in self.marks().items()
            if QUOTE[number] == asset
        )


class Ledger(RuleBasedStateMachine):
    """Programs of deposits, limits, fills, releases, cuts, proposals, decisions and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.clearing = Clearing().start()
        self.now = History()
        self.cut: History | None = None
        """What was known at the last cut."""
        self.planned: State | None = None
        """The state at a cut whose proposal is still to come."""
        self.active: list[ChainId] = []
        self.trees = ClaimsTrees()
        self.proposal: SettlementProposed | None = None
        self.consumed: dict[tuple[Account, ChainId, AssetId], int] = defaultdict(int)
        self.released: dict[tuple[Account, AssetId], int] = defaultdict(int)
        self.paid_out: dict[tuple[ChainId, AssetId], int] = defaultdict(int)
        self.shortfalls: dict[tuple[Account, AssetId], int] = defaultdict(int)
        self.limits: dict[tuple[Account, ChainId, AssetId], int] = {}
        self.limits_at_cut = dict(self.limits)
        self.claims: dict[tuple[Account, ChainId, AssetId], int] = defaultdict(int)

    def teardown(self) -> None:
        expected = self.clearing.hash()
        self.clearing.restart()
        assert self.clearing.hash() == expected
        self.clearing.close()

    # -- what members, venues and chains do -----------------------------------------------------

    @initialize()
    def fund(self) -> None:
        for member, chain in zip(MEMBERS, (HOME, REMOTE, SPOKE, HOME), strict=False):
            self.deposit(member, (chain, USD), 500)
            for vault in VAULTS:
                self.limit(member, vault, 10_000)
        for member in (ALICE, BOB):
            self.deposit(member, (SPOKE, EUR), 500)

    @rule(member=members, vault=vaults, quanta=st.integers(1, 400))
    def deposit(self, member: Account, vault: tuple[ChainId, AssetId], quanta: int) -> None:
        self.clearing.deposit(member, quanta, *vault)
        self.now.deposits.append((member, *vault, quanta))

    @rule(member=members, vault=vaults, maximum=st.sampled_from([0, 300, 600, 10_000]))
    def limit(self, member: Account, vault: tuple[ChainId, AssetId], maximum: int) -> None:
        self.clearing.accept_limits(member, maximum, [vault[0]], vault[1])
        self.limits[(member, *vault)] = maximum

    @rule(
        pair=st.permutations(MEMBERS[:4]).map(lambda p: p[:2]),
        instrument=st.sampled_from([BTC, BTC, BTC, ETH, EURO_STOXX]),
        lots=st.sampled_from([1, 1, 7, 30]),
        price=st.integers(0, 60),
    )
    def trade(self, pair: list[Account], instrument: InstrumentId, lots: int, price: int) -> None:
        buyer, seller = pair
        if self.clearing.trade(buyer, seller, lots, price, instrument) is not Reason.ADMITTED:
            return
        for member, sign in ((buyer, 1), (seller, -1)):
            self.now.traded.append(Traded(member, instrument, sign * lots, sign * lots * price))

    @rule(
        members=st.permutations(MEMBERS[:4]),
        prices=st.sampled_from([(50, 0), (50, 12), (0, 60), (10, 45)]),
    )
    def gap(self, members: list[Account], prices: tuple[int, int]) -> None:
        """Open a position and let two others move the mark: what makes a shortfall, since nobody
        may lose by closing what it does not have."""
        self.trade(members[:2], BTC, 30, prices[0])
        self.trade(members[2:], BTC, 1, prices[1])

    @rule(member=members, vault=vaults, quanta=st.integers(1, 300))
    def release(self, member: Account, vault: tuple[ChainId, AssetId], quanta: int) -> None:
        try:
            self.clearing.release(member, quanta, *vault)
        except Rejected as error:
            if error.reason not in {"RELEASE_EXCEEDS_FREE", "MEMBER_UNKNOWN"}:
                raise

    @precondition(lambda self: self.proposal is None)
    @rule(sleeping=st.sampled_from([(), (), (REMOTE,), (SPOKE,), (SPOKE, REMOTE)]))
    def take_cut(self, sleeping: tuple[ChainId, ...]) -> None:
        """Cut a cycle; a cut that nobody planned yet is given up."""
        self.clearing.clock.advance(1)
        self.planned = self.clearing.cut(self.clearing.clock.milliseconds // 1_000)
        self.active = sorted(chain for chain in CHAINS if chain not in sleeping)
        self.cut = self.now.copy()
        self.limits_at_cut = dict(self.limits)

    @precondition(lambda self: self.planned is not None)
    @rule()
    def propose(self) -> None:
        """Plan the settlement of the last cut, whatever has happened since."""
        assert self.planned is not None
        now = self.clearing.clock.milliseconds // 1_000
        timing = Timing(now, now + PREPARE_SECONDS, now + DECIDE_SECONDS)
        plan = cut(self.planned, self.active, now)
        self.proposal = build_proposal(self.planned, plan, self.active, timing, self.trees)
        anew = build_proposal(self.planned, plan, self.active, timing)
        assert self.proposal == anew, "trees that are kept are those that are built anew"
        self.clearing.record(self.proposal)
        self.planned = None

    @precondition(lambda self: self.proposal is not None)
    @rule()
    def abort(self) -> None:
        assert self.proposal is not None
        self.clearing.prove(self.proposal, Phase.ABORTED)
        self.proposal = self.cut = None

    @precondition(lambda self: self.proposal is not None)
    @rule()
    def commit(self) -> None:
        proposal, history = self.proposal, self.cut
        assert proposal is not None
        assert history is not None
        active = {leg.chain_id for leg in proposal.legs}
        self.check_shortfalls(proposal, history)
        self.check_releases(proposal, history, active)
        claims_before, consumed_before = dict(self.claims), dict(self.consumed)
        self.consume(history, active)
        self.clearing.prove(proposal, Phase.COMMITTED)
        self.read_claims()
        self.check_vaults(active, claims_before)
        self.check_accounts(history)
        self.check_growth(claims_before, consumed_before)
        self.proposal = self.cut = None

    @rule()
    def restart(self) -> None:
        encoding = self.clearing.read(encode_state)
        assert encode_state(decode_state(encoding)) == encoding
        self.clearing.restart()
        assert self.clearing.read(encode_state) == encoding

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def positions_sum_to_zero(self) -> None:
        def look(state: State) -> None:
            everyone = holdings(state).values()
            for row, number in enumerate(state.instruments):
                held = [own[number] for own in everyone if number in own]
                assert sum(h.quantity for h in held) == 0
                assert sum(h.basis for h in held) == 0
                open_interest = state.instrument_table.rows[row]["open_interest"]
                assert sum(max(h.quantity, 0) for h in held) == open_interest

        self.clearing.read(look)

    def check_accounts(self, history: History) -> None:
        carried = self.carried()
        for member, asset in self.pairs():
            claims = sum(q for (m, _, a), q in self.claims.items() if (m, a) == (member, asset))
            consumed = sum(q for (m, _, a), q in self.consumed.items() if (m, a) == (member, asset))
            account = (
                consumed
                + history.profit(member, asset)
                - self.released[member, asset]
                + self.shortfalls[member, asset]
            )
            assert claims + carried.get((member, asset), 0) == account
        for asset in (USD, EUR):
            assert sum(quanta for (_, a), quanta in carried.items() if a == asset) == 0

    def check_vaults(self, active: set[ChainId], before: dict[Any, int]) -> None:
        for chain, asset in VAULTS:
            cells = {cell for cell in (*self.claims, *before) if cell[1:] == (chain, asset)}
            if chain not in active:
                assert all(self.claims.get(c, 0) == before.get(c, 0) for c in cells)
            claims = sum(self.claims.get(cell, 0) for cell in cells)
            consumed = sum(q for cell, q in self.consumed.items() if cell[1:] == (chain, asset))
            assert claims + self.paid_out[chain, asset] == consumed

    def check_growth(self, before: dict[Any, int], consumed_before: dict[Any, int]) -> None:
        """A claim grows beyond deposits only as far as its owner signed for."""
        for cell, quanta in self.claims.items():
            deposited = self.consumed[cell] - consumed_before.get(cell, 0)
            assert quanta <= max(before.get(cell, 0) + deposited, self.limits_at_cut.get(cell, 0))

    def check_shortfalls(self, proposal: SettlementProposed, history: History) -> None:
        flows = dict.fromkeys(self.pairs(), 0)
        for flow in proposal.shortfalls:
            flows[self.member(flow.position), flow.asset_id] += flow.quanta
        for asset in (USD, EUR):
            assert sum(quanta for (_, a), quanta in flows.items() if a == asset) == 0
        for (member, asset), flow in flows.items():
            closing = self.closing(member, asset, history)
            if closing < 0:
                assert flow == -closing
                continue
            assert -closing <= flow <= 0
            if member is not HOUSE and flow < 0:
                opening = self.opening(member, asset, history)
                assert -flow <= closing - opening, "only a gain is given up"
                house = self.closing(HOUSE, asset, history)
                assert house + flows[HOUSE, asset] <= 0, "the house pays first"
        for cell, flow in flows.items():
            self.shortfalls[cell] += flow

    def check_releases(
        self,
        proposal: SettlementProposed,
        history: History,
        active: set[ChainId],
    ) -> None:
        requested = self.clearing.read(lambda state: dict(state.releases))
        paid: dict[tuple[Account, AssetId], int] = defaultdict(int)
        for planned in proposal.releases:
            member = self.member(planned.position)
            assert planned.chain_id in active
            assert 0 <= planned.quanta <= requested[planned.release_id].quanta
            paid[member, planned.asset_id] += planned.quanta
            self.paid_out[planned.chain_id, planned.asset_id] += planned.quanta
        for (member, asset), quanta in paid.items():
            # Shortfall flows of this cycle are in ``closing`` by now: they were checked before.
            free = self.closing(member, asset, history) - history.margin(member, asset)
            assert quanta <= max(0, free)
            self.released[member, asset] += quanta

    # -- reading --------------------------------------------------------------------------------

    def closing(self, member: Account, asset: AssetId, history: History) -> int:
        """Return what a member owns at the cut, wherever, before this cycle's payments."""
        return (
            history.deposited(member, asset)
            + history.profit(member, asset)
            - self.released[member, asset]
            + self.shortfalls[member, asset]
        )

    def opening(self, member: Account, asset: AssetId, history: History) -> int:
        """Return claims and final deposits at the cut; what was carried is no claim."""
        cells = [(member, chain, asset) for chain in CHAINS]
        claimed, consumed = (
            sum(own.get(c, 0) for c in cells) for own in (self.claims, self.consumed)
        )
        return claimed + history.deposited(member, asset) - consumed

    def consume(self, history: History, active: set[ChainId]) -> None:
        """Count all deposits before the cut on active chains as consumed."""
        self.consumed = defaultdict(
            int, {cell: quanta for cell, quanta in self.consumed.items() if cell[1] not in active}
        )
        for member, chain, asset, quanta in history.deposits:
            if chain in active:
                self.consumed[member, chain, asset] += quanta

    def pairs(self) -> Iterator[tuple[Account, AssetId]]:
        return ((member, asset) for member in MEMBERS for asset in (USD, EUR))

    def member(self, position: int) -> Account:
        address = self.clearing.read(lambda state: state.members[position])
        return next(member for member in MEMBERS if member.address == address)

    def carried(self) -> dict[tuple[Account, AssetId], int]:
        return {
            (self.member(position), asset): quanta
            for asset, own in self.clearing.read(residuals).items()
            for position, quanta in own.items()
        }

    def read_claims(self) -> None:
        self.claims = defaultdict(int)
        for (chain, asset), own in self.clearing.read(claims).items():
            for position, quanta in own.items():
                assert quanta > 0
                self.claims[self.member(position), chain, asset] = quanta


TestLedger = Ledger.TestCase
# Rare meetings (a shortfall while a chain sleeps) need more programs than a law of one function.
TestLedger.settings = settings(max_examples=2 * settings().max_examples)
