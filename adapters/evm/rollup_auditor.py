"""The standing audit of one rollup: everything that its attesters sign, against what L1 proves.

An attestation is true when L1 proves its very block, and nothing else makes it so. Until L1 has
decided it waits. A false one costs its signers their bonds on every chain where they have any; a
false quorum freezes the clients there too. One of a height that the rollup does not reach is false
as soon as L1 has a younger block below it, which the clients that hold it can see. Nothing is sent
while attesters tell the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from adapters.auditing import AuditStanding
from adapters.base import ChainAdapter
from adapters.committee.source import AttestationSource
from adapters.evm.audited_client import AuditedClient
from adapters.evm.reader import Reader
from adapters.evm.rollup_evidence import PostedHeader, PostedRoots, build_evidence
from adapters.evm.rollup_proofs import Argument, l1_evidence_argument
from clearinghouse.book.identifiers import Address, ChainId, Hash32, to_hex
from clearinghouse.errors import ClearingError, ProofInvalid
from clearinghouse.proofs.committee import Attestation, Committee, committee_digest
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.quorum import verify_quorum
from clearinghouse.proofs.rollups.audit import (
    FalseAttestation,
    verify_false_attestation,
    verify_unreached_attestation,
)

log = structlog.get_logger()

JUDGED_PER_STEP_MAX = 64
"""Attestations, so that catching up after a long halt leaves other rollups their turn."""

_Key = tuple[int, Hash32, tuple[Address, ...]]


@dataclass(frozen=True)
class L1View:
    """The rollup's L1: who proves its headers, and a node that reads its blocks."""

    adapter: ChainAdapter
    reader: Reader


