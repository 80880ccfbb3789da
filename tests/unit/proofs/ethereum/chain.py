"""A beacon chain of the tests: committees whose secrets are known, headers over sparse trees.

The trees hold real leaves at the generalised indices that light clients read and filler elsewhere;
the network passes every fork, Gloas included, with boundaries within and between periods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from clearinghouse.book.identifiers import ZERO_HASH, Address, ChainId, Hash32
from clearinghouse.proofs.ethereum.bls import aggregate_public_keys, derive_public_key, sign
from clearinghouse.proofs.ethereum.containers import (
    BeaconBlockHeader,
    Branch,
    ExecutionPayloadHeader,
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
    SyncAggregate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import (
    MINIMAL_PRESET,
    Fork,
    Network,
    Preset,
    schedule,
)
from clearinghouse.proofs.ethereum.signing import signing_root
from clearinghouse.proofs.ethereum.ssz import hash_pair
from clearinghouse.proofs.ethereum.store import LightClientStore

CURVE_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001

PERIOD = MINIMAL_PRESET.slots_per_period
"""64 slots."""

NETWORK = Network(
    name="tests",
    chain_id=ChainId(31337),
    preset=MINIMAL_PRESET,
    genesis_time=1_700_000_000,
    genesis_validators_root=Hash32(sha256(b"validators of the tests").digest()),
    seconds_per_slot=6,
    activations=schedule(
        (Fork.PHASE0, "00000001", 0),
        (Fork.ALTAIR, "01000001", 4),
        (Fork.BELLATRIX, "02000001", 12),
        (Fork.CAPELLA, "03000001", 20),
        (Fork.DENEB, "04000001", 28),
        (Fork.ELECTRA, "05000001", 36),
        (Fork.FULU, "06000001", 44),
        (Fork.GLOAS, "07000001", 52),
    ),
)
"""Eight slots an epoch; each fork begins in the middle of a period."""

FIRST_SLOT = {entry.fork: entry.epoch * 8 for entry in NETWORK.activations}

LARGE_NETWORK = replace(NETWORK, preset=Preset(512, 8, 8))
"""The same with committees of mainnet's size."""


def filler(label: object) -> Hash32:
    """Return 32 bytes that nobody reads."""
    return Hash32(sha256(f"filler {label}".encode()).digest())


@dataclass(frozen=True)
class Tree:
    """A Merkle tree of which only these leaves matter."""

    leaves: Mapping[int, bytes]
    label: str

    def node(self, index: int) -> Hash32:
        if index in self.leaves:
            return Hash32(self.leaves[index])
        depth = index.bit_length()
        below = (leaf for leaf in self.leaves if leaf.bit_length() > depth)
        if any(leaf >> (leaf.bit_length() - depth) == index for leaf in below):
            return hash_pair(self.node(2 * index), self.node(2 * index + 1))
        return filler((self.label, index))

    @property
    def root(self) -> Hash32:
        return self.node(1)

    def branch(self, index: int) -> Branch:
        return tuple(self.node(index >> h ^ 1) for h in range(index.bit_length() - 1))


@dataclass(frozen=True)
class Signers:
    """A committee with its secrets."""

    secrets: tuple[int, ...]
    committee: SyncCommittee


@cache
def signers_of(period: int, size: int = 32) -> Signers:
    """Return the committee of a period."""
    secrets = tuple(
        int.from_bytes(sha256(f"validator {period} {place}".encode()).digest()) % CURVE_ORDER
        for place in range(size)
    )
    keys = tuple(map(derive_public_key, secrets))
    return Signers(secrets, SyncCommittee(keys, aggregate_public_keys(keys)))


def payload_at(slot: int, *, has_blob_fields: bool) -> ExecutionPayloadHeader:
    return ExecutionPayloadHeader(
        parent_hash=filler(("parent", slot)),
        fee_recipient=Address(b"\x11" * 20),
        state_root=filler(("execution state", slot)),
        receipts_root=filler(("receipts", slot)),
        logs_bloom=b"\x22" * 256,
        prev_randao=filler(("randao", slot)),
        block_number=1_000 + slot,
        gas_limit=30_000_000,
        gas_used=12_345,
        timestamp=NETWORK.genesis_time + 6 * slot,
        extra_data=b"tests",
        base_fee_per_gas=7 << 200,
        block_hash=filler(("block", slot)),
        transactions_root=filler(("transactions", slot)),
        withdrawals_root=filler(("withdrawals", slot)),
        blob_gas_used=131_072 if has_blob_fields else 0,
        excess_blob_gas=5 if has_blob_fields else 0,
    )


