"""Headers of every fork, from recorded blocks, and every way they can be wrong."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import rlp
from hexbytes import HexBytes
from web3.datastructures import AttributeDict

from clearinghouse.book.identifiers import Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import BeaconBlockHeader
from clearinghouse.proofs.header import (
    MAX_FIELDS,
    MAX_HEADER_BYTES,
    MIN_FIELDS,
    decode_header,
    encode_header,
    verify_block,
)
from tests.unit.proofs.recordings import io_results, load_json, unhex

FORK_FIELDS = (
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
    "blockAccessListHash",
    "slotNumber",
)


def block_of(fields: int) -> dict[str, Any]:
    """Return a well-formed JSON block with that many header fields and its hash."""
    block: dict[str, Any] = {
        "parentHash": "0x" + "01" * 32,
        "sha3Uncles": "0x" + "02" * 32,
        "miner": "0x" + "03" * 20,
        "stateRoot": "0x" + "04" * 32,
        "transactionsRoot": "0x" + "05" * 32,
        "receiptsRoot": "0x" + "06" * 32,
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x0",
        "number": "0x1b4",
        "gasLimit": "0x1c9c380",
        "gasUsed": "0x0",
        "timestamp": "0x6553f100",
        "extraData": "0x",
        "mixHash": "0x" + "07" * 32,
        "nonce": "0x0000000000000000",
    }
    later = ["0x7", "0x" + "08" * 32, "0x20000", "0x0", *["0x" + "09" * 32] * 3, "0x5f"]
    block |= dict(zip(FORK_FIELDS, later[: fields - MIN_FIELDS], strict=False))
    block["hash"] = "0x" + keccak256(encode_header(block)).hex()
    return block


def recorded_blocks() -> list[dict[str, Any]]:
    forks = ("london", "shanghai", "prague")
    return [
        load_json("block-headers/mainnet-pow-header11408438.json"),
        *load_json("block-headers/goerli-herodotus-headers.json").values(),
        *(
            block
            for fork in forks
            for block in io_results(f"block-headers/execution-apis/get-block-{fork}-fork.io")
        ),
        *io_results("eth-getproof/execution-apis-devnet/get-latest-block.io"),
        load_json("eth-getproof/mainnet-prague-weth/block_header.json"),
        load_json("eth-getproof/lodestar-mainnet/eth_call.json")["block"],
        load_json("eth-getproof/lodestar-sepolia/eth_getCode.json")["block"],
    ]


def test_verify_block_reproduces_the_hash_when_block_is_recorded() -> None:
    counts = set()
    for block in recorded_blocks():
        header, encoded = verify_block(block)
        assert header.block_hash == unhex(block["hash"])
        assert header.height == int(block["number"], 16)
        assert header.state_root == unhex(block["stateRoot"])
        assert header.parent_hash == unhex(block["parentHash"])
        assert header.receipts_root == unhex(block["receiptsRoot"])
        assert header.timestamp == int(block["timestamp"], 16)
        counts.add(len(rlp.decode(encoded)))
    assert counts >= {15, 16, 17, 21}


def test_decode_header_reads_every_fork_when_encoding_is_recorded() -> None:
    entries = load_json("block-headers/mainnet-headers-by-fork.json")
    assert len(entries) == 12
    for entry in entries:
        encoded = unhex(entry["rlp"])
        header, fields = decode_header(encoded), rlp.decode(encoded)
        assert header.height == entry["number"]
        assert header.block_hash == unhex(entry["hash"])
        assert header.parent_hash == fields[0]
        assert header.state_root == fields[3]
        assert header.receipts_root == fields[5]
        assert header.timestamp == int.from_bytes(fields[11])


def test_verify_block_links_when_blocks_are_consecutive() -> None:
    blocks = load_json("block-headers/goerli-herodotus-headers.json")
    headers = [verify_block(blocks[number])[0] for number in sorted(blocks, key=int)]
    assert len(headers) == 5
    for parent, child in pairwise(headers):
        assert child.parent_hash == parent.block_hash
        assert child.height == parent.height + 1


def test_beacon_header_is_its_childs_parent_when_slots_are_consecutive() -> None:
    """The folder's other headers: of beacon blocks, whose hash is a hash tree root."""
    headers = []
    for slot in range(2_498_457, 2_498_461):
        data = load_json(f"block-headers/holesky-beacon-header-{slot:_}.json")["data"]
        message = data["header"]["message"]
        roots = (Hash32(unhex(message[f"{part}_root"])) for part in ("parent", "state", "body"))
        header = BeaconBlockHeader(int(message["slot"]), int(message["proposer_index"]), *roots)
        assert header.slot == slot
        assert header.root() == unhex(data["root"])
        headers.append(header)
    for parent, child in pairwise(headers):
        assert child.parent_root == parent.root()


@pytest.mark.parametrize("fields", range(15, 24))
def test_encode_header_writes_the_present_fields_when_fork_varies(fields: int) -> None:
    encoded = encode_header(block_of(fields))
    assert len(rlp.decode(encoded)) == fields
    assert decode_header(encoded).height == 436


def test_encode_header_gives_equal_bytes_when_values_come_from_web3() -> None:
    block = block_of(21)
    integers = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas")
    integers += ("blobGasUsed", "excessBlobGas")
    converted = AttributeDict(
        {
            name: int(value, 16)
            if name in integers
            else value
            if name == "miner"
            else HexBytes(value)
            for name, value in block.items()
        }
    )
    assert encode_header(converted) == encode_header(block)
    assert verify_block(converted) == verify_block(block)


def test_encode_header_treats_null_as_absent_when_node_sends_it() -> None:
    block = block_of(16)
    assert encode_header(block | {"withdrawalsRoot": None}) == encode_header(block)


