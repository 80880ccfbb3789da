"""From a beacon header to the execution block within it, whose state contracts live in.

Reasons raised: ``execution_missing``, ``execution_unexpected``, ``execution_fields_unexpected``,
``execution_branch_invalid``, ``execution_header_missing``, ``header_hash_mismatch``,
``header_zero``, and those of ``ssz`` and ``forks``.
"""

from __future__ import annotations

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.containers import ExecutionPayloadHeader, LightClientHeader
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.ssz import verify_branch
from clearinghouse.proofs.header import VerifiedHeader, decode_header


def verify_execution(network: Network, header: LightClientHeader) -> None:
    """Require the execution part to be the one in the body of the header's block.

    Raises
    ------
    ProofInvalid
        When the part has not the form that the fork of the header's slot has, or is of another
        block. That the header itself is the chain's is for the committee to say.
    """
    slot = header.beacon.slot
    rules = network.rules_at(slot)
    execution = header.execution
    if rules.execution_block_hash is None:
        if execution is not None or any(map(any, header.execution_branch)):
            raise ProofInvalid(
                "execution_unexpected",
                f"the header of slot {slot} is from before Capella and proves no execution block",
                slot=slot,
            )
        return
    if isinstance(execution, ExecutionPayloadHeader) and rules.execution_payload is not None:
        if not rules.has_blob_fields and (execution.blob_gas_used or execution.excess_blob_gas):
            raise ProofInvalid(
                "execution_fields_unexpected",
                f"the header of slot {slot} is from before Deneb and has no blob gas",
                slot=slot,
            )
        leaf = execution.root(has_blob_fields=rules.has_blob_fields)
        generalized_index = rules.execution_payload
    elif isinstance(execution, bytes):
        leaf, generalized_index = execution, rules.execution_block_hash
    else:
        raise ProofInvalid(
            "execution_missing",
            f"the header of slot {slot} does not say its execution block in the form of its fork",
            slot=slot,
        )
    verify_branch(
        leaf,
        header.execution_branch,
        generalized_index,
        header.beacon.body_root,
        reason="execution_branch_invalid",
    )


def to_verified_header(
    network: Network, header: LightClientHeader, execution_header_rlp: bytes | None = None
) -> VerifiedHeader:
    """Return the facts of a finalised header's execution block.

    Parameters
    ----------
    header
        Verified: from a ``LightClientStore``.
    execution_header_rlp
        The execution block's header, needed where ``header`` has just its hash.

    Raises
    ------
    ProofInvalid
        When there is no execution block, its header is needed or is another's, or is zero.
    """
    execution = header.execution
    if execution is None:
        raise ProofInvalid(
            "execution_missing",
            f"slot {header.beacon.slot} is from before Capella and proves no execution block",
            slot=header.beacon.slot,
        )
    if execution_header_rlp is not None:
        found = _decode_execution_header(network, header, execution_header_rlp)
    elif isinstance(execution, ExecutionPayloadHeader):
        found = VerifiedHeader(
            chain_id=network.chain_id,
            height=execution.block_number,
            block_hash=execution.block_hash,
            state_root=execution.state_root,
            timestamp=execution.timestamp,
        )
    else:
        raise ProofInvalid(
            "execution_header_missing",
            f"slot {header.beacon.slot} proves only the execution block's hash, "
            f"0x{execution.hex()}; bring that block's header",
            block_hash=execution,
        )
    if found.height == 0 or ZERO_HASH in (found.state_root, found.block_hash):
        raise ProofInvalid(
            "header_zero",
            "zero is what an unset header reads as, so neither height, hash nor state root can be "
            "it",
            height=found.height,
        )
    return found


def _decode_execution_header(
    network: Network, header: LightClientHeader, header_rlp: bytes
) -> VerifiedHeader:
    execution = header.execution
    proven = execution.block_hash if isinstance(execution, ExecutionPayloadHeader) else execution
    if proven is None or keccak256(header_rlp) != proven:
        raise ProofInvalid(
            "header_hash_mismatch",
            f"the execution header does not hash to what slot {header.beacon.slot} proves",
            slot=header.beacon.slot,
        )
    decoded = decode_header(header_rlp)
    return VerifiedHeader(
        chain_id=network.chain_id,
        height=decoded.height,
        block_hash=decoded.block_hash,
        state_root=decoded.state_root,
        timestamp=decoded.timestamp,
    )
