"""Attestations in memory, published by whoever simulates the committee."""

from __future__ import annotations

from clearinghouse.book.identifiers import ChainId
from clearinghouse.proofs.committee import Attestation
from clearinghouse.proofs.handover import Handover


class MemoryAttestations:
    """See ``adapters.committee.source.AttestationSource``.

    Unlike a directory it lets one height be published twice, the later one counting: that is how a
    simulated committee equivocates.
    """

    def __init__(self) -> None:
        self._by_chain: dict[ChainId, dict[int, Attestation]] = {}
        self._handovers: dict[tuple[ChainId, int], Handover] = {}

    def publish(self, chain_id: ChainId, attestation: Attestation) -> None:
        """Add an attestation, in the place of an earlier one of its height."""
        self._by_chain.setdefault(chain_id, {})[attestation.height] = attestation

    def find_newest(self, chain_id: ChainId) -> Attestation | None:
        """Return the attestation of the greatest height, None before there is any."""
        published = self._by_chain.get(chain_id, {})
        return published[max(published)] if published else None

    def find_at(self, chain_id: ChainId, height: int) -> Attestation | None:
        """Return the attestation of that height, None where there is none."""
        return self._by_chain.get(chain_id, {}).get(height)

    def find_handover(self, chain_id: ChainId, epoch: int) -> Handover | None:
        """Return the handover that ended that epoch, None where there is none."""
        return self._handovers.get((chain_id, epoch))

    def publish_handover(self, handover: Handover) -> None:
        """Add the last word of an epoch."""
        self._handovers[handover.successor.chain_id, handover.epoch] = handover
