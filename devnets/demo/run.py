"""The demo's story, stage by stage; ``clearinghouse demo`` prints what it returns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from clearinghouse.api.client import ClearinghouseClient, sign_release
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.api.views import CycleReport, SettlementRecord
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.orders import Reason, Release
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.errors import Unavailable
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.intake.replay import replay
from clearinghouse.settlement.rebuild import verify_committed_legs
from clearinghouse.settlement.solvency import SolvencyLine, solvency_of
from clearinghouse.store.journal import open_journal
from clearinghouse.tape.trades import Tape, TapeTrade
from devnets.configuration import DevnetConfiguration
from devnets.demo.market import DemoMarket, DemoMember
from devnets.demo.progress import Stages
from devnets.demo.server_process import LastWords, ServerProcess
from devnets.harness import Devnet

SETTLED_CYCLES = 3
"""Slices of the tape that are settled before the halted cycle takes the rest."""
DEPOSIT_THREADS = 24
"""Deposits on their way per chain; a block takes them all."""
RELEASING_MEMBERS = 9
ORDER_LIFETIME_SECONDS = 86_400
STAGE_SECONDS_MAX = 120.0
POLL_SECONDS = 0.1


@dataclass
class DemoResult:
    """What the demo measured and found."""

    tape: Tape
    accounts: int
    instruments: int
    rejected: dict[Reason, int] = field(default_factory=dict)
    cycles: list[CycleReport] = field(default_factory=list)
    released: int = 0
    """Releases claimed."""
    solvency: list[SolvencyLine] = field(default_factory=list)
    journal_entries: int = 0
    journal_head: str = ""
    replay_matches: bool = False
    claims_match: bool = False
    """Every committed leg on chain equals the ledger's, and so every claim."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is missing, nothing differs and the replay matches."""
        return self.replay_matches and self.claims_match and all(s.is_whole for s in self.solvency)


