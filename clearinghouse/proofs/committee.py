"""What a committee light client trusts: a quorum of known attesters signs finalised headers.

An attester signs (clearinghouse, chain, epoch, height, block hash) as EIP-712 typed data, with the
domain ``EIP712Domain(string name,string version,bytes32 salt)`` = ("Clearinghouse", "1",
clearinghouseId). No verifying contract stands in it, so one set of signatures, and one proof of
equivocation, serves the client contract of every chain. Everything else about a block follows from
its hash. How one committee follows another is ``handover``'s; what a client makes of both,
``committee_client``'s.

Reasons raised: ``committee_epoch_mismatch``, ``attestation_out_of_range``,
``header_hash_mismatch``, ``header_height_mismatch``, ``header_zero``, ``not_equivocation``, and
those of ``quorum``, ``bls_quorum``, ``header`` and ``rlp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from clearinghouse.book.identifiers import ZERO_ADDRESS, ZERO_HASH, ChainId, Hash32
from clearinghouse.book.ranges import UINT64_MAX
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.typed_data import typed_digest, word
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.bls_quorum import encode_key, verify_bls_quorum, verify_possessions
from clearinghouse.proofs.header import VerifiedHeader, decode_header
from clearinghouse.proofs.quorum import verify_quorum

HEADER_TYPE = b"CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash)"

_HEADER_TYPE_HASH = keccak256(HEADER_TYPE)

ADDRESS_BYTES = 20


MEMBERS_MAX = 64
"""As in the contract: what one transaction can register, every key's possession proven."""


class Scheme(Enum):
    """By what kind of keys a committee signs."""

    ECDSA = "ecdsa"
    """Members are addresses; one signature of 65 bytes each, sorted by signer."""
    BLS = "bls"
    """Members are compressed keys of 48 bytes; one aggregate, see ``bls_quorum``."""