@pytest.mark.parametrize("absent", FORK_FIELDS[:-1])
def test_encode_header_refuses_a_gap_when_a_later_field_is_present(absent: str) -> None:
    block = block_of(23)
    del block[absent]
    with pytest.raises(ProofInvalid) as refusal:
        encode_header(block)
    assert refusal.value.reason == "header_gap"
    assert refusal.value.attributes["absent"] == absent


@pytest.mark.parametrize("name", ["parentHash", "stateRoot", "number", "extraData", "nonce"])
def test_encode_header_refuses_when_a_field_of_all_forks_is_missing(name: str) -> None:
    block = block_of(20)
    del block[name]
    with pytest.raises(ProofInvalid) as refusal:
        encode_header(block)
    assert refusal.value.reason == "header_field_missing"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stateRoot", "0x" + "04" * 31),
        ("stateRoot", "04" * 32),
        ("stateRoot", "0x" + "0g" * 32),
        ("stateRoot", 4),
        ("miner", b"\x03" * 32),
        ("nonce", "0x0"),
        ("number", hex(2**64)),
        ("number", -1),
        ("number", True),
        ("number", "436"),
        ("number", "0x"),
        ("number", "0x1_0"),
        ("number", "0x-1"),
        ("number", "0x+1"),
        ("number", "0x1 "),
        ("number", " 0x1"),
        ("number", "0x" + "0" * 65),
        ("number", 4.0),
        ("stateRoot", "0x" + "04 " * 32),
        ("extraData", "0x 04"),
        ("extraData", "0x4"),
        ("extraData", "0x04\n"),
        ("baseFeePerGas", 2**256),
    ],
    ids=str,
)
def test_encode_header_refuses_when_a_value_has_the_wrong_form(name: str, value: object) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        encode_header(block_of(20) | {name: value})
    assert refusal.value.reason == "header_field_malformed"
    assert refusal.value.attributes["field"] == name


@pytest.mark.parametrize("name", ["stateRoot", "timestamp", "number", "gasUsed", "slotNumber"])
def test_verify_block_refuses_when_a_field_was_changed(name: str) -> None:
    block = block_of(23)
    block[name] = "0x" + "aa" * 32 if name == "stateRoot" else hex(int(block[name], 16) + 1)
    with pytest.raises(ProofInvalid) as refusal:
        verify_block(block)
    assert refusal.value.reason == "header_hash_mismatch"


@pytest.mark.parametrize("reported", [None, "0x", "0x" + "00" * 32, "pending"], ids=str)
def test_verify_block_refuses_when_the_reported_hash_is_none_or_another(reported: object) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        verify_block(block_of(20) | {"hash": reported})
    assert refusal.value.reason.startswith("header_")


def fields_of(count: int) -> list[Any]:
    return rlp.decode(encode_header(block_of(count)))


def test_decode_header_accepts_unknown_fields_when_they_trail() -> None:
    fields = [*fields_of(23), b"future", bytes(300)]
    fields += [b""] * (MAX_FIELDS - len(fields))
    assert decode_header(rlp.encode(fields)).height == 436
    with pytest.raises(ProofInvalid) as refusal:
        decode_header(rlp.encode([*fields, b""]))
    assert refusal.value.reason == "header_too_long"


def test_decode_header_refuses_when_fields_are_missing() -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_header(rlp.encode(fields_of(15)[:-1]))
    assert refusal.value.reason == "header_too_short"


@pytest.mark.parametrize("index", range(MIN_FIELDS + 1))
def test_decode_header_refuses_when_a_field_is_a_list(index: int) -> None:
    fields = fields_of(16)
    fields[index] = [b"x"]
    with pytest.raises(ProofInvalid):
        decode_header(rlp.encode(fields))


@pytest.mark.parametrize("index", [0, 1, 2, 3, 4, 5, 6, 13, 14])
def test_decode_header_refuses_when_a_field_has_another_length(index: int) -> None:
    for change in (lambda field: field + b"\x01", lambda field: field[1:]):
        fields = fields_of(15)
        fields[index] = change(fields[index])
        with pytest.raises(ProofInvalid) as refusal:
            decode_header(rlp.encode(fields))
        assert refusal.value.reason == "header_field_malformed"


@pytest.mark.parametrize("index", [7, 8, 9, 10, 11])
@pytest.mark.parametrize("value", [b"\x00", b"\x00\x01", b"\x01" * 33], ids=bytes.hex)
def test_decode_header_refuses_when_an_integer_is_not_canonical(index: int, value: bytes) -> None:
    fields = fields_of(15)
    fields[index] = value
    with pytest.raises(ProofInvalid) as refusal:
        decode_header(rlp.encode(fields))
    assert refusal.value.reason == "rlp_not_an_integer"


def test_decode_header_refuses_when_height_exceeds_64_bits() -> None:
    fields = fields_of(15)
    fields[8] = (2**64 - 1).to_bytes(8)
    assert decode_header(rlp.encode(fields)).height == 2**64 - 1
    fields[8] = (2**64).to_bytes(9)
    with pytest.raises(ProofInvalid):
        decode_header(rlp.encode(fields))


def test_decode_header_refuses_when_bytes_follow_or_are_too_many() -> None:
    encoded = encode_header(block_of(20))
    with pytest.raises(ProofInvalid) as refusal:
        decode_header(encoded + b"\x80")
    assert refusal.value.reason == "rlp_trailing_bytes"
    fields = fields_of(15)
    fields[12] = bytes(MAX_HEADER_BYTES)
    with pytest.raises(ProofInvalid) as refusal:
        decode_header(rlp.encode(fields))
    assert refusal.value.reason == "rlp_too_large"
