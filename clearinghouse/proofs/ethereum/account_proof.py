"""What a node's ``eth_getProof`` answer proves under a state root, and whether it says the same.

The answer (EIP-1186) holds values and the nodes that prove them. Here the nodes are verified and
the values merely compared: an answer that claims other than it proves is refused as a whole.

Reasons raised: ``claim_mismatch``, and those of ``json_values``, ``state``, ``trie`` and ``rlp``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clearinghouse.book.identifiers import Address, Hash32, to_hex
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.json_values import (
    decode_bytes,
    decode_quantity,
    get_field,
    list_of,
    mapping_of,
)
from clearinghouse.proofs.state import Account, verify_account, verify_storage
from clearinghouse.proofs.trie import EMPTY_ROOT, without_empty_node


@dataclass(frozen=True, slots=True)
class ProvenSlot:
    """One slot and the word it is proven to hold."""

    key: Hash32
    word: int
    """0 where the slot is proven absent: a chain keeps no zero words."""


@dataclass(frozen=True, slots=True)
class ProvenAccount:
    """An account and some of its slots."""

    address: Address
    account: Account | None
    """``None`` where the account is proven absent."""
    slots: tuple[ProvenSlot, ...]


def verify_account_proof(state_root: Hash32, result: object) -> ProvenAccount:
    """Return what an ``eth_getProof`` result proves under ``state_root``.

    Raises
    ------
    ProofInvalid
        When the result has another form, its nodes prove nothing, or its values are not theirs.
    """
    found = mapping_of(result, "result")
    address = Address(decode_bytes(get_field(found, "address", "result"), "address", 20))
    account = verify_account(
        state_root, address, _nodes(get_field(found, "accountProof", "result"))
    )
    _verify_claims(found, account)
    storage_root = EMPTY_ROOT if account is None else account.storage_root
    entries = list_of(found.get("storageProof", []), "storageProof")
    return ProvenAccount(
        address=address,
        account=account,
        slots=tuple(_verify_slot(storage_root, entry) for entry in entries),
    )


def _verify_claims(found: Mapping[str, Any], account: Account | None) -> None:
    """Compare what the result says of the account; hashes of an absent one differ by client."""
    _verify_claim(found, "nonce", 0 if account is None else account.nonce)
    _verify_claim(found, "balance", 0 if account is None else account.balance)
    if account is not None:
        _verify_claim(found, "storageHash", int.from_bytes(account.storage_root))
        _verify_claim(found, "codeHash", int.from_bytes(account.code_hash))


def _verify_slot(storage_root: Hash32, entry: object) -> ProvenSlot:
    found = mapping_of(entry, "storageProof")
    key = Hash32(decode_quantity(get_field(found, "key", "storageProof"), "key").to_bytes(32))
    word = verify_storage(storage_root, key, _nodes(get_field(found, "proof", "result")))
    _verify_claim(found, "value", word, of=f" of slot {to_hex(key)}")
    return ProvenSlot(key, word)


def _verify_claim(found: Mapping[str, Any], name: str, proven: int, of: str = "") -> None:
    claimed = decode_quantity(get_field(found, name, "result"), name)
    if claimed != proven:
        raise ProofInvalid(
            "claim_mismatch",
            f"the result says that {name}{of} is {claimed:#x} and proves {proven:#x}; do not use "
            "the node that sent it",
            name=name,
            claimed=claimed,
            proven=proven,
        )


def _nodes(value: object) -> tuple[bytes, ...]:
    return without_empty_node([decode_bytes(node, "proof") for node in list_of(value, "proof")])
