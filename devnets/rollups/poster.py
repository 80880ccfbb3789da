"""Posts a rollup's newest final block to its L1 at a regular interval."""

from __future__ import annotations

import logging
import threading

from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from adapters.evm.sender import Sender
from clearinghouse.errors import ClearingError
from devnets.rollups.contracts import RootContract

logger = logging.getLogger(__name__)


class RootPoster:
    """A thread with an account of its own on L1."""

    def __init__(
        self, rollup_url: str, sender: Sender, contract: RootContract, posting_seconds: float
    ) -> None:
        self._reader = Reader(connect(rollup_url))
        self._sender = sender
        self._contract = contract
        self._posting_seconds = posting_seconds
        self._posted_height = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="root poster", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._sender.close()
        self._thread.join()

    def post(self) -> int:
        """Post the newest final block unless it is posted already; return its height.

        Raises
        ------
        ClearingError
            When either chain does not answer, or L1 does not take it.
        """
        header, encoded = self._reader.get_finalised_header()
        if header.height > self._posted_height:
            call = self._contract.encode_post(self._reader, header, encoded)
            self._sender.send(self._contract.address, call)
            self._posted_height = header.height
        return self._posted_height

    def _run(self) -> None:
        while not self._closed.wait(self._posting_seconds):
            try:
                self.post()
            except ClearingError as error:  # a halted chain; the next block is due soon
                logger.debug("root of chain %d: %s", self._sender.chain_id, error)
