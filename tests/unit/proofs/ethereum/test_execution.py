"""From a beacon header to the execution block, in each form that the forks have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import ExecutionPayloadHeader, LightClientHeader
from clearinghouse.proofs.ethereum.execution import to_verified_header, verify_execution
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork
from clearinghouse.proofs.header import VerifiedHeader, decode_header, encode_header
from tests.unit.proofs.ethereum.chain import FIRST_SLOT, NETWORK, filler, header_at
from tests.unit.proofs.test_header import block_of

HEADER_RLP = encode_header(block_of(21))


def refuse(header: LightClientHeader) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_execution(NETWORK, header)
    return refusal.value.reason


def refuse_facts(header: LightClientHeader, header_rlp: bytes | None = None) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        to_verified_header(NETWORK, header, header_rlp)
    return refusal.value.reason


@pytest.mark.parametrize("fork", list(STANDARD_RULES))
def test_verify_execution_passes_when_the_header_is_of(fork: Fork) -> None:
    verify_execution(NETWORK, header_at(FIRST_SLOT[fork]))


@pytest.mark.parametrize("fork", [Fork.ALTAIR, Fork.BELLATRIX])
def test_verify_execution_refuses_when_a_header_before_capella_has_a_part(fork: Fork) -> None:
    later, header = header_at(FIRST_SLOT[Fork.CAPELLA]), header_at(FIRST_SLOT[fork])
    assert refuse(replace(header, execution=later.execution)) == "execution_unexpected"
    assert refuse(replace(header, execution_branch=(filler(1),))) == "execution_unexpected"
    verify_execution(NETWORK, replace(header, execution_branch=(ZERO_HASH,) * 4))
    assert refuse_facts(header) == "execution_missing"


@pytest.mark.parametrize("name", ["blob_gas_used", "excess_blob_gas"])
def test_verify_execution_refuses_when_a_capella_payload_has_blob_gas(name: str) -> None:
    header = header_at(FIRST_SLOT[Fork.CAPELLA])
    assert isinstance(header.execution, ExecutionPayloadHeader)
    doctored = replace(header.execution, **{name: 16})
    assert refuse(replace(header, execution=doctored)) == "execution_fields_unexpected"


@pytest.mark.parametrize(
    "name", [name for name in ExecutionPayloadHeader.__slots__ if name != "logs_bloom"]
)
def test_verify_execution_refuses_when_a_field_of_the_payload_is_changed(name: str) -> None:
    header = header_at(FIRST_SLOT[Fork.ELECTRA])
    payload = header.execution
    value = getattr(payload, name)
    other = value + 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]
    assert isinstance(payload, ExecutionPayloadHeader)
    changed = replace(header, execution=replace(payload, **{name: other}))
    assert refuse(changed) == "execution_branch_invalid"


@pytest.mark.parametrize("fork", [Fork.CAPELLA, Fork.DENEB, Fork.FULU, Fork.GLOAS])
def test_verify_execution_refuses_when_the_part_is_missing_or_of_another_block(fork: Fork) -> None:
    header = header_at(FIRST_SLOT[fork])
    assert refuse(replace(header, execution=None)) == "execution_missing"
    other = header_at(FIRST_SLOT[fork] + 1)
    assert refuse(replace(header, execution=other.execution)) == "execution_branch_invalid"
    moved = replace(header.beacon, body_root=filler("another body"))
    assert refuse(replace(header, beacon=moved)) == "execution_branch_invalid"
    padded = (filler("padding"), *header.execution_branch)
    assert refuse(replace(header, execution_branch=padded)) == "branch_padding_not_zero"
    zeros = (ZERO_HASH, *header.execution_branch)
    verify_execution(NETWORK, replace(header, execution_branch=zeros))


def test_verify_execution_refuses_when_gloas_brings_a_payload() -> None:
    header = header_at(FIRST_SLOT[Fork.GLOAS])
    payload = header_at(FIRST_SLOT[Fork.FULU]).execution
    assert refuse(replace(header, execution=payload)) == "execution_missing"


def test_to_verified_header_reads_the_payload() -> None:
    header = header_at(FIRST_SLOT[Fork.ELECTRA])
    payload = header.execution
    assert isinstance(payload, ExecutionPayloadHeader)
    assert to_verified_header(NETWORK, header) == VerifiedHeader(
        chain_id=NETWORK.chain_id,
        height=payload.block_number,
        block_hash=payload.block_hash,
        state_root=payload.state_root,
        timestamp=payload.timestamp,
    )


def test_to_verified_header_decodes_the_block_when_gloas_proves_its_hash_alone() -> None:
    header = header_at(FIRST_SLOT[Fork.GLOAS], block_hash=keccak256(HEADER_RLP))
    verify_execution(NETWORK, header)
    expected = decode_header(HEADER_RLP)
    assert to_verified_header(NETWORK, header, HEADER_RLP) == VerifiedHeader(
        chain_id=NETWORK.chain_id,
        height=expected.height,
        block_hash=expected.block_hash,
        state_root=expected.state_root,
        timestamp=expected.timestamp,
    )
    assert refuse_facts(header) == "execution_header_missing"
    other = encode_header({**block_of(21), "number": "0x999"})
    assert refuse_facts(header, other) == "header_hash_mismatch"
    assert refuse_facts(header_at(FIRST_SLOT[Fork.FULU]), HEADER_RLP) == "header_hash_mismatch"


def test_to_verified_header_refuses_when_the_block_is_zero() -> None:
    header = header_at(FIRST_SLOT[Fork.ELECTRA])
    assert isinstance(header.execution, ExecutionPayloadHeader)
    for change in (
        {"block_number": 0},
        {"state_root": ZERO_HASH},
        {"block_hash": ZERO_HASH},
    ):
        zero = replace(header, execution=replace(header.execution, **change))  # type: ignore[arg-type]
        assert refuse_facts(zero) == "header_zero"
