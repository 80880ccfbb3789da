"""Proofs and headers recorded from real chains, in one shape; absent recordings skip the test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.anchor_layout import mapping_slot
from clearinghouse.proofs.header import decode_header, verify_block
from tests.recorded import recorded_path


@dataclass(frozen=True)
class RecordedStorage:
    """One slot's proof and the word the recording says it proves."""

    slot: Hash32
    nodes: tuple[bytes, ...]
    word: int


@dataclass(frozen=True)
class RecordedProof:
    """One account's proof and what the recording says about it; ``None``: it does not say."""

    name: str
    state_root: Hash32
    address: Address
    account_nodes: tuple[bytes, ...]
    nonce: int | None
    balance: int | None
    code_hash: bytes | None
    storage_root: bytes | None
    storage: tuple[RecordedStorage, ...]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def load_json(relative: str) -> Any:
    return json.loads(recorded_path(f"vectors/{relative}").read_text())


def io_results(relative: str) -> list[dict[str, Any]]:
    """Return the results in a request/response recording of ethereum/execution-apis."""
    lines = recorded_path(f"vectors/{relative}").read_text().splitlines()
    return [json.loads(line[3:])["result"] for line in lines if line.startswith("<< ")]


def from_get_proof(name: str, state_root: Hash32, result: dict[str, Any]) -> RecordedProof:
    """Read an ``eth_getProof`` result."""
    return RecordedProof(
        name=name,
        state_root=state_root,
        address=Address(unhex(result["address"])),
        account_nodes=tuple(map(unhex, result["accountProof"])),
        nonce=int(result["nonce"], 16),
        balance=int(result["balance"], 16),
        code_hash=unhex(result["codeHash"]),
        storage_root=unhex(result["storageHash"]),
        storage=tuple(
            RecordedStorage(
                slot=Hash32(int(entry["key"], 16).to_bytes(32)),
                nodes=tuple(map(unhex, entry["proof"])),
                word=int(entry["value"], 16),
            )
            for entry in result["storageProof"]
        ),
    )


def _prague_weth() -> list[RecordedProof]:
    header, _ = verify_block(load_json("eth-getproof/mainnet-prague-weth/block_header.json"))
    result = load_json("eth-getproof/mainnet-prague-weth/eth_getProof.json")
    return [from_get_proof("mainnet-prague-weth", header.state_root, result)]


def _devnet() -> list[RecordedProof]:
    folder = "eth-getproof/execution-apis-devnet"
    header, _ = verify_block(io_results(f"{folder}/get-latest-block.io")[0])
    names = ("default-block", "latest", "with-storage")
    return [
        from_get_proof(name, header.state_root, result)
        for name in names
        for result in io_results(f"{folder}/get-account-proof-{name}.io")
    ]


def _herodotus() -> list[RecordedProof]:
    recording = load_json("eth-getproof/goerli-herodotus/proof-7583802-0x456cb24d-0x54cdd369.json")
    header, _ = verify_block(recording["block"])
    return [from_get_proof("goerli-herodotus", header.state_root, recording["proof"])]


def _lodestar(path: str) -> Callable[[], list[RecordedProof]]:
    def load() -> list[RecordedProof]:
        recording = load_json(f"eth-getproof/{path}")
        header, _ = verify_block(recording["block"])
        return [
            from_get_proof(path, header.state_root, entry["result"])
            for entry in recording["proofs"]
        ]

    return load


def _broadcaster(name: str) -> Callable[[], list[RecordedProof]]:
    def load() -> list[RecordedProof]:
        recording = load_json(f"eth-getproof/sepolia-broadcaster/{name}.json")
        header = decode_header(unhex(recording["rlpBlockHeader"]))
        assert header.block_hash == unhex(recording["blockHash"])
        assert header.state_root == unhex(recording["stateRoot"])
        storage = RecordedStorage(
            slot=Hash32(unhex(recording["slot"])),
            nodes=tuple(rlp.decode(unhex(recording["rlpStorageProof"]))),
            word=int(recording["slotValue"], 16),
        )
        return [
            RecordedProof(
                name=name,
                state_root=header.state_root,
                address=Address(unhex(recording["account"])),
                account_nodes=tuple(rlp.decode(unhex(recording["rlpAccountProof"]))),
                nonce=None,
                balance=None,
                code_hash=None,
                storage_root=None,
                storage=(storage,),
            )
        ]

    return load


