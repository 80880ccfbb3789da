"""EIP-1559 transactions: their fees and their bytes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.base import Signer
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.rlp import RlpItem, encode_item, encode_uint

_TYPE = b"\x02"
_V_OFFSET = 27


@dataclass(frozen=True)
class Fees:
    """What a transaction offers, in wei per gas."""

    max_fee: int
    """Base fee and tip together never exceed it."""
    max_priority_fee: int
    """The tip."""

    def raised(self) -> Fees:
        """Return fees 12.5 % higher: nodes take a replacement from 10 % on."""
        return Fees(_raise(self.max_fee), _raise(self.max_priority_fee))

    def at_least(self, other: Fees) -> Fees:
        """Return the higher of each."""
        return Fees(
            max(self.max_fee, other.max_fee), max(self.max_priority_fee, other.max_priority_fee)
        )


@dataclass(frozen=True)
class Transaction:
    """A call, or a creation when ``to`` is None, before fees and signature."""

    chain_id: ChainId
    nonce: int
    to: Address | None
    data: bytes
    gas_limit: int


def sign_transaction(transaction: Transaction, fees: Fees, signer: Signer) -> tuple[bytes, Hash32]:
    """Return the raw signed transaction and its hash. Source: EIP-1559."""
    fields: list[RlpItem] = [
        encode_uint(transaction.chain_id),
        encode_uint(transaction.nonce),
        encode_uint(fees.max_priority_fee),
        encode_uint(fees.max_fee),
        encode_uint(transaction.gas_limit),
        transaction.to or b"",
        b"",  # no ether is ever sent
        transaction.data,
        [],  # no access list
    ]
    signature = signer.sign_digest(keccak256(_TYPE + encode_item(fields)))
    signed = [
        *fields,
        encode_uint(signature[64] - _V_OFFSET),
        encode_uint(int.from_bytes(signature[:32])),
        encode_uint(int.from_bytes(signature[32:64])),
    ]
    raw = _TYPE + encode_item(signed)
    return raw, keccak256(raw)


def created_address(creator: Address, nonce: int) -> Address:
    """Return where a creation by ``creator`` with ``nonce`` puts its contract (CREATE)."""
    return Address(keccak256(encode_item([creator, encode_uint(nonce)]))[12:])


def _raise(wei: int) -> int:
    return wei + wei // 8 + 1
