"""Members, a venue and what each of them should own, for tests on real chains.

``Desk`` keeps a second set of books, in ten lines of arithmetic that know nothing of netting, legs
or chains: paid in, less paid out, plus lots at the last price, less what the lots cost. Whatever
happens to servers and chains, the claims of a settled clearinghouse must add up to exactly that.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from adapters.base import ChainAdapter
from adapters.evm.connection import connect
from clearinghouse.api.client import (
    BatchReceipt,
    sign_fill_batch,
    sign_order,
    sign_placement_limit,
    sign_release,
)
from clearinghouse.api.views import SettlementRecord
from clearinghouse.book.earlier_entries import EarlierEntry, decode_any_entry
from clearinghouse.book.entries import (
    BatchRecorded,
    Entry,
    SettlementProposed,
    SettlementSigned,
)
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, InstrumentId
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
from clearinghouse.book.reference import Instrument
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import order_digest
from clearinghouse.commitment.settlements import leg_hash
from clearinghouse.errors import ClearingError
from clearinghouse.intake.replay import replay
from clearinghouse.settlement.rebuild import verify_committed_legs
from clearinghouse.settlement.solvency import solvency_of
from clearinghouse.store.journal import open_journal
from devnets.configuration import FAST, DevnetConfiguration, load_configuration
from devnets.harness import Devnet
from tests.builders import ALICE, BOB, CAROL, VENUE, Account
from tests.e2e.crashing_server import JOURNAL_NAME
from tests.e2e.servers import Server

HOME, SPOKE, OTHER = ChainId(31_101), ChainId(31_102), ChainId(31_103)
CHAINS = (HOME, SPOKE, OTHER)
USDC = AssetId(1)
BTC = Instrument(InstrumentId(3), "BTC", USDC, -5, 50_000)
MEMBERS = (ALICE, BOB, CAROL)
DEPOSIT_QUANTA = 50_000_000
FAR_FUTURE = 2**33
"""Seconds since the epoch: nothing in these tests expires."""
WAIT_SECONDS = 60.0
"""Longest wait for a condition; a hang fails instead of blocking."""
LOOK_SECONDS = 0.02


def patient_configuration(challenge_seconds: int = 1) -> DevnetConfiguration:
    """Return ``fast.toml`` with deadlines that a busy machine does not miss.

    Tests that want a deadline to pass move the chains' clocks.
    """
    fast = load_configuration(FAST)
    asked = msgspec.structs.replace(
        fast.settlement,
        prepare_deadline_seconds=30,
        decide_by_seconds=40,
        inclusion_timeout_seconds=12.0,
    )
    windows = msgspec.structs.replace(fast.windows, challenge_seconds=challenge_seconds)
    return msgspec.structs.replace(fast, settlement=asked, windows=windows)


def pass_time(devnet: Devnet, seconds: int, *chain_ids: ChainId) -> None:
    """Move the clocks of running chains and return when that is final, so that a cut can follow."""
    devnet.advance_time(seconds, *chain_ids)
    for chain_id in chain_ids:
        devnet.wait_for_attestation(chain_id, devnet.height(chain_id))


@dataclass(frozen=True)
class Trade:
    """Two members meet."""

    buyer: Account
    seller: Account
    lots: int
    price: int
    """Quanta per lot."""


@dataclass(frozen=True)
class Submission:
    """A signed batch with the orders that it fills."""

    batch: FillBatch
    orders: tuple[SignedOrder, ...]
    signature: bytes


class Desk:
    """The venue's desk: signs for everybody and keeps the second set of books."""

    def __init__(self, clearinghouse_id: Hash32) -> None:
        self._clearinghouse_id = clearinghouse_id
        self._numbers = count(1)
        self._paid_in: Counter[Address] = Counter()
        self._cash: Counter[Address] = Counter()
        self._lots: Counter[Address] = Counter()
        self._price = 0
        self.batch_ids: list[Hash32] = []
        """Of every batch that was acknowledged."""

    # -- signing and sending --------------------------------------------------------------------

    def enlist(self, server: Server) -> None:
        """List the instrument and the venue; every member accepts claims on every chain."""
        server.operation.register_venue(VENUE.address, "the desk")
        server.operation.create_instrument(BTC)
        limits = []
        for member in MEMBERS:
            for chain_id in CHAINS:
                limit = PlacementLimit(member.address, chain_id, USDC, INT64_MAX, 1)
                signature = sign_placement_limit(member.key, self._clearinghouse_id, limit)
                limits.append((limit, signature))
        server.client.register_placement_limits(limits)

    def deposit(
        self,
        server: Server,
        adapters: Mapping[ChainId, ChainAdapter],
        *deposits: tuple[ChainId, Account, int],
    ) -> None:
        """Deposit on the chains, all at once, and return when everything is credited."""
        before = credited_deposits(server)
        with ThreadPoolExecutor(len(deposits)) as pool:
            sent = [
                pool.submit(adapters[chain_id].submit_deposit, USDC, quanta, member.address)
                for chain_id, member, quanta in deposits
            ]
            for future in sent:
                future.result()
        for _, member, quanta in deposits:
            self._paid_in[member.address] += quanta
        expected = before + len(deposits)
        until("deposits are credited", lambda: credited_deposits(server) == expected)

    def sign(self, trades: Sequence[Trade]) -> Submission:
        """Return a batch of fills, each of two new orders that allow exactly it."""
        fills, orders = [], []
        for trade in trades:
            hashes = []
            for member, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
                order = Order(
                    member=member.address,
                    instrument=BTC.instrument_id,
                    side=side,
                    quantity=trade.lots,
                    limit_price=trade.price,
                    maximum_fee_rate=0,
                    expiry=FAR_FUTURE,
                    nonce=next(self._numbers),
                    venue=VENUE.address,
                )
                orders.append(sign_order(member.key, self._clearinghouse_id, order))
                hashes.append(order_digest(self._clearinghouse_id, order))
            fills.append(Fill(hashes[0], hashes[1], trade.lots, trade.lots * trade.price))
        batch_id = keccak256(next(self._numbers).to_bytes(8, "big"))
        batch = FillBatch(VENUE.address, batch_id, tuple(fills))
        signature = sign_fill_batch(VENUE.key, self._clearinghouse_id, batch)
        return Submission(batch, tuple(orders), signature)

    def trade(self, server: Server, *trades: Trade) -> tuple[Submission, BatchReceipt]:
        """Have a batch admitted whole and enter it in the books."""
        submission = self.sign(trades)
        receipt = submit(server, submission)
        assert set(receipt.reasons) == {Reason.ADMITTED}
        self.enter(submission, trades)
        return submission, receipt

    def enter(self, submission: Submission, trades: Sequence[Trade]) -> None:
        """Enter an acknowledged batch in the books."""
        self.batch_ids.append(submission.batch.batch_id)
        for trade in trades:
            for member, lots in ((trade.buyer, trade.lots), (trade.seller, -trade.lots)):
                self._lots[member.address] += lots
                self._cash[member.address] -= lots * trade.price
            self._price = trade.price

    def request_release(
        self, server: Server, member: Account, chain_id: ChainId, quanta: int
    ) -> Hash32:
        """Ask for a payment and take it out of the books."""
        release = Release(member.address, chain_id, USDC, quanta, next(self._numbers), FAR_FUTURE)
        signature = sign_release(member.key, self._clearinghouse_id, release)
        self._paid_in[member.address] -= quanta
        return server.client.request_release(release, signature)

    # -- what must hold -------------------------------------------------------------------------

    def expected_claims(self) -> dict[Address, int]:
        """Return what every member owns once everything is settled, zeros left out."""
        worths = {
            member.address: self._paid_in[member.address]
            + self._lots[member.address] * self._price
            + self._cash[member.address]
            for member in MEMBERS
        }
        return {member: worth for member, worth in worths.items() if worth}