def _telepathy() -> list[RecordedProof]:
    recording = load_json("eth-getproof/goerli-telepathy/storage1.json")
    message = unhex(recording["message"])
    nonce = message[1:9]  # after the version byte; messages[nonce] lies in slot 1
    storage = RecordedStorage(
        slot=mapping_slot(nonce.rjust(32, b"\x00"), 1),
        nodes=tuple(map(unhex, recording["storageProof"])),
        word=int.from_bytes(keccak256(message)),
    )
    return [
        RecordedProof(
            name="goerli-telepathy",
            state_root=Hash32(unhex(recording["stateRoot"])),
            address=Address(unhex(recording["sourceAMBAddress"])),
            account_nodes=tuple(map(unhex, recording["accountProof"])),
            nonce=None,
            balance=None,
            code_hash=None,
            storage_root=unhex(recording["storageRoot"]),
            storage=(storage,),
        )
    ]


PORTAL = "eth-getproof/mainnet-portal-state/contract_storage_trie_node.yaml"
WETH = Address(unhex("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"))
WETH_DECIMALS_SLOT = Hash32((2).to_bytes(32))


def portal_offers() -> list[RecordedProof]:
    """Return WETH's proofs of slot 2 from portal content: the whole one, then two prefixes of it.

    An offer is the SSZ container (storage nodes, account nodes, block hash), each list of nodes
    being a run of 4-byte offsets and then the nodes.
    """
    text = Path(recorded_path(f"vectors/{PORTAL}")).read_text()
    headers = re.findall(r"block_header: '(0x[0-9a-f]+)'", text)
    offers = re.findall(r"content_value_offer: '(0x[0-9a-f]+)'", text)
    proofs = []
    for header_hex, offer_hex in zip(headers, offers, strict=True):
        header, offer = decode_header(unhex(header_hex)), unhex(offer_hex)
        storage_at = int.from_bytes(offer[0:4], "little")
        account_at = int.from_bytes(offer[4:8], "little")
        assert offer[8:40] == header.block_hash
        storage = RecordedStorage(
            WETH_DECIMALS_SLOT, _ssz_list(offer[storage_at:account_at]), word=18
        )
        proofs.append(
            RecordedProof(
                name="mainnet-portal-state",
                state_root=header.state_root,
                address=WETH,
                account_nodes=_ssz_list(offer[account_at:]),
                nonce=None,
                balance=None,
                code_hash=None,
                storage_root=None,
                storage=(storage,),
            )
        )
    return proofs


def _ssz_list(data: bytes) -> tuple[bytes, ...]:
    count = int.from_bytes(data[:4], "little") // 4
    offsets = [int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(count)]
    return tuple(data[a:b] for a, b in zip(offsets, [*offsets[1:], len(data)], strict=True))


RECORDED_PROOFS: dict[str, Callable[[], list[RecordedProof]]] = {
    "mainnet-prague-weth": _prague_weth,
    "execution-apis-devnet": _devnet,
    "goerli-herodotus": _herodotus,
    "goerli-telepathy": _telepathy,
    "mainnet-portal-state": lambda: portal_offers()[:1],
    "lodestar-mainnet": _lodestar("lodestar-mainnet/eth_call.json"),
    "lodestar-sepolia-balance": _lodestar("lodestar-sepolia/eth_getBalance_contract.json"),
    "lodestar-sepolia-code": _lodestar("lodestar-sepolia/eth_getCode.json"),
    "lodestar-sepolia-nonce": _lodestar("lodestar-sepolia/eth_getTransactionCount.json"),
    "sepolia-broadcaster-9496454": _broadcaster("broadcast_proof_block_9496454"),
    "sepolia-arbitrum-9561476": _broadcaster("arb_pointer_proof_block_9561476"),
    "sepolia-arbitrum-9747805": _broadcaster("arb_pointer_proof_block_9747805"),
    "sepolia-arbitrum-9868604": _broadcaster("arb_pointer_proof_block_9868604"),
}
"""Every recorded account proof whose address is known, by name, loaded when asked for."""
