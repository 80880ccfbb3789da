"""Carries actions to the chains. Anyone may run one: the coordinator and ``relay`` run the same.

Every chain has a thread of its own, so a halted or unreachable chain delays nobody else. A driver
keeps nothing that matters: killed at any line, another one goes on from what the chains show.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace

import structlog

from adapters.base import ChainAdapter, TransactionOutcome
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import ChainFault, ClearingError
from clearinghouse.settlement.stages import Action, ChainView, SettlementPackage, next_actions

log = structlog.get_logger()


@dataclass(frozen=True)
class Included:
    """A transaction of ours that a chain included."""

    settlement_id: Hash32
    chain_id: ChainId
    action: str
    outcome: TransactionOutcome
    proofs_verified: int


class Driver:
    """Observes chains, asks ``next_actions`` what is due, and submits it."""

    def __init__(
        self,
        adapters: Mapping[ChainId, ChainAdapter],
        on_included: Callable[[Included], None] = lambda included: None,
        on_finality_violated: Callable[[ChainId, ChainFault], None] = lambda chain, fault: None,
        observe_seconds: float = 5.0,
    ) -> None:
        self._adapters = adapters
        self._on_included = on_included
        self._on_finality_violated = on_finality_violated
        self._observe_seconds = observe_seconds
        self._observers = _one_thread_each(adapters, "observe")
        self._submitters = _one_thread_each(adapters, "submit")
        self._observing: dict[ChainId, Future[ChainView | None]] = {}
        self._submitting: dict[ChainId, Future[None]] = {}
        self._committed_at: dict[Hash32, int] = {}
        self._refusals: dict[tuple[ChainId, str], object] = {}
        """What was last refused, per chain and purpose, so that it is not logged at every look."""
        self._stopping = threading.Event()

    def step(self, package: SettlementPackage) -> dict[ChainId, ChainView]:
        """Look at every active chain, start what is due there, and return what was seen.

        Chains that do not answer in time are left out; the caller just steps again.
        """
        views = self._observe(package)
        home = views.get(package.home_chain_id)
        if home is not None and home.proven.phase in (Phase.COMMITTED, Phase.FINAL):
            self._committed_at.setdefault(package.settlement_id, home.header.timestamp)
        committed_at = package.committed_at or self._committed_at.get(package.settlement_id, 0)
        for action in next_actions(package, views, committed_at):
            running = self._submitting.get(action.chain_id)
            if running is None or running.done():
                self._submitting[action.chain_id] = self._submitters[action.chain_id].submit(
                    self._perform, package, action
                )
        return views

    def close(self) -> None:
        """Start nothing more and wait for what is on its way."""
        self._stopping.set()
        for pool in (*self._observers.values(), *self._submitters.values()):
            pool.shutdown(wait=True, cancel_futures=True)

    # -- observing ------------------------------------------------------------------------------

    def _observe(self, package: SettlementPackage) -> dict[ChainId, ChainView]:
        futures: dict[ChainId, Future[ChainView | None]] = {}
        for chain_id in package.active_chains:
            running = self._observing.get(chain_id)
            if running is not None and not running.done():
                continue
            futures[chain_id] = self._observers[chain_id].submit(self._look_at, package, chain_id)
        self._observing.update(futures)
        wait_for(futures.values(), timeout=self._observe_seconds)
        views = {}
        for chain_id, future in futures.items():
            view = future.result() if future.done() else None
            if view is not None:
                views[chain_id] = view
        return views

    def _look_at(self, package: SettlementPackage, chain_id: ChainId) -> ChainView | None:
        adapter = self._adapters[chain_id]
        try:
            header = adapter.find_finalised_header()
            if header is None:
                return None
            followed = (
                package.spokes if chain_id == package.home_chain_id else (package.home_chain_id,)
            )
            return ChainView(
                proven=adapter.prove_phase(header, package.settlement_id),
                hint_phase=adapter.hint_phase(package.settlement_id),
                hint_in_flight=adapter.hint_in_flight(),
                hint_time=adapter.hint_time(),
                client_heights={other: adapter.hint_client_height(other) for other in followed},
            )
        except ClearingError as error:
            self._report(chain_id, "observe", error)
            return None

    # -- acting ---------------------------------------------------------------------------------

    def _perform(self, package: SettlementPackage, action: Action) -> None:
        """Act; nobody awaits the result, so what is unexpected is told here and tried again."""
        if self._stopping.is_set():
            return
        try:
            self._act(package, action)
        except Exception as error:
            if self._is_news(action.chain_id, action.name, repr(error)):
                log.exception("chain.action_failed", chain=action.chain_id, doing=action.name)

    def _act(self, package: SettlementPackage, action: Action) -> None:
        adapter = self._adapters[action.chain_id]
        try:
            for followed, header in action.updates:
                held = adapter.hint_client_height(followed)
                for update in self._adapters[followed].build_client_updates(header, held):
                    outcome = adapter.submit_client_update(followed, update)
                    self._included(package, replace(action, name="update", proofs=()), outcome)
            self._included(package, action, _submit(adapter, package, action))
        except ClearingError as error:
            self._report(action.chain_id, action.name, error)

    def _included(
        self, package: SettlementPackage, action: Action, outcome: TransactionOutcome
    ) -> None:
        self._refusals.pop((action.chain_id, action.name), None)
        log.info(
            "transaction.included",
            chain=action.chain_id,
            action=action.name,
            gas=outcome.gas_used,
            settlement=package.settlement_id.hex()[:16],
        )
        self._on_included(
            Included(
                package.settlement_id, action.chain_id, action.name, outcome, len(action.proofs)
            )
        )

    def _report(self, chain_id: ChainId, doing: str, error: ClearingError) -> None:
        """Log what is new and go on: the next step looks again. A broken finality is passed up."""
        if self._is_news(chain_id, doing, (error.reason, error.attributes.get("error"))):
            log.warning(
                "chain.refused",
                chain=chain_id,
                doing=doing,
                reason=error.reason,
                detail=error.message,
            )
        if isinstance(error, ChainFault) and error.reason == "finality_violated":
            self._on_finality_violated(chain_id, error)

    def _is_news(self, chain_id: ChainId, doing: str, refusal: object) -> bool:
        """Remember what was refused; tell whether the time before was another."""
        before = self._refusals.get((chain_id, doing))
        self._refusals[(chain_id, doing)] = refusal
        return before != refusal


def _one_thread_each(
    adapters: Mapping[ChainId, ChainAdapter], purpose: str
) -> dict[ChainId, ThreadPoolExecutor]:
    return {
        chain_id: ThreadPoolExecutor(1, thread_name_prefix=f"{purpose}-{chain_id}")
        for chain_id in adapters
    }


def _submit(
    adapter: ChainAdapter, package: SettlementPackage, action: Action
) -> TransactionOutcome:
    settlement = package.settlement
    match action.name:
        case "prepare":
            return adapter.submit_prepare(
                settlement, package.leg(action.chain_id), package.operator_set, package.signatures
            )
        case "commit":
            return adapter.submit_commit(settlement, package.leg(action.chain_id), action.proofs)
        case "abort":
            return adapter.submit_abort(settlement)
        case "abort_by_absence":
            assert action.of_chain is not None
            return adapter.submit_abort_by_absence(settlement, action.of_chain, action.proofs[0])
        case "abort_by_proof":
            return adapter.submit_abort_by_proof(settlement, action.proofs[0])
        case "finalize":
            return adapter.submit_finalize(package.settlement_id)
        case "finalize_by_proof":
            return adapter.submit_finalize_by_proof(package.settlement_id, action.proofs[0])
        case _:
            raise ValueError(f"no such action: {action.name}")
