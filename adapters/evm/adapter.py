"""An EVM chain and its anchor behind ``adapters.base.ChainAdapter``.

Chains of all families are read, proven and written to alike; only where their finalised headers
come from differs, and that is the ``HeaderSource`` which the adapter is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from adapters.base import (
    AnchorSolvency,
    ClientState,
    ClientStatus,
    CounterProof,
    FreezeState,
    HeaderSource,
    ProvenDeposit,
    ProvenExit,
    ProvenPhase,
    Signer,
    TransactionOutcome,
)
from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import Connection
from adapters.evm.encoding import (
    leg_argument,
    operator_set_argument,
    proof_argument,
    settlement_argument,
)
from adapters.evm.prover import Prover
from adapters.evm.reader import Reader
from adapters.evm.sender import Sender, SenderPolicy
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, Position
from clearinghouse.book.ranges import require_quanta
from clearinghouse.book.settlements import Leg, OperatorSet, Phase, Settlement
from clearinghouse.commitment.trees import Branch
from clearinghouse.errors import Rejected
from clearinghouse.proofs.header import VerifiedHeader

_UNLIMITED = 2**256 - 1

_Key = TypeVar("_Key", AssetId, ChainId)
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class EvmChainConfiguration:
    """One EVM chain as deployed: what is trusted about it, and where its node is."""

    chain_id: ChainId
    url: str
    """Of the node; nothing that it says is believed without proof."""
    anchor: Address
    anchor_code_hash: Hash32
    """Keccak-256 of the anchor's code: proofs of other code at that address are refused."""
    tokens: Mapping[AssetId, Address]
    units_per_quantum: Mapping[AssetId, int]
    """Smallest units of the token that make one quantum of the ledger."""
    client_of: Mapping[ChainId, Address]
    """Light client contracts on this chain, by the chain that they follow."""
    inclusion_timeout_seconds: float = 60.0
    poll_seconds: float = 0.25


