"""What a simulated anchor believes of another one, and the proofs that it takes of it."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.base import ClientStatus, CounterProof
from adapters.simulated.light_client import SimulatedLightClient
from adapters.simulated.revert import revert, shown
from clearinghouse.book.identifiers import ZERO_HASH, Address, ChainId, Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import phase_slot
from clearinghouse.proofs.state import verify_account, verify_storage

_STATE_PROOF_ERRORS = {
    "proof_truncated": "ProofTruncated",
    "proof_extended": "ProofHasUnusedNodes",
    "node_hash_mismatch": "NodeHashMismatch",
    "account_absent": "AccountAbsent",
}
"""Errors of ``StateProof.sol`` by reasons of ``clearinghouse.proofs``; the rest is malformed."""


@dataclass
class PeerAnchor:
    """Another anchor, as this one believes in it."""

    chain_id: ChainId
    anchor: Address
    code_hash: Hash32
    client: SimulatedLightClient
    leg_hash: Hash32 = ZERO_HASH
    """On home: the leg that the peer last committed."""

    def proven_phase(self, identity: Hash32, proof: CounterProof) -> tuple[Phase, int]:
        """Return the peer's phase in a finalised header of its chain, and that header's time."""
        if self.client.status is ClientStatus.FROZEN:
            revert("ClientFrozen", self.chain_id)
        header = self.client.header_at(proof.height)
        try:
            account = verify_account(header.state_root, self.anchor, proof.account_proof)
            if account is None:
                revert("AccountAbsent", shown(self.anchor))
            if account.code_hash != self.code_hash:
                revert("WrongCodeHash", self.chain_id, account.code_hash, self.code_hash)
            slot = phase_slot(identity)
            word = verify_storage(account.storage_root, slot, proof.storage_proof)
        except ProofInvalid as error:
            revert(_STATE_PROOF_ERRORS.get(error.reason, "NodeMalformed"))
        if word > max(Phase):
            revert("WordIsNoPhase", self.chain_id, word)
        return Phase(word), header.timestamp
