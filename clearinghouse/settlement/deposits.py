"""Takes in what is final on a chain: deposits and exits, proven, in the anchor's order, each once;
and whether its anchor has frozen."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from adapters.base import ChainAdapter, ProvenDeposit, ProvenExit
from clearinghouse.book.entries import AnchorFrozen, DepositFinalised, Entry, ExitRequested
from clearinghouse.book.identifiers import AssetId, ChainId, Hash32
from clearinghouse.book.state import State
from clearinghouse.errors import ChainFault, ClearingError, Corruption
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.settlement.ports import Writer

log = structlog.get_logger()


class DepositWatcher:
    """Follows one chain's finalised headers in a thread of its own."""

    def __init__(
        self,
        writer: Writer,
        adapter: ChainAdapter,
        poll_seconds: float,
        on_finality_violated: Callable[[ChainId, ChainFault], None],
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._writer = writer
        self._adapter = adapter
        self._poll_seconds = poll_seconds
        self._on_finality_violated = on_finality_violated
        self._on_fatal = on_fatal
        self._seen_height = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"deposits-{adapter.chain_id}", daemon=True
        )

    def start(self) -> None:
        """Follow until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the look that is running."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self) -> int:
        """Record what a new finalised header brings; return the number of deposits."""
        header = self._adapter.find_finalised_header()
        if header is None or header.height <= self._seen_height:
            return 0
        credited = 0
        for asset_id, first_index, hash_before in self._cursors():
            for deposit in self._adapter.prove_deposits(header, asset_id, first_index, hash_before):
                credited += self._credit(asset_id, deposit, header)
        for asset_id, first_index in self._exit_cursors():
            for exit_ in self._adapter.prove_exits(header, asset_id, first_index):
                self._record_exit(exit_, header)
        if self._adapter.prove_frozen(header):
            self._record_frozen(header)
        self._seen_height = header.height
        return credited

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Corruption as error:
                self._on_fatal(error)
                return
            except ClearingError as error:
                self._log_unread(error)
            except Exception as error:  # noqa: BLE001 - a thread that died in silence credits nothing
                self._on_fatal(error)
                return
            self._stop.wait(self._poll_seconds)

    def _look(self) -> None:
        """Take a step; end at a broken finality, but only once that is recorded."""
        try:
            self.step()
        except ChainFault as fault:
            if fault.reason != "finality_violated":
                raise
            self._log_unread(fault)
            self._on_finality_violated(self._adapter.chain_id, fault)
            self._stop.set()

    def _log_unread(self, error: ClearingError) -> None:
        log.warning(
            "deposits.unread",
            chain=self._adapter.chain_id,
            reason=error.reason,
            detail=error.message,
        )

    def _cursors(self) -> list[tuple[AssetId, int, Hash32]]:
        with self._writer.reading() as state:
            return [
                (asset_id, queue.count, queue.head_hash)
                for (chain_id, asset_id), queue in state.deposits.items()
                if chain_id == self._adapter.chain_id
            ]

    def _exit_cursors(self) -> list[tuple[AssetId, int]]:
        with self._writer.reading() as state:
            return [
                (asset_id, queue.count)
                for (chain_id, asset_id), queue in state.exits.items()
                if chain_id == self._adapter.chain_id
            ]

    def _record_exit(self, exit_: ProvenExit, header: VerifiedHeader) -> None:
        def decide(state: State) -> Entry | None:
            if state.exits[(exit_.chain_id, exit_.asset_id)].count != exit_.index:
                return None
            return ExitRequested(
                chain_id=exit_.chain_id,
                asset_id=exit_.asset_id,
                index=exit_.index,
                member=exit_.member,
                quanta=exit_.quanta,
                time=exit_.time,
                height=header.height,
                block_hash=header.block_hash,
            )

        self._writer.record(decide).result()

    def _record_frozen(self, header: VerifiedHeader) -> None:
        entry = AnchorFrozen(self._adapter.chain_id, header.height, header.block_hash)
        if self._writer.record(lambda state: None if state.halted else entry).result():
            log.critical("anchor.frozen", chain=entry.chain_id, height=entry.height)

    def _credit(self, asset_id: AssetId, deposit: ProvenDeposit, header: VerifiedHeader) -> int:
        chain_id = self._adapter.chain_id

        def decide(state: State) -> Entry | None:
            if state.deposits[(chain_id, asset_id)].count != deposit.index:
                return None
            return DepositFinalised(
                chain_id=chain_id,
                asset_id=asset_id,
                index=deposit.index,
                member=deposit.member,
                quanta=deposit.quanta,
                total=deposit.total,
                hash=deposit.hash,
                height=header.height,
                block_hash=header.block_hash,
            )

        return int(self._writer.record(decide).result() > 0)