class EvmChainAdapter:
    """See ``adapters.base.ChainAdapter``."""

    def __init__(
        self,
        configuration: EvmChainConfiguration,
        signer: Signer,
        headers: HeaderSource,
        connection: Connection,
    ) -> None:
        self._configuration = configuration
        self._headers = headers
        self._reader = Reader(connection)
        self._sender = Sender(
            connection,
            configuration.chain_id,
            signer,
            SenderPolicy(
                inclusion_timeout_seconds=configuration.inclusion_timeout_seconds,
                replace_after_seconds=configuration.inclusion_timeout_seconds / 4,
                poll_seconds=configuration.poll_seconds,
            ),
        )
        self._prover = Prover(self._reader, configuration.anchor, configuration.anchor_code_hash)
        self._approval_lock = Lock()
        self._anchor_abi = load_artifact("Anchor")
        self._client_abi = load_artifact("ILightClient")
        self._token_abi = load_artifact("FaucetToken")

    @property
    def chain_id(self) -> ChainId:
        """The chain's EIP-155 id."""
        return self._configuration.chain_id

    @property
    def anchor(self) -> Address:
        """The anchor's address."""
        return self._configuration.anchor

    @property
    def sender(self) -> Sender:
        """Sends from the account that pays here; others who use that account send through it."""
        return self._sender

    def find_finalised_header(self) -> VerifiedHeader | None:
        """Return the newest header that is proven final."""
        return self._headers.find_newest()

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
        return self._headers.build_client_updates(header, held_height)

    def hint_time(self) -> int:
        """Return the newest block's timestamp in seconds."""
        return self._reader.newest_timestamp()

    def hint_phase(self, settlement_id: Hash32) -> Phase:
        """Return the phase at the newest block."""
        (phase,) = self._view("phase", settlement_id)
        return Phase(phase)

    def hint_in_flight(self) -> Hash32:
        """Return the id of the PREPARED settlement, zero if none."""
        (settlement_id,) = self._view("inFlight")
        return Hash32(settlement_id)

    def hint_last_leg(self) -> Hash32:
        """Return the hash of the last committed leg, zero before the first."""
        (leg_hash,) = self._view("lastLeg")
        return Hash32(leg_hash)

    def hint_freeze(self) -> FreezeState:
        """Return when the anchor was last warned and when it froze."""
        return FreezeState(*self._view("freezeTimes"))

    def hint_exited(self, asset_id: AssetId, position: Position) -> bool:
        """Return whether a claim was paid out of the frozen anchor."""
        (exited,) = self._view("isExited", asset_id, position)
        return bool(exited)

    def hint_refunded(self, asset_id: AssetId, index: int) -> bool:
        """Return whether the frozen anchor gave a deposit back."""
        (refunded,) = self._view("isRefunded", asset_id, index)
        return bool(refunded)

    def hint_client_height(self, of_chain: ChainId) -> int:
        """Return the newest height that the light client of ``of_chain`` here holds."""
        (height,) = self._reader.call(
            self._client_abi, self._client_address(of_chain), "latestHeight"
        )
        return int(height)

    def hint_client(self, of_chain: ChainId) -> ClientState:
        """Return how the light client of ``of_chain`` here stands."""
        client, timestamp = self._client_address(of_chain), 0
        (status,) = self._reader.call(self._client_abi, client, "status")
        height = self.hint_client_height(of_chain)
        if height:
            _, timestamp = self._reader.call(self._client_abi, client, "headerAt", height)
        return ClientState(ClientStatus(status), height, timestamp)

    def submit_client_update(self, of_chain: ChainId, update: bytes) -> TransactionOutcome:
        """Give the light client of ``of_chain`` here a new header."""
        return self._sender.send(
            self._client_address(of_chain), self._client_abi.encode_call("update", update)
        )

    def submit_client_freeze(self, of_chain: ChainId, evidence: bytes) -> TransactionOutcome:
        """Freeze the light client of ``of_chain`` here by evidence of equivocation."""
        return self._sender.send(
            self._client_address(of_chain), self._client_abi.encode_call("freeze", evidence)
        )

    def submit_prepare(
        self,
        settlement: Settlement,
        leg: Leg,
        operator_set: OperatorSet,
        signatures: Sequence[bytes],
    ) -> TransactionOutcome:
        """Prepare this chain's leg."""
        return self._submit(
            "prepare",
            settlement_argument(settlement),
            leg_argument(leg),
            operator_set_argument(operator_set),
            list(signatures),
        )

    def submit_commit(
        self, settlement: Settlement, leg: Leg, proofs: Sequence[CounterProof]
    ) -> TransactionOutcome:
        """Commit on the evidence of the other anchors."""
        return self._submit(
            "commit",
            settlement_argument(settlement),
            leg_argument(leg),
            [proof_argument(proof) for proof in proofs],
        )

    def submit_abort(self, settlement: Settlement) -> TransactionOutcome:
        """Abort on home after ``decide_by``."""
        return self._submit("abort", settlement_argument(settlement))

    def submit_abort_by_absence(
        self, settlement: Settlement, of_chain: ChainId, proof: CounterProof
    ) -> TransactionOutcome:
        """Abort on home because ``of_chain`` did not prepare in time."""
        return self._submit(
            "abortByAbsence", settlement_argument(settlement), of_chain, proof_argument(proof)
        )

    def submit_abort_by_proof(
        self, settlement: Settlement, proof: CounterProof
    ) -> TransactionOutcome:
        """Abort on a spoke because home did, or never prepared."""
        return self._submit("abortByProof", settlement_argument(settlement), proof_argument(proof))

    def submit_finalize(self, settlement_id: Hash32) -> TransactionOutcome:
        """Make a committed settlement final on home."""
        return self._submit("finalize", settlement_id)

    def submit_finalize_by_proof(
        self, settlement_id: Hash32, proof: CounterProof
    ) -> TransactionOutcome:
        """Make a committed settlement final on a spoke because it is on home."""
        return self._submit("finalizeByProof", settlement_id, proof_argument(proof))

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
        return self._submit(
            "claimRelease",
            settlement_id,
            asset_id,
            index,
            member,
            quanta,
            list(branch.siblings),
            list(branch.sibling_sums),
            member,
        )

    def submit_deposit(self, asset_id: AssetId, quanta: int, member: Address) -> TransactionOutcome:
        """Deposit from this adapter's own account for ``member``."""
        units = require_quanta("deposit", quanta) * self._units_per_quantum(asset_id)
        self._approve(self._token(asset_id), units)
        return self._submit("deposit", asset_id, units, member)

    def submit_request_exit(self, asset_id: AssetId, quanta: int) -> TransactionOutcome:
        """Ask to leave with up to ``quanta``, as this adapter's own account."""
        return self._submit("requestExit", asset_id, require_quanta("exit", quanta))

    def submit_warn(self) -> TransactionOutcome:
        """State that the operators are overdue."""
        return self._submit("warn")

    def submit_freeze(self) -> TransactionOutcome:
        """Stop the anchor for ever."""
        return self._submit("freeze")

    def submit_resolve(self) -> TransactionOutcome:
        """Decide what is in flight without home."""
        return self._submit("resolve")

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
        return self._submit(
            "exitFrozen",
            leg_argument(leg),
            asset_id,
            position,
            member,
            claim,
            list(branch.siblings),
            list(branch.sibling_sums),
            member,
        )

    def submit_refund(self, asset_id: AssetId, index: int, member: Address) -> TransactionOutcome:
        """Give a deposit back out of the frozen anchor; anyone may."""
        return self._submit("refund", asset_id, index, member)

    def solvency(self, asset_id: AssetId) -> AnchorSolvency:
        """Return the newest block's vault and liabilities of one asset, read at one height."""
        height = self._reader.height()
        (vault_units,) = self._reader.call(
            self._token_abi, self._token(asset_id), "balanceOf", self.anchor, height=height
        )
        state = self._anchor_abi.decode_struct(
            "assetState", self._view("assetState", asset_id, height=height)
        )
        return AnchorSolvency(
            vault=vault_units // self._units_per_quantum(asset_id),
            claims=state["claims"],
            unclaimed_releases=state["unclaimedReleases"],
            unconsumed_deposits=state["unconsumedDeposits"],
        )

    def close(self) -> None:
        """Stop waiting for transactions."""
        self._sender.close()

    def _submit(self, function: str, *arguments: object) -> TransactionOutcome:
        return self._sender.send(self.anchor, self._anchor_abi.encode_call(function, *arguments))

    def _view(
        self, function: str, *arguments: object, height: int | None = None
    ) -> tuple[Any, ...]:
        return self._reader.call(self._anchor_abi, self.anchor, function, *arguments, height=height)

    def _approve(self, token: Address, units: int) -> None:
        """Allow the anchor to take tokens of this account, once and without limit.

        The anchor takes only from its caller, so nobody else can use the allowance.
        """
        with self._approval_lock:
            (allowance,) = self._reader.call(
                self._token_abi, token, "allowance", self._sender.address, self.anchor
            )
            if allowance < units:
                self._sender.send(
                    token, self._token_abi.encode_call("approve", self.anchor, _UNLIMITED)
                )

    def _token(self, asset_id: AssetId) -> Address:
        return _registered(self._configuration.tokens, asset_id, "asset", self.chain_id)

    def _units_per_quantum(self, asset_id: AssetId) -> int:
        return _registered(self._configuration.units_per_quantum, asset_id, "asset", self.chain_id)

    def _client_address(self, of_chain: ChainId) -> Address:
        return _registered(self._configuration.client_of, of_chain, "client of", self.chain_id)


def _registered(mapping: Mapping[_Key, _Value], key: _Key, kind: str, chain_id: ChainId) -> _Value:
    try:
        return mapping[key]
    except KeyError:
        raise Rejected(
            "NOT_CONFIGURED",
            f"chain {chain_id} has no {kind} {key}; configured are {list(mapping)}",
            chain_id=chain_id,
        ) from None
