"""The contract by which other chains follow a committee's chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.committee.client import ClientPolicy, build_configuration
from adapters.evm.artifacts import load_artifact
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.proofs.committee import Committee, Scheme

CONTRACT_OF = {Scheme.ECDSA: "CommitteeLightClient", Scheme.BLS: "BlsCommitteeLightClient"}


@dataclass(frozen=True)
class CommitteeClientPlan:
    """A ``LightClientPlan``."""

    committee: Committee
    policy: ClientPolicy = field(default_factory=ClientPolicy)

    def deploy(self, sender: Sender, clients: Mapping[ChainId, Address]) -> Address:
        """Create the client and return its address; it needs no other client beside it."""
        artifact = load_artifact(CONTRACT_OF[self.committee.scheme])
        configuration = build_configuration(self.committee, self.policy)
        address, _ = sender.create(artifact.encode_creation(configuration))
        return address
