"""Rollup roots recorded from real chains; absent recordings skip the test."""

from __future__ import annotations

from typing import Any

import rlp

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.header import VerifiedHeader, decode_header
from clearinghouse.proofs.rollups.l1_contract import L1Contract, L1ContractProof
from clearinghouse.proofs.rollups.nitro import (
    AssertionProof,
    AssertionState,
    NitroOutbox,
    NitroRollup,
    OutboxProof,
)
from clearinghouse.proofs.rollups.opstack import AnchorProof, AnchorRegistry, OutputPreimage
from clearinghouse.proofs.state import StateProof
from tests.unit.proofs.recordings import load_json, unhex

SEPOLIA = ChainId(11_155_111)
ARBITRUM_SEPOLIA = ChainId(421_614)
OP_DEVNET = ChainId(111_112)

BOLD_ROLLUP = L1Contract(
    Address(unhex("0x042B2E6C5E99d4c521bd49beeD5E99651D9B0Cf4")),
    Hash32(unhex("0x5961c8c303762fe3bdc69d0df28db034e475e46ef4e3582c632eaaa51314ce29")),
    None,  # the recording has no proof of the proxy's implementation
)
OUTBOX = L1Contract(
    Address(unhex("0x65f07C7D521164a4d5DaC6eB8Fac8DA067A3B78F")),
    Hash32(unhex("0x8736329b580cfc0c0c39ee6700515e0bc51652afb614640db9e34a5d784933e8")),
    None,  # as above
)
ANCHOR_REGISTRY = Address(unhex("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"))
ANCHOR_CODE_HASHES = {
    "OPSepoliaProof": "0x05eb27a43c763f48174c32cf27ac38ab55b079e21435c0c246602bc98a4410cf",
    "OPInvalidL1Storage": "0xd534c368501547fc383e3da6207ab9eb87c57b9617833f92f4e7fcaa2fa1764d",
    "OPInvalidL2StateRoot": "0xd534c368501547fc383e3da6207ab9eb87c57b9617833f92f4e7fcaa2fa1764d",
}
"""The registries of these recordings stand on a devnet, all at one address."""


def load_rrc7755(path: str) -> dict[str, Any]:
    recording: dict[str, Any] = load_json(f"{path}.json")
    return recording


def l1_header(recording: dict[str, Any]) -> VerifiedHeader:
    """Return the L1 header that a RRC-7755 recording proves under; it has no more than a root."""
    parameters = recording["stateProofParams"]
    stated = parameters["beaconOracleTimestamp"]
    timestamp = int(stated, 16) if isinstance(stated, str) else stated
    state_root = Hash32(unhex(parameters["executionStateRoot"]))
    return VerifiedHeader(SEPOLIA, 1, keccak256(state_root), state_root, timestamp)


def rollup_storage(recording: dict[str, Any]) -> tuple[StateProof, Hash32, int]:
    """Return a proof of a word of the rollup's state, with its slot and the word recorded."""
    parameters = recording["dstL2AccountProofParams"]
    proof = StateProof(nodes(parameters["accountProof"]), nodes(parameters["storageProof"]))
    return proof, Hash32(unhex(parameters["storageKey"])), int(parameters["storageValue"], 16)


def anchor(name: str) -> tuple[AnchorRegistry, VerifiedHeader, AnchorProof]:
    """Return what a recording of an OP Stack anchor root proves, and how."""
    recording = load_rrc7755(f"op-stack/rrc7755/{name}")
    parameters = recording["dstL2StateRootProofParams"]
    code_hash = Hash32(unhex(ANCHOR_CODE_HASHES[name]))
    config = AnchorRegistry(OP_DEVNET, L1Contract(ANCHOR_REGISTRY, code_hash, None), 0)
    proof = AnchorProof(
        L1ContractProof(nodes(parameters["accountProof"]), ()),
        nodes(parameters["storageProof"]),
        OutputPreimage(
            Hash32(unhex(recording["l2MessagePasserStorageRoot"])),
            unhex(recording["encodedBlockArray"]),
        ),
    )
    return config, l1_header(recording), proof


def assertion(name: str) -> tuple[NitroRollup, VerifiedHeader, AssertionProof]:
    """Return what a recording of a BoLD assertion on Sepolia proves, and how."""
    recording = load_rrc7755(f"arbitrum/rrc7755/{name}")
    parameters = recording["dstL2StateRootProofParams"]
    after = recording["afterState"]
    block_hash, send_root = map(unhex, after["globalState"]["bytes32Vals"])
    inbox_position, position_in_message = map(int, after["globalState"]["u64Vals"])
    proof = AssertionProof(
        rollup=L1ContractProof(nodes(parameters["accountProof"]), ()),
        node_nodes=nodes(parameters["storageProof"]),
        parent=Hash32(unhex(recording["prevAssertionHash"])),
        after_state=AssertionState(
            block_hash=Hash32(block_hash),
            send_root=Hash32(send_root),
            inbox_position=inbox_position,
            position_in_message=position_in_message,
            machine_status=int(after["machineStatus"]),
            end_history_root=Hash32(unhex(after["endHistoryRoot"])),
        ),
        inbox_accumulator=Hash32(unhex(recording["sequencerBatchAcc"])),
        header_rlp=unhex(recording["encodedBlockArray"]),
    )
    return NitroRollup(ARBITRUM_SEPOLIA, BOLD_ROLLUP), l1_header(recording), proof


def outbox() -> tuple[NitroOutbox, bytes, OutboxProof]:
    """Return a confirmed block of Arbitrum Sepolia, proven under a Sepolia header (its RLP)."""
    on_l1 = load_json("arbitrum/broadcaster/l1_outbox_root_proof_block_9567705.json")
    rollup = load_json("arbitrum/broadcaster/l2_storage_proof_block_207673361.json")
    account_nodes, root_nodes = (
        tuple(rlp.decode(unhex(on_l1[key]))) for key in ("rlpAccountProof", "rlpStorageProof")
    )
    proof = OutboxProof(
        L1ContractProof(account_nodes, ()), root_nodes, unhex(rollup["rlpBlockHeader"])
    )
    return NitroOutbox(ARBITRUM_SEPOLIA, OUTBOX), unhex(on_l1["rlpBlockHeader"]), proof


def as_verified(chain_id: ChainId, header_rlp: bytes) -> VerifiedHeader:
    """Return what a light client would return for a recorded header."""
    header = decode_header(header_rlp)
    return VerifiedHeader(
        chain_id, header.height, header.block_hash, header.state_root, header.timestamp
    )


def nodes(texts: list[str]) -> tuple[bytes, ...]:
    return tuple(map(unhex, texts))
