"""Account and storage proofs (EIP-1186): what one slot of one contract holds under a header.

A storage word alone says nothing. ``verify_slot`` binds it to the header it was proven under, to
the contract's address and to its code: another contract's equal slot, or code that was replaced at
the same address, is refused. The caller binds the chain, by choosing whose header it gives.

Reasons raised: ``account_malformed``, ``account_absent``, ``code_hash_mismatch``,
``storage_value_malformed``, and those of ``trie`` and ``rlp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rlp import decode_item, decode_list, decode_uint
from clearinghouse.proofs.trie import verify_inclusion_or_absence

EMPTY_CODE_HASH = keccak256(b"")
"""Code hash of an account that is no contract."""

_ACCOUNT_ITEMS = 4


@dataclass(frozen=True, slots=True)
class Account:
    """A leaf of the state trie."""

    nonce: int
    balance: int
    """In wei."""
    storage_root: Hash32
    code_hash: Hash32


@dataclass(frozen=True, slots=True)
class StateProof:
    """The nodes that lead from a state root to an account and on to one of its slots."""

    account_nodes: tuple[bytes, ...]
    storage_nodes: tuple[bytes, ...]


def verify_account(state_root: Hash32, address: Address, nodes: Sequence[bytes]) -> Account | None:
    """Return the account at ``address``, ``None`` when it is proven not to exist.

    Raises
    ------
    ProofInvalid
        When the nodes prove neither, or the leaf is no canonical account.
    """
    leaf = verify_inclusion_or_absence(state_root, keccak256(address), nodes)
    if leaf is None:
        return None
    items = decode_list(leaf, max_depth=1)
    if len(items) != _ACCOUNT_ITEMS:
        raise ProofInvalid(
            "account_malformed", f"an account has {_ACCOUNT_ITEMS} fields, was {len(items)}"
        )
    nonce, balance, storage_root, code_hash = items
    if not (isinstance(storage_root, bytes) and len(storage_root) == 32):
        raise ProofInvalid("account_malformed", "a storage root has 32 bytes")
    if not (isinstance(code_hash, bytes) and len(code_hash) == 32):
        raise ProofInvalid("account_malformed", "a code hash has 32 bytes")
    return Account(
        nonce=decode_uint(nonce, 8),
        balance=decode_uint(balance, 32),
        storage_root=Hash32(storage_root),
        code_hash=Hash32(code_hash),
    )


def verify_storage(storage_root: Hash32, slot: Hash32, nodes: Sequence[bytes]) -> int:
    """Return the word at ``slot``, 0 when it is proven absent: a chain deletes zero words.

    Raises
    ------
    ProofInvalid
        When the nodes prove neither, or the leaf is no canonical word.
    """
    leaf = verify_inclusion_or_absence(storage_root, keccak256(slot), nodes)
    if leaf is None:
        return 0
    word = decode_uint(decode_item(leaf, max_depth=0), 32)
    if word == 0:
        raise ProofInvalid("storage_value_malformed", "no trie keeps a zero word")
    return word


def verify_slot(
    header: VerifiedHeader, address: Address, code_hash: Hash32, slot: Hash32, proof: StateProof
) -> int:
    """Return the word that the contract of ``address`` and ``code_hash`` holds at ``slot``.

    Raises
    ------
    ProofInvalid
        ``account_absent`` or ``code_hash_mismatch`` when another or no contract is there, and what
        ``verify_account`` and ``verify_storage`` raise.
    """
    account = verify_account(header.state_root, address, proof.account_nodes)
    if account is None:
        raise ProofInvalid(
            "account_absent",
            f"0x{address.hex()} does not exist on chain {header.chain_id} at {header.height}",
            address=address,
            chain_id=header.chain_id,
            height=header.height,
        )
    if account.code_hash != code_hash:
        raise ProofInvalid(
            "code_hash_mismatch",
            f"0x{address.hex()} has code 0x{account.code_hash.hex()}, expected "
            f"0x{code_hash.hex()}: it is not the contract that was registered",
            address=address,
            chain_id=header.chain_id,
            found=account.code_hash,
            expected=code_hash,
        )
    return verify_storage(account.storage_root, slot, proof.storage_nodes)
