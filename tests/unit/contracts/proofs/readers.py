"""Four readers of trie proofs behind one interface, and what their verdicts have in common.

Ours in Python and in Solidity must give one verdict. The ``trie`` library and OpenZeppelin's
``TrieProof`` are the independent ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import rlp
from trie import HexaryTrie
from trie.exceptions import BadTrieProof, InvalidNode, ValidationError

from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rlp import RlpItem, encode_item
from clearinghouse.proofs.trie import verify_inclusion_or_absence
from tests.unit.contracts.evm import Contract, Reverted


@dataclass(frozen=True)
class Refused:
    """A reader's verdict that nothing is proven."""

    reason: str


Verdict: TypeAlias = bytes | Refused | None
"""The value that is proven, ``None`` where absence is, or the refusal."""


class Reader(Protocol):
    """What reads a proof of a key of 32 bytes."""

    def __call__(self, root: bytes, key: bytes, nodes: Sequence[bytes]) -> Verdict: ...


def read_in_python(root: bytes, key: bytes, nodes: Sequence[bytes]) -> Verdict:
    try:
        return verify_inclusion_or_absence(Hash32(root), key, nodes)
    except ProofInvalid as refusal:
        return Refused(refusal.reason)


@dataclass(frozen=True)
class SolidityReader:
    """Our library, inside the EVM."""

    harness: Contract

    def __call__(self, root: bytes, key: bytes, nodes: Sequence[bytes]) -> Verdict:
        try:
            return self.harness.call("findValue", root, key, list(nodes)) or None
        except Reverted as reverted:
            return Refused(reverted.error.name)


@dataclass(frozen=True)
class OpenZeppelinReader:
    """OpenZeppelin's library, inside the EVM. It proves inclusion only."""

    harness: Contract

    def __call__(self, root: bytes, key: bytes, nodes: Sequence[bytes]) -> Verdict:
        try:
            value: bytes = self.harness.call("findValueByOpenZeppelin", root, key, list(nodes))
        except Reverted as reverted:
            return Refused(reverted.error.name)
        return value


def flatten(item: RlpItem) -> list[tuple[bytes, bool]]:
    """Return, as ``readRlp`` of the harness does, the payload of every item in the order of
    their bytes, and which are lists.
    """
    if isinstance(item, bytes):
        return [(item, False)]
    payload = b"".join(map(encode_item, item))
    return [(payload, True), *(found for child in item for found in flatten(child))]


def read_by_library(root: bytes, key: bytes, nodes: Sequence[bytes]) -> Verdict:
    """Ask the ``trie`` library, which takes nodes decoded, in any order."""
    try:
        decoded = [rlp.decode(node) for node in nodes]
        return HexaryTrie.get_from_proof(root, key, decoded) or None
    except (rlp.DecodingError, BadTrieProof, InvalidNode, ValidationError, IndexError) as refusal:
        return Refused(type(refusal).__name__)


FORM = frozenset({"node_malformed"}) | {
    f"rlp_{rule}" for rule in ("truncated", "trailing_bytes", "not_canonical", "not_a_list")
}

SAME_REFUSAL: Mapping[str, frozenset[str]] = {
    "ProofTruncated": frozenset({"proof_truncated"}),
    "ProofHasUnusedNodes": frozenset({"proof_extended", "proof_too_large"}),
    "NodeHashMismatch": frozenset({"node_hash_mismatch", "proof_too_large"}),
    "NodeSizeInvalid": frozenset({"proof_too_large", "node_malformed", "node_hash_mismatch"}),
    "NodeMalformed": FORM | {"proof_too_large"},
    "InvalidRlp": FORM | {"proof_too_large"},
}
"""Solidity's errors and the reasons that Python may give for the same refusal. Python looks at all
sizes before the first node, Solidity at each node's when it comes to it; and Python reads a node's
items before their meaning, Solidity both at once."""


def is_same_verdict(python: Verdict, solidity: Verdict) -> bool:
    """Tell whether our two readers agree, in refusals on the kind of reason too."""
    if isinstance(python, Refused) and isinstance(solidity, Refused):
        return python.reason in SAME_REFUSAL.get(solidity.reason, frozenset())
    return python == solidity


def assert_refused(verdict: Verdict, reason: str) -> None:
    """Require a refusal for this reason of Python's, or for one of Solidity's that is the same."""
    assert isinstance(verdict, Refused), verdict
    assert verdict.reason == reason or reason in SAME_REFUSAL.get(verdict.reason, ()), verdict
