"""Committees whose keys the tests hold, of either scheme, and what they sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.proofs.bls_quorum import BITMAP_BYTES, encode_key
from clearinghouse.proofs.committee import Attestation, Committee, Scheme, committee_digest
from clearinghouse.proofs.ethereum.bls import (
    aggregate_signatures,
    derive_public_key,
    prove_possession,
    sign,
)
from clearinghouse.proofs.handover import Handover
from clearinghouse.proofs.rlp import encode_item, encode_uint

CLEARINGHOUSE = keccak256(b"a clearinghouse of the tests")
CHAIN = ChainId(31337)
EPOCH = 7

FIRST_THREE = (0, 1, 2)


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


@dataclass(frozen=True)
class Attesters:
    """A committee and its keys: scalars of 32 bytes, in the order of its members."""

    committee: Committee
    keys: tuple[bytes, ...]

    def in_epoch(self, epoch: int) -> Attesters:
        """Return the same keys in another epoch: a recovery says which it begins."""
        return replace(self, committee=replace(self.committee, epoch=epoch))

    def sign(self, digest: bytes, places: Sequence[int] = FIRST_THREE) -> tuple[bytes, ...]:
        """Return the signatures of the members at these places, as the scheme carries them."""
        keys = [self.keys[place] for place in places]
        if self.committee.scheme is Scheme.ECDSA:
            return sign_all(digest, keys)
        bitmap = sum(1 << place for place in set(places))
        total = aggregate_signatures([sign(int.from_bytes(key), digest) for key in keys])
        return (bitmap.to_bytes(BITMAP_BYTES) + total,)

    def attest(
        self, height: int, block_hash: Hash32, places: Sequence[int] = FIRST_THREE
    ) -> Attestation:
        one = self.committee
        digest = committee_digest(one.clearinghouse_id, one.chain_id, one.epoch, height, block_hash)
        return Attestation(one.epoch, height, block_hash, self.sign(digest, places))

    def hand_over(
        self, last_height: int, successor: Committee, places: Sequence[int] = FIRST_THREE
    ) -> Handover:
        unsigned = Handover(last_height, successor, ())
        return replace(unsigned, signatures=self.sign(unsigned.digest, places))


def attesters_of(
    scheme: Scheme, epoch: int = EPOCH, label: str = "attester", count: int = 4
) -> Attesters:
    """Return a committee of three of four (a bare majority of any other number)."""
    keys = [keccak256(f"{label} {epoch} {index}".encode()) for index in range(count)]
    threshold = count // 2 + 1
    if scheme is Scheme.ECDSA:
        keys.sort(key=signer_address)
        members: tuple[bytes, ...] = addresses(keys)
        return Attesters(Committee(CLEARINGHOUSE, CHAIN, epoch, threshold, members), tuple(keys))
    keys = [key[1:].rjust(32, b"\x00") for key in keys]  # below the order of the group
    keys.sort(key=lambda key: encode_key(derive_public_key(int.from_bytes(key))))
    secrets = [int.from_bytes(key) for key in keys]
    committee = Committee(
        CLEARINGHOUSE,
        CHAIN,
        epoch,
        threshold,
        tuple(map(derive_public_key, secrets)),
        Scheme.BLS,
        tuple(map(prove_possession, secrets)),
    )
    return Attesters(committee, tuple(keys))


def header_rlp(height: int, timestamp: int, label: str = "block") -> bytes:
    """Return a header of Prague: 21 fields, nothing of it zero but an empty bloom filter."""

    def word(name: str) -> bytes:
        return keccak256(f"{label} {height} {name}".encode())

    return encode_item(
        [
            *(word("parent"), word("uncles"), word("miner")[:20], word("state")),
            *(word("transactions"), word("receipts"), bytes(256), b"", encode_uint(height)),
            *(encode_uint(36_000_000), encode_uint(1_234_567), encode_uint(timestamp), b"tests"),
            *(word("random"), bytes(8), encode_uint(7), word("withdrawals")),
            *(encode_uint(131_072), b"", word("beacon"), word("requests")),
        ]
    )
