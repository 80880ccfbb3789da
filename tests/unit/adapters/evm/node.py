"""A node with one account's pool and no blocks but those a test asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from clearinghouse.commitment.keccak import keccak256


@dataclass
class PooledTransaction:
    """A transaction as the node decodes it; the decoder is eth-account's, not ours."""

    hash: str
    sender: str
    fields: dict[str, Any]


@dataclass
class ScriptedNode:
    """JSON-RPC as a sender uses it. ``script`` answers a method in place of the node."""

    base_fee: int = 100
    tip: int = 10
    mines_at_once: bool = True
    revert_data: str | None = None
    """Calls revert with it."""
    reverts_when_mined: bool = False
    script: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)
    pool: dict[int, PooledTransaction] = field(default_factory=dict)
    """By nonce: a later one in the place of an earlier."""
    sent: list[PooledTransaction] = field(default_factory=list)
    """All that was accepted, in order."""
    mined: list[PooledTransaction] = field(default_factory=list)

    def make_request(self, method: str, params: Any) -> dict[str, Any]:
        """Answer like a provider."""
        if method in self.script:
            answer = self.script[method](params)
            return answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        handler = getattr(self, "_" + method)
        answer = handler(*params)
        return answer if isinstance(answer, dict) and "error" in answer else {"result": answer}

    def mine(self) -> None:
        """Include the pool, in nonce order, as far as it has no gap."""
        while len(self.mined) in self.pool:
            self.mined.append(self.pool.pop(len(self.mined)))

    def _eth_call(self, call: dict[str, str], block: str) -> Any:
        if self.revert_data is not None:
            return error(3, "execution reverted", self.revert_data)
        if self.reverts_when_mined and block != "latest":
            return error(3, "execution reverted", "0x")
        return "0x"

    def _eth_estimateGas(self, call: dict[str, str]) -> str:
        return hex(100_000)

    def _eth_getBlockByNumber(self, tag: str, full: bool) -> dict[str, str]:
        return {"baseFeePerGas": hex(self.base_fee)}

    def _eth_maxPriorityFeePerGas(self) -> str:
        return hex(self.tip)

    def _eth_getTransactionCount(self, account: str, tag: str) -> str:
        count = len(self.mined)
        while tag == "pending" and count in self.pool:
            count += 1
        return hex(count)

    def _eth_sendRawTransaction(self, raw: str) -> Any:
        encoded = bytes.fromhex(raw[2:])
        fields = TypedTransaction.from_bytes(HexBytes(encoded)).as_dict()
        nonce = fields["nonce"]
        transaction = PooledTransaction(
            "0x" + keccak256(encoded).hex(), Account.recover_transaction(encoded), fields
        )
        if nonce < len(self.mined):
            return error(-32000, "nonce too low")
        pooled = self.pool.get(nonce)
        if pooled is not None and pooled.hash == transaction.hash:
            return error(-32000, "already known")
        if pooled is not None and any(
            fields[fee] * 10 < pooled.fields[fee] * 11
            for fee in ("maxFeePerGas", "maxPriorityFeePerGas")
        ):
            return error(-32000, "replacement transaction underpriced")
        self.pool[nonce] = transaction
        self.sent.append(transaction)
        if self.mines_at_once:
            self.mine()
        return transaction.hash

    def _eth_getTransactionReceipt(self, transaction_hash: str) -> dict[str, str] | None:
        for height, transaction in enumerate(self.mined):
            if transaction.hash == transaction_hash:
                return {
                    "transactionHash": transaction_hash,
                    "blockNumber": hex(height),
                    "gasUsed": hex(70_000),
                    "status": "0x0" if self.reverts_when_mined else "0x1",
                }
        return None


def error(code: int, message: str, data: str | None = None) -> dict[str, Any]:
    """Return a JSON-RPC error answer."""
    return {"error": {"code": code, "message": message, "data": data}}
