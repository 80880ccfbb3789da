"""The auditors of a deployment's rollups: what to ask, from whom, and whose accounts pay."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.committee.source import DirectoryAttestations
from adapters.evm.adapter import EvmChainAdapter
from adapters.evm.audited_client import AuditedClient
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from adapters.evm.rollup_auditor import EvmRollupAuditor, L1View
from adapters.evm.rollup_evidence import PostedRoots
from adapters.nitro.audit import OutboxRoots
from adapters.opstack.audit import OutputRoots
from clearinghouse.book.identifiers import ChainId
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.rollups.opstack import OutputOracle
from devnets.deployment import DeployedChain, Deployment
from devnets.trust import RollupRoots


def auditors_of(
    deployment: Deployment, adapters: Mapping[ChainId, EvmChainAdapter]
) -> tuple[EvmRollupAuditor, ...]:
    """Return an auditor per rollup, which sends from the accounts of ``adapters``."""
    return tuple(
        _auditor_of(deployment, adapters, chain, chain.trust, chain.roots)
        for chain in deployment.chains
        if isinstance(chain.trust, Committee) and chain.roots is not None
    )


def _auditor_of(
    deployment: Deployment,
    adapters: Mapping[ChainId, EvmChainAdapter],
    chain: DeployedChain,
    attesters: Committee,
    roots: RollupRoots,
) -> EvmRollupAuditor:
    reader = Reader(connect(chain.configuration.url))
    l1_reader = Reader(connect(deployment.get_chain(roots.l1).configuration.url))
    clients = [
        AuditedClient(adapters[other.chain_id].sender, client)
        for other in deployment.chains
        for followed, client in other.configuration.client_of.items()
        if followed == chain.chain_id
    ]
    return EvmRollupAuditor(
        attesters,
        L1View(adapters[roots.l1], l1_reader),
        _posted_roots(roots, l1_reader, reader),
        reader,
        clients,
        DirectoryAttestations(deployment.attestations_path),
    )


def _posted_roots(roots: RollupRoots, l1_reader: Reader, reader: Reader) -> PostedRoots:
    if isinstance(roots.contract, OutputOracle):
        return OutputRoots(roots.contract, l1_reader, reader)
    return OutboxRoots(roots.contract, l1_reader, reader)
