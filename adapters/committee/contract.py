"""A committee's light client on a chain, as its operators see and move it.

What settling needs of a client goes through ``ILightClient`` and the chain's adapter; this is for
the rest: which epoch it is in, handing over, and recovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import TransactionOutcome
from adapters.committee.client import build_handover_update, build_set, build_signatures
from adapters.committee.deployment import CONTRACT_OF
from adapters.evm.artifacts import load_artifact
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.handover import Handover
from clearinghouse.proofs.recovery import RecoveryAttempt


@dataclass(frozen=True)
class RecoveryState:
    """Where a client's recovery stands; a hint."""

    attempt: int
    """The number that the next proposal signs."""
    ready_at: int
    """Unix seconds from which the pending one can be completed; 0 if none is."""


class CommitteeClientContract:
    """One client. Calls raise as those of ``Sender`` and ``Reader``."""

    def __init__(self, sender: Sender, address: Address, committee: Committee) -> None:
        """``committee`` is any that the client trusts or trusted: it says chain and scheme."""
        self._sender = sender
        self._address = address
        self._committee = committee
        self._artifact = load_artifact(CONTRACT_OF[committee.scheme])

    def hint_epoch(self) -> int:
        """Return the number of the current epoch."""
        (epoch,) = self._sender.reader.call(self._artifact, self._address, "epoch")
        return int(epoch)

    def hint_recovery(self) -> RecoveryState:
        """Return where recovery stands."""
        (state,) = self._sender.reader.call(self._artifact, self._address, "recovery")
        return RecoveryState(attempt=state[0], ready_at=state[1])

    def recovery_attempt(self, number: int) -> RecoveryAttempt:
        """Return what a proposal or a veto of this number names."""
        return RecoveryAttempt(
            self._committee.clearinghouse_id,
            self._committee.chain_id,
            self._sender.chain_id,
            self._address,
            number,
        )

    def submit_handovers(self, handovers: Sequence[Handover]) -> TransactionOutcome:
        """Take the client through these ends of epochs; it passes over those it took."""
        return self._send("update", build_handover_update(handovers))

    def submit_proposal(
        self, successor: Committee, signatures: Sequence[bytes]
    ) -> TransactionOutcome:
        """Propose new attesters for a stopped client, signed by its recovery set."""
        return self._send("proposeRecovery", build_set(successor), list(signatures))

    def submit_veto(self, signatures: Sequence[bytes]) -> TransactionOutcome:
        """Refuse the pending recovery, signed by the current attesters."""
        encoded = build_signatures(self._committee.scheme, signatures)
        return self._send("vetoRecovery", encoded)

    def submit_completion(self, successor: Committee) -> TransactionOutcome:
        """Let the proposed attesters take over."""
        return self._send("completeRecovery", build_set(successor))

    def _send(self, function: str, *arguments: object) -> TransactionOutcome:
        return self._sender.send(self._address, self._artifact.encode_call(function, *arguments))
