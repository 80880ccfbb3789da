"""One finalised history: attested headers that verify, each a descendant of the one before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from adapters.ancestry import HeaderByHash, find_broken_descent
from adapters.committee.client import build_freeze_evidence, build_update
from adapters.committee.source import AttestationSource
from clearinghouse.book.identifiers import ChainId, to_hex
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.proofs.committee import (
    Attestation,
    Committee,
    verify_attested_header,
    verify_equivocation,
)
from clearinghouse.proofs.handover import Epoch, extend_epochs, get_epoch, verify_height
from clearinghouse.proofs.header import Header, VerifiedHeader

FIRST_HEIGHT = 1

REMEMBERED_HEADERS = 1024


@dataclass(frozen=True)
class _Attested:
    """A header that verified, and what it takes to convince a light client of it."""

    header: VerifiedHeader
    encoded: bytes
    attestation: Attestation


class CommitteeFinality:
    """Follows the attestations of one chain: a ``HeaderSource``. Thread-safe.

    Once finality was seen violated every call says so: which of two histories is the chain's is
    for people to decide.
    """

    def __init__(
        self, committee: Committee, attestations: AttestationSource, get_header: HeaderByHash
    ) -> None:
        self._committee = committee
        self._epochs: tuple[Epoch, ...] = (Epoch(committee, FIRST_HEIGHT),)
        self._attestations = attestations
        self._get_header = get_header
        self._lock = Lock()
        self._newest: _Attested | None = None
        self._seen: OrderedDict[int, _Attested] = OrderedDict()
        self._violation: ChainFault | None = None

    def find_newest(self) -> VerifiedHeader | None:
        """Return the newest attested header that verifies, None before there is any.

        Raises
        ------
        ChainFault
            ``finality_violated``; where two hashes of one height are signed, the attribute
            ``evidence`` is what freezes light clients.
        ProofInvalid, Unavailable
            As the verification and the node say.
        """
        with self._lock:
            if self._violation is not None:
                raise self._violation
            newest = self._newest
            if newest is not None:  # a height may be signed anew after it was the newest
                self._accept(self._attestations.find_at(*self._key(newest.header.height)))
            self._accept(self._attestations.find_newest(self._committee.chain_id))
            return None if self._newest is None else self._newest.header

    def build_client_updates(self, header: VerifiedHeader, held_height: int) -> Sequence[bytes]:
        """Return the one update that a client takes for an attested header, whatever it holds.

        It brings the handovers that the client may lack; those that it took it passes over.

        Raises
        ------
        Unavailable
            ``attestation_missing`` when its signatures are not kept any more: take a newer header.
        """
        with self._lock:
            known = self._seen.get(header.height)
            if known is None or known.header != header:
                known = self._fetch(header)
            handovers = [
                epoch.handover
                for epoch in self._epochs
                if epoch.handover is not None
                and held_height <= epoch.handover.last_height
                and epoch.handover.epoch < known.attestation.epoch
            ]
            update = build_update(
                known.encoded, known.attestation, self._committee.scheme, handovers
            )
            return [update]

    def _fetch(self, header: VerifiedHeader) -> _Attested:
        attestation = self._attestations.find_at(*self._key(header.height))
        if attestation is None or attestation.block_hash != header.block_hash:
            raise Unavailable(
                "attestation_missing",
                f"no attestation of block {to_hex(header.block_hash)} is published; use the newest "
                "finalised header",
                chain_id=header.chain_id,
                height=header.height,
            )
        return self._verified(attestation)[0]

    def _accept(self, attestation: Attestation | None) -> None:
        if attestation is None:
            return
        known = self._seen.get(attestation.height)
        if known is not None:
            self._refuse_equivocation(known.attestation, attestation)
            return
        newest = self._newest
        if newest is not None and attestation.height < newest.header.height:
            return
        attested, header = self._verified(attestation)
        if newest is not None:
            self._violation = find_broken_descent(self._get_header, header, newest.header)
            if self._violation is not None:
                raise self._violation
        self._newest = self._seen[attestation.height] = attested
        if len(self._seen) > REMEMBERED_HEADERS:
            self._seen.popitem(last=False)

    def _verified(self, attestation: Attestation) -> tuple[_Attested, Header]:
        header, encoded = self._get_header(attestation.block_hash)
        epoch = self._epoch_of(attestation)
        verify_height(epoch, attestation.height)
        verified = verify_attested_header(epoch.committee, encoded, attestation)
        return _Attested(verified, encoded, attestation), header

    def _epoch_of(self, attestation: Attestation) -> Epoch:
        """Return the epoch that attested, after learning of the handovers that lead to it."""
        held_height = 0 if self._newest is None else self._newest.header.height
        while (newest := self._epochs[-1].committee.epoch) < attestation.epoch:
            handover = self._attestations.find_handover(self._committee.chain_id, newest)
            if handover is None:
                break
            self._epochs = extend_epochs(self._epochs, handover, held_height)
        return get_epoch(self._epochs, attestation.epoch)

    def _refuse_equivocation(self, first: Attestation, second: Attestation) -> None:
        if first.block_hash == second.block_hash:
            return
        culprits = verify_equivocation(
            self._epoch_of(first).committee, first, second, self._epoch_of(second).committee
        )
        self._violation = ChainFault(
            "finality_violated",
            f"{len(culprits)} attesters of chain {self._committee.chain_id} signed two blocks of "
            f"height {first.height}; freeze its light clients and stop settling",
            chain_id=self._committee.chain_id,
            height=first.height,
            hashes=(first.block_hash, second.block_hash),
            culprits=culprits,
            evidence=build_freeze_evidence(first, second, self._committee.scheme),
        )
        raise self._violation

    def _key(self, height: int) -> tuple[ChainId, int]:
        return self._committee.chain_id, height
