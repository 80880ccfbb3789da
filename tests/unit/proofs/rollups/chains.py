"""Synthetic chains: an L1 whose contracts keep what we say, and headers of a rollup on it.

The storage layouts are the real contracts'; the contents are ours. Tries come from the independent
``trie`` library.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import rlp

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.l1_contract import (
    IMPLEMENTATION_SLOT,
    L1Contract,
    L1ContractProof,
)
from tests.unit.proofs.tries import (
    account_leaf,
    build_secure_trie,
    honest_nodes,
    storage_leaf,
)

L1_CHAIN = ChainId(1)
ROLLUP = ChainId(10)
NOW = 1_800_000_000
"""Timestamp of the L1 header that everything is proven under."""

IMPLEMENTATION_WORD = int.from_bytes(IMPLEMENTATION_SLOT)


def named(label: str) -> Address:
    """Return an address for a label."""
    return Address(keccak256(label.encode())[12:])


@dataclass
class L1Account:
    """A contract of the synthetic L1; zero words are not in its trie."""

    code: bytes
    storage: dict[int, int] = field(default_factory=dict)


@dataclass
class Chain:
    """A chain's state at one block."""

    accounts: dict[Address, L1Account]

    def proxy(self, label: str) -> L1Contract:
        """Add a proxy, and return what a client is told to trust about it."""
        address, implementation = named(label), named(f"{label} implementation")
        account = L1Account(b"proxy code of " + label.encode())
        account.storage[IMPLEMENTATION_WORD] = int.from_bytes(implementation)
        self.accounts[address] = account
        return L1Contract(address, keccak256(account.code), implementation)

    def header(self, timestamp: int = NOW) -> VerifiedHeader:
        """Return an L1 header over this state."""
        return VerifiedHeader(
            L1_CHAIN, 21_000_000, keccak256(b"L1 block"), self.state_root, timestamp
        )

    @property
    def state_root(self) -> Hash32:
        return Hash32(self._accounts().root_hash)

    def prove_account(self, address: Address) -> tuple[bytes, ...]:
        return honest_nodes(self._accounts(), keccak256(address))

    def prove_slot(self, address: Address, slot: int | bytes) -> tuple[bytes, ...]:
        key = slot.to_bytes(32) if isinstance(slot, int) else slot
        return honest_nodes(self._storage(address), keccak256(key))

    def prove(self, contract: L1Contract) -> L1ContractProof:
        implementation = ()
        if contract.implementation is not None:
            implementation = self.prove_slot(contract.address, IMPLEMENTATION_SLOT)
        return L1ContractProof(self.prove_account(contract.address), implementation)

    def _accounts(self) -> object:
        return build_secure_trie(
            {
                address: account_leaf(
                    1, 0, self._storage(address).root_hash, keccak256(account.code)
                )
                for address, account in self.accounts.items()
            }
        )

    def _storage(self, address: Address) -> object:
        words = self.accounts[address].storage
        return build_secure_trie(
            {slot.to_bytes(32): storage_leaf(word) for slot, word in words.items() if word}
        )


def rollup_header(
    height: int = 5_000, state_root: bytes = keccak256(b"state"), extra_data: bytes = b"rollup"
) -> bytes:
    """Return the RLP of a header with the 16 fields of London."""
    fields = [
        keccak256(b"parent"),
        keccak256(rlp.encode([])),
        bytes(20),
        state_root,
        keccak256(b"transactions"),
        keccak256(b"receipts"),
        bytes(256),
        b"",
        height,
        30_000_000,
        21_000,
        NOW - 900_000,
        extra_data,
        bytes(32),
        bytes(8),
        7,
    ]
    return rlp.encode(fields)
