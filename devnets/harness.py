"""A devnet that runs: chains, who proves their headers, and a deployed clearinghouse, as one.

``Devnet.start`` returns when every chain has an attested header with the deployment in it. Whatever
ends this process ends the chains (``devnets.processes``). Faults are methods: ``halt`` stops a
chain's blocks while its node answers, ``kill`` is SIGKILL to its node, ``reorganise`` replaces its
newest blocks.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.base import Signer
from adapters.evm.adapter import EvmChainAdapter
from adapters.evm.connection import connect
from adapters.evm.deployer import deploy_clearinghouse, mint_token
from adapters.evm.keystore import KeystoreSigner
from adapters.evm.sender import Sender, SenderPolicy
from clearinghouse.book.identifiers import ChainId
from devnets.anvil import Anvil
from devnets.blocks import BlockProducer
from devnets.configuration import ChainConfiguration, DevnetConfiguration
from devnets.deployment import KEYS_NAME, Deployment, adapters_of, save_deployment
from devnets.directories import CHAINS_NAME, PROCESSES_NAME, claim_directory
from devnets.families import ChainNode, ProvingPlanner
from devnets.finality import FinalityService
from devnets.keystores import Keystores, draw_key
from devnets.planning import (
    build_plan,
    create_keys,
    describe,
    draw_salt,
    plan_committees,
)
from devnets.private_files import write_private
from devnets.processes import ProcessGroup
from devnets.rollups.nitro_front import NitroFront
from devnets.rollups.poster import RootPoster

ACCOUNT_WEI = 10**24
FUNDER_QUANTA = 10**16
"""Of every asset on every chain; ten billion at six decimals."""

DEPLOYMENT_POLICY = SenderPolicy(inclusion_timeout_seconds=30.0, poll_seconds=0.01)
"""While a devnet is being deployed every transaction is mined as it comes."""

ATTESTATION_BLOCKS_MAX = 40
"""Block intervals, beyond some seconds, until a chain that produces blocks has attested one."""

ATTESTATION_SECONDS_MAX = 20.0


@dataclass
class _Chain:
    """The moving parts of one chain."""

    configuration: ChainConfiguration
    anvil: Anvil
    url: str
    """Where the chain is read: the anvil's, or of what stands in front of it."""
    producer: BlockProducer
    finality: FinalityService | None = None
    poster: RootPoster | None = None

    def wait_for_attestation(self, height: int) -> None:
        if self.finality is None:
            raise RuntimeError("headers are proven from the deployment on")
        seconds = ATTESTATION_BLOCKS_MAX * self.configuration.block_seconds
        self.finality.wait_for(height, ATTESTATION_SECONDS_MAX + seconds)


