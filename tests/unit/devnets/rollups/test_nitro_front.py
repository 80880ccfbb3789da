"""An anvil's blocks as a Nitro chain's: linked by their own hashes, whatever is asked first."""

from __future__ import annotations

from typing import Any

import pytest

from clearinghouse.book.identifiers import ZERO_HASH, Hash32, to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.header import verify_block
from clearinghouse.proofs.rollups.rollup_header import read_send_root
from devnets.rollups.nitro_front import BLOCKS_PER_MESSAGE, NitroBlocks, nitro_block, send_root


class RecordedAnvil:
    """Blocks that look like anvil's, without a node."""

    def __init__(self, count: int) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.mine(count)

    def mine(self, count: int, label: str = "") -> None:
        for height in range(len(self.blocks), len(self.blocks) + count):
            self.blocks.append(anvil_block(height, self.hash_of(height - 1), label))

    def hash_of(self, height: int) -> str:
        return str(self.blocks[height]["hash"]) if height >= 0 else to_hex(ZERO_HASH)

    def request(self, method: str, *parameters: object) -> Any:
        assert method == "eth_getBlockByNumber"
        height = int(str(parameters[0]), 16)
        return self.blocks[height] if height < len(self.blocks) else None


def anvil_block(height: int, parent_hash: str, label: str = "") -> dict[str, Any]:
    zero = to_hex(ZERO_HASH)
    return {
        "hash": to_hex(keccak256(f"{height} {label} {parent_hash}".encode())),
        "parentHash": parent_hash,
        "sha3Uncles": zero,
        "miner": to_hex(bytes(20)),
        "stateRoot": to_hex(keccak256(f"state {height} {label}".encode())),
        "transactionsRoot": zero,
        "receiptsRoot": zero,
        "logsBloom": to_hex(bytes(256)),
        "difficulty": "0x0",
        "number": hex(height),
        "gasLimit": hex(30_000_000),
        "gasUsed": "0x0",
        "timestamp": hex(1_900_000_000 + height),
        "extraData": "0x",
        "mixHash": zero,
        "nonce": to_hex(bytes(8)),
        "baseFeePerGas": hex(10**9),
        "withdrawalsRoot": zero,
        "withdrawals": [],
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": zero,
        "requestsHash": zero,
        "transactions": [],
    }


def converted(blocks: NitroBlocks, anvil: RecordedAnvil, height: int) -> dict[str, Any]:
    found = blocks.convert(anvil.blocks[height])
    assert found is not None
    return found


def test_header_hashes_and_carries_its_send_root_when_it_is_nitros() -> None:
    block = nitro_block(anvil_block(5, "0x" + "11" * 32), Hash32(b"\x22" * 32))
    header, encoded = verify_block(block)
    assert to_hex(header.block_hash) == block["hash"]
    assert header.parent_hash == b"\x22" * 32
    assert read_send_root(encoded) == send_root(5)


def test_send_root_is_shared_when_no_message_was_sent_between() -> None:
    assert send_root(BLOCKS_PER_MESSAGE) == send_root(2 * BLOCKS_PER_MESSAGE - 1)
    assert send_root(BLOCKS_PER_MESSAGE) != send_root(BLOCKS_PER_MESSAGE - 1)


@pytest.mark.parametrize("order", [(0, 1, 2, 9), (9, 4, 0), (9,)])
def test_blocks_are_linked_when_asked_in_any_order(order: tuple[int, ...]) -> None:
    anvil = RecordedAnvil(10)
    blocks = NitroBlocks(anvil)  # type: ignore[arg-type]
    for height in order:
        converted(blocks, anvil, height)
    chain = [converted(blocks, anvil, height) for height in range(10)]
    assert [block["parentHash"] for block in chain[1:]] == [block["hash"] for block in chain[:-1]]
    assert chain[0]["parentHash"] == to_hex(ZERO_HASH)
    for block in chain:
        assert blocks.find(block["hash"]) == block


def test_hashes_are_the_same_when_another_front_stands_before_the_chain() -> None:
    anvil = RecordedAnvil(6)
    first, again = NitroBlocks(anvil), NitroBlocks(anvil)  # type: ignore[arg-type]
    converted(first, anvil, 2)
    assert converted(first, anvil, 5) == converted(again, anvil, 5)


def test_replaced_block_is_not_found_when_the_chain_reorganised() -> None:
    anvil = RecordedAnvil(6)
    blocks = NitroBlocks(anvil)  # type: ignore[arg-type]
    replaced = converted(blocks, anvil, 5)
    kept = converted(blocks, anvil, 3)
    del anvil.blocks[4:]
    anvil.mine(3, "other")
    newest = converted(blocks, anvil, 6)
    assert blocks.find(replaced["hash"]) is None
    assert blocks.find(kept["hash"]) == kept
    assert blocks.find(newest["hash"]) == newest
    assert newest["parentHash"] == converted(blocks, anvil, 5)["hash"] != replaced["hash"]


def test_conversion_is_put_off_when_a_parent_was_replaced_meanwhile() -> None:
    anvil = RecordedAnvil(6)
    stale = anvil.blocks[5]
    del anvil.blocks[4:]
    anvil.mine(3, "other")
    with pytest.raises(Unavailable) as raised:
        NitroBlocks(anvil).convert(stale)  # type: ignore[arg-type]
    assert raised.value.reason == "block_replaced"


def test_nothing_is_converted_when_there_is_no_block() -> None:
    blocks = NitroBlocks(RecordedAnvil(1))  # type: ignore[arg-type]
    assert blocks.convert(None) is None
    assert blocks.find("0x" + "33" * 32) is None
