"""What ``SyncCommitteeLightClient`` takes: an update, or two of them as evidence.

The contract knows a committee only by its root. So an update carries, beside what a beacon node
serves, the keys of the members that did not sign, in full, and the Merkle nodes that tie them to
that root. Nothing here is trusted on chain; a wrong encoding is refused there.

Reasons raised: ``committee_size_wrong``, ``update_not_final``, ``execution_missing``,
``execution_header_missing``, ``execution_fields_unexpected``, and those of
``clearinghouse.proofs.ethereum.bls``.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode

from adapters.evm.encoding import AbiTuple
from clearinghouse.book.identifiers import ZERO_HASH, Hash32
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.bls import public_key_coordinates, signature_coordinates
from clearinghouse.proofs.ethereum.containers import (
    MAX_EXTRA_DATA_BYTES,
    BeaconBlockHeader,
    Branch,
    ExecutionPayloadHeader,
    LightClientHeader,
    LightClientUpdate,
    SyncAggregate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.ssz import (
    byte_list_root,
    byte_vector_root,
    hash_pair,
    merkle_root,
    uint_chunk,
)

_BEACON_HEADER = "(uint64,uint64,bytes32,bytes32,bytes32)"
_SIGNED = "(bytes,bytes,bytes,bytes,bytes32[])"
UPDATE_TYPE = (
    f"({_BEACON_HEADER},{_BEACON_HEADER},bytes32[],bytes,bytes32[],bytes32,bytes32[],uint64,"
    f"{_SIGNED})"
)
"""``struct Update`` of ``ISyncCommitteeLightClient.sol``, which no function's ABI mentions."""

_PAYLOAD = ["bytes32", "uint64", "uint64", "bytes32", "bytes32[8]"]

_PAYLOAD_DEPTH = 4
"""Of the execution payload in a block's body."""

_COORDINATE_BYTES = 48
_PADDED_COORDINATE_BYTES = 64


def build_update(
    update: LightClientUpdate,
    committee: SyncCommittee,
    network: Network,
    *,
    execution_header: bytes = b"",
) -> bytes:
    """Return the argument of ``update``.

    Shapes: ``committee`` is the one that signed, of the period of ``update.signature_slot``;
    ``execution_header`` is the RLP of the finalised execution block, needed only where beacon
    blocks hold no more than its hash. A next committee that is not final yet is left out.

    Raises
    ------
    ProofInvalid
        When the update proves no finalised execution block, the committee has another size than
        the network's, or a key or the signature is no point.
    """
    finalized = _finalized_header(update)
    execution = _execution(finalized, network, execution_header)
    return encode([UPDATE_TYPE], [_update(update, committee, network, execution)])


def build_freeze_evidence(
    first: tuple[LightClientUpdate, SyncCommittee],
    second: tuple[LightClientUpdate, SyncCommittee],
    network: Network,
) -> bytes:
    """Return the argument of ``freeze``: two updates, each with the committee that signed it.

    Execution blocks are no part of what may contradict, so none are encoded.

    Raises
    ------
    ProofInvalid
        As ``build_update``.
    """
    without_execution = (b"", ())
    arguments = [_update(*each, network, without_execution) for each in (first, second)]
    return encode([UPDATE_TYPE, UPDATE_TYPE], arguments)


def _update(
    update: LightClientUpdate,
    committee: SyncCommittee,
    network: Network,
    execution: tuple[bytes, Branch],
) -> AbiTuple:
    attested, finalized = update.attested_header.beacon, _finalized_header(update).beacon
    next_committee, next_branch = ZERO_HASH, Branch()
    is_final = network.period_at(attested.slot) == network.period_at(finalized.slot)
    if update.next_sync_committee is not None and update.has_next_sync_committee and is_final:
        next_committee = update.next_sync_committee.root()
        next_branch = update.next_sync_committee_branch
    return (
        _beacon(attested),
        _beacon(finalized),
        update.finality_branch,
        *execution,
        next_committee,
        next_branch,
        update.signature_slot,
        build_committee_signature(
            update.sync_aggregate, committee, network.preset.sync_committee_size
        ),
    )


def _finalized_header(update: LightClientUpdate) -> LightClientHeader:
    if update.finalized_header is None or not update.has_finality:
        raise ProofInvalid(
            "update_not_final", "the update proves no finalised header; ask for a finality update"
        )
    return update.finalized_header


def _beacon(header: BeaconBlockHeader) -> AbiTuple:
    return (
        header.slot,
        header.proposer_index,
        header.parent_root,
        header.state_root,
        header.body_root,
    )


