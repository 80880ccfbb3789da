"""Getting transactions included, from one account on one chain.

Each transaction is simulated first, so that one which would revert costs nothing and its error is
known by name. Nonces are given under a lock and waiting happens outside it, so many threads keep
many transactions in flight. One ``Sender`` serves one account: two for the same account would take
each other's nonces.

A transaction that was not included in time is *abandoned*: it may still be included. Its nonce goes
to the next transaction, at a higher fee, so that it blocks nothing; either one of them is included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from adapters.base import Signer, TransactionOutcome
from adapters.evm.artifacts import decode_revert
from adapters.evm.connection import Connection, NodeRefused
from adapters.evm.reader import Reader
from adapters.evm.transaction import Fees, Transaction, created_address, sign_transaction
from clearinghouse.book.identifiers import Address, ChainId, Hash32, to_hex
from clearinghouse.errors import ChainFault, ProofInvalid, Unavailable

GWEI = 10**9

_EXECUTION_REVERTED = 3
"""JSON-RPC error code for a reverted call (execution-apis; geth, anvil, erigon, nethermind)."""

_NONCE_ATTEMPTS_MAX = 8
_RAISES_MAX = 16


@dataclass(frozen=True)
class SenderPolicy:
    """How long to wait and how much to pay."""

    inclusion_timeout_seconds: float = 60.0
    replace_after_seconds: float = 15.0
    """Without inclusion for so long, the same transaction is sent again at a higher fee."""
    poll_seconds: float = 0.25
    fee_cap_wei: int = 500 * GWEI
    """Most that is ever offered per gas, whatever a node says that the market is."""


@dataclass
class _InFlight:
    """A broadcast transaction whose inclusion is awaited."""

    transaction: Transaction
    fees: Fees
    hashes: list[Hash32] = field(default_factory=list)
    """Of every version that was sent; at most one of them is ever included."""


class Sender:
    """One account that sends transactions on one chain. Thread-safe."""

    def __init__(
        self,
        connection: Connection,
        chain_id: ChainId,
        signer: Signer,
        policy: SenderPolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._reader = Reader(connection)
        self._chain_id = chain_id
        self._signer = signer
        self._policy = policy
        self._clock = clock
        self._lock = Lock()
        self._next_nonce = 0
        self._in_flight: set[int] = set()
        self._abandoned: dict[int, Fees] = {}
        self._closing = Event()

    @property
    def chain_id(self) -> ChainId:
        """The chain that transactions are signed for."""
        return self._chain_id

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._signer.address

    @property
    def reader(self) -> Reader:
        """Reads from the node that this account sends through."""
        return self._reader

    def send(self, to: Address, data: bytes) -> TransactionOutcome:
        """Call a contract and wait until the call is in a block.

        Raises
        ------
        ChainFault
            ``transaction_reverted`` with attributes ``error`` (name of the contract's error) and
            ``arguments``.
        Unavailable
            ``transaction_not_included``, ``chain_unreachable``, ``node_refused``, or
            ``fee_above_cap`` when the chain costs more than the policy allows.
        """
        outcome, _ = self._deliver(to, data)
        return outcome

    def create(self, init_code: bytes) -> tuple[Address, TransactionOutcome]:
        """Create a contract and wait for it; raise as ``send`` does."""
        outcome, nonce = self._deliver(None, init_code)
        return created_address(self.address, nonce), outcome

    def close(self) -> None:
        """Stop waiting: calls that wait raise ``transaction_not_included`` at once."""
        self._closing.set()

    def _deliver(self, to: Address | None, data: bytes) -> tuple[TransactionOutcome, int]:
        gas_limit = self._simulate(to, data)
        awaited = self._broadcast(to, data, gas_limit)
        nonce = awaited.transaction.nonce
        included = False
        try:
            receipt = self._await_receipt(awaited)
            included = True
        finally:
            with self._lock:
                self._in_flight.discard(nonce)
                if not included:
                    self._abandoned[nonce] = awaited.fees
        outcome, succeeded = _read_receipt(receipt)
        if not succeeded:
            self._call(to, data, hex(outcome.height))  # names the error, where it still fails
            raise _reverted(b"", outcome.transaction_hash)
        return outcome, nonce

    def _simulate(self, to: Address | None, data: bytes) -> int:
        """Return a gas limit for the call, having seen that it would pass at the newest block."""
        self._call(to, data, "latest")
        try:
            needed = int(
                self._connection.request("eth_estimateGas", [self._call_object(to, data)]), 16
            )
        except NodeRefused as refusal:
            raise _revert_of(refusal) from refusal
        # Storage may have become colder or warmer by the time of inclusion; unused gas is returned.
        return needed + needed // 4

    def _call(self, to: Address | None, data: bytes, block: str) -> None:
        try:
            self._connection.request("eth_call", [self._call_object(to, data), block])
        except NodeRefused as refusal:
            raise _revert_of(refusal) from refusal

    def _call_object(self, to: Address | None, data: bytes) -> dict[str, str]:
        call = {"from": to_hex(self.address), "data": to_hex(data)}
        if to is not None:
            call["to"] = to_hex(to)
        return call

    def _broadcast(self, to: Address | None, data: bytes, gas_limit: int) -> _InFlight:
        """Sign with the next nonce and send; the lock makes nonces leave in order."""
        with self._lock:
            market = self._market_fees()
            for _ in range(_NONCE_ATTEMPTS_MAX):
                nonce = self._take_nonce()
                fees = market
                abandoned = self._abandoned.pop(nonce, None)
                if abandoned is not None:
                    fees = market.at_least(abandoned.raised())
                transaction = Transaction(self._chain_id, nonce, to, data, gas_limit)
                awaited = _InFlight(transaction, fees)
                self._in_flight.add(nonce)
                try:
                    if self._publish(awaited, replaces=abandoned is not None):
                        return awaited
                except BaseException:
                    self._in_flight.discard(nonce)
                    self._abandoned[nonce] = awaited.fees
                    raise
                self._in_flight.discard(nonce)
        raise Unavailable(
            "transaction_not_included",
            f"account {to_hex(self.address)} found no free nonce; let one process use it",
            account=self.address,
        )

    def _take_nonce(self) -> int:
        """Return an abandoned nonce first, else the next; the caller holds the lock.

        An abandoned nonce below the newest block's count was included after all; one above the
        pool's belongs to a pool or a chain that is gone, and sending it would leave a gap.
        """
        included, pending = self._count("latest"), self._count("pending")
        self._abandoned = {n: f for n, f in self._abandoned.items() if included <= n <= pending}
        if self._abandoned:
            return min(self._abandoned)
        if not self._in_flight:
            self._next_nonce = pending  # nothing of ours is out: believe the node again
        nonce = max(self._next_nonce, pending)
        self._next_nonce = nonce + 1
        return nonce

    def _publish(self, awaited: _InFlight, *, replaces: bool) -> bool:
        """Send one version, raising its fee as the node asks; False when the nonce is gone.

        Only what this object sent is ever replaced: another's transaction keeps its nonce.
        """
        for _ in range(_RAISES_MAX):
            raw, transaction_hash = sign_transaction(
                awaited.transaction, awaited.fees, self._signer
            )
            awaited.hashes.append(transaction_hash)
            try:
                self._connection.request("eth_sendRawTransaction", [to_hex(raw)])
                return True
            except NodeRefused as refusal:
                said = refusal.said.lower()
                if "already" in said:  # known or imported: this very transaction
                    return True
                awaited.hashes.pop()
                if "nonce too low" in said or "nonce is too low" in said:
                    return False
                if "underpriced" not in said:
                    raise
                if "replacement" in said and not replaces:
                    return False
                raised = awaited.fees.raised()
                if raised.max_fee > self._policy.fee_cap_wei:
                    raise
                awaited.fees = raised
        return False

    def _await_receipt(self, awaited: _InFlight) -> Mapping[str, Any]:
        started = self._clock()
        replace_at = started + self._policy.replace_after_seconds
        deadline = started + self._policy.inclusion_timeout_seconds
        displaced = False
        while True:
            receipt = self._find_receipt(awaited)
            if receipt is not None:
                return receipt
            now = self._clock()
            if now >= deadline or displaced or self._closing.is_set():
                raise Unavailable(
                    "transaction_not_included",
                    f"transaction {to_hex(awaited.hashes[-1])} was not included within "
                    f"{now - started:.1f} seconds; it may still be: look at the chain before "
                    "sending again",
                    transaction_hashes=tuple(awaited.hashes),
                    nonce=awaited.transaction.nonce,
                )
            if now >= replace_at:
                replace_at = now + self._policy.replace_after_seconds
                displaced = not self._replace(awaited)
                continue
            self._closing.wait(self._policy.poll_seconds)

    def _replace(self, awaited: _InFlight) -> bool:
        """Send the same call at a higher fee; False when its nonce was used by another."""
        fees = self._market_fees().at_least(awaited.fees.raised())
        if fees.max_fee > self._policy.fee_cap_wei:
            return True  # all that may be paid is already offered
        awaited.fees = fees
        return self._publish(awaited, replaces=True)

    def _find_receipt(self, awaited: _InFlight) -> Mapping[str, Any] | None:
        for transaction_hash in awaited.hashes:
            receipt = self._connection.request(
                "eth_getTransactionReceipt", [to_hex(transaction_hash)]
            )
            if isinstance(receipt, dict) and receipt.get("blockNumber") is not None:
                return receipt
        return None

    def _market_fees(self) -> Fees:
        """Return fees that survive six full blocks in a row, capped.

        The base fee rises by at most an eighth per block (EIP-1559); twice it covers six.
        """
        base_fee = self._reader.base_fee_wei()
        try:
            tip = int(self._connection.request("eth_maxPriorityFeePerGas", []), 16)
        except NodeRefused:
            tip = GWEI
        cap = self._policy.fee_cap_wei
        if base_fee >= cap:
            raise Unavailable(
                "fee_above_cap",
                f"chain {self._chain_id} asks {base_fee} wei per gas, the cap is {cap}; wait or "
                "raise the cap",
                base_fee_wei=base_fee,
                fee_cap_wei=cap,
            )
        max_fee = min(2 * base_fee + tip, cap)
        return Fees(max_fee, min(tip, max_fee))

    def _count(self, block: str) -> int:
        return int(
            self._connection.request("eth_getTransactionCount", [to_hex(self.address), block]), 16
        )


def _read_receipt(receipt: Mapping[str, Any]) -> tuple[TransactionOutcome, bool]:
    """Return what happened to a transaction and whether it succeeded."""
    try:
        outcome = TransactionOutcome(
            Hash32(bytes.fromhex(receipt["transactionHash"].removeprefix("0x"))),
            int(receipt["blockNumber"], 16),
            int(receipt["gasUsed"], 16),
        )
        return outcome, int(receipt["status"], 16) == 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProofInvalid(
            "answer_malformed", "the receipt lacks a field of its type; ask another node"
        ) from error


def _revert_of(refusal: NodeRefused) -> ChainFault | NodeRefused:
    """Return the revert that a refusal reports, or the refusal itself if it reports none."""
    if refusal.attributes["code"] != _EXECUTION_REVERTED and "revert" not in refusal.said:
        return refusal
    data = refusal.data.get("data") if isinstance(refusal.data, dict) else refusal.data
    try:
        returned = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        returned = b""
    return _reverted(returned, None)


def _reverted(returned: bytes, transaction_hash: Hash32 | None) -> ChainFault:
    error = decode_revert(returned)
    shown = f"{error.name or 'an undeclared error'}{error.arguments}"
    spent = "" if transaction_hash is None else f" in transaction {to_hex(transaction_hash)}"
    return ChainFault(
        "transaction_reverted",
        f"the contract refuses the call with {shown}{spent}",
        error=error.name,
        arguments=error.arguments,
        transaction_hash=transaction_hash,
    )
