"""The coordinator: credits deposits, cuts cycles, has them signed and drives them to the end.

It owns no state of its own. Whatever it learns becomes a journal entry, and whatever it does next
follows from the journal and the chains; so it can be killed at any line and started again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from adapters.base import ChainAdapter, Signer
from clearinghouse.book.entries import (
    CycleCut,
    Entry,
    FinalityViolated,
    PhaseProven,
    SettlementProposed,
    SettlementSigned,
    TransactionIncluded,
)
from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import SettlementState, State
from clearinghouse.errors import (
    ChainFault,
    ClearingError,
    Conflict,
    Corruption,
    Rejected,
    Unavailable,
    check,
)
from clearinghouse.netting.cut import cut
from clearinghouse.settlement.claims_trees import ClaimsTrees
from clearinghouse.settlement.deposits import DepositWatcher
from clearinghouse.settlement.driver import Driver, Included
from clearinghouse.settlement.operators import collect_quorum
from clearinghouse.settlement.ports import Writer
from clearinghouse.settlement.proposal import Timing, build_proposal
from clearinghouse.settlement.stages import ChainView, SettlementPackage

log = structlog.get_logger()


_LOOK_AGAIN = ("settlement_in_flight", "CUT_TOO_EARLY")
"""Reasons for which a cut that is due just waits: a chain still follows, or home's time stands."""


@dataclass(frozen=True)
class Schedule:
    """How long a settlement may take and how often one is cut."""

    prepare_seconds: int
    """From the cut to the prepare deadline."""
    decide_seconds: int
    """From the cut to ``decide_by``; at most the anchors' ``max_decide_seconds``."""
    cycle_seconds: int
    """Between cuts; 0 cuts only on request."""
    poll_seconds: float
    """Between two looks at the chains."""


