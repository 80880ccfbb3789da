"""The contract by which other chains follow Ethereum or a chain with its consensus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.ethereum.network import build_network
from adapters.evm.artifacts import load_artifact
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.proofs.ethereum.forks import Network


@dataclass(frozen=True)
class SyncCommitteeClientPlan:
    """A ``LightClientPlan``."""

    network: Network
    trusting_seconds: int
    """How long a committee is believed without an update."""
    period: int
    """From which on the chain is followed."""
    committee_root: Hash32
    """Of that period's committee: what the contract trusts at first."""

    def deploy(self, sender: Sender, clients: Mapping[ChainId, Address]) -> Address:
        """Create the client and return its address; it needs no other client beside it."""
        init_code = load_artifact("SyncCommitteeLightClient").encode_creation(
            build_network(self.network, self.trusting_seconds), self.period, self.committee_root
        )
        address, _ = sender.create(init_code)
        return address
