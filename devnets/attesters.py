"""The attesters of a devnet's chain: each looks for itself, a quorum of them publishes.

An attester signs a header when its own look at the node shows it final and on top of the one it
signed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from adapters.base import Signer
from adapters.committee.attester import Attester
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.handover import Handover
from clearinghouse.proofs.header import Header
from devnets.anvil import Anvil
from devnets.finality import FinalityService


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


class CommitteeAttesters(FinalityService):
    """All attesters of one chain."""

    def __init__(
        self,
        anvil: Anvil,
        url: str,
        committee: Committee,
        signers: Sequence[Signer],
        directory: Path,
    ) -> None:
        """``url`` is where the chain is read, by attesters as by everybody."""
        super().__init__(anvil)
        self._committee = committee
        self._directory = directory
        self._url = url
        self._witnesses = [Witness(signer, url) for signer in signers]
        self._attested_height = 0
        self._epoch_lock = Lock()

    def hand_over(self, successor: Committee, signers: Sequence[Signer]) -> Handover:
        """End the epoch at the newest attested header; ``signers`` attest all that follows.

        Raises
        ------
        Conflict
            As ``Attester.hand_over``; the epoch then goes on.
        """
        with self._epoch_lock:
            attester = Attester(
                self._committee, [w.signer for w in self._witnesses], self._directory
            )
            handover = attester.hand_over(self._attested_height, successor)
            self._committee = successor
            self._witnesses = [Witness(signer, self._url) for signer in signers]
            return handover

    def _prove(self, final_height: int) -> int:
        """Attest the newest finalised header, unless it is attested already."""
        with self._epoch_lock:
            return self._attest(final_height)

    def _attest(self, final_height: int) -> int:
        if final_height <= self._attested_height:
            return self._attested_height
        seen: dict[Hash32, list[Signer]] = {}
        for witness in self._witnesses:
            seen.setdefault(witness.verify_final(final_height), []).append(witness.signer)
        block_hash, signers = max(seen.items(), key=lambda entry: len(entry[1]))
        if len(signers) < self._committee.threshold:
            raise Unavailable("quorum_missing", f"attesters do not agree on block {final_height}")
        Attester(self._committee, signers, self._directory).attest(final_height, block_hash)
        self._attested_height = final_height
        return final_height