class EvmRollupAuditor:
    """A ``RollupAuditor``."""

    def __init__(
        self,
        committee: Committee,
        l1: L1View,
        roots: PostedRoots,
        reader: Reader,
        clients: Sequence[AuditedClient],
        published: AttestationSource,
    ) -> None:
        """``reader`` asks any honest node of the rollup.

        ``clients`` are all that follow it, at least one; they are made alike but for their L1
        client, so one piece of evidence serves them all.
        """
        if not clients:
            raise ValueError("an auditor holds attesters to what they told some client")
        self._committee = committee
        self._l1 = l1
        self._roots = roots
        self._reader = reader
        self._clients = tuple(clients)
        self._published = published
        self._pending: dict[_Key, Attestation] = {}
        self._holders: dict[_Key, dict[AuditedClient, int]] = {}
        """Of pending headers: the clients that took them, and their times in seconds."""
        self._newest_published: Attestation | None = None
        self._true = self._false = self._unprovable = 0

    @property
    def rollup(self) -> ChainId:
        """The rollup whose attesters are audited."""
        return self._committee.chain_id

    @property
    def standing(self) -> AuditStanding:
        """What became of everything that was attested so far."""
        return AuditStanding(
            self.rollup, len(self._pending), self._true, self._false, self._unprovable
        )

    def step(self) -> None:
        """Take up what was attested since, and judge what L1 has decided; see ``RollupAuditor``."""
        failures = self._for_each(self._clients, self._read)
        newest = self._published.find_newest(self.rollup)
        if newest is not None and newest != self._newest_published:
            self._newest_published = newest
            self._take_up(newest)
        l1 = self._l1.adapter.find_finalised_header()
        if l1 is not None:
            # The lowest first: where L1 has not decided one, it has decided none above.
            for key in sorted(self._pending)[:JUDGED_PER_STEP_MAX]:
                posted = self._roots.find_posted(l1, self._pending[key].height)
                if posted is None:
                    break
                failures += self._judge(key, l1, posted)
            if any(self._holders.get(key) for key in self._pending):
                failures += self._judge_unreached(l1)
        if failures:
            raise failures[0]

    def _for_each(
        self, clients: Sequence[AuditedClient], action: Callable[[AuditedClient], None]
    ) -> list[ClearingError]:
        """Do what a chain allows, whatever another refuses; return the refusals."""
        failures = []
        for client in clients:
            try:
                action(client)
            except ClearingError as error:
                failures.append(error)
        return failures

    def _read(self, client: AuditedClient) -> None:
        for attestation, timestamp in client.read_attested():
            key = self._take_up(attestation)
            if key is not None:
                self._holders.setdefault(key, {})[client] = timestamp

    def _take_up(self, attestation: Attestation) -> _Key | None:
        """Remember an attestation until L1 decides it; one that nobody signed is not one."""
        committee = self._committee
        digest = committee_digest(
            committee.clearinghouse_id,
            committee.chain_id,
            committee.epoch,
            attestation.height,
            attestation.block_hash,
        )
        try:
            signers = verify_quorum(digest, committee.members, 1, attestation.signatures)
        except ProofInvalid as refusal:
            log.warning(
                "rollup_audit.not_signed",
                rollup=self.rollup,
                height=attestation.height,
                reason=refusal.reason,
            )
            return None
        key = (attestation.height, attestation.block_hash, signers)
        self._pending[key] = attestation
        return key

    def _forget(self, key: _Key) -> None:
        del self._pending[key]
        self._holders.pop(key, None)

    def _judge(self, key: _Key, l1: VerifiedHeader, posted: PostedHeader) -> list[ClearingError]:
        """Decide one attestation; return what kept a false one from being punished everywhere."""
        attestation = self._pending[key]
        window = self._clients[0].history_window
        try:
            block, evidence = build_evidence(posted, l1, self._reader, attestation.height, window)
        except ProofInvalid as refusal:
            if refusal.reason != "outside_history":
                raise
            self._unprovable += 1
            self._forget(key)
            log.info("rollup_audit.unprovable", rollup=self.rollup, height=attestation.height)
            return []
        if block.block_hash == attestation.block_hash:
            self._true += 1
            self._forget(key)
            return []
        shown = verify_false_attestation(self._committee, attestation, block)
        return self._punish(key, self._clients, shown, block.height, l1, evidence)

    def _judge_unreached(self, l1: VerifiedHeader) -> list[ClearingError]:
        """Decide what is above all that L1 has and older than its newest: the rest must wait."""
        newest, failures = self._roots.find_newest(l1), list[ClearingError]()
        if newest is None:
            return failures
        proven, evidence = newest.header, l1_evidence_argument(l1.height, newest.root_proof)
        for key in sorted(self._pending):
            held = self._holders.get(key, {})
            if key[0] <= proven.height or not held or max(held.values()) >= proven.timestamp:
                continue
            shown = verify_unreached_attestation(
                self._committee, self._pending[key], max(held.values()), proven
            )
            failures += self._punish(key, tuple(held), shown, proven.height, l1, evidence)
        return failures

    def _punish(
        self,
        key: _Key,
        clients: Sequence[AuditedClient],
        shown: FalseAttestation,
        proven_height: int,
        l1: VerifiedHeader,
        evidence: Argument,
    ) -> list[ClearingError]:
        """Take a false attestation to clients; return what kept it from one of them."""
        attestation = self._pending[key]
        log.error(
            "rollup_audit.false_attestation",
            rollup=self.rollup,
            height=attestation.height,
            attested=to_hex(attestation.block_hash),
            proven_height=proven_height,
            signers=[to_hex(signer) for signer in shown.signers],
            freezes=shown.freezes,
        )
        failures = self._for_each(
            clients, lambda client: self._convict(client, attestation, shown.signers, l1, evidence)
        )
        if not failures:
            self._false += 1
            self._forget(key)
        return failures

    def _convict(
        self,
        client: AuditedClient,
        attestation: Attestation,
        signers: tuple[Address, ...],
        l1: VerifiedHeader,
        evidence: Argument,
    ) -> None:
        """Take what the signers have at stake with one client; nothing is sent where it is done."""
        liable = client.find_liable(signers)
        if not liable:
            return
        held_height = client.l1_height()
        if held_height < l1.height:
            client.submit_l1_updates(self._l1_updates(client, l1, held_height))
        signatures = tuple(
            signature
            for signer, signature in zip(signers, attestation.signatures, strict=True)
            if signer in liable
        )
        client.submit_audit(replace(attestation, signatures=signatures), evidence)
        log.error(
            "rollup_audit.convicted",
            rollup=self.rollup,
            chain=client.chain_id,
            height=attestation.height,
            signers=[to_hex(signer) for signer in liable],
        )

    def _l1_updates(
        self, client: AuditedClient, l1: VerifiedHeader, held_height: int
    ) -> Sequence[bytes]:
        """Return what the client's own client of L1 takes; on L1 itself that is a bare header."""
        if client.chain_id == l1.chain_id:
            return [self._l1.reader.get_header_by_hash(l1.block_hash)[1]]
        return self._l1.adapter.build_client_updates(l1, held_height)
