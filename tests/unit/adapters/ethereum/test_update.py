"""What the relayer hands to the light client contract, decoded again and checked by other means."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from eth_abi.abi import decode
from hypothesis import given
from hypothesis import strategies as st

from adapters.ethereum.network import build_network
from adapters.ethereum.update import UPDATE_TYPE, build_key_proof, build_update
from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.bls import public_key_coordinates
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.ethereum.networks import MAINNET
from clearinghouse.proofs.ethereum.ssz import branch_root, uint_chunk
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    LARGE_NETWORK,
    NETWORK,
    signers_of,
    update_at,
)

SLOT = 345
COMMITTEE = signers_of(5).committee

ATTESTED, FINALIZED, FINALITY_BRANCH, EXECUTION, EXECUTION_BRANCH = range(5)
NEXT_COMMITTEE, NEXT_BRANCH, SIGNATURE_SLOT, SIGNED = range(5, 9)
"""Of ``struct Update``."""


def decoded(update: LightClientUpdate, committee: SyncCommittee = COMMITTEE) -> tuple:
    (parts,) = decode([UPDATE_TYPE], build_update(update, committee, NETWORK))
    return parts


def pair(left: bytes, right: bytes) -> bytes:
    return sha256(left + right).digest()


def leaf(key: bytes) -> bytes:
    return pair(key[:32], key[32:] + bytes(16))


def root_of_keys(size: int, leaves: dict[int, bytes], proof: list[bytes]) -> bytes:
    """Climb by recursion over the whole tree: another way than the contract's and the encoder's.

    A proof lists the lowest level first and from left to right, so taking nodes level by level out
    of it needs to know which level it is at; here each node's place is worked out beforehand.
    """
    places = []
    known = {size + at for at in leaves}
    while known != {1}:
        places += [at ^ 1 for at in sorted(known) if at ^ 1 not in known]
        known = {at // 2 for at in known}
    assert len(places) == len(proof)
    nodes = dict(zip(places, proof, strict=True)) | {size + at: leaf for at, leaf in leaves.items()}

    def node(at: int) -> bytes:
        return nodes[at] if at in nodes else pair(node(2 * at), node(2 * at + 1))

    return node(1)


@given(st.sets(st.integers(0, 31), min_size=1))
def test_build_key_proof_leads_to_the_committee_when_any_are_absent(absent: set[int]) -> None:
    proof = build_key_proof(COMMITTEE, sorted(absent))
    leaves = {
        at: pair(COMMITTEE.public_keys[at][:32], COMMITTEE.public_keys[at][32:] + bytes(16))
        for at in absent
    }
    keys = root_of_keys(32, leaves, list(proof))
    assert pair(keys, leaf(COMMITTEE.aggregate_public_key)) == COMMITTEE.root()


def test_build_key_proof_is_the_root_when_nobody_is_absent() -> None:
    (keys,) = build_key_proof(COMMITTEE, [])
    assert pair(keys, leaf(COMMITTEE.aggregate_public_key)) == COMMITTEE.root()


def test_build_update_carries_the_keys_of_the_absent_in_their_order() -> None:
    absent = (3, 17, 30)
    places = [place for place in range(32) if place not in absent]
    participation, _, _, keys, _ = decoded(update_at(SLOT, places=places))[SIGNED]
    assert int.from_bytes(participation, "little") == 2**32 - 1 - sum(1 << at for at in absent)
    expected = b""
    for at in absent:
        coordinates = public_key_coordinates(COMMITTEE.public_keys[at])
        expected += bytes(16) + coordinates[:48] + bytes(16) + coordinates[48:]
    assert keys == expected


@pytest.mark.parametrize("fork", [Fork.CAPELLA, Fork.DENEB, Fork.ELECTRA])
def test_build_update_proves_the_payload_when_the_fork_has_one(fork: Fork) -> None:
    slot = FIRST_SLOT[fork] + 20
    committee = signers_of(NETWORK.period_at(slot + 1)).committee
    update = update_at(slot)
    parts = decoded(update, committee)
    header = update.finalized_header
    assert header is not None
    payload = header.execution
    assert isinstance(payload, ExecutionPayloadHeader)
    types = ["bytes32", "uint64", "uint64", "bytes32", "bytes32[8]"]
    *fields, s = decode(types, parts[EXECUTION])
    state_root, number, timestamp, block_hash = fields
    assert fields == [
        payload.state_root,
        payload.block_number,
        payload.timestamp,
        payload.block_hash,
    ]
    quarters = (
        pair(s[0], pair(state_root, s[1])),
        pair(s[2], pair(uint_chunk(number), s[3])),
        pair(pair(s[4], uint_chunk(timestamp)), s[5]),
        pair(pair(block_hash, s[6]), s[7]),
    )
    node = pair(pair(*quarters[:2]), pair(*quarters[2:]))
    index = 25 if fork == Fork.CAPELLA else 50
    assert branch_root(node, parts[EXECUTION_BRANCH], index) == header.beacon.body_root


def test_build_update_leaves_out_a_committee_that_is_not_final() -> None:
    assert decoded(update_at(SLOT))[NEXT_COMMITTEE] == signers_of(6).committee.root()
    for update in (update_at(325), update_at(SLOT, with_committee=False)):
        parts = decoded(update)
        assert (parts[NEXT_COMMITTEE], parts[NEXT_BRANCH]) == (ZERO_HASH, ())


def test_build_update_takes_the_rlp_when_blocks_hold_only_a_hash() -> None:
    slot = FIRST_SLOT[Fork.GLOAS] + 20
    committee = signers_of(NETWORK.period_at(slot + 1)).committee
    update = update_at(slot, with_committee=False)
    with pytest.raises(ProofInvalid) as refusal:
        build_update(update, committee, NETWORK)
    assert refusal.value.reason == "execution_header_missing"
    data = build_update(update, committee, NETWORK, execution_header=b"rlp")
    ((*_, execution, branch, _, _, _, _),) = decode([UPDATE_TYPE], data)
    assert execution == b"rlp"
    assert len(branch) == 11


def refused(update: LightClientUpdate, committee: SyncCommittee = COMMITTEE) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        build_update(update, committee, NETWORK)
    return refusal.value.reason


def test_build_update_refuses_what_proves_no_execution_block() -> None:
    update = update_at(SLOT)
    assert update.finalized_header is not None
    bare = replace(update.finalized_header, execution=None)
    assert refused(replace(update, finalized_header=None)) == "update_not_final"
    assert refused(replace(update, finality_branch=(ZERO_HASH,) * 7)) == "update_not_final"
    assert refused(replace(update, finalized_header=bare)) == "execution_missing"


def test_build_update_refuses_blob_gas_of_before_deneb() -> None:
    slot = FIRST_SLOT[Fork.CAPELLA] + 20
    update = update_at(slot)
    header = update.finalized_header
    assert header is not None
    assert isinstance(header.execution, ExecutionPayloadHeader)
    doctored = replace(header, execution=replace(header.execution, blob_gas_used=16))
    committee = signers_of(NETWORK.period_at(slot + 1)).committee
    assert (
        refused(replace(update, finalized_header=doctored), committee)
        == "execution_fields_unexpected"
    )


def test_build_update_refuses_a_committee_of_another_size() -> None:
    update = update_at(SLOT)
    large = signers_of(5, 512).committee
    assert refused(update, large) == "committee_size_wrong"
    assert refused(update_at(SLOT, network=LARGE_NETWORK)) == "committee_size_wrong"


def test_build_update_refuses_points_that_are_none() -> None:
    update = update_at(SLOT, places=range(1, 32))
    keys = (b"\xff" * 48, *COMMITTEE.public_keys[1:])
    assert refused(update, replace(COMMITTEE, public_keys=keys)) == "bls_public_key_invalid"
    aggregate = replace(update.sync_aggregate, signature=b"\xff" * 96)
    assert refused(replace(update, sync_aggregate=aggregate)) == "bls_signature_malformed"


# ------------------------------------------------------------------------------------- network


def test_build_network_has_the_published_indices_when_it_is_mainnet() -> None:
    *constants, forks = build_network(MAINNET, 14 * 86_400)
    assert constants == [
        1,
        MAINNET.genesis_validators_root,
        1_606_824_023,
        12,
        32,
        256,
        512,
        1_209_600,
    ]
    assert forks == [
        (74_240, bytes.fromhex("01000000"), 105, 55, 0, 0),
        (144_896, bytes.fromhex("02000000"), 105, 55, 0, 0),
        (194_048, bytes.fromhex("03000000"), 105, 55, 25, 412),
        (269_568, bytes.fromhex("04000000"), 105, 55, 50, 812),
        (364_032, bytes.fromhex("05000000"), 169, 87, 50, 812),
        (411_392, bytes.fromhex("06000000"), 169, 87, 50, 812),
    ]


def test_build_network_knows_only_a_hash_when_the_fork_is_gloas() -> None:
    *_, forks = build_network(NETWORK, 1)
    assert isinstance(forks, list)
    assert forks[-1] == (52, bytes.fromhex("07000001"), 735, 2_946, 0, 2_856)
