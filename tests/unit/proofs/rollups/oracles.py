"""A synthetic L2OutputOracle in the real layout, final until a test alters a word of it."""

from __future__ import annotations

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.rollups.opstack import (
    OutputOracle,
    OutputPreimage,
    OutputProof,
    output_root,
    output_slots,
)
from tests.unit.proofs.rollups.chains import NOW, ROLLUP, Chain, rollup_header

PASSER_ROOT = keccak256(b"message passer")
HEADER = rollup_header()
PREIMAGE = OutputPreimage(PASSER_ROOT, HEADER)
ROOT = output_root(keccak256(b"state"), PASSER_ROOT, keccak256(HEADER))

INDEX, LENGTH = 4_529, 4_600
FINALIZATION_SECONDS = 604_800
PROPOSED_AT = NOW - FINALIZATION_SECONDS - 1


class OracleWorld:
    """An L1 with an L2OutputOracle proxy and one output that is final."""

    def __init__(self, index: int = INDEX) -> None:
        self.index = index
        self.chain = Chain({})
        self.config = OutputOracle(ROLLUP, self.chain.proxy("oracle"), FINALIZATION_SECONDS)
        self.root_slot, self.time_slot = (
            int.from_bytes(slot) for slot in output_slots(self.config, index)
        )
        self.storage[3] = LENGTH
        self.storage[self.root_slot] = int.from_bytes(ROOT)
        self.storage[self.time_slot] = PROPOSED_AT | 5_000 << 128

    @property
    def storage(self) -> dict[int, int]:
        return self.chain.accounts[self.config.oracle.address].storage

    def prove(self) -> OutputProof:
        address = self.config.oracle.address
        return OutputProof(
            oracle=self.chain.prove(self.config.oracle),
            index=self.index,
            length_nodes=self.chain.prove_slot(address, 3),
            root_nodes=self.chain.prove_slot(address, self.root_slot),
            time_nodes=self.chain.prove_slot(address, self.time_slot),
            preimage=PREIMAGE,
        )
