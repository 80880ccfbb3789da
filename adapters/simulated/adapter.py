"""A simulated chain behind ``adapters.base.ChainAdapter``.

The chain is this adapter's untrusted node: headers, proofs and counts pass the same verification
as an EVM node's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adapters.base import (
    AnchorSolvency,
    ClientState,
    CounterProof,
    FreezeState,
    ProvenDeposit,
    ProvenExit,
    ProvenPhase,
    TransactionOutcome,
)
from adapters.committee.finality import CommitteeFinality
from adapters.committee.source import AttestationSource
from adapters.evm.prover import Prover, StateSource
from adapters.simulated import exits
from adapters.simulated.chain import SimulatedChain
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, Position
from clearinghouse.book.ranges import require_quanta
from clearinghouse.book.settlements import Leg, OperatorSet, Phase, Settlement
from clearinghouse.commitment.trees import Branch
from clearinghouse.errors import Rejected
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.header import Header, VerifiedHeader


class SimulatedNode(StateSource, Protocol):
    """What serves headers and state: the chain itself, or something that lies about it."""

    def get_header_by_hash(self, block_hash: Hash32) -> tuple[Header, bytes]:
        """Return the header of that hash and its RLP."""
        ...


class SimulatedChainAdapter:
    """See ``adapters.base.ChainAdapter``."""

    def __init__(
        self,
        chain: SimulatedChain,
        account: Address,
        committee: Committee,
        code_hash: Hash32,
        attestations: AttestationSource,
        node: SimulatedNode | None = None,
    ) -> None:
        self._chain = chain
        self._account = account
        self._anchor = chain.state.anchor.identity.address
        node = node or chain
        self._prover = Prover(node, self._anchor, code_hash)
        self._finality = CommitteeFinality(committee, attestations, node.get_header_by_hash)

    @property
    def chain_id(self) -> ChainId:
        """The chain's id."""
        return self._chain.chain_id

    @property
    def anchor(self) -> Address:
        """The anchor's address."""
        return self._anchor

    def find_finalised_header(self) -> VerifiedHeader | None:
        """Return the newest header that the chain's committee attested and that verifies."""
        return self._finality.find_newest()

    def prove_phase(self, header: VerifiedHeader, settlement_id: Hash32) -> ProvenPhase:
        """Return the settlement's phase at ``header``, proven."""
        return self._prover.prove_phase(header, settlement_id)

    def prove_deposits(
        self, header: VerifiedHeader, asset_id: AssetId, first_index: int, hash_before: Hash32
    ) -> Sequence[ProvenDeposit]:
        """Return all deposits at ``header`` from ``first_index`` on, proven."""
        return self._prover.prove_deposits(header, asset_id, first_index, hash_before)

    def prove_exits(
        self, header: VerifiedHeader, asset_id: AssetId, first_index: int
    ) -> Sequence[ProvenExit]:
        """Return all exits at ``header`` from ``first_index`` on, proven."""
        return self._prover.prove_exits(header, asset_id, first_index)

    def prove_frozen(self, header: VerifiedHeader) -> bool:
        """Return whether the anchor had frozen at ``header``, proven."""
        return self._prover.prove_frozen(header)

    def build_client_updates(self, header: VerifiedHeader, held_height: int) -> Sequence[bytes]:
        """Return what another chain's light client of this chain takes for ``header``."""
        return self._finality.build_client_updates(header, held_height)

    def hint_time(self) -> int:
        """Return the newest block's timestamp in seconds."""
        self._chain.state  # noqa: B018 - an unreachable node answers nothing
        return self._chain.newest.timestamp

    def hint_phase(self, settlement_id: Hash32) -> Phase:
        """Return the phase at the newest block."""
        return self._chain.state.anchor.phase(settlement_id)

    def hint_in_flight(self) -> Hash32:
        """Return the id of the PREPARED settlement, zero if none."""
        return self._chain.state.anchor.in_flight()

    def hint_last_leg(self) -> Hash32:
        """Return the hash of the last committed leg here, zero before the first."""
        return self._chain.state.anchor.last_leg

    def hint_freeze(self) -> FreezeState:
        """Return when the anchor was last warned and when it froze."""
        anchor = self._chain.state.anchor
        return FreezeState(anchor.warned_at, anchor.frozen_at)

    def hint_exited(self, asset_id: AssetId, position: Position) -> bool:
        """Return whether a claim was paid out of the frozen anchor."""
        return (asset_id, position) in self._chain.state.anchor.vault.exited

    def hint_refunded(self, asset_id: AssetId, index: int) -> bool:
        """Return whether the frozen anchor gave a deposit back."""
        return (asset_id, index) in self._chain.state.anchor.vault.refunded

    def hint_client_height(self, of_chain: ChainId) -> int:
        """Return the newest height that the light client of ``of_chain`` here holds."""
        self._require_client(of_chain)
        return self._chain.state.clients[of_chain].latest_height

    def hint_client(self, of_chain: ChainId) -> ClientState:
        """Return how the light client of ``of_chain`` here stands."""
        self._require_client(of_chain)
        client = self._chain.state.clients[of_chain]
        return ClientState(client.status, client.latest_height, client.latest_timestamp)

    def submit_client_update(self, of_chain: ChainId, update: bytes) -> TransactionOutcome:
        """Give the light client of ``of_chain`` here a new header."""
        self._require_client(of_chain)
        return self._chain.submit(lambda state, _: state.clients[of_chain].update(update))

    def submit_client_freeze(self, of_chain: ChainId, evidence: bytes) -> TransactionOutcome:
        """Freeze the light client of ``of_chain`` here by evidence of equivocation."""
        self._require_client(of_chain)
        return self._chain.submit(lambda state, _: state.clients[of_chain].freeze(evidence))

    def submit_prepare(
        self,
        settlement: Settlement,
        leg: Leg,
        operator_set: OperatorSet,
        signatures: Sequence[bytes],
    ) -> TransactionOutcome:
        """Prepare this chain's leg."""
        return self._chain.submit(
            lambda state, now: state.anchor.prepare(settlement, leg, operator_set, signatures, now)
        )

    def submit_commit(
        self, settlement: Settlement, leg: Leg, proofs: Sequence[CounterProof]
    ) -> TransactionOutcome:
        """Commit on the evidence of the other anchors."""
        return self._chain.submit(
            lambda state, now: state.anchor.commit(settlement, leg, proofs, now)
        )

    def submit_abort(self, settlement: Settlement) -> TransactionOutcome:
        """Abort on home after ``decide_by``."""
        return self._chain.submit(lambda state, now: state.anchor.abort(settlement, now))

    def submit_abort_by_absence(
        self, settlement: Settlement, of_chain: ChainId, proof: CounterProof
    ) -> TransactionOutcome:
        """Abort on home because ``of_chain`` did not prepare in time."""
        return self._chain.submit(
            lambda state, _: state.anchor.abort_by_absence(settlement, of_chain, proof)
        )

    def submit_abort_by_proof(
        self, settlement: Settlement, proof: CounterProof
    ) -> TransactionOutcome:
        """Abort on a spoke because home did, or never prepared."""
        return self._chain.submit(lambda state, _: state.anchor.abort_by_proof(settlement, proof))

    def submit_finalize(self, settlement_id: Hash32) -> TransactionOutcome:
        """Make a committed settlement final on home."""
        return self._chain.submit(lambda state, now: state.anchor.finalize(settlement_id, now))

    def submit_finalize_by_proof(
        self, settlement_id: Hash32, proof: CounterProof
    ) -> TransactionOutcome:
        """Make a committed settlement final on a spoke because it is on home."""
        return self._chain.submit(
            lambda state, _: state.anchor.finalize_by_proof(settlement_id, proof)
        )

    def submit_claim_release(
        self,
        settlement_id: Hash32,
        asset_id: AssetId,
        index: int,
        member: Address,
        quanta: int,
        branch: Branch,
    ) -> TransactionOutcome:
        """Pay a release to its member; anyone may."""
        return self._chain.submit(
            lambda state, _: state.anchor.claim_release(
                settlement_id, asset_id, index, member, quanta, branch
            )
        )

    def submit_deposit(self, asset_id: AssetId, quanta: int, member: Address) -> TransactionOutcome:
        """Deposit from this adapter's own account for ``member``."""
        assets = self._chain.state.anchor.vault.assets
        if asset_id not in assets:
            raise Rejected("NOT_CONFIGURED", f"chain {self.chain_id} has no asset {asset_id}")
        units = require_quanta("deposit", quanta) * assets[asset_id].units_per_quantum
        return self.submit_deposit_units(asset_id, units, member)

    def submit_deposit_units(
        self, asset_id: AssetId, units: int, member: Address
    ) -> TransactionOutcome:
        """Deposit any number of token units, whole quanta or not."""
        return self._chain.submit(
            lambda state, now: state.anchor.deposit(self._account, asset_id, units, member, now)
        )

    def submit_request_exit(self, asset_id: AssetId, quanta: int) -> TransactionOutcome:
        """Ask to leave with up to ``quanta``, as this adapter's own account."""
        require_quanta("exit", quanta)
        return self._chain.submit(
            lambda state, now: exits.request(state.anchor, self._account, asset_id, quanta, now)
        )

    def submit_warn(self) -> TransactionOutcome:
        """State that the operators are overdue."""
        return self._chain.submit(lambda state, now: exits.warn(state.anchor, now))

    def submit_freeze(self) -> TransactionOutcome:
        """Stop the anchor for ever."""
        return self._chain.submit(lambda state, now: exits.freeze(state.anchor, now))

    def submit_resolve(self) -> TransactionOutcome:
        """Decide what is in flight without home."""
        return self._chain.submit(lambda state, now: exits.resolve(state.anchor, now))

    def submit_exit_frozen(
        self,
        leg: Leg,
        asset_id: AssetId,
        position: Position,
        member: Address,
        claim: int,
        branch: Branch,
    ) -> TransactionOutcome:
        """Pay a member its claim out of the frozen anchor; anyone may."""
        return self._chain.submit(
            lambda state, _: exits.leave(
                state.anchor, leg, asset_id, position, member, claim, branch
            )
        )

    def submit_refund(self, asset_id: AssetId, index: int, member: Address) -> TransactionOutcome:
        """Give a deposit back out of the frozen anchor; anyone may."""
        return self._chain.submit(
            lambda state, _: exits.refund(state.anchor, self._account, asset_id, index, member)
        )

    def close(self) -> None:
        """Nothing waits here: a simulated chain includes at once or not at all."""

    def solvency(self, asset_id: AssetId) -> AnchorSolvency:
        """Return the newest block's vault and liabilities of one asset."""
        return self._chain.state.anchor.vault.solvency(asset_id)

    def _require_client(self, of_chain: ChainId) -> None:
        if of_chain not in self._chain.state.clients:
            raise Rejected(
                "NOT_CONFIGURED",
                f"chain {self.chain_id} has no client of {of_chain}",
                chain_id=self.chain_id,
            )
