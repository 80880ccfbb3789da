"""Which nodes are asked of L1's node for a contract, with and without a proxy in front of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.evm.reader import UnverifiedStateProof
from adapters.evm.rollup_evidence import PostedHeader, build_evidence, read_l1_contract
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.history import HISTORY_CONTRACT, HISTORY_WINDOW_BLOCKS
from clearinghouse.proofs.rollups.l1_contract import IMPLEMENTATION_SLOT, L1Contract

ORACLE, CODE_HASH = Address(b"\x0a" * 20), keccak256(b"code")
SLOTS = (Hash32(b"\x01" * 32), Hash32(b"\x02" * 32))
L1_HEADER = VerifiedHeader(ChainId(1), 70, keccak256(b"l1"), keccak256(b"l1 state"), 1_000)
POSTED = PostedHeader(
    VerifiedHeader(ChainId(902), 9_000, keccak256(b"block"), keccak256(b"state"), 900),
    b"root proof",
)


class Asked:
    """A node that answers every slot with nodes that name it."""

    def __init__(self) -> None:
        self.questions: list[tuple[Address, tuple[Hash32, ...], int]] = []

    def get_proof(
        self, account: Address, slots: Sequence[Hash32], height: int
    ) -> UnverifiedStateProof:
        self.questions.append((account, tuple(slots), height))
        return UnverifiedStateProof((b"account",), tuple((slot,) for slot in slots))


def test_contract_is_read_with_its_implementation_when_it_is_a_proxy() -> None:
    node = Asked()
    proxy = L1Contract(ORACLE, CODE_HASH, Address(b"\x0b" * 20))
    proof, nodes = read_l1_contract(node, proxy, SLOTS, 70)  # type: ignore[arg-type]
    assert node.questions == [(ORACLE, (IMPLEMENTATION_SLOT, *SLOTS), 70)]
    assert (proof.account_nodes, proof.implementation_nodes) == (
        (b"account",),
        (IMPLEMENTATION_SLOT,),
    )
    assert nodes == ((SLOTS[0],), (SLOTS[1],))


def test_contract_is_read_alone_when_it_is_no_proxy() -> None:
    node = Asked()
    plain = L1Contract(ORACLE, CODE_HASH, None)
    proof, nodes = read_l1_contract(node, plain, SLOTS, 70)  # type: ignore[arg-type]
    assert node.questions == [(ORACLE, SLOTS, 70)]
    assert proof.implementation_nodes == ()
    assert nodes == ((SLOTS[0],), (SLOTS[1],))


def test_evidence_is_the_header_alone_when_it_is_of_the_height() -> None:
    node = Asked()
    block, evidence = build_evidence(POSTED, L1_HEADER, node, 9_000, 0)  # type: ignore[arg-type]
    assert (block.height, block.block_hash) == (9_000, POSTED.header.block_hash)
    assert evidence == (70, b"root proof", (), ())
    assert node.questions == []


@pytest.mark.parametrize(
    ("height", "window", "slot"),
    [(100, HISTORY_WINDOW_BLOCKS, 100), (8_999, 0, 0), (9_001, HISTORY_WINDOW_BLOCKS, 810)],
)
def test_evidence_is_refused_when_the_history_cannot_hold_the_height(
    height: int, window: int, slot: int
) -> None:
    node = Asked()
    with pytest.raises(ProofInvalid) as refused:
        build_evidence(POSTED, L1_HEADER, node, height, window)  # type: ignore[arg-type]
    assert refused.value.reason == "outside_history"
    assert node.questions == [(HISTORY_CONTRACT, (Hash32(slot.to_bytes(32)),), 9_000)]