@dataclass(frozen=True, slots=True)
class Committee:
    """The attesters of one chain in one epoch, as configured: this is what is trusted."""

    clearinghouse_id: Hash32
    chain_id: ChainId
    epoch: int
    threshold: int
    """Signatures that make a quorum; a majority, so that two quorums share a member."""
    members: tuple[bytes, ...]
    """Strictly increasing in the form in which the contract keeps them."""
    scheme: Scheme = Scheme.ECDSA
    possessions: tuple[bytes, ...] = ()
    """For each BLS key the proof that its owner holds the secret."""

    def __post_init__(self) -> None:
        """Refuse a committee that the contract would refuse, or that could never be convicted.

        Raises
        ------
        ValueError
            When the set is out of range or out of order.
        ProofInvalid
            When a BLS key is no key, or its possession is not proven.
        """
        if len(self.members) > MEMBERS_MAX:
            raise ValueError(f"a committee has at most {MEMBERS_MAX} members")
        if self.scheme is Scheme.ECDSA and any(len(m) != ADDRESS_BYTES for m in self.members):
            raise ValueError(f"members are addresses of {ADDRESS_BYTES} bytes")
        encoded = [self._encode(member) for member in self.members]
        if not all(a < b for a, b in pairwise(encoded)) or ZERO_ADDRESS in self.members:
            raise ValueError("committee members must be strictly increasing and not zero")
        if not len(self.members) < 2 * self.threshold <= 2 * len(self.members):
            raise ValueError(
                f"the threshold of {len(self.members)} members must be a majority of them, "
                f"was {self.threshold}"
            )
        if not 0 <= self.epoch <= UINT64_MAX or not 0 < self.chain_id < 2**256:
            raise ValueError("the epoch is uint64 and the chain id a positive uint256")
        if self.scheme is Scheme.BLS:
            verify_possessions(self.members, self.possessions)
        elif self.possessions:
            raise ValueError("addresses need no proof of possession")

    @property
    def packed_members(self) -> bytes:
        """The members side by side, as the contract keeps them and handovers name them."""
        return b"".join(self._encode(member) for member in self.members)

    def verify_signed(self, digest: bytes, signatures: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the members that signed ``digest`` when they are a quorum.

        Raises
        ------
        ProofInvalid
            As ``quorum`` or ``bls_quorum`` say.
        """
        verify = verify_quorum if self.scheme is Scheme.ECDSA else verify_bls_quorum
        return tuple(verify(digest, self.members, self.threshold, signatures))

    def _encode(self, member: bytes) -> bytes:
        return member if self.scheme is Scheme.ECDSA else encode_key(member)


@dataclass(frozen=True, slots=True)
class Attestation:
    """What attesters say; worth nothing until ``verify_attested_header`` has passed it."""

    epoch: int
    height: int
    block_hash: Hash32
    signatures: tuple[bytes, ...]
    """As the committee's ``Scheme`` says."""


def committee_digest(
    clearinghouse_id: Hash32, chain_id: ChainId, epoch: int, height: int, block_hash: Hash32
) -> Hash32:
    """Return the EIP-712 digest that an attester signs for one finalised header."""
    struct_hash = keccak256(
        _HEADER_TYPE_HASH + word(chain_id) + word(epoch) + word(height) + block_hash
    )
    return typed_digest(clearinghouse_id, struct_hash)


def verify_attested_header(
    committee: Committee, header_rlp: bytes, attestation: Attestation
) -> VerifiedHeader:
    """Return the facts of a header that a quorum of ``committee`` attested.

    Raises
    ------
    ProofInvalid
        When the quorum is not met (see ``quorum``), when ``header_rlp`` does not have the signed
        hash or height or is no header, or when its height or state root is zero.
    """
    _verify_signed(committee, attestation)
    if keccak256(header_rlp) != attestation.block_hash:
        raise ProofInvalid(
            "header_hash_mismatch",
            f"the header does not hash to the signed 0x{attestation.block_hash.hex()}",
            height=attestation.height,
        )
    header = decode_header(header_rlp)
    if header.height != attestation.height:
        raise ProofInvalid(
            "header_height_mismatch",
            f"the header is of block {header.height}, signed was {attestation.height}",
            header_height=header.height,
            signed_height=attestation.height,
        )
    if header.height == 0 or header.state_root == ZERO_HASH:
        raise ProofInvalid(
            "header_zero",
            "zero is what an unset header reads as, so neither height nor state root can be it",
            height=header.height,
        )
    return VerifiedHeader(
        chain_id=committee.chain_id,
        height=header.height,
        block_hash=header.block_hash,
        state_root=header.state_root,
        timestamp=header.timestamp,
    )


def verify_equivocation(
    committee: Committee,
    first: Attestation,
    second: Attestation,
    second_committee: Committee | None = None,
) -> tuple[bytes, ...]:
    """Return the members that signed two blocks of one height: grounds to freeze.

    Neither header is needed: whatever the blocks contain, a finalised height has one hash. Where
    the second is of another epoch, ``second_committee`` is that epoch's; the two may then have no
    member in common, and what they signed is grounds all the same.

    Raises
    ------
    ProofInvalid
        ``not_equivocation`` when the heights differ or the hashes are equal, or when either side
        lacks its quorum.
    """
    if first.height != second.height or first.block_hash == second.block_hash:
        raise ProofInvalid(
            "not_equivocation",
            "equivocation is two attested hashes of one height",
            first_height=first.height,
            second_height=second.height,
        )
    signed_first = _verify_signed(committee, first)
    signed_second = _verify_signed(second_committee or committee, second)
    return tuple(member for member in signed_first if member in signed_second)


def _verify_signed(committee: Committee, attestation: Attestation) -> tuple[bytes, ...]:
    if attestation.epoch != committee.epoch:
        raise ProofInvalid(
            "committee_epoch_mismatch",
            f"this committee signs in epoch {committee.epoch}, the attestation is of "
            f"{attestation.epoch}",
            expected=committee.epoch,
            epoch=attestation.epoch,
        )
    in_range = 0 <= attestation.height <= UINT64_MAX and len(attestation.block_hash) == 32
    if not in_range or attestation.block_hash == ZERO_HASH:
        raise ProofInvalid(
            "attestation_out_of_range", "the height is uint64 and the hash 32 bytes, not all zero"
        )
    digest = committee_digest(
        committee.clearinghouse_id,
        committee.chain_id,
        committee.epoch,
        attestation.height,
        attestation.block_hash,
    )
    return committee.verify_signed(digest, attestation.signatures)