class Devnet:
    """A running devnet; ``close`` it, or use it as a context manager."""

    def __init__(self, configuration: DevnetConfiguration, directory: Path) -> None:
        """Start everything; on failure stop what was started, then raise. See ``start``."""
        self.configuration = configuration
        self.directory = directory.resolve()
        self.deployment: Deployment
        self._chains: dict[ChainId, _Chain] = {}
        with ExitStack() as started:
            started.callback(claim_directory(self.directory).close)
            group = ProcessGroup()
            started.callback(group.close)
            for chain in configuration.chains:
                self._start_chain(chain, group, started)
            self._deploy(started)
            for running in self._chains.values():
                self._run(running, started)
            for running in self._chains.values():
                running.wait_for_attestation(running.anvil.height("finalized"))
            self._save_processes()
            save_deployment(self.deployment)
            self._started = started.pop_all()

    @classmethod
    def start(cls, configuration: DevnetConfiguration, directory: Path) -> Devnet:
        """Start a devnet in ``directory``, which it owns until it is closed.

        Raises
        ------
        Conflict
            ``devnet_running`` while another one owns the directory.
        Rejected
            ``directory_not_a_devnet`` when it holds other files.
        Unavailable
            ``tool_missing``, ``anvil_not_started``, or what an adapter raises while deploying.
        """
        return cls(configuration, directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything and give the directory free; a second call does nothing."""
        self._started.close()

    def adapters(self, signer: Signer) -> dict[ChainId, EvmChainAdapter]:
        """Return an adapter per chain, paid for by ``signer``."""
        return adapters_of(self.deployment, signer)

    def process_id(self, chain_id: ChainId) -> int | None:
        """Return the process id of a chain's node, None when it does not run."""
        return self._chains[chain_id].anvil.process_id

    def height(self, chain_id: ChainId) -> int:
        return self._chains[chain_id].anvil.height()

    def halt(self, chain_id: ChainId) -> None:
        """Stop a chain's blocks; its node goes on answering."""
        self._chains[chain_id].producer.halt()
        self._save_processes()

    def resume(self, chain_id: ChainId) -> None:
        """Let a halted chain produce blocks again, at its pace."""
        self._chains[chain_id].producer.resume()
        self._save_processes()

    def kill(self, chain_id: ChainId) -> None:
        """Send SIGKILL to a chain's node. What was not final yet is lost."""
        self._chains[chain_id].anvil.kill()
        self._save_processes()

    def restart(self, chain_id: ChainId) -> None:
        """Start a killed chain's node again, with all its finalised blocks, at the same URL.

        Returns when a header is attested that proofs can be made against: states from before the
        restart are gone, as on a node that prunes. On a halted chain that is only after it resumed,
        so it returns at once.
        """
        chain = self._chains[chain_id]
        chain.anvil.start()
        self._save_processes()
        if not chain.producer.is_halted:
            chain.wait_for_attestation(chain.anvil.height())

    def reorganise(self, chain_id: ChainId, depth: int) -> None:
        """Replace a chain's newest ``depth`` blocks by others without transactions."""
        self._chains[chain_id].anvil.reorganise(depth)

    def mine(self, chain_id: ChainId, blocks: int = 1) -> None:
        """Produce blocks now, also on a halted chain."""
        self._chains[chain_id].anvil.mine(blocks)

    def pending_transactions(self, chain_id: ChainId) -> int:
        """Return how many transactions wait for a chain's next block."""
        return self._chains[chain_id].anvil.pending_transactions()

    def advance_time(self, seconds: int, *chain_ids: ChainId) -> None:
        """Move the clocks of the named chains, of all without any, forward, with a block each."""
        for chain_id in chain_ids or tuple(self._chains):
            anvil = self._chains[chain_id].anvil
            anvil.advance_time(seconds)
            anvil.mine()

    def wait_for_attestation(self, chain_id: ChainId, height: int) -> None:
        """Return when a header of at least ``height`` is attested; raise Unavailable if none is."""
        self._chains[chain_id].wait_for_attestation(height)

    def _start_chain(
        self, chain: ChainConfiguration, group: ProcessGroup, started: ExitStack
    ) -> None:
        anvil = Anvil(chain, self.directory / CHAINS_NAME / chain.name, group)
        started.callback(anvil.kill)
        anvil.start()
        url = anvil.url
        if chain.family == "nitro":
            front = NitroFront(anvil)
            front.start()
            started.callback(front.close)
            url = front.url
        producer = BlockProducer(anvil, chain.block_seconds)
        self._chains[chain.id] = _Chain(chain, anvil, url, producer)

    def _deploy(self, started: ExitStack) -> None:
        """Create keys, balances and contracts, with every transaction mined as it comes."""
        devnet = self.configuration
        keys = create_keys(devnet, Keystores(self.directory / KEYS_NAME))
        deployer = KeystoreSigner(draw_key())
        nodes = {}
        for chain_id, chain in self._chains.items():
            chain.anvil.set_mining_at_once(True)
            for account in (deployer, *keys.accounts):
                chain.anvil.set_balance(account.address, ACCOUNT_WEI)
            sender = Sender(connect(chain.url), chain_id, deployer, DEPLOYMENT_POLICY)
            nodes[chain_id] = ChainNode(chain.configuration, chain.anvil, chain.url, sender)
        senders = {chain_id: node.sender for chain_id, node in nodes.items()}
        salt = draw_salt()
        committees = plan_committees(devnet, keys, salt)
        planner = ProvingPlanner(devnet, self.directory, nodes, keys, committees)
        provings = {}
        for chain_id in nodes:
            provings[chain_id] = planner.plan(chain_id)
            started.callback(provings[chain_id].service.close)
        light_clients = {chain_id: each.light_client for chain_id, each in provings.items()}
        plan = build_plan(devnet, keys, salt, light_clients, senders)
        deployed = deploy_clearinghouse(plan)
        for chain_id, contracts in deployed.chains.items():
            for asset_id, token in contracts.tokens.items():
                units = FUNDER_QUANTA * contracts.units_per_quantum[asset_id]
                mint_token(senders[chain_id], token, keys.funder.address, units)
        for chain in self._chains.values():
            chain.anvil.set_mining_at_once(False)
            chain.anvil.mine(chain.configuration.finality_blocks)
        urls = {chain_id: chain.url for chain_id, chain in self._chains.items()}
        trusts = {chain_id: (each.trust, each.roots) for chain_id, each in provings.items()}
        self.deployment = describe(
            self.directory, devnet, plan, trusts, deployed, urls, keys.house.address
        )
        for chain_id, chain in self._chains.items():
            chain.finality = provings[chain_id].service
            chain.poster = provings[chain_id].poster

    def _run(self, chain: _Chain, started: ExitStack) -> None:
        for part in (chain.producer, chain.finality, chain.poster):
            if part is not None:
                started.callback(part.close)
                part.start()

    def _save_processes(self) -> None:
        """Tell other processes (`devnet status`) what runs and what is halted."""
        running = {
            chain.configuration.name: {
                "process_id": chain.anvil.process_id,
                "halted": chain.producer.is_halted,
            }
            for chain in self._chains.values()
        }
        write_private(self.directory / PROCESSES_NAME, json.dumps(running, indent=2).encode())
