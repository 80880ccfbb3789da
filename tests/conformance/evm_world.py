"""The world on three real EVM chains: anvils that mine at once and keep their own time."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from web3.types import RPCEndpoint

from adapters.committee.deployment import CommitteeClientPlan
from adapters.committee.finality import CommitteeFinality
from adapters.evm.adapter import EvmChainAdapter, EvmChainConfiguration
from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import Connection, Transport, connect
from adapters.evm.deployer import (
    ChainPlan,
    ClearinghousePlan,
    DeployedClearinghouse,
    TokenPlan,
    deploy_clearinghouse,
    mint_token,
)
from adapters.evm.reader import Reader
from adapters.evm.sender import Sender, SenderPolicy
from adapters.simulated.attestations import MemoryAttestations
from adapters.simulated.keys import SimulatedKey, simulated_key, simulated_keys
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, to_hex
from clearinghouse.book.settlements import OperatorSet
from clearinghouse.commitment.settlements import clearinghouse_id
from clearinghouse.proofs.committee import Attestation, Committee
from devnets.processes import ProcessGroup
from devnets.tools import find_tool
from tests.conformance.fee_token import deploy_fee_token
from tests.conformance.world import (
    CHAIN_IDS,
    DOLLAR,
    FEE_TAKER,
    GENESIS_TIME,
    HOME,
    MINIMUM_DEPOSIT_QUANTA,
    SALT,
    SEED,
    UNITS_PER_QUANTUM,
    WINDOWS,
    Lie,
)

STARTUP_SECONDS_MAX = 20.0
FUNDED_QUANTA = 10**9
ETHER = 10**18


class AnvilNode:
    """One anvil: it mines a block per transaction, each one second after the last."""

    def __init__(self, chain_id: ChainId, directory: Path, group: ProcessGroup) -> None:
        log_path = directory / f"{chain_id}.log"
        with log_path.open("wb") as log:
            self.process = group.start(
                [
                    str(find_tool("anvil")),
                    *("--port", "0", "--chain-id", str(chain_id), "--hardfork", "prague"),
                    *("--slots-in-an-epoch", "1", "--timestamp", str(GENESIS_TIME)),
                    *("--accounts", "1", "--order", "fifo"),
                ],
                log,
            )
        self.connection = connect(f"http://127.0.0.1:{_port(self.process, log_path)}")
        self.request("anvil_setBlockTimestampInterval", 1)

    def request(self, method: str, *parameters: object) -> Any:
        """Return the result of a JSON-RPC call."""
        return self.connection.request(method, parameters)


def _port(process: subprocess.Popen[bytes], log_path: Path) -> int:
    """Wait until anvil says where it listens."""
    pause = threading.Event()
    for _ in range(int(STARTUP_SECONDS_MAX / 0.02)):
        found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", log_path.read_text())
        if found is not None:
            return int(found[1])
        assert process.poll() is None, log_path.read_text()
        pause.wait(0.02)
    raise AssertionError(f"anvil did not start: {log_path.read_text()}")


class EvmDeployment:
    """Three anvils with the contracts on them; worlds are made from it, one per test."""

    def __init__(self, directory: Path) -> None:
        self.worlds = 0
        """How many were made."""
        self._group = ProcessGroup()
        self.nodes = {c: AnvilNode(c, directory, self._group) for c in CHAIN_IDS}
        self.funder = simulated_key(SEED, "funder")
        self.operators = simulated_keys(SEED, "operator", 3)
        self.operator_set = OperatorSet(
            epoch=1,
            threshold=2,
            signers=tuple(key.address for key in self.operators),
            parameters_hash=Hash32(bytes(32)),
        )
        self.committee_keys = {c: simulated_keys(SEED, f"attester {c}", 4) for c in CHAIN_IDS}
        identity = clearinghouse_id(SALT, HOME, CHAIN_IDS, WINDOWS)
        self.committees = {
            c: Committee(identity, c, 1, 3, tuple(k.address for k in self.committee_keys[c]))
            for c in CHAIN_IDS
        }
        for node in self.nodes.values():
            node.request("anvil_setBalance", to_hex(self.funder.address), hex(1000 * ETHER))
        senders = {c: self._sender(c) for c in CHAIN_IDS}
        self.deployed = self._deploy(senders)
        for chain_id, sender in senders.items():
            units = FUNDED_QUANTA * UNITS_PER_QUANTUM[chain_id]
            for token in self.deployed.chains[chain_id].tokens.values():
                mint_token(sender, token, self.funder.address, units)

    def close(self) -> None:
        """Stop the anvils."""
        self._group.close()
        for node in self.nodes.values():
            node.process.wait()

    def _sender(self, chain_id: ChainId) -> Sender:
        policy = SenderPolicy(inclusion_timeout_seconds=10, poll_seconds=0.01)
        return Sender(self.nodes[chain_id].connection, chain_id, self.funder, policy)

    def _deploy(self, senders: Mapping[ChainId, Sender]) -> DeployedClearinghouse:
        return deploy_clearinghouse(
            ClearinghousePlan(
                salt=SALT,
                home=HOME,
                windows=WINDOWS,
                operator_set=self.operator_set,
                chains=tuple(
                    ChainPlan(
                        sender=senders[chain_id],
                        light_client=CommitteeClientPlan(self.committees[chain_id]),
                        tokens=tuple(_tokens(chain_id, senders[chain_id])),
                    )
                    for chain_id in CHAIN_IDS
                ),
            )
        )


def _tokens(chain_id: ChainId, sender: Sender) -> list[TokenPlan]:
    units = UNITS_PER_QUANTUM[chain_id]
    plans = [TokenPlan(DOLLAR, units, MINIMUM_DEPOSIT_QUANTA, "USDC", 6)]
    if chain_id == HOME:
        fee_token = deploy_fee_token(sender)
        plans.append(TokenPlan(FEE_TAKER, 1, MINIMUM_DEPOSIT_QUANTA, "FEE", 6, fee_token))
    return plans


class EvmWorld:
    """See ``World``. Every change to the chains is undone by ``close``."""

    def __init__(self, deployment: EvmDeployment) -> None:
        self._deployment = deployment
        self._snapshots = {
            chain_id: node.request("evm_snapshot") for chain_id, node in deployment.nodes.items()
        }
        self._attestations = MemoryAttestations()
        self._transports = {
            chain_id: _StoppableTransport(node.connection)
            for chain_id, node in deployment.nodes.items()
        }
        self.clearinghouse_id = deployment.deployed.clearinghouse_id
        self.funder = deployment.funder
        self.operators = deployment.operators
        self.operator_set = deployment.operator_set
        self.adapters = {c: self._adapter(c, self._transports[c]) for c in CHAIN_IDS}
        # Anvil keeps states by block hash and forgets old ones by it, so no block of one test may
        # have the hash of a block that another test made and undid.
        deployment.worlds += 1
        for chain_id in CHAIN_IDS:
            self.advance_time(chain_id, 1 + deployment.worlds)

    def close(self) -> None:
        """Bring the chains back to where the world began."""
        for chain_id, node in self._deployment.nodes.items():
            self.adapters[chain_id].close()
            node.request("evm_setAutomine", True)
            node.request("evm_revert", self._snapshots[chain_id])

    def adapter_through(self, chain_id: ChainId, lie: Lie) -> EvmChainAdapter:
        return self._adapter(chain_id, _LyingTransport(self._transports[chain_id], lie))

    def mine(self, chain_id: ChainId, blocks: int = 1) -> None:
        for _ in range(blocks):
            self._node(chain_id).request("evm_mine")

    def advance_time(self, chain_id: ChainId, seconds: int) -> None:
        later = self.adapters[chain_id].hint_time() + seconds
        self._node(chain_id).request("evm_setNextBlockTimestamp", later)
        self.mine(chain_id)

    def finalised_hash(self, chain_id: ChainId) -> tuple[int, Hash32]:
        block = self._node(chain_id).request("eth_getBlockByNumber", "finalized", False)
        return int(block["number"], 16), Hash32(bytes.fromhex(block["hash"][2:]))

    def committee(self, chain_id: ChainId) -> Committee:
        return self._deployment.committees[chain_id]

    def committee_keys(self, chain_id: ChainId) -> tuple[SimulatedKey, ...]:
        return self._deployment.committee_keys[chain_id]

    def publish(self, chain_id: ChainId, attestation: Attestation) -> None:
        self._attestations.publish(chain_id, attestation)

    def reorganise(self, chain_id: ChainId, depth: int) -> None:
        self._node(chain_id).request("anvil_reorg", depth, [])

    def set_including(self, chain_id: ChainId, including: bool) -> None:
        self._node(chain_id).request("evm_setAutomine", including)

    def stop(self, chain_id: ChainId) -> None:
        self._transports[chain_id].stopped = True

    def token_balance(self, chain_id: ChainId, owner: Address) -> int:
        token = self._deployment.deployed.chains[chain_id].tokens[DOLLAR]
        (units,) = self._reader(chain_id).call(
            load_artifact("FaucetToken"), token, "balanceOf", owner
        )
        return int(units)

    def deposit_units(
        self, chain_id: ChainId, asset_id: AssetId, units: int, member: Address
    ) -> None:
        chain = self._deployment.deployed.chains[chain_id]
        sender = self._deployment._sender(chain_id)
        token, anchor = load_artifact("FaucetToken"), load_artifact("Anchor")
        sender.send(
            chain.tokens[asset_id], token.encode_call("approve", chain.anchor.address, units)
        )
        sender.send(chain.anchor.address, anchor.encode_call("deposit", asset_id, units, member))

    def clients_status(self, chain_id: ChainId, of_chain: ChainId) -> int:
        client = self._deployment.deployed.chains[chain_id].client_of[of_chain]
        (status,) = self._reader(chain_id).call(
            load_artifact("CommitteeLightClient"), client, "status"
        )
        return int(status)

    def _node(self, chain_id: ChainId) -> AnvilNode:
        return self._deployment.nodes[chain_id]

    def _reader(self, chain_id: ChainId) -> Any:
        return self._deployment._sender(chain_id).reader

    def _adapter(self, chain_id: ChainId, transport: Transport) -> EvmChainAdapter:
        chain = self._deployment.deployed.chains[chain_id]
        configuration = EvmChainConfiguration(
            chain_id=chain_id,
            url=self._node(chain_id).connection.url,
            anchor=chain.anchor.address,
            anchor_code_hash=chain.anchor.code_hash,
            tokens=chain.tokens,
            units_per_quantum=chain.units_per_quantum,
            client_of=chain.client_of,
            inclusion_timeout_seconds=0.5,
            poll_seconds=0.005,
        )
        connection = Connection(transport, configuration.url)
        headers = CommitteeFinality(
            self.committee(chain_id), self._attestations, Reader(connection).get_header_by_hash
        )
        return EvmChainAdapter(configuration, self.funder, headers, connection)


class _StoppableTransport:
    """A node's connection that the test can cut as a killed node would."""

    def __init__(self, connection: Connection) -> None:
        self._transport = connection._transport
        self._dead = connect("http://127.0.0.1:1")._transport  # nothing listens on port 1
        self.stopped = False

    def make_request(self, method: RPCEndpoint, params: Any) -> Any:
        transport = self._dead if self.stopped else self._transport
        return transport.make_request(method, params)


