"""A beacon chain that grows with an anvil and serves its light client data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearinghouse.book.identifiers import Address, Hash32, to_hex
from clearinghouse.errors import ChainFault
from clearinghouse.proofs.ethereum.containers import ExecutionPayloadHeader, LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network
from devnets.anvil import Anvil
from devnets.beacon.api import BeaconServer, LightClientData
from devnets.beacon.chain import BeaconChain
from devnets.beacon.validators import Validators
from devnets.finality import FinalityService


class BeaconNode(FinalityService):
    """Makes a block in every slot in which its anvil does, and what the committees sign of it.

    A slot has one block, over the newest execution block; those that came before it in the same
    slot are its ancestors.
    """

    def __init__(self, anvil: Anvil, network: Network, validators: Validators) -> None:
        """Begin a chain over the anvil's first block."""
        super().__init__(anvil)
        self._network = network
        self._chain = BeaconChain(network, validators, read_payload(_block(anvil, 0)))
        self._proven_height = 0
        self.data = LightClientData(network)
        """What is served."""
        self.data.bootstrap = self._chain.bootstrap()
        self._server = BeaconServer(self.data)

    @property
    def url(self) -> str:
        """Of the HTTP interface, which answers from ``start`` on."""
        return self._server.url

    @property
    def checkpoint_root(self) -> Hash32:
        """Of the first block: what light clients trust at first."""
        return self._chain.checkpoint_root

    def start(self) -> None:
        self._server.start()
        super().start()

    def close(self) -> None:
        super().close()
        self._server.close()

    def _prove(self, final_height: int) -> int:
        newest = read_payload(_block(self._anvil, "latest"))
        slot = self._network.slot_at(newest.timestamp)
        if slot > self._chain.head_slot:
            self._verify_history()
            final = read_payload(_block(self._anvil, final_height))
            for update in self._chain.extend(slot, newest, final, self._canonical_hash):
                self.data.publish(update)
                self._proven_height = _proven_height(update)
        return self._proven_height

    def _verify_history(self) -> None:
        """Require that what a committee held final is still in the execution chain."""
        if self._chain.finalized is None:
            return
        signed = self._chain.finalized.payload
        standing = self._canonical_hash(signed.block_number)
        if standing != signed.block_hash:
            raise ChainFault(
                "finality_violated",
                f"block {signed.block_number} was final as {to_hex(signed.block_hash)} and is now "
                f"{to_hex(standing)}; nothing of this chain is signed any more",
                height=signed.block_number,
            )

    def _canonical_hash(self, height: int) -> Hash32:
        return Hash32(bytes.fromhex(_block(self._anvil, height)["hash"][2:]))


def read_payload(block: Mapping[str, Any]) -> ExecutionPayloadHeader:
    """Return a block of ``eth_getBlockByNumber`` as beacon blocks hold it.

    The roots of transactions and withdrawals are the execution header's own, not SSZ's: no proof
    leads through them.
    """
    return ExecutionPayloadHeader(
        parent_hash=Hash32(_data(block["parentHash"])),
        fee_recipient=Address(_data(block["miner"])),
        state_root=Hash32(_data(block["stateRoot"])),
        receipts_root=Hash32(_data(block["receiptsRoot"])),
        logs_bloom=_data(block["logsBloom"]),
        prev_randao=Hash32(_data(block["mixHash"])),
        block_number=int(block["number"], 16),
        gas_limit=int(block["gasLimit"], 16),
        gas_used=int(block["gasUsed"], 16),
        timestamp=int(block["timestamp"], 16),
        extra_data=_data(block["extraData"]),
        base_fee_per_gas=int(block["baseFeePerGas"], 16),
        block_hash=Hash32(_data(block["hash"])),
        transactions_root=Hash32(_data(block["transactionsRoot"])),
        withdrawals_root=Hash32(_data(block["withdrawalsRoot"])),
        blob_gas_used=int(block["blobGasUsed"], 16),
        excess_blob_gas=int(block["excessBlobGas"], 16),
    )


def _block(anvil: Anvil, height: int | str) -> Mapping[str, Any]:
    tag = height if isinstance(height, str) else hex(height)
    block: Mapping[str, Any] = anvil.request("eth_getBlockByNumber", tag, False)
    return block


def _proven_height(update: LightClientUpdate) -> int:
    assert update.finalized_header is not None
    assert isinstance(update.finalized_header.execution, ExecutionPayloadHeader)
    return update.finalized_header.execution.block_number


def _data(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
