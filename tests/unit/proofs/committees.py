"""A committee whose keys the tests hold, and attestations that it signs."""

from __future__ import annotations

from collections.abc import Sequence

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.proofs.committee import Attestation, Committee, committee_digest

CLEARINGHOUSE = keccak256(b"a clearinghouse of the tests")
CHAIN = ChainId(31337)
EPOCH = 7


def keys_sorted_by_address(count: int) -> tuple[bytes, ...]:
    keys = [keccak256(b"attester %d" % index) for index in range(count)]
    return tuple(sorted(keys, key=signer_address))


KEYS = keys_sorted_by_address(4)
COMMITTEE = Committee(CLEARINGHOUSE, CHAIN, EPOCH, 3, tuple(map(signer_address, KEYS)))
STRANGER_KEY = keccak256(b"a key of nobody's committee")


def sign_all(digest: bytes, keys: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(sign_digest(key, digest) for key in keys)


def attest(
    height: int,
    block_hash: Hash32,
    keys: Sequence[bytes] = KEYS[:3],
    committee: Committee = COMMITTEE,
) -> Attestation:
    """Return what these keys attest, in the order given, as members of ``committee``."""
    digest = committee_digest(
        committee.clearinghouse_id, committee.chain_id, committee.epoch, height, block_hash
    )
    return Attestation(committee.epoch, height, block_hash, sign_all(digest, keys))


def addresses(keys: Sequence[bytes]) -> tuple[Address, ...]:
    return tuple(map(signer_address, keys))
