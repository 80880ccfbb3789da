"""A server that starts from a snapshot goes on exactly as one that never stopped."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clearinghouse.book.entries import SettlementProposed
from clearinghouse.book.identifiers import AssetId, ChainId, InstrumentId
from clearinghouse.book.orders import Side
from clearinghouse.book.settlements import Phase
from clearinghouse.book.snapshot import decode_state, encode_state
from clearinghouse.errors import Rejected
from clearinghouse.intake.sequencer import Sequencer
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CHAINS,
    ETH,
    EUR,
    EURO_STOXX,
    HOME,
    REMOTE,
    SPOKE,
    USD,
    VENUE,
    Account,
    Clearing,
    build_order,
)
from tests.ledger import sign_mandate, sign_mandated, submit_columns

MEMBERS = (ALICE, BOB, CAROL)
VAULTS = ((HOME, USD), (REMOTE, USD), (SPOKE, USD), (HOME, EUR), (SPOKE, EUR))
Step = tuple[Any, ...]

members = st.sampled_from(MEMBERS)
pairs = st.permutations(MEMBERS).map(lambda members: members[:2])
vaults = st.sampled_from(VAULTS)
usual = st.one_of(
    st.tuples(
        st.just("trade"),
        pairs,
        st.sampled_from([BTC, BTC, ETH, EURO_STOXX]),
        st.integers(1, 20),
        st.integers(0, 60),
    ),
    st.tuples(st.just("columns"), st.integers(0, 9), st.integers(0, 9), st.integers(0, 30)),
)
rare = st.one_of(
    st.tuples(st.just("deposit"), members, vaults, st.integers(1, 400)),
    st.tuples(st.just("limit"), members, vaults, st.sampled_from([0, 300, 2**128 - 1])),
    st.tuples(st.just("release"), members, vaults, st.integers(1, 300)),
    st.tuples(st.just("mandated"), members, st.integers(1, 30)),
    st.tuples(st.just("cut"), st.sampled_from([(), (REMOTE,)])),
    st.tuples(st.just("decide"), st.booleans()),
)
steps = st.lists(st.one_of(usual, rare), min_size=4, max_size=14)


class Runner:
    """Takes steps on a clearinghouse; the same steps from the same state are the same commands."""

    def __init__(self, clearing: Clearing, proposal: SettlementProposed | None = None) -> None:
        self.clearing = clearing
        self.proposal = proposal

    def fund(self) -> None:
        for member, chain in zip(MEMBERS, (HOME, REMOTE, SPOKE), strict=True):
            self.clearing.deposit(member, 2_000, chain)
            self.clearing.accept_limits(member)
            self.clearing.accept_limits(member, asset=EUR)
        mandates = [sign_mandate(member, VENUE) for member in MEMBERS]
        self.clearing.get(self.clearing.sequencer.register_mandates(mandates))
        self.mandated(ALICE, 10)
        self.mandated(BOB, 10)

    def take(self, program: list[Step]) -> None:
        for name, *arguments in program:
            getattr(self, name)(*arguments)

    def trade(self, pair: list[Account], instrument: InstrumentId, lots: int, price: int) -> None:
        self.clearing.trade(*pair, lots, price, instrument)

    def columns(self, buy: int, sell: int, lots: int) -> None:
        fills = [(buy, sell, lots, 50 * lots), (sell, buy, lots, 49 * lots)]
        self.clearing.get(submit_columns(self.clearing, fills))

    def deposit(self, member: Account, vault: tuple[ChainId, AssetId], quanta: int) -> None:
        self.clearing.deposit(member, quanta, *vault)

    def limit(self, member: Account, vault: tuple[ChainId, AssetId], maximum: int) -> None:
        self.clearing.accept_limits(member, maximum, [vault[0]], vault[1])

    def release(self, member: Account, vault: tuple[ChainId, AssetId], quanta: int) -> None:
        with suppress(Rejected):  # more than is free
            self.clearing.release(member, quanta, *vault)

    def mandated(self, member: Account, lots: int) -> None:
        orders = [
            build_order(member, side, lots, price, nonce=self.clearing.number())
            for side, price in ((Side.BUY, 60), (Side.SELL, 40))
        ]
        register = self.clearing.sequencer.register_mandated_orders
        self.clearing.get(register(*sign_mandated(orders)))

    def cut(self, sleeping: tuple[ChainId, ...]) -> None:
        if self.proposal is None:
            active = [chain for chain in CHAINS if chain not in sleeping]
            self.proposal = self.clearing.propose(active)

    def decide(self, commits: bool) -> None:
        if self.proposal is not None:
            self.clearing.prove(self.proposal, Phase.COMMITTED if commits else Phase.ABORTED)
            self.proposal = None

    def restored(self) -> Runner:
        """Return a twin that starts from a snapshot of this one's state and has no more of it."""
        encoding = self.clearing.read(encode_state)
        state = decode_state(encoding)
        assert encode_state(state) == encoding
        twin = Clearing()
        twin.close()
        twin.journal.records = list(self.clearing.journal.records)
        twin.clock.milliseconds = self.clearing.clock.milliseconds
        twin._numbers, twin._totals = self.clearing._numbers, dict(self.clearing._totals)
        twin.sequencer = Sequencer(twin.journal, twin.clock, state=state)
        return Runner(twin, self.proposal)


@given(steps, steps)
def test_journals_stay_equal_when_one_goes_on_from_a_snapshot(
    before: list[Step], after: list[Step]
) -> None:
    original = Runner(Clearing().start())
    original.fund()
    original.take(before)
    twin = original.restored()
    for runner in (original, twin):
        runner.take([*after, ("decide", True), ("trade", [ALICE, BOB], BTC, 1, 50)])
    assert twin.clearing.journal.records == original.clearing.journal.records
    expected = original.clearing.hash()
    assert twin.clearing.hash() == expected
    original.clearing.restart()
    assert original.clearing.hash() == expected, "as the journal alone tells it"
    for runner in (original, twin):
        runner.clearing.close()