class _LyingTransport:
    """A node's answers, altered as a ``Lie`` says."""

    def __init__(self, transport: Transport, lie: Lie) -> None:
        self._transport = transport
        self._lie = lie
        artifact = load_artifact("Anchor")
        self._counts = {
            to_hex(artifact.encode_call("depositCount", 0)[:4]): lie.deposit_count,
            to_hex(artifact.encode_call("exitCount", 0)[:4]): lie.exit_count,
        }

    def make_request(self, method: RPCEndpoint, params: Any) -> Any:
        lie = self._lie
        if method == "eth_getProof":
            account, slots, height = params
            slots = [to_hex(lie.slots(Hash32(bytes.fromhex(slot[2:])))) for slot in slots]
            params = [account, slots, hex(lie.height(int(height, 16)))]
        answer = self._transport.make_request(method, params)
        result = answer.get("result")
        if method == "eth_getBlockByHash" and lie.parent_instead:
            return self._transport.make_request(method, [result["parentHash"], False])
        if method == "eth_getProof":
            result["accountProof"] = _altered(result["accountProof"], lie.account_nodes)
            for entry in result["storageProof"]:
                entry["proof"] = _altered(entry["proof"], lie.storage_nodes)
        count = self._counts.get(params[0]["data"][:10]) if method == "eth_call" else None
        if count is not None:
            answer["result"] = to_hex(count(int(result, 16)).to_bytes(32))
        return answer


def _altered(nodes: list[str], lie: Any) -> list[str]:
    return [to_hex(node) for node in lie(tuple(bytes.fromhex(node[2:]) for node in nodes))]