def submit(server: Server, submission: Submission) -> BatchReceipt:
    """Send a batch once."""
    return server.client.submit_batch(submission.batch, submission.orders, submission.signature)


def stream(
    server: Server,
    submissions: Iterable[tuple[FillBatch, Sequence[SignedOrder], bytes]],
    answers: list[BatchReceipt | ClearingError],
) -> None:
    """Stream batches and append every answer as it comes; raise what ends the stream."""
    for answer in server.client.stream_batches(submissions):
        answers.append(answer)


def until(what: str, condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> None:
    """Return when the condition holds; fail after ``seconds``."""
    pause = threading.Event()
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"not within {seconds} s: {what}"
        pause.wait(LOOK_SECONDS)


def credited_deposits(server: Server) -> int:
    """Return how many deposits the ledger knows."""
    return sum(vault.deposit_count for vault in server.client.get_solvency().vaults)


def cut(server: Server) -> SettlementRecord:
    """Cut a cycle and return its settlement."""
    cycle = server.operation.cut_cycle()
    (summary,) = (s for s in server.client.list_settlements() if s.cycle == cycle)
    return server.client.get_settlement(summary.settlement_id)


def proven_phases(server: Server, settlement_id: Hash32) -> dict[ChainId, Phase]:
    """Return what the ledger holds proven of a settlement."""
    record = server.client.get_settlement(settlement_id)
    return {known.chain_id: known.phase for known in record.chain_phases}


def until_phase(
    server: Server, settlement_id: Hash32, phase: Phase, chains: Sequence[ChainId] = CHAINS
) -> None:
    """Return when the chains are proven to have reached the phase."""
    until(
        f"the settlement is {phase.name} on {chains}",
        lambda: all(proven_phases(server, settlement_id)[c] is phase for c in chains),
    )


def settle(server: Server) -> SettlementRecord:
    """Cut a cycle and return when it is final on all chains."""
    record = cut(server)
    until_phase(server, record.settlement_id, Phase.FINAL)
    return server.client.get_settlement(record.settlement_id)


def read_entries(directory: Path) -> list[Entry | EarlierEntry]:
    """Return a journal's entries, beside a running server too."""
    url = f"sqlite:///{directory / JOURNAL_NAME}"
    with open_journal(url, read_only=True) as journal:
        return [decode_any_entry(record.payload) for record in journal.read()]


def read_state(directory: Path) -> State:
    """Return what a journal folds to."""
    url = f"sqlite:///{directory / JOURNAL_NAME}"
    with open_journal(url, read_only=True) as journal:
        return replay(journal.read())


def check_settled(desk: Desk, directory: Path, adapters: Mapping[ChainId, ChainAdapter]) -> State:
    """Check the journal against the desk's books and against the chains; return the state.

    Everything that was acknowledged is there once, every cycle was proposed and signed once, the
    claims add up to the books, and every chain holds exactly what the ledger says.
    """
    entries = read_entries(directory)
    batches = [entry.batch_id for entry in entries if isinstance(entry, BatchRecorded)]
    assert sorted(batches) == sorted(desk.batch_ids)
    cycles = [entry.settlement.cycle for entry in entries if isinstance(entry, SettlementProposed)]
    assert cycles == list(range(1, len(cycles) + 1))
    signed = [entry.settlement_id for entry in entries if isinstance(entry, SettlementSigned)]
    assert len(signed) == len(set(signed)) == len(cycles)
    state = read_state(directory)
    assert claims_of(state) == desk.expected_claims()
    check_chains(state, adapters)
    return state


def check_chains(state: State, adapters: Mapping[ChainId, ChainAdapter]) -> None:
    """Check that vaults hold what they owe and that chains carry the ledger's legs."""
    for line in solvency_of(state, adapters):
        assert line.is_whole, line
    assert verify_committed_legs(state) == len(state.legs)
    for chain_id, leg in state.legs.items():
        assert adapters[chain_id].hint_last_leg() == leg_hash(leg)


def claims_of(state: State) -> dict[Address, int]:
    """Return every member's claims over all chains, zeros left out."""
    totals: Counter[Address] = Counter()
    for vault in state.deposits:
        if vault[1] == USDC:
            for position, quanta in state.claims_of(vault).items():
                totals[state.members[position]] += quanta
    return {member: quanta for member, quanta in totals.items() if quanta}


def request(devnet: Devnet, chain_id: ChainId, method: str, *parameters: object) -> Any:
    """Ask a chain's node directly, for what only a devnet's node answers."""
    url = devnet.deployment.get_chain(chain_id).configuration.url
    connection = connect(url)
    try:
        return connection.request(method, parameters)
    finally:
        connection.close()
