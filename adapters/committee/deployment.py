"""The contract by which other chains follow a committee's chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.evm.artifacts import load_artifact
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.proofs.committee import Committee


@dataclass(frozen=True)
class CommitteeClientPlan:
    """A ``LightClientPlan``."""

    committee: Committee

    def deploy(self, sender: Sender, clients: Mapping[ChainId, Address]) -> Address:
        """Create the client and return its address; it needs no other client beside it."""
        committee = self.committee
        init_code = load_artifact("CommitteeLightClient").encode_creation(
            committee.clearinghouse_id,
            committee.chain_id,
            committee.epoch,
            committee.threshold,
            list(committee.members),
        )
        address, _ = sender.create(init_code)
        return address
