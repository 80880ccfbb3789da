"""Sync committee updates verified inside an EVM: the contract of this repository, on a new anvil.

Real updates of a real network are as good as those of a devnet: the contract is deployed with the
network's own constants and with nothing else to believe than the committee that the user trusts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from adapters.ethereum.deployment import SyncCommitteeClientPlan
from adapters.ethereum.update import build_update
from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import connect
from adapters.evm.keystore import KeystoreSigner
from adapters.evm.sender import Sender, SenderPolicy
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.store import LightClientStore, find_committee
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from devnets.anvil import Anvil
from devnets.configuration import ChainConfiguration
from devnets.keystores import draw_key
from devnets.processes import ProcessGroup

TRUSTING_SECONDS = 14 * 86_400
ACCOUNT_WEI = 10**20

_CHAIN = ChainConfiguration(
    name="evm", chain_id=31_337, block_seconds=1, finality_blocks=2, token_decimals={}
)


@dataclass(frozen=True)
class EvmUpdate:
    """What one update cost."""

    attested_slot: int
    participants: int
    gas: int
    """Of the transaction."""


@dataclass(frozen=True)
class EvmVerdict:
    """What the contract believes when all updates were brought to it."""

    client: Address
    updates: tuple[EvmUpdate, ...]
    finalized_slot: int
    height: int
    """Of the execution block."""


def verify_in_evm(
    network: Network,
    store: LightClientStore,
    updates: Sequence[LightClientUpdate],
    current_slot: int,
    directory: Path,
    *,
    execution_header: bytes = b"",
) -> EvmVerdict:
    """Bring ``updates``, in order, to a contract that trusts the current committee of ``store``.

    ``directory`` takes the node's log; ``execution_header`` is the RLP of the last finalised block,
    needed where beacon blocks hold its hash alone. Each update is verified here first, which also
    tells its committee.

    Raises
    ------
    ProofInvalid
        When an update does not verify.
    ChainFault
        ``transaction_reverted`` when the contract is not convinced.
    Unavailable
        ``tool_missing`` without anvil.
    """
    start = store.finalized_header.beacon.slot
    period = network.period_at(start)
    # The user vouches for the start, however old; the contract has to take that for recent.
    age_seconds = max(int(time.time()) - network.genesis_time - start * network.seconds_per_slot, 0)
    plan = SyncCommitteeClientPlan(
        network, TRUSTING_SECONDS + age_seconds, period, store.current_sync_committee.root()
    )
    with ExitStack() as started:
        group = ProcessGroup()
        started.callback(group.close)
        anvil = Anvil(_CHAIN, directory / _CHAIN.name, group)
        started.callback(anvil.kill)
        anvil.start()
        anvil.set_mining_at_once(True)
        signer = KeystoreSigner(draw_key())
        anvil.set_balance(signer.address, ACCOUNT_WEI)
        policy = SenderPolicy(inclusion_timeout_seconds=30.0, poll_seconds=0.01)
        sender = Sender(connect(anvil.url), ChainId(_CHAIN.chain_id), signer, policy)
        client = plan.deploy(sender, {})
        contract = load_artifact("SyncCommitteeLightClient")
        brought = []
        for at, update in enumerate(updates, start=1):
            verify_update(network, store, update, current_slot)
            committee = find_committee(network, store, update.signature_slot)
            assert committee is not None  # verified updates have one
            header = execution_header if at == len(updates) else b""
            data = build_update(update, committee, network, execution_header=header)
            outcome = sender.send(client, contract.encode_call("update", data))
            participants = update.sync_aggregate.participants
            slot = update.attested_header.beacon.slot
            brought.append(EvmUpdate(slot, participants, outcome.gas_used))
            store = apply_update(network, store, update)
        (slot,) = sender.reader.call(contract, client, "finalizedSlot")
        (height,) = sender.reader.call(contract, client, "latestHeight")
        return EvmVerdict(client, tuple(brought), slot, height)