class Coordinator:
    """Runs the settlement side of one clearinghouse."""

    def __init__(
        self,
        writer: Writer,
        adapters: Mapping[ChainId, ChainAdapter],
        operators: Sequence[Signer],
        schedule: Schedule,
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """Wire everything; ``on_fatal`` hears of what must stop the process."""
        self._writer = writer
        self._adapters = adapters
        self._operators = operators
        self._schedule = schedule
        self._on_fatal = on_fatal
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._cutting = threading.Lock()
        self._trees = ClaimsTrees()
        self._driver = Driver(adapters, self._record_included, self._record_violation)
        self._watchers = [
            DepositWatcher(writer, adapter, schedule.poll_seconds, self._record_violation, on_fatal)
            for adapter in adapters.values()
        ]
        self._thread = threading.Thread(target=self._run, name="coordinator", daemon=True)

    def start(self) -> None:
        """Watch for deposits and drive settlements until ``close``."""
        for watcher in self._watchers:
            watcher.start()
        self._thread.start()

    def close(self) -> None:
        """Stop after the step that is running; what is left undone is found again at start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        for watcher in self._watchers:
            watcher.close()
        self._driver.close()

    def request_cut(self) -> int:
        """Cut a cycle now; return its number.

        Raises
        ------
        Conflict
            ``settlement_in_flight`` while home has not decided the one before or a chain still
            follows it, ``finality_violated`` or ``anchor_frozen`` when
            halted.
        Rejected
            ``CUT_TOO_EARLY`` when home's time has not passed the last committed cut.
        Unavailable
            ``chain_unreachable`` when home does not answer, ``home_not_final`` before its first
            finalised header.
        """
        with self._cutting:
            home_time = self._home_time()
            timing = Timing(
                home_time,
                home_time + self._schedule.prepare_seconds,
                home_time + self._schedule.decide_seconds,
            )
            at_cut = self._take_cut(timing)
            # Intake goes on while the plan is made: nothing that comes in now is part of it.
            proposal = propose(at_cut, timing, self._trees)
            self._writer.record(lambda state: proposal).result()
        self._wake.set()
        return proposal.settlement.cycle

    def _take_cut(self, timing: Timing) -> State:
        """Record that a cycle is cut here; return a copy of the state that it is cut from."""
        copies: list[State] = []

        def decide(state: State) -> CycleCut:
            active_chains(state, timing)
            copies.append(state.copied())
            return CycleCut(timing.cut_time, state.sequence, state.head)

        self._writer.record(decide).result()
        return copies[0]

    def step(self) -> None:
        """Sign what is unsigned, drive what is open, record what is proven, cut what is due."""
        for settlement_id in self._open_settlements():
            try:
                self._sign_if_needed(settlement_id)
            except (Conflict, Unavailable) as error:
                # Its lapse must still be seen, or it would block every later cut.
                log.error("settlement.unsigned", reason=error.reason, detail=error.message)
            package = self._package(settlement_id)
            for chain_id, view in self._driver.step(package).items():
                self._record_phase(settlement_id, chain_id, view)
        if self._schedule.cycle_seconds:
            self._cut_if_due()

    # -- the loop -------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Corruption as error:
                self._on_fatal(error)
                return
            except ClearingError as error:
                log.warning("coordinator.step_failed", reason=error.reason, detail=error.message)
            except Exception as error:  # noqa: BLE001 - a thread that died in silence settles nothing
                self._on_fatal(error)
                return
            self._wake.wait(self._schedule.poll_seconds)
            self._wake.clear()

    def _home_time(self) -> int:
        """Return home's time, at most the client latency ahead of its newest finalised header.

        A node's clock is only a hint: one that ran far ahead would make a settlement that nothing
        can prepare, and nothing else is cut until that has lapsed.
        """
        with self._writer.reading() as state:
            genesis = state.get_genesis()
        home = self._adapters[genesis.home_chain_id]
        header = home.find_finalised_header()
        if header is None:
            raise Unavailable("home_not_final", "home has no finalised header yet; try again")
        latency_seconds = genesis.windows.client_latency_seconds
        return min(home.hint_time(), header.timestamp + latency_seconds)

    def _open_settlements(self) -> list[Hash32]:
        with self._writer.reading() as state:
            return list(state.open_settlements)

    def _package(self, settlement_id: Hash32) -> SettlementPackage:
        with self._writer.reading() as state:
            return package_of(state, state.settlements[settlement_id])

    def _cut_if_due(self) -> None:
        with self._writer.reading() as state:
            last_cut = last_cut_time(state)
            busy = bool(state.halted) or state.in_flight is not None
            wait_seconds = self._schedule.cycle_seconds
            if not has_work(state):
                # An anchor that hears nothing for the stall time may be frozen by anyone.
                wait_seconds = max(wait_seconds, state.get_genesis().windows.stall_seconds // 2)
                busy = busy or not last_cut
        if busy:
            return
        if self._home_time() >= last_cut + wait_seconds:
            try:
                self.request_cut()
            except (Conflict, Rejected) as error:
                if error.reason not in _LOOK_AGAIN:
                    raise

    # -- recording ------------------------------------------------------------------------------

    def _sign_if_needed(self, settlement_id: Hash32) -> None:
        """Collect the quorum, in this thread: a key may be slow, and intake does not wait for it.

        The proposal is durable first, so that no other settlement of its cycle is ever signed.
        """
        with self._writer.reading() as state:
            if state.settlements[settlement_id].signatures:
                return
            operator_set = state.get_genesis().operator_set
        signed = SettlementSigned(
            settlement_id, collect_quorum(self._operators, operator_set, settlement_id)
        )
        self._writer.record(
            lambda state: None if state.settlements[settlement_id].signatures else signed
        ).result()

    def _record_phase(self, settlement_id: Hash32, chain_id: ChainId, view: ChainView) -> None:
        header, phase = view.header, view.proven.phase

        def decide(state: State) -> Entry | None:
            record = state.settlements[settlement_id]
            deadline = record.proposal.settlement.prepare_deadline
            if header.height <= record.heights.get(chain_id, 0):
                return None  # a node that lags behind what was recorded brings no news
            news = phase is not record.phases[chain_id]
            lapsed = phase is Phase.NONE and header.timestamp > deadline
            if not news and not (lapsed and chain_id not in record.lapsed):
                return None
            return PhaseProven(
                settlement_id, chain_id, phase, header.height, header.block_hash, header.timestamp
            )

        with self._writer.reading() as state:
            needed = decide(state) is not None
        if needed:
            self._writer.record(decide).result()

    def _record_included(self, included: Included) -> None:
        entry = TransactionIncluded(
            included.settlement_id,
            included.chain_id,
            included.action,
            included.outcome.transaction_hash,
            included.outcome.gas_used,
            included.proofs_verified,
        )
        self._writer.record(lambda state: entry).add_done_callback(_log_unreported)

    def _record_violation(self, chain_id: ChainId, fault: ChainFault) -> None:
        """Halt, so that nothing is admitted or cut from here on, and freeze the light clients.

        Evidence convicts by itself, so whoever has it freezes what follows the chain, and no anchor
        acts on either of its histories.
        """
        recorded = self._writer.record(
            lambda state: None if state.halted else FinalityViolated(chain_id, fault.message)
        )
        evidence = fault.attributes.get("evidence")
        if not recorded.result() or not isinstance(evidence, bytes):
            return
        with self._writer.reading() as state:
            home = state.get_genesis().home_chain_id
        for other, adapter in self._adapters.items():
            if other != chain_id and home in (other, chain_id):
                try:
                    adapter.submit_client_freeze(chain_id, evidence)
                    log.warning("client.frozen", chain=other, of_chain=chain_id)
                except ClearingError as error:
                    log.error(
                        "client.not_frozen",
                        chain=other,
                        of_chain=chain_id,
                        reason=error.reason,
                        detail=error.message,
                    )


def _log_unreported(recorded: Future[int]) -> None:
    """Tell of a transaction that no report will show; the settlement does not depend on it."""
    error = None if recorded.cancelled() else recorded.exception()
    if error is not None:
        log.warning("transaction.unreported", error=f"{type(error).__name__}: {error}")


def last_cut_time(state: State) -> int:
    """Return when the last committed settlement was cut, by home's clock; 0 before the first."""
    last = state.settlements.get(state.last_committed)
    return last.proposal.settlement.cut_time if last else 0


def has_work(state: State) -> bool:
    """Tell whether a cut would settle anything: fills, deposits, exits, releases or a residual."""
    return bool(
        state.fill_count > state.cut_fill_count
        or state.releases
        or any(queue.unconsumed for queue in state.deposits.values())
        or any(queue.waiting for queue in state.exits.values())
        or bool(state.accounts.accounts["residual"].any())
    )


def package_of(state: State, record: SettlementState) -> SettlementPackage:
    """Return what anyone needs to drive a settlement."""
    genesis = state.get_genesis()
    return SettlementPackage(
        settlement_id=record.settlement_id,
        settlement=record.proposal.settlement,
        legs=record.proposal.legs,
        operator_set=genesis.operator_set,
        signatures=record.signatures,
        home_chain_id=genesis.home_chain_id,
        challenge_seconds=genesis.windows.challenge_seconds,
        committed_at=record.committed_at,
    )


def propose(state: State, timing: Timing, trees: ClaimsTrees | None = None) -> SettlementProposed:
    """Plan the settlement of a state; see ``Coordinator.request_cut`` for what it raises."""
    active = active_chains(state, timing)
    plan = cut(state, active, timing.cut_time)
    proposal = build_proposal(state, plan, active, timing, trees)
    check(proposal.settlement_id != ZERO_HASH, "settlement_id_zero", "an id is never zero")
    return proposal


def active_chains(state: State, timing: Timing) -> list[ChainId]:
    """Return the chains that get a leg now, or raise as ``Coordinator.request_cut``.

    An anchor takes one settlement at a time, so a cut waits for chains that still follow home's
    last decision. One that has not followed for as long as that settlement was given sits this
    cycle out, so that a halted chain stops nobody else.
    """
    if state.halted:
        raise Conflict(state.halted.split()[0], f"clearing is halted: {state.halted}")
    if state.in_flight is not None:
        raise Conflict(
            "settlement_in_flight",
            "home has not decided the last settlement yet; cut again when it has",
            settlement_id=state.in_flight.hex(),
        )
    blocked = _following_chains(state)
    genesis = state.get_genesis()
    for chain_id, patience_ends in blocked.items():
        if timing.cut_time <= patience_ends or chain_id == genesis.home_chain_id:
            raise Conflict(
                "settlement_in_flight",
                f"chain {chain_id} has not followed home's last decision yet; cut again when it "
                f"has, or after {patience_ends}: then it sits the cycle out",
                chain_id=chain_id,
            )
    if timing.cut_time <= last_cut_time(state):
        raise Rejected("CUT_TOO_EARLY", "home's clock has not passed the parent's cut; try again")
    return [chain.chain_id for chain in genesis.chains if chain.chain_id not in blocked]


def _following_chains(state: State) -> dict[ChainId, int]:
    """Return the chains that have yet to follow a decision, and until when they are waited for."""
    following: dict[ChainId, int] = {}
    for record in state.open_settlements.values():
        settlement = record.proposal.settlement
        patience_ends = 2 * settlement.decide_by - settlement.cut_time
        for chain_id in record.active_chains:
            phase = record.phases[chain_id]
            aborts = record.outcome is Phase.ABORTED and phase is not Phase.ABORTED
            commits = record.outcome in (Phase.COMMITTED, Phase.FINAL) and phase in (
                Phase.NONE,
                Phase.PREPARED,
            )
            if (aborts and chain_id not in record.lapsed) or commits:
                following[chain_id] = patience_ends
    return following
