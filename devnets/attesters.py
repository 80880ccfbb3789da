"""The attesters of a devnet's chain: each looks for itself, a quorum of them publishes.

An attester signs a header when its own look at the node shows it final and on top of the one it
signed before. Nothing is signed that a crash could undo: the chain's state is on disk first, so a
killed chain that comes back never contradicts a signature.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from adapters.base import Signer
from adapters.committee.attester import Attester
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.errors import ChainFault, ClearingError, Unavailable
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.header import Header
from devnets.anvil import Anvil

logger = logging.getLogger(__name__)

LOOK_SECONDS_MIN = 0.1
"""Blocks may come faster; then only some finalised headers are attested."""

CHECKPOINT_SHARE_MAX = 0.1
"""Of the time, spent on checkpoints: they grow with the chain, a few kilobytes with every block, so
after some hours attestations come less often rather than slow the machine."""


class Witness:
    """One attester's view of its chain, through a connection of its own."""

    def __init__(self, signer: Signer, url: str) -> None:
        self.signer = signer
        self._reader = Reader(connect(url))
        self._signed: Header | None = None

    def verify_final(self, height: int) -> Hash32:
        """Return the hash of the block that this attester finds final at ``height``.

        Raises
        ------
        Unavailable
            ``block_not_final`` when its node does not hold the height final yet.
        ChainFault
            ``finality_violated`` when the block it signed last is not in the node's chain any more.
        """
        final, _ = self._reader.get_finalised_header()
        if final.height < height:
            raise Unavailable(
                "block_not_final", f"block {height} is not final yet, only {final.height} is"
            )
        if final.height > height:
            final, _ = self._reader.get_header_at(height)
        signed = self._signed
        if signed is not None:
            standing, _ = self._reader.get_header_at(signed.height)
            if standing.block_hash != signed.block_hash:
                raise ChainFault(
                    "finality_violated",
                    f"block {signed.height} was final as {to_hex(signed.block_hash)} and is now "
                    f"{to_hex(standing.block_hash)}; nothing of this chain is signed any more",
                    height=signed.height,
                )
        self._signed = final
        return final.block_hash


class CommitteeAttesters:
    """All attesters of one chain, in a thread that follows its finalised blocks."""

    def __init__(
        self, anvil: Anvil, committee: Committee, signers: Sequence[Signer], directory: Path
    ) -> None:
        self._anvil = anvil
        self._committee = committee
        self._directory = directory
        self._witnesses = [Witness(signer, anvil.url) for signer in signers]
        self._height = 0
        self._checkpoint_seconds = 0.0
        self._fault: ClearingError | None = None
        self._published = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="attesters", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def wait_for(self, height: int, timeout_seconds: float) -> None:
        """Return when a header of at least ``height`` is attested.

        Raises
        ------
        Unavailable
            ``attestation_missing`` at the time-out.
        ClearingError
            What made the attesters stop for good.
        """
        with self._published:
            reached = self._published.wait_for(
                lambda: self._height >= height or self._fault is not None, timeout_seconds
            )
            if self._fault is not None:
                raise self._fault
            if not reached:
                raise Unavailable(
                    "attestation_missing",
                    f"chain {self._committee.chain_id} has no attestation from block {height} on "
                    f"after {timeout_seconds} s; is it halted?",
                    chain_id=self._committee.chain_id,
                    height=height,
                )

    def _follow(self) -> None:
        regular_seconds = max(LOOK_SECONDS_MIN, self._anvil.block_seconds / 2)
        while not self._closed.wait(
            max(regular_seconds, self._checkpoint_seconds / CHECKPOINT_SHARE_MAX)
        ):
            try:
                self._attest()
            except Unavailable as error:
                logger.debug("chain %d: %s", self._committee.chain_id, error)
            except ClearingError as error:
                logger.error("attesters of chain %d stop: %s", self._committee.chain_id, error)
                with self._published:
                    self._fault = error
                    self._published.notify_all()
                return

    def _attest(self) -> None:
        """Attest the newest finalised header, unless it is attested already."""
        height = self._anvil.height("finalized")
        if height <= self._height:
            return
        started = time.monotonic()
        self._anvil.checkpoint()
        self._checkpoint_seconds = time.monotonic() - started
        seen: dict[Hash32, list[Signer]] = {}
        for witness in self._witnesses:
            seen.setdefault(witness.verify_final(height), []).append(witness.signer)
        block_hash, signers = max(seen.items(), key=lambda entry: len(entry[1]))
        if len(signers) < self._committee.threshold:
            raise Unavailable("quorum_missing", f"attesters do not agree on block {height}")
        Attester(self._committee, signers, self._directory).attest(height, block_hash)
        with self._published:
            self._height = height
            self._published.notify_all()
