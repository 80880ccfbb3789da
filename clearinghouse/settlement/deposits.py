"""Credits deposits: only final ones, only proven ones, in the anchor's order, each once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Protocol

import structlog

from adapters.base import ChainAdapter, ProvenDeposit
from clearinghouse.book.entries import DepositFinalised, Entry
from clearinghouse.book.identifiers import AssetId, ChainId, Hash32
from clearinghouse.book.state import State
from clearinghouse.errors import ChainFault, ClearingError, Corruption
from clearinghouse.proofs.header import VerifiedHeader

log = structlog.get_logger()


class Writer(Protocol):
    """The sequencer, as this module uses it."""

    def record(self, decide: Callable[[State], Entry | None]) -> Future[int]: ...

    def reading(self) -> AbstractContextManager[State]: ...


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
        """Credit what a new finalised header brings; return the number of deposits."""
        header = self._adapter.find_finalised_header()
        if header is None or header.height <= self._seen_height:
            return 0
        credited = 0
        for asset_id, first_index, hash_before in self._cursors():
            for deposit in self._adapter.prove_deposits(header, asset_id, first_index, hash_before):
                credited += self._credit(asset_id, deposit, header)
        self._seen_height = header.height
        return credited

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Corruption as error:
                self._on_fatal(error)
                return
            except ClearingError as error:
                log.warning(
                    "deposits.unread",
                    chain=self._adapter.chain_id,
                    reason=error.reason,
                    detail=error.message,
                )
                if isinstance(error, ChainFault) and error.reason == "finality_violated":
                    self._on_finality_violated(self._adapter.chain_id, error)
                    return
            except Exception as error:  # noqa: BLE001 - a thread that died in silence credits nothing
                self._on_fatal(error)
                return
            self._stop.wait(self._poll_seconds)

    def _cursors(self) -> list[tuple[AssetId, int, Hash32]]:
        with self._writer.reading() as state:
            return [
                (asset_id, queue.count, queue.head_hash)
                for (chain_id, asset_id), queue in state.deposits.items()
                if chain_id == self._adapter.chain_id
            ]

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
