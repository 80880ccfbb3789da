"""Reference model of ``contracts/src/light/CommitteeLightClient.sol``, as long as one epoch lasts.

Simulated committees never hand over: the whole of the client's rules is
``clearinghouse.proofs.committee_client``.
"""

from __future__ import annotations

from eth_abi.abi import decode

from adapters.base import ClientStatus
from adapters.committee.client import EVIDENCE_TYPES, UPDATE_TYPES
from adapters.simulated.quorum import require_quorum
from adapters.simulated.revert import revert
from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Committee, committee_digest
from clearinghouse.proofs.header import Header, decode_header

KEPT_HEADERS = 251
"""As in the contract: headers are kept by height modulo this."""


class SimulatedLightClient:
    """Follows one chain by the signatures of its committee."""

    def __init__(self, committee: Committee) -> None:
        self._committee = committee
        self._headers: dict[int, Header] = {}
        self.latest_timestamp = 0
        self.latest_height = 0
        self.status = ClientStatus.ACTIVE

    @property
    def chain_id(self) -> ChainId:
        """The chain that is followed."""
        return self._committee.chain_id

    def update(self, data: bytes) -> None:
        """Verify and store a finalised header; the same one again changes nothing."""
        if self.status is ClientStatus.FROZEN:
            revert("AlreadyFrozen")
        header_rlp, signatures, epoch, _ = decode(UPDATE_TYPES, data)
        header = _decode(header_rlp)
        kept = self._headers.get(header.height % KEPT_HEADERS)
        if kept is not None and kept.block_hash == header.block_hash:
            return
        if header.height <= self.latest_height:
            revert("HeightNotIncreasing", header.height, self.latest_height)
        if header.timestamp < self.latest_timestamp:
            revert("TimestampDecreasing", header.timestamp, self.latest_timestamp)
        self._require_quorum(epoch, header.height, header.block_hash, signatures)
        self._headers[header.height % KEPT_HEADERS] = header
        self.latest_height, self.latest_timestamp = header.height, header.timestamp

    def freeze(self, evidence: bytes) -> None:
        """Stop for ever on two signed hashes of one height."""
        if self.status is ClientStatus.FROZEN:
            revert("AlreadyFrozen")
        height, hash_a, signatures_a, hash_b, signatures_b, epoch_a, epoch_b = decode(
            EVIDENCE_TYPES, evidence
        )
        if hash_a == hash_b:
            revert("NotEquivocation", hash_a)
        self._require_quorum(epoch_a, height, hash_a, signatures_a)
        self._require_quorum(epoch_b, height, hash_b, signatures_b)
        self.status = ClientStatus.FROZEN

    def header_at(self, height: int) -> Header:
        """Return a stored header."""
        header = self._headers.get(height % KEPT_HEADERS)
        if header is None or header.height != height:
            revert("UnknownHeader", height)
        return header

    def _require_quorum(
        self, epoch: int, height: int, block_hash: Hash32, signatures: tuple[bytes, ...]
    ) -> None:
        committee = self._committee
        if epoch != committee.epoch:
            revert("UnknownEpoch", epoch)
        digest = committee_digest(
            committee.clearinghouse_id, committee.chain_id, committee.epoch, height, block_hash
        )
        require_quorum(digest, committee.members, committee.threshold, signatures)


def _decode(header_rlp: bytes) -> Header:
    try:
        header = decode_header(header_rlp)
    except ProofInvalid:
        revert("InvalidRlp")
    if header.height == 0 or header.state_root == ZERO_HASH:
        revert("ZeroHeader")
    return header
