"""Arbitrum Nitro through L1: blocks that the rollup's contracts confirmed.

Two ways to the same fact. The Outbox keeps the block hash of each send root it took over when an
assertion was confirmed; its layout never changed. BoLD's rollup contract keeps the status of each
assertion by its hash. A Nitro header carries its send root as extra data.

Sources: OffchainLabs/nitro-contracts, ``bridge/Outbox.sol``, ``rollup/RollupCore.sol``,
``rollup/Assertion.sol``, ``rollup/RollupLib.sol``.

Reasons raised: ``block_not_confirmed``, ``assertion_malformed``, ``assertion_not_confirmed``,
``machine_not_finished``, ``asserted_block_mismatch``, ``asserted_send_root_mismatch``, and those of
``l1_contract``, ``rollup_header`` and ``state``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.book.ranges import UINT64_MAX
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import mapping_slot
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.l1_contract import (
    L1Contract,
    L1ContractProof,
    verify_l1_contract,
)
from clearinghouse.proofs.rollups.rollup_header import read_rollup_header, read_send_root
from clearinghouse.proofs.state import verify_storage

OUTBOX_ROOTS_SLOT = 3
"""``roots``: send root => block hash."""

ASSERTIONS_SLOT = 117
"""``_assertions`` of BoLD's RollupCore: assertion hash => AssertionNode."""

MACHINE_FINISHED = 1
"""MachineStatus: 0 running, 1 finished, 2 errored."""

ASSERTION_CONFIRMED = 2
"""AssertionStatus: 0 none, 1 pending, 2 confirmed."""

_STATUS_BIT = 8 * 25
"""In a node's first word, after three uint64 block numbers and a bool."""


@dataclass(frozen=True, slots=True)
class NitroOutbox:
    """What is trusted about a Nitro chain's Outbox."""

    chain_id: ChainId
    """Of the rollup."""
    outbox: L1Contract
    roots_slot: int = OUTBOX_ROOTS_SLOT


@dataclass(frozen=True, slots=True)
class OutboxProof:
    """The nodes that prove what the Outbox keeps by a header's send root."""

    outbox: L1ContractProof
    root_nodes: tuple[bytes, ...]
    header_rlp: bytes


@dataclass(frozen=True, slots=True)
class AssertionState:
    """What an assertion claims. Verified by hash, so wrong values only lead to no assertion."""

    block_hash: Hash32
    send_root: Hash32
    inbox_position: int
    """The batch in the inbox."""
    position_in_message: int
    machine_status: int
    end_history_root: Hash32

    def encode(self) -> bytes:
        """Return Solidity's ``abi.encode`` of the nested struct: six words."""
        numbers = (self.inbox_position, self.position_in_message, self.machine_status)
        if not all(0 <= number <= UINT64_MAX for number in numbers):
            raise ProofInvalid(
                "assertion_malformed", "positions are uint64 and the machine status uint8"
            )
        inbox, message, status = (number.to_bytes(32) for number in numbers)
        return self.block_hash + self.send_root + inbox + message + status + self.end_history_root


@dataclass(frozen=True, slots=True)
class NitroRollup:
    """What is trusted about a BoLD rollup contract."""

    chain_id: ChainId
    """Of the rollup."""
    rollup: L1Contract
    assertions_slot: int = ASSERTIONS_SLOT


@dataclass(frozen=True, slots=True)
class AssertionProof:
    """The nodes that prove an assertion's status, and what was asserted."""

    rollup: L1ContractProof
    node_nodes: tuple[bytes, ...]
    """Of the first word of the assertion's node."""
    parent: Hash32
    """The hash of the assertion before it."""
    after_state: AssertionState
    inbox_accumulator: Hash32
    header_rlp: bytes


def assertion_hash(parent: Hash32, after_state: AssertionState, inbox: Hash32) -> Hash32:
    """Return the name of an assertion: a hash chain over all that the chain asserted."""
    return keccak256(parent + keccak256(after_state.encode()) + inbox)


def outbox_slot(config: NitroOutbox, send_root: Hash32) -> Hash32:
    """Return the storage key of the block hash that the Outbox keeps by a send root."""
    return mapping_slot(send_root, config.roots_slot)


def assertion_slot(config: NitroRollup, assertion: Hash32) -> Hash32:
    """Return the storage key of the first word of an assertion's node."""
    return mapping_slot(assertion, config.assertions_slot)


def verify_outbox_header(
    config: NitroOutbox, l1: VerifiedHeader, proof: OutboxProof
) -> VerifiedHeader:
    """Return the rollup's header that the Outbox keeps by its send root.

    Of several blocks with one send root the Outbox keeps the latest only, and entries never expire.

    Raises
    ------
    ProofInvalid
        ``block_not_confirmed`` when it keeps another block or none, or when a part is invalid.
    """
    header = read_rollup_header(config.chain_id, proof.header_rlp)
    send_root = read_send_root(proof.header_rlp)
    storage_root = verify_l1_contract(l1, config.outbox, proof.outbox)
    kept = verify_storage(storage_root, outbox_slot(config, send_root), proof.root_nodes)
    if kept != int.from_bytes(header.block_hash):
        raise ProofInvalid(
            "block_not_confirmed",
            f"by send root 0x{send_root.hex()} the Outbox keeps {kept:#066x}, not block "
            f"{header.height}; wait for its confirmation, or prove the block that is kept",
            send_root=send_root,
            kept=kept,
            height=header.height,
        )
    return header


def verify_asserted_header(
    config: NitroRollup, l1: VerifiedHeader, proof: AssertionProof
) -> VerifiedHeader:
    """Return the rollup's header that a confirmed assertion ends with.

    Raises
    ------
    ProofInvalid
        When the assertion is unknown or pending, its machine did not finish, it asserts another
        block, or a part is invalid.
    """
    after = proof.after_state
    _verify_confirmed(config, l1, proof)
    if after.machine_status != MACHINE_FINISHED:
        raise ProofInvalid(
            "machine_not_finished",
            f"the asserted machine has status {after.machine_status}, so its blocks do not count",
            machine_status=after.machine_status,
        )
    header = read_rollup_header(config.chain_id, proof.header_rlp)
    if header.block_hash != after.block_hash:
        raise ProofInvalid(
            "asserted_block_mismatch",
            f"block 0x{after.block_hash.hex()} was asserted, the header is of "
            f"0x{header.block_hash.hex()}",
            asserted=after.block_hash,
            block_hash=header.block_hash,
        )
    send_root = read_send_root(proof.header_rlp)
    if send_root != after.send_root:
        raise ProofInvalid(
            "asserted_send_root_mismatch",
            f"send root 0x{after.send_root.hex()} was asserted, the header has 0x{send_root.hex()}",
            asserted=after.send_root,
            send_root=send_root,
        )
    return header


def _verify_confirmed(config: NitroRollup, l1: VerifiedHeader, proof: AssertionProof) -> None:
    assertion = assertion_hash(proof.parent, proof.after_state, proof.inbox_accumulator)
    storage_root = verify_l1_contract(l1, config.rollup, proof.rollup)
    node = verify_storage(storage_root, assertion_slot(config, assertion), proof.node_nodes)
    status = node >> _STATUS_BIT & 0xFF
    if status != ASSERTION_CONFIRMED:
        raise ProofInvalid(
            "assertion_not_confirmed",
            f"assertion 0x{assertion.hex()} has status {status}: unknown, or still open to "
            "challenge; wait until it is confirmed",
            assertion=assertion,
            status=status,
        )