def header_at(
    slot: int,
    state: Tree | None = None,
    *,
    network: Network = NETWORK,
    label: str = "",
    block_hash: Hash32 | None = None,
) -> LightClientHeader:
    """Return the header of ``slot`` with its execution part in the form of its fork."""
    rules = network.rules_at(slot)
    execution: ExecutionPayloadHeader | Hash32 | None = None
    body, branch = Tree({}, f"body {slot}"), Branch()
    if rules.execution_payload is not None:
        execution = payload_at(slot, has_blob_fields=rules.has_blob_fields)
        leaf = execution.root(has_blob_fields=rules.has_blob_fields)
        body = Tree({rules.execution_payload: leaf}, f"body {slot}")
        branch = body.branch(rules.execution_payload)
    elif rules.execution_block_hash is not None:
        execution = block_hash or filler(("block", slot))
        body = Tree({rules.execution_block_hash: execution}, f"body {slot}")
        branch = body.branch(rules.execution_block_hash)
    beacon = BeaconBlockHeader(
        slot=slot,
        proposer_index=slot % 7,
        parent_root=filler(("beacon parent", slot, label)),
        state_root=filler(("beacon state", slot)) if state is None else state.root,
        body_root=body.root,
    )
    return LightClientHeader(beacon, execution, branch)


def state_at(
    slot: int,
    finalized: LightClientHeader | None,
    following: SyncCommittee | None = None,
    *,
    network: Network = NETWORK,
) -> Tree:
    """Return the state of ``slot``: its finalised root and committees, at their places."""
    rules = network.rules_at(slot)
    size, period = network.preset.sync_committee_size, network.period_at(slot)
    following = following or signers_of(period + 1, size).committee
    return Tree(
        {
            rules.finalized_root: finalized.beacon.root() if finalized else ZERO_HASH,
            rules.current_sync_committee: signers_of(period, size).committee.root(),
            rules.next_sync_committee: following.root(),
        },
        f"state {slot}",
    )


def sign_header(
    network: Network,
    header: BeaconBlockHeader,
    signature_slot: int,
    *,
    signers: Signers | None = None,
    places: Iterable[int] | None = None,
) -> SyncAggregate:
    """Sign as the committee of ``signature_slot``, at these places; all of them without."""
    size = network.preset.sync_committee_size
    signers = signers or signers_of(network.period_at(signature_slot), size)
    signing = set(range(size) if places is None else places)
    secret = sum(signers.secrets[place] for place in signing) % CURVE_ORDER
    return SyncAggregate(
        participation=tuple(place in signing for place in range(size)),
        signature=sign(secret, signing_root(network, header, signature_slot)),
    )


def update_at(
    attested_slot: int,
    *,
    finalized_slot: int | None = None,
    signature_slot: int | None = None,
    with_committee: bool = True,
    network: Network = NETWORK,
    signers: Signers | None = None,
    places: Iterable[int] | None = None,
    following: SyncCommittee | None = None,
    label: str = "",
) -> LightClientUpdate:
    """Return a true update: 16 slots after what it finalises, signed in the slot after it.

    ``label`` makes another block of the same slot, finalised and attested alike.
    """
    finalized_slot = attested_slot - 16 if finalized_slot is None else finalized_slot
    signature_slot = attested_slot + 1 if signature_slot is None else signature_slot
    rules = network.rules_at(attested_slot)
    finalized = header_at(finalized_slot, network=network, label=label)
    size = network.preset.sync_committee_size
    following = following or signers_of(network.period_at(attested_slot) + 1, size).committee
    state = state_at(attested_slot, finalized, following, network=network)
    attested = header_at(attested_slot, state, network=network)
    return LightClientUpdate(
        attested_header=attested,
        sync_aggregate=sign_header(
            network, attested.beacon, signature_slot, signers=signers, places=places
        ),
        signature_slot=signature_slot,
        finalized_header=finalized,
        finality_branch=state.branch(rules.finalized_root),
        next_sync_committee=following if with_committee else None,
        next_sync_committee_branch=(
            state.branch(rules.next_sync_committee) if with_committee else ()
        ),
    )


def bootstrap_at(slot: int, *, network: Network = NETWORK) -> LightClientBootstrap:
    state = state_at(slot, None, network=network)
    committee = signers_of(network.period_at(slot), network.preset.sync_committee_size).committee
    return LightClientBootstrap(
        header=header_at(slot, state, network=network),
        current_sync_committee=committee,
        current_sync_committee_branch=state.branch(network.rules_at(slot).current_sync_committee),
    )


def store_at(
    slot: int, *, network: Network = NETWORK, knows_next: bool = False
) -> LightClientStore:
    """Return a store whose finalised header is of ``slot``."""
    size, period = network.preset.sync_committee_size, network.period_at(slot)
    return LightClientStore(
        finalized_header=header_at(slot, network=network),
        current_sync_committee=signers_of(period, size).committee,
        next_sync_committee=signers_of(period + 1, size).committee if knows_next else None,
    )


def resigned(
    update: LightClientUpdate,
    *,
    network: Network = NETWORK,
    places: Iterable[int] | None = None,
    signers: Signers | None = None,
) -> LightClientUpdate:
    """Return a changed update with a signature that fits it, to reach the checks behind."""
    aggregate = sign_header(
        network,
        update.attested_header.beacon,
        update.signature_slot,
        signers=signers,
        places=places,
    )
    return replace(update, sync_aggregate=aggregate)
