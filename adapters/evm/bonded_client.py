"""The contract by which other chains follow a rollup: attesters with bonds, whom L1 audits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.base import TransactionOutcome
from adapters.evm.artifacts import load_artifact
from adapters.evm.deployer import deploy_token, mint_token
from adapters.evm.rollup_proofs import Argument
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.errors import Rejected
from clearinghouse.proofs.committee import Attestation, Committee


def submit_audit(
    sender: Sender, client: Address, attestation: Attestation, evidence: Argument
) -> TransactionOutcome:
    """Take the bonds of everyone who signed ``attestation``, which ``evidence`` contradicts.

    Raises
    ------
    ChainFault
        ``transaction_reverted``, as with ``AttestationTrue`` where L1 proves what was attested.
    """
    call = load_artifact("AttestedRollupClient").encode_call(
        "audit",
        attestation.height,
        attestation.block_hash,
        list(attestation.signatures),
        evidence,
    )
    return sender.send(client, call)


@dataclass(frozen=True)
class RootPlan:
    """The contract that proves a rollup's headers by what its L1 says."""

    artifact: str
    arguments: tuple[object, ...]
    """Of its constructor."""


@dataclass(frozen=True)
class BondedClientPlan:
    """A ``LightClientPlan``."""

    committee: Committee
    """The attesters."""
    l1: ChainId
    root: RootPlan
    history_window: int
    """How many hashes of earlier blocks the rollup's own state holds (EIP-2935)."""
    bond_units: int
    """Of each attester, in units of a test token with 18 decimals."""
    unbonding_seconds: int
    challenger_basis_points: int
    """Of a slashed bond, for who proved it; in ten-thousandths."""
    insurance: Address
    """Gets the rest."""

    def deploy(self, sender: Sender, clients: Mapping[ChainId, Address]) -> Address:
        """Create root contract, bond token and client, and post every attester's bond.

        Raises
        ------
        Rejected
            ``NOT_CONFIGURED`` where no light client of the rollup's L1 stands yet.
        """
        root, _ = sender.create(
            load_artifact(self.root.artifact).encode_creation(*self.root.arguments)
        )
        token = deploy_token(sender, "BOND", 18)
        client = load_artifact("AttestedRollupClient")
        committee = self.committee
        address, _ = sender.create(
            client.encode_creation(
                (
                    committee.clearinghouse_id,
                    committee.chain_id,
                    committee.epoch,
                    committee.threshold,
                    list(committee.members),
                    self._l1_client(sender, clients),
                    root,
                    self.history_window,
                    token,
                    self.bond_units,
                    self.unbonding_seconds,
                    self.challenger_basis_points,
                    self.insurance,
                )
            )
        )
        bonds = self.bond_units * len(committee.members)
        mint_token(sender, token, sender.address, bonds)
        sender.send(token, load_artifact("FaucetToken").encode_call("approve", address, bonds))
        for member in committee.members:
            sender.send(address, client.encode_call("postBond", member))
        return address

    def _l1_client(self, sender: Sender, clients: Mapping[ChainId, Address]) -> Address:
        if sender.chain_id == self.l1:
            address, _ = sender.create(load_artifact("OwnChainClient").encode_creation())
            return address
        if self.l1 not in clients:
            raise Rejected(
                "NOT_CONFIGURED",
                f"chain {sender.chain_id} has no light client of {self.l1}, the L1 of "
                f"{self.committee.chain_id}; deploy that one first",
                chain_id=sender.chain_id,
            )
        return clients[self.l1]
