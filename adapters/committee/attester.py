"""The attesters' side: sign finalised headers, each height once, and each epoch's end once.

Two signed hashes of one height, or two handovers of one epoch, freeze every light client of the
chain, so an attester remembers what it signed in the one place that survives it: what is published.
It signs only heights above the newest published one, hence what was pruned cannot be signed again
either, and none that is not its epoch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapters.base import Signer
from adapters.committee.source import (
    DirectoryAttestations,
    publish_attestation,
    publish_handover,
)
from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.errors import Conflict
from clearinghouse.proofs.bls_quorum import BITMAP_BYTES
from clearinghouse.proofs.committee import Attestation, Committee, Scheme, committee_digest
from clearinghouse.proofs.ethereum.bls import aggregate_signatures, derive_public_key, sign
from clearinghouse.proofs.handover import Handover


@dataclass(frozen=True)
class BlsSigner:
    """A key of a committee that signs by BLS."""

    secret_key: int = field(repr=False)

    @property
    def public_key(self) -> bytes:
        return derive_public_key(self.secret_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """Return the compressed signature, 96 bytes."""
        return sign(self.secret_key, digest)


Attesting = Signer | BlsSigner
"""What signs for a member; a committee's all are of its scheme."""


def sign_as_committee(
    committee: Committee, signers: Sequence[Attesting], digest: Hash32
) -> tuple[bytes, ...]:
    """Return the signatures of all ``signers`` over a digest, as the committee's scheme has them.

    This remembers nothing: ``Attester`` is what refuses to contradict itself.

    Raises
    ------
    ValueError
        When a signer is no member of the committee.
    """
    places = {member: place for place, member in enumerate(committee.members)}
    strangers = [to_hex(_member(s)) for s in signers if _member(s) not in places]
    if strangers:
        raise ValueError(f"no members of the committee: {', '.join(strangers)}")
    ordered = sorted(signers, key=lambda signer: places[_member(signer)])
    signatures = tuple(signer.sign_digest(digest) for signer in ordered)
    if committee.scheme is Scheme.ECDSA:
        return signatures
    bitmap = sum(1 << place for place in {places[_member(signer)] for signer in ordered})
    return (bitmap.to_bytes(BITMAP_BYTES) + aggregate_signatures(signatures),)


def sign_attestation(
    committee: Committee, signers: Sequence[Attesting], height: int, block_hash: Hash32
) -> Attestation:
    """Return the signatures of all ``signers`` for a header.

    Raises
    ------
    ValueError
        When a signer is no member of the committee.
    """
    digest = committee_digest(
        committee.clearinghouse_id, committee.chain_id, committee.epoch, height, block_hash
    )
    signatures = sign_as_committee(committee, signers, digest)
    return Attestation(committee.epoch, height, block_hash, signatures)


def sign_handover(
    committee: Committee, signers: Sequence[Attesting], last_height: int, successor: Committee
) -> Handover:
    """Return the signatures of all ``signers`` for the end of their epoch.

    Raises
    ------
    ValueError
        When a signer is no member of the committee.
    """
    unsigned = Handover(last_height, successor, ())
    return replace(unsigned, signatures=sign_as_committee(committee, signers, unsigned.digest))


class Attester:
    """Members of one committee that publish into a directory and never contradict it."""

    def __init__(self, committee: Committee, signers: Sequence[Attesting], directory: Path) -> None:
        self._committee = committee
        self._signers = tuple(signers)
        self._directory = directory
        self._published = DirectoryAttestations(directory)

    def attest(self, height: int, block_hash: Hash32) -> Attestation:
        """Sign and publish a finalised header; the same one again returns what is published.

        Raises
        ------
        Conflict
            ``ATTESTATION_CONFLICT`` when another hash of this height is published, or when the
            height is below the newest published one and so may have been; ``EPOCH_CONFLICT`` when
            the height is another epoch's.
        """
        newest = self._published.find_newest(self._committee.chain_id)
        if newest is not None and height <= newest.height:
            published = self._published.find_at(self._committee.chain_id, height)
            if published is None or published.block_hash != block_hash:
                raise Conflict(
                    "ATTESTATION_CONFLICT",
                    f"will not sign {to_hex(block_hash)} for height {height} of chain "
                    f"{self._committee.chain_id}: heights up to {newest.height} are attested; the "
                    "chain lost finality or the node lies",
                    chain_id=self._committee.chain_id,
                    height=height,
                    refused=block_hash,
                    published=None if published is None else published.block_hash,
                )
            return published
        self._refuse_others_height(height)
        attestation = sign_attestation(self._committee, self._signers, height, block_hash)
        publish_attestation(self._directory, self._committee.chain_id, attestation)
        return attestation

    def hand_over(self, last_height: int, successor: Committee) -> Handover:
        """Sign and publish the end of the epoch; the same again returns what is published.

        From then on this attests no height above ``last_height``.

        Raises
        ------
        Conflict
            ``HANDOVER_CONFLICT`` when the epoch was handed over otherwise; ``EPOCH_CONFLICT`` when
            a height above ``last_height`` is attested, or the successor is not of the next epoch.
        """
        committee = self._committee
        newest = self._published.find_newest(committee.chain_id)
        if successor.epoch != committee.epoch + 1:
            self._refuse_epoch(f"hand over to epoch {successor.epoch}")
        published = self._published.find_handover(committee.chain_id, committee.epoch)
        if published is None:
            if newest is not None and newest.height > last_height:
                self._refuse_epoch(f"end below the attested height {newest.height}")
            published = sign_handover(committee, self._signers, last_height, successor)
        elif published.digest != Handover(last_height, successor, ()).digest:
            raise Conflict(
                "HANDOVER_CONFLICT",
                f"epoch {committee.epoch} of chain {committee.chain_id} was handed over already; "
                "hand over again in the epoch that followed",
                chain_id=committee.chain_id,
                epoch=committee.epoch,
            )
        publish_handover(self._directory, published)
        return published

    def _refuse_others_height(self, height: int) -> None:
        chain_id, epoch = self._committee.chain_id, self._committee.epoch
        ended = self._published.find_handover(chain_id, epoch)
        if ended is not None and height > ended.last_height:
            self._refuse_epoch(f"attest height {height} after its last, {ended.last_height}")
        before = self._published.find_handover(chain_id, epoch - 1) if epoch else None
        if before is not None and height <= before.last_height:
            self._refuse_epoch(f"attest height {height}, which was of the epoch before")

    def _refuse_epoch(self, what: str) -> None:
        epoch, chain_id = self._committee.epoch, self._committee.chain_id
        raise Conflict(
            "EPOCH_CONFLICT",
            f"epoch {epoch} of chain {chain_id} cannot {what}",
            chain_id=chain_id,
            epoch=epoch,
        )


def _member(signer: Attesting) -> bytes:
    return signer.public_key if isinstance(signer, BlsSigner) else signer.address
