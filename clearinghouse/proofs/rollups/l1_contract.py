"""A contract on L1 whose storage layout is known, proven to be still what it was.

A layout belongs to an implementation: what OP Stack contracts call their ``version()``. Behind a
proxy the implementation can change while address and code stay, so its EIP-1967 slot is proven with
everything that is read; after an upgrade proofs stop instead of reading the wrong slots.

Reasons raised: ``account_absent``, ``code_hash_mismatch``, ``implementation_mismatch``,
``not_a_proxy``, and those of ``state``, ``trie`` and ``rlp``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import ZERO_ADDRESS, ZERO_HASH, Address, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.state import verify_account, verify_storage

IMPLEMENTATION_SLOT = Hash32(
    bytes.fromhex("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc")
)
"""keccak256("eip1967.proxy.implementation") - 1."""


@dataclass(frozen=True, slots=True)
class L1Contract:
    """What is trusted about one contract on L1."""

    address: Address
    code_hash: Hash32
    """Of the proxy's code, where it is one."""
    implementation: Address | None
    """What the proxy runs; ``None`` where the contract is no proxy."""

    def __post_init__(self) -> None:
        """Refuse what no proof could ever meet."""
        if self.address == ZERO_ADDRESS or self.code_hash == ZERO_HASH:
            raise ValueError("an L1 contract has an address and a code hash that are not zero")
        if self.implementation == ZERO_ADDRESS:
            raise ValueError("a contract that is no proxy has the implementation None, not zero")


@dataclass(frozen=True, slots=True)
class L1ContractProof:
    """Nodes of EIP-1186 that prove an ``L1Contract``; ``eth_getProof`` gives them."""

    account_nodes: tuple[bytes, ...]
    implementation_nodes: tuple[bytes, ...]
    """Of ``IMPLEMENTATION_SLOT``; none where the contract is no proxy."""


def verify_l1_contract(l1: VerifiedHeader, contract: L1Contract, proof: L1ContractProof) -> Hash32:
    """Return the storage root of ``contract`` after the L1 block ``l1``.

    Raises
    ------
    ProofInvalid
        When another or no contract is there, the proxy runs another implementation, or the nodes
        prove something else.
    """
    account = verify_account(l1.state_root, contract.address, proof.account_nodes)
    if account is None:
        raise ProofInvalid(
            "account_absent",
            f"0x{contract.address.hex()} does not exist on L1 at {l1.height}",
            address=contract.address,
            height=l1.height,
        )
    if account.code_hash != contract.code_hash:
        raise ProofInvalid(
            "code_hash_mismatch",
            f"0x{contract.address.hex()} has code 0x{account.code_hash.hex()}, expected "
            f"0x{contract.code_hash.hex()}: it is not the contract that was configured",
            address=contract.address,
            found=account.code_hash,
            expected=contract.code_hash,
        )
    if contract.implementation is None:
        if proof.implementation_nodes:
            raise ProofInvalid(
                "not_a_proxy",
                f"0x{contract.address.hex()} is configured as no proxy; leave the nodes of its "
                "implementation out",
                address=contract.address,
            )
        return account.storage_root
    found = verify_storage(account.storage_root, IMPLEMENTATION_SLOT, proof.implementation_nodes)
    if found != int.from_bytes(contract.implementation):
        raise ProofInvalid(
            "implementation_mismatch",
            f"the proxy 0x{contract.address.hex()} runs {found:#042x}, configured was "
            f"0x{contract.implementation.hex()}: it was upgraded, and the slots that are read here "
            "belong to the old version; configure the new one",
            address=contract.address,
            found=found,
            expected=contract.implementation,
        )
    return account.storage_root
