"""The attesters' side: sign finalised headers, each height once.

Two signed hashes of one height freeze every light client of the chain for good, so an attester
remembers what it signed in the one place that survives it: what is published. It signs only heights
above the newest published one, hence what was pruned cannot be signed again either.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.base import Signer
from adapters.committee.source import DirectoryAttestations, publish_attestation
from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.errors import Conflict
from clearinghouse.proofs.committee import Attestation, Committee, committee_digest


def sign_attestation(
    committee: Committee, signers: Sequence[Signer], height: int, block_hash: Hash32
) -> Attestation:
    """Return the signatures of all ``signers``, sorted as light clients take them.

    This remembers nothing: ``Attester`` is what refuses a second hash.

    Raises
    ------
    ValueError
        When a signer is no member of the committee.
    """
    strangers = [to_hex(s.address) for s in signers if s.address not in committee.members]
    if strangers:
        raise ValueError(f"no members of the committee: {', '.join(strangers)}")
    digest = committee_digest(
        committee.clearinghouse_id, committee.chain_id, committee.epoch, height, block_hash
    )
    ordered = sorted(signers, key=lambda signer: signer.address)
    return Attestation(
        epoch=committee.epoch,
        height=height,
        block_hash=block_hash,
        signatures=tuple(signer.sign_digest(digest) for signer in ordered),
    )


class Attester:
    """Members of one committee that publish into a directory and never contradict it."""

    def __init__(self, committee: Committee, signers: Sequence[Signer], directory: Path) -> None:
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
            height is below the newest published one and so may have been.
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
        attestation = sign_attestation(self._committee, self._signers, height, block_hash)
        publish_attestation(self._directory, self._committee.chain_id, attestation)
        return attestation
