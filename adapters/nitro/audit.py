"""The roots of a Nitro chain on its L1: blocks that the Outbox took over once confirmed."""

from __future__ import annotations

from adapters.evm.reader import Reader
from adapters.evm.rollup_evidence import PostedHeader, read_l1_contract
from adapters.evm.rollup_proofs import build_outbox_proof
from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.nitro import (
    NitroOutbox,
    OutboxProof,
    outbox_slot,
    verify_outbox_header,
)
from clearinghouse.proofs.rollups.rollup_header import read_send_root

SEND_ROOT_UPDATED = keccak256(b"SendRootUpdated(bytes32,bytes32)")
"""Topic of the Outbox's event; its arguments, send root and block hash, are indexed."""

LOG_BLOCKS_MAX = 10_000
"""Blocks of L1 that are asked for at once: what public nodes answer."""


class OutboxRoots:
    """A ``PostedRoots``; ``reader`` asks any honest node of the rollup, ``l1_reader`` one of L1.

    The Outbox has no list of its blocks, so they are known from its events: hints, until proven.
    """

    def __init__(
        self, outbox: NitroOutbox, l1_reader: Reader, reader: Reader, first_l1_height: int = 0
    ) -> None:
        """``first_l1_height`` is where events are read from: of blocks confirmed before, none."""
        self._outbox = outbox
        self._l1_reader = l1_reader
        self._reader = reader
        self._next_l1_height = first_l1_height
        self._confirmed: dict[Hash32, tuple[int, Hash32]] = {}
        """Height and hash of the latest block by send root: the Outbox keeps no others."""

    @property
    def chain_id(self) -> ChainId:
        """Of the rollup."""
        return self._outbox.chain_id

    def find_posted(self, l1: VerifiedHeader, height: int) -> PostedHeader | None:
        """Return the lowest block from ``height`` on that the Outbox keeps, None before any.

        Raises
        ------
        Unavailable
            ``block_unknown`` when the rollup's node does not have a block that L1 confirmed.
        ProofInvalid
            When a node lies.
        """
        self._read_confirmed(l1.height)
        kept = sorted(entry for entry in self._confirmed.values() if entry[0] >= height)
        return None if not kept else self._prove(l1, kept[0][1])

    def find_newest(self, l1: VerifiedHeader) -> PostedHeader | None:
        """Return the highest block that the Outbox keeps, None before any."""
        self._read_confirmed(l1.height)
        newest = max(self._confirmed.values(), default=None)
        return None if newest is None else self._prove(l1, newest[1])

    def _prove(self, l1: VerifiedHeader, block_hash: Hash32) -> PostedHeader:
        outbox = self._outbox
        _, encoded = self._reader.get_header_by_hash(block_hash)
        slot = outbox_slot(outbox, read_send_root(encoded))
        contract, (nodes,) = read_l1_contract(self._l1_reader, outbox.outbox, (slot,), l1.height)
        proof = OutboxProof(contract, nodes, encoded)
        return PostedHeader(verify_outbox_header(outbox, l1, proof), build_outbox_proof(proof))

    def _read_confirmed(self, last_l1_height: int) -> None:
        address = self._outbox.outbox.address
        while self._next_l1_height <= last_l1_height:
            last = min(self._next_l1_height + LOG_BLOCKS_MAX - 1, last_l1_height)
            for log in self._l1_reader.logs(address, self._next_l1_height, last):
                if len(log.topics) == 3 and log.topics[0] == SEND_ROOT_UPDATED:
                    send_root, block_hash = Hash32(log.topics[1]), Hash32(log.topics[2])
                    header, _ = self._reader.get_header_by_hash(block_hash)
                    self._confirmed[send_root] = (header.height, block_hash)
            self._next_l1_height = last + 1
