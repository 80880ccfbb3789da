"""What rollups post their roots to on L1: one contract per family, with the real storage layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adapters.evm.artifacts import load_artifact
from adapters.evm.bonded_client import RootPlan
from adapters.evm.reader import Reader
from adapters.evm.sender import Sender
from adapters.nitro.deployment import plan_outbox_root
from adapters.opstack.audit import MESSAGE_PASSER
from adapters.opstack.deployment import plan_output_root
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.header import Header
from clearinghouse.proofs.rollups.l1_contract import L1Contract
from clearinghouse.proofs.rollups.nitro import NitroOutbox
from clearinghouse.proofs.rollups.opstack import OutputOracle, output_root
from clearinghouse.proofs.rollups.rollup_header import read_send_root


class RootContract(Protocol):
    """A rollup's contract on L1."""

    @property
    def address(self) -> Address: ...

    @property
    def root_plan(self) -> RootPlan:
        """The contract on other chains that believes this one."""
        ...

    def encode_post(self, reader: Reader, header: Header, encoded: bytes) -> bytes:
        """Return the call that posts a final block of the rollup, which ``reader`` reads."""
        ...


@dataclass(frozen=True)
class OracleContract:
    """An L2OutputOracle."""

    oracle: OutputOracle

    @property
    def address(self) -> Address:
        return self.oracle.oracle.address

    @property
    def root_plan(self) -> RootPlan:
        return plan_output_root(self.oracle)

    def encode_post(self, reader: Reader, header: Header, encoded: bytes) -> bytes:
        passer_root = reader.storage_root(MESSAGE_PASSER, header.height)
        root = output_root(header.state_root, passer_root, header.block_hash)
        artifact = load_artifact("OutputOracleFixture")
        return artifact.encode_call("proposeL2Output", root, header.height)


@dataclass(frozen=True)
class OutboxContract:
    """An Outbox."""

    outbox: NitroOutbox

    @property
    def address(self) -> Address:
        return self.outbox.outbox.address

    @property
    def root_plan(self) -> RootPlan:
        return plan_outbox_root(self.outbox)

    def encode_post(self, reader: Reader, header: Header, encoded: bytes) -> bytes:
        send_root = read_send_root(encoded)
        artifact = load_artifact("OutboxFixture")
        return artifact.encode_call("updateSendRoot", send_root, header.block_hash)


def deploy_oracle(
    sender: Sender, chain_id: ChainId, poster: Address, finalization_seconds: int
) -> OracleContract:
    """Create the oracle of rollup ``chain_id`` on L1, which is the chain of ``sender``."""
    artifact = load_artifact("OutputOracleFixture")
    address, _ = sender.create(artifact.encode_creation(poster, poster, finalization_seconds))
    return OracleContract(OutputOracle(chain_id, _known(sender, address), finalization_seconds))


def deploy_outbox(sender: Sender, chain_id: ChainId, poster: Address) -> OutboxContract:
    """Create the Outbox of rollup ``chain_id`` on L1, which is the chain of ``sender``."""
    artifact = load_artifact("OutboxFixture")
    address, _ = sender.create(artifact.encode_creation(poster))
    return OutboxContract(NitroOutbox(chain_id, _known(sender, address)))


def _known(sender: Sender, address: Address) -> L1Contract:
    return L1Contract(address, keccak256(sender.reader.code(address)), None)