class Demo:
    """One run; ``run`` does everything and stops everything."""

    def __init__(
        self,
        configuration: DevnetConfiguration,
        tape: Tape,
        directory: Path,
        stages: Stages,
    ) -> None:
        self._configuration = configuration
        self._tape = tape
        self._directory = directory
        self._stages = stages
        self._pause = threading.Event()

    def run(self) -> DemoResult:
        """Run the story.

        Raises
        ------
        ClearingError
            When a part of it does not come to its end.
        """
        with ExitStack() as stack:
            with self._stages.stage("devnet", "starting chains, committees and contracts"):
                self._devnet = stack.enter_context(
                    Devnet.start(self._configuration, self._directory)
                )
            deployment = self._devnet.deployment
            self._chain_ids = [chain.chain_id for chain in deployment.chains]
            self._asset = deployment.assets[0].asset_id
            self._funder = self._devnet.adapters(deployment.open_funder())
            for adapter in self._funder.values():
                stack.callback(adapter.close)
            with self._stages.stage("sign", "signing limits and orders for every account"):
                self._market = DemoMarket(
                    self._tape,
                    deployment.clearinghouse_id,
                    self._chain_ids,
                    self._asset,
                    expiry=int(time.time()) + ORDER_LIFETIME_SECONDS,
                )
            self._result = DemoResult(
                self._tape, len(self._market.members), len(self._market.instruments)
            )
            with self._stages.stage("server", "starting the clearinghouse"):
                server = stack.enter_context(ServerProcess(self._directory))
            self._client = stack.enter_context(ClearinghouseClient(server.target))
            self._operation = stack.enter_context(OperationClient(server.operation_target))
            self._enlist()
            self._trade_and_settle()
            self._halt_a_spoke()
            self._check(server)
        self._result.seconds = self._stages.seconds
        return self._result

    # -- stages ---------------------------------------------------------------------------------

    def _enlist(self) -> None:
        market = self._market
        with self._stages.stage("enlist", f"listing {len(market.instruments)} instruments"):
            self._operation.register_venue(market.venue, "tape")
            for instrument in market.instruments:
                self._operation.create_instrument(instrument)
            limits = market.placement_limits()
            for first in range(0, len(limits), 1_000):
                self._client.register_placement_limits(limits[first : first + 1_000])
        members = list(market.members.values())
        with self._stages.stage("deposit", f"{len(members)} members deposit, final and proven"):
            self._deposit(members)
            self._until("deposits are credited", lambda: self._credited() == len(members))

    def _trade_and_settle(self) -> None:
        self._slices = _slices(self._tape.trades, SETTLED_CYCLES + 1)
        settled: list[Hash32] = []
        for number in range(SETTLED_CYCLES):
            self._replay_trades(number)
            if number == 1:
                with self._stages.stage("release", "members ask to be paid out"):
                    self._request_releases()
            settled.append(self._settle(f"cycle {number + 1}"))
        with self._stages.stage("finality", "waiting for the challenge windows to end"):
            self._until_phase(settled[-1], self._chain_ids, Phase.FINAL)
        with self._stages.stage("release", "members claim their releases"):
            self._claim_releases(self._client.get_settlement(settled[1]))

    def _halt_a_spoke(self) -> None:
        """Let a spoke stop between prepare and the proof of it: home must abort, all follow."""
        home = self._devnet.deployment.home
        halted = next(chain for chain in reversed(self._chain_ids) if chain != home)
        name = self._devnet.deployment.get_chain(halted).name
        others = [chain for chain in self._chain_ids if chain != halted]
        self._replay_trades(SETTLED_CYCLES)
        with self._stages.stage("abort", f"{name} halts once it has prepared; home aborts"):
            self._devnet.halt(halted)
            settlement_id = self._cut()
            self._until_prepared_but_not_final(halted, settlement_id)
            self._until_phase(settlement_id, others, Phase.ABORTED)
        with self._stages.stage("resume", f"{name} resumes and follows"):
            self._devnet.resume(halted)
            self._until_phase(settlement_id, [halted], Phase.ABORTED)
        last = self._settle("what was left")
        with self._stages.stage("finality", "waiting for the challenge window to end"):
            self._until_phase(last, self._chain_ids, Phase.FINAL)

    def _check(self, server: ServerProcess) -> None:
        result = self._result
        with self._stages.stage("check", "comparing chains, ledger and replay"):
            for summary in self._client.list_settlements():
                result.cycles.append(self._client.get_cycle(summary.cycle))
            words = server.stop()
            url = f"sqlite:///{self._directory / 'journal.sqlite'}"
            with open_journal(url, read_only=True) as journal:
                state = replay(journal.read())
            result.journal_entries, result.journal_head = state.sequence, "0x" + state.head.hex()
            result.replay_matches = _is_standing(state, words)
            result.solvency = solvency_of(state, self._funder)
            verify_committed_legs(state)
            result.claims_match = all(
                self._funder[chain_id].hint_last_leg() == state.leg_hashes[chain_id]
                for chain_id in self._chain_ids
            )

    # -- steps ----------------------------------------------------------------------------------

    def _deposit(self, members: Sequence[DemoMember]) -> None:
        """Deposit for everyone, from the one funder, many at a time."""
        pools = {c: ThreadPoolExecutor(DEPOSIT_THREADS) for c in self._chain_ids}
        try:
            futures = [
                pools[member.chain_id].submit(
                    self._funder[member.chain_id].submit_deposit,
                    self._asset,
                    member.deposit_quanta,
                    member.member,
                )
                for member in members
            ]
            for future in futures:
                future.result()
        finally:
            for pool in pools.values():
                pool.shutdown(cancel_futures=True)

    def _credited(self) -> int:
        return self._operation.get_status().members

    def _replay_trades(self, number: int) -> None:
        trades = self._slices[number]
        with self._stages.stage("trade", f"replaying {len(trades)} trades over gRPC"):
            submissions = (
                (item.batch, item.orders, item.signature) for item in self._market.batches(trades)
            )
            for answer in self._client.stream_batches(submissions):
                if not isinstance(answer, BatchReceipt):
                    raise answer
                for reason in answer.reasons:
                    if reason is not Reason.ADMITTED:
                        self._result.rejected[reason] = self._result.rejected.get(reason, 0) + 1

    def _settle(self, what: str) -> Hash32:
        with self._stages.stage("settle", f"settling {what} on {len(self._chain_ids)} chains"):
            settlement_id = self._cut()
            self._until_phase(settlement_id, self._chain_ids, Phase.COMMITTED, Phase.FINAL)
        return settlement_id

    def _cut(self) -> Hash32:
        cycle = self._operation.cut_cycle()
        return next(
            summary.settlement_id
            for summary in self._client.list_settlements()
            if summary.cycle == cycle
        )

    def _request_releases(self) -> None:
        """Some members on every chain ask for a quarter of what they deposited."""
        expiry = int(time.time()) + ORDER_LIFETIME_SECONDS
        asking: dict[ChainId, int] = {}
        for member in self._market.members.values():
            if asking.get(member.chain_id, 0) == RELEASING_MEMBERS // len(self._chain_ids):
                continue
            asking[member.chain_id] = asking.get(member.chain_id, 0) + 1
            release = Release(
                member=member.member,
                chain_id=member.chain_id,
                asset_id=self._asset,
                quanta=member.deposit_quanta // 4,
                nonce=1,
                expiry=expiry,
            )
            signature = sign_release(
                member.private_key, self._devnet.deployment.clearinghouse_id, release
            )
            self._client.request_release(release, signature)

    def _claim_releases(self, record: SettlementRecord) -> None:
        """Claim every release with its branch; anyone may, the tokens go to the member."""
        for payable in record.releases:
            if payable.quanta == 0:
                continue
            proof = self._client.get_release_branch(
                record.settlement_id, payable.chain_id, payable.asset_id, payable.index
            )
            self._funder[payable.chain_id].submit_claim_release(
                record.settlement_id,
                payable.asset_id,
                payable.index,
                payable.member,
                payable.quanta,
                proof.branch,
            )
            self._result.released += 1

    def _until_prepared_but_not_final(self, halted: ChainId, settlement_id: Hash32) -> None:
        """Give the halted chain one block with the prepare in it, and none to make it final."""
        adapter = self._funder[halted]

        def prepared() -> bool:
            if self._devnet.pending_transactions(halted):
                self._devnet.mine(halted)
            return adapter.hint_phase(settlement_id) is Phase.PREPARED

        self._until("the halted chain has prepared", prepared)

    def _until_phase(
        self, settlement_id: Hash32, chains: Sequence[ChainId], *phases: Phase
    ) -> None:
        def reached() -> bool:
            record = self._client.get_settlement(settlement_id)
            proven = {known.chain_id: known.phase for known in record.chain_phases}
            if Phase.ABORTED not in phases and record.outcome is Phase.ABORTED:
                raise Unavailable("demo_aborted", "home aborted a settlement; see server.log")
            return all(proven[chain_id] in phases for chain_id in chains)

        names = " or ".join(phase.name for phase in phases)
        self._until(f"the settlement is proven {names}", reached)

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + STAGE_SECONDS_MAX
        while not condition():
            if time.monotonic() > ends:
                raise Unavailable(
                    "demo_stuck",
                    f"not within {STAGE_SECONDS_MAX:.0f} s: {what}; see "
                    f"{self._directory / 'server.log'}",
                )
            self._pause.wait(POLL_SECONDS)


def _slices(trades: Sequence[TapeTrade], count: int) -> list[Sequence[TapeTrade]]:
    """Cut the tape into so many parts of nearly equal length."""
    bounds = [len(trades) * number // count for number in range(count + 1)]
    return [trades[first:last] for first, last in pairwise(bounds)]


def _is_standing(state: State, words: LastWords) -> bool:
    return (state.sequence, "0x" + state.head.hex(), "0x" + state_hash(state).hex()) == (
        words.sequence,
        words.head,
        words.state_hash,
    )