def _execution(
    header: LightClientHeader, network: Network, execution_header: bytes
) -> tuple[bytes, Branch]:
    """Return ``execution`` and ``executionBranch`` of a finalised header."""
    payload, branch = header.execution, header.execution_branch
    if payload is None:
        raise ProofInvalid(
            "execution_missing",
            f"the finalised header of slot {header.beacon.slot} names no execution block",
            slot=header.beacon.slot,
        )
    if not isinstance(payload, ExecutionPayloadHeader):
        if not execution_header:
            raise ProofInvalid(
                "execution_header_missing",
                f"slot {header.beacon.slot} proves only the execution block's hash; bring that "
                "block's header",
                block_hash=payload,
            )
        return execution_header, branch
    has_blob_fields = network.rules_at(header.beacon.slot).has_blob_fields
    if not has_blob_fields and (payload.blob_gas_used or payload.excess_blob_gas):
        raise ProofInvalid(
            "execution_fields_unexpected",
            f"the header of slot {header.beacon.slot} is from before Deneb and has no blob gas",
            slot=header.beacon.slot,
        )
    if has_blob_fields:
        padding, proof = branch[:-_PAYLOAD_DEPTH], branch[-_PAYLOAD_DEPTH:]
        branch = (*padding, _last_leaves(payload), *proof)
    return _payload_fields(payload, has_blob_fields), branch


def _payload_fields(payload: ExecutionPayloadHeader, has_blob_fields: bool) -> bytes:
    """Return ``struct PayloadFields``: four fields and the nodes around them."""
    last = uint_chunk(payload.blob_gas_used) if has_blob_fields else ZERO_HASH
    siblings = [
        hash_pair(payload.parent_hash, byte_vector_root(payload.fee_recipient)),
        payload.receipts_root,
        hash_pair(byte_vector_root(payload.logs_bloom), payload.prev_randao),
        uint_chunk(payload.gas_limit),
        uint_chunk(payload.gas_used),
        hash_pair(
            byte_list_root(payload.extra_data, MAX_EXTRA_DATA_BYTES),
            uint_chunk(payload.base_fee_per_gas),
        ),
        payload.transactions_root,
        hash_pair(payload.withdrawals_root, last),
    ]
    return encode(
        _PAYLOAD,
        [
            payload.state_root,
            payload.block_number,
            payload.timestamp,
            payload.block_hash,
            siblings,
        ],
    )


def _last_leaves(payload: ExecutionPayloadHeader) -> Hash32:
    """Return the root of leaves 16 to 31, of which since Deneb the first is a field."""
    return merkle_root([uint_chunk(payload.excess_blob_gas), *[ZERO_HASH] * 15])


def build_committee_signature(
    aggregate: SyncAggregate, committee: SyncCommittee, size: int
) -> AbiTuple:
    """Return ``struct CommitteeSignature``.

    Raises
    ------
    ProofInvalid
        As ``build_update``.
    """
    if not size == len(committee.public_keys) == len(aggregate.participation):
        raise ProofInvalid(
            "committee_size_wrong",
            f"the network's committees have {size} members, this one {len(committee.public_keys)} "
            f"keys and {len(aggregate.participation)} participation flags",
            size=size,
        )
    absent = [at for at, signed in enumerate(aggregate.participation) if not signed]
    keys = [_point(public_key_coordinates(committee.public_keys[at])) for at in absent]
    return (
        _bits(aggregate.participation),
        _point(signature_coordinates(aggregate.signature)),
        _point(public_key_coordinates(committee.aggregate_public_key)),
        b"".join(keys),
        build_key_proof(committee, absent),
    )


def build_key_proof(committee: SyncCommittee, positions: Sequence[int]) -> list[Hash32]:
    """Return the nodes that turn the keys at ``positions`` into the root of all keys.

    They come in the order in which the contract meets them: from the leaves up, from left to
    right, none that follows from nodes it has already. Without positions it is the root alone.
    """
    level = [byte_vector_root(key) for key in committee.public_keys]
    known, proof = sorted(positions), list[Hash32]()
    while len(level) > 1:
        siblings = {at ^ 1 for at in known} - set(known)
        proof += [level[at] for at in sorted(siblings)]
        known = sorted({at // 2 for at in known})
        level = [hash_pair(*level[at : at + 2]) for at in range(0, len(level), 2)]
    return proof if positions else level


def _bits(participation: Sequence[bool]) -> bytes:
    """Return an SSZ bit vector: low bits first in each byte."""
    packed = sum(signed << at for at, signed in enumerate(participation))
    return packed.to_bytes(len(participation) // 8, "little")


def _point(coordinates: bytes) -> bytes:
    """Return a point in EIP-2537's form, each coordinate filled up to 64 bytes."""
    return b"".join(
        coordinates[at : at + _COORDINATE_BYTES].rjust(_PADDED_COORDINATE_BYTES, b"\x00")
        for at in range(0, len(coordinates), _COORDINATE_BYTES)
    )
