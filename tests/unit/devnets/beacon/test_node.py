"""A beacon node beside an anvil: one block a slot, and no second history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clearinghouse.book.identifiers import ZERO_HASH, to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ChainFault
from devnets.beacon.node import BeaconNode, read_payload
from devnets.beacon.validators import Validators
from tests.unit.devnets.beacon.execution import GENESIS_TIME, SEED, build_test_network

SECONDS_PER_SLOT = 2


class RecordedAnvil:
    """Blocks that look like anvil's, one per second."""

    def __init__(self) -> None:
        self.name = "lantern"
        self.block_seconds = 1.0
        self.blocks: list[dict[str, Any]] = []
        self.mine()

    @property
    def final_height(self) -> int:
        return max(len(self.blocks) - 3, 0)

    def mine(self, count: int = 1, label: str = "") -> None:
        for _ in range(count):
            height = len(self.blocks)
            zero = to_hex(ZERO_HASH)
            self.blocks.append(
                {
                    "hash": to_hex(keccak256(f"{height} {label}".encode())),
                    "parentHash": self.blocks[-1]["hash"] if self.blocks else zero,
                    "miner": to_hex(bytes(20)),
                    "stateRoot": to_hex(keccak256(f"state {height}".encode())),
                    "receiptsRoot": zero,
                    "logsBloom": to_hex(bytes(256)),
                    "mixHash": zero,
                    "number": hex(height),
                    "gasLimit": "0x1",
                    "gasUsed": "0x0",
                    "timestamp": hex(GENESIS_TIME + height),
                    "extraData": "0x",
                    "baseFeePerGas": "0x7",
                    "transactionsRoot": zero,
                    "withdrawalsRoot": zero,
                    "blobGasUsed": "0x0",
                    "excessBlobGas": "0x0",
                }
            )

    def request(self, method: str, *parameters: object) -> Any:
        assert method == "eth_getBlockByNumber"
        tag = str(parameters[0])
        return self.blocks[-1 if tag == "latest" else int(tag, 16)]


class Running:
    """A node whose thread never starts: the test looks for it."""

    def __init__(self) -> None:
        network = build_test_network()
        self.anvil = RecordedAnvil()
        validators = Validators(network, SEED)
        self.node = BeaconNode(self.anvil, network, validators)  # type: ignore[arg-type]
        self.data = self.node.data

    def look(self) -> int:
        return self.node._prove(self.anvil.final_height)

    def run(self, blocks: int) -> int:
        proven = 0
        for _ in range(blocks):
            self.anvil.mine()
            proven = self.look()
        return proven


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.node.close()


def test_bootstrap_is_served_when_the_node_is_made(running: Running) -> None:
    bootstrap = running.data.bootstrap
    assert bootstrap is not None
    assert bootstrap.header.beacon.root() == running.node.checkpoint_root
    assert running.data.newest is None


def test_proven_height_follows_finality_when_blocks_come(running: Running) -> None:
    proven = running.run(20)
    assert 20 - 2 - 3 * SECONDS_PER_SLOT <= proven <= running.anvil.final_height
    newest = running.data.newest
    assert newest is not None
    assert newest.finalized_header is not None
    assert newest.finalized_header.execution == read_payload(running.anvil.blocks[proven])


def test_slot_has_one_block_when_the_anvil_makes_several(running: Running) -> None:
    running.run(12)
    head = running.node._chain.head_slot
    assert head == 12 // SECONDS_PER_SLOT
    running.look()
    assert running.node._chain.head_slot == head


def test_nothing_is_signed_any_more_when_a_final_block_is_replaced(running: Running) -> None:
    proven = running.run(20)
    del running.anvil.blocks[proven - 2 :]
    running.anvil.mine(12, "other")
    before = running.data.newest
    with pytest.raises(ChainFault) as raised:
        running.look()
    assert raised.value.reason == "finality_violated"
    assert running.data.newest == before


def test_history_goes_on_when_blocks_that_are_not_final_are_replaced(running: Running) -> None:
    running.run(20)
    del running.anvil.blocks[-2:]
    running.anvil.mine(3, "other")
    assert running.run(8) > 20
