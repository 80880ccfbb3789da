"""The roots of an OP Stack chain on its L1: outputs in an L2OutputOracle."""

from __future__ import annotations

from bisect import bisect_left

from adapters.evm.reader import Reader
from adapters.evm.rollup_evidence import PostedHeader, read_l1_contract
from adapters.evm.rollup_proofs import build_output_proof
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.book.ranges import UINT128_MAX
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.l1_contract import verify_l1_contract
from clearinghouse.proofs.rollups.opstack import (
    OutputOracle,
    OutputPreimage,
    OutputProof,
    output_slots,
    verify_output_header,
)
from clearinghouse.proofs.state import verify_storage

MESSAGE_PASSER = Address(bytes.fromhex("4200000000000000000000000000000000000016"))
"""Its storage root is part of every output root."""


class OutputRoots:
    """A ``PostedRoots``; ``reader`` asks any honest node of the rollup, ``l1_reader`` one of L1."""

    def __init__(self, oracle: OutputOracle, l1_reader: Reader, reader: Reader) -> None:
        self._oracle = oracle
        self._l1_reader = l1_reader
        self._reader = reader

    @property
    def chain_id(self) -> ChainId:
        """Of the rollup."""
        return self._oracle.chain_id

    def find_posted(self, l1: VerifiedHeader, height: int) -> PostedHeader | None:
        """Return the first output from ``height`` on, None while it is missing or can be deleted.

        Raises
        ------
        ProofInvalid, Unavailable
            When a node lies, or does not answer.
        """
        index = self._find_output(l1, height)
        return None if index is None else self._prove(l1, index)

    def find_newest(self, l1: VerifiedHeader) -> PostedHeader | None:
        """Return the newest output that nobody can delete any more, None before there is one."""
        final_until = l1.timestamp - self._oracle.finalization_seconds
        index = bisect_left(
            range(self._read_length(l1)),
            final_until,
            key=lambda at: self._read_time(l1, at) & UINT128_MAX,
        )
        return None if index == 0 else self._prove(l1, index - 1)

    def _prove(self, l1: VerifiedHeader, index: int) -> PostedHeader | None:
        """Return what an output proves, None while it can be deleted."""
        oracle = self._oracle
        root_slot, time_slot = output_slots(oracle, index)
        slots = (Hash32(oracle.outputs_slot.to_bytes(32)), root_slot, time_slot)
        contract, nodes = read_l1_contract(self._l1_reader, oracle.oracle, slots, l1.height)
        length_nodes, root_nodes, time_nodes = nodes
        storage_root = verify_l1_contract(l1, oracle.oracle, contract)
        proposed_height = verify_storage(storage_root, time_slot, time_nodes) >> 128
        _, encoded = self._reader.get_header_at(proposed_height)
        passer_root = self._reader.storage_root(MESSAGE_PASSER, proposed_height)
        preimage = OutputPreimage(passer_root, encoded)
        proof = OutputProof(contract, index, length_nodes, root_nodes, time_nodes, preimage)
        try:
            header = verify_output_header(oracle, l1, proof)
        except ProofInvalid as refusal:
            if refusal.reason == "output_not_final":
                return None
            raise
        return PostedHeader(header, build_output_proof(proof))

    def _find_output(self, l1: VerifiedHeader, height: int) -> int | None:
        """Return the place of the first output from ``height`` on; their heights increase."""
        length = self._read_length(l1)
        index = bisect_left(range(length), height, key=lambda at: self._read_time(l1, at) >> 128)
        return index if index < length else None

    def _read_length(self, l1: VerifiedHeader) -> int:
        return self._read(l1, Hash32(self._oracle.outputs_slot.to_bytes(32)))

    def _read_time(self, l1: VerifiedHeader, index: int) -> int:
        """Return the word with an output's time, low, and the rollup's height, high."""
        return self._read(l1, output_slots(self._oracle, index)[1])

    def _read(self, l1: VerifiedHeader, slot: Hash32) -> int:
        """Return a proven word of the oracle's storage."""
        oracle = self._oracle.oracle
        contract, (nodes,) = read_l1_contract(self._l1_reader, oracle, (slot,), l1.height)
        return verify_storage(verify_l1_contract(l1, oracle, contract), slot, nodes)
