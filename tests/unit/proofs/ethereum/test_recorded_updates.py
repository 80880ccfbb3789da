"""Updates of real chains, Bellatrix to Fulu, and of devnets: all true, but for the doctored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum import beacon_ssz
from clearinghouse.proofs.ethereum.beacon_json import decode_store
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.execution import to_verified_header, verify_execution
from clearinghouse.proofs.ethereum.forks import Fork, Network
from clearinghouse.proofs.ethereum.networks import HOLESKY, MAINNET, SEPOLIA
from clearinghouse.proofs.ethereum.signing import signing_root, verify_sync_aggregate
from clearinghouse.proofs.ethereum.ssz import verify_branch
from clearinghouse.proofs.ethereum.store import LightClientStore, verify_bootstrap
from clearinghouse.proofs.ethereum.updates import (
    apply_update,
    validate_update,
    verify_content,
    verify_signature,
    verify_update,
)
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.state import verify_account, verify_storage
from tests.recorded import recorded_path
from tests.unit.proofs.ethereum.recordings import (
    EUREKA_CASES,
    FORK_DIGEST_BYTES,
    bellatrix_update,
    bootstrap,
    committee,
    eureka,
    load_beacon,
    nimbus,
    portal,
    portal_updates,
    unhex,
    update,
    updates,
)


def begin(network: Network, start: LightClientBootstrap) -> LightClientStore:
    return verify_bootstrap(network, start.header.beacon.root(), start)


def follow(
    network: Network, store: LightClientStore, *brought: LightClientUpdate
) -> LightClientStore:
    for one in brought:
        verify_update(network, store, one, one.signature_slot)
        store = apply_update(network, store, one)
    return store


def finalized_slot(store: LightClientStore) -> int:
    return store.finalized_header.beacon.slot


def test_verify_update_passes_when_six_mainnet_periods_follow_each_other() -> None:
    folder = "mainnet-capella-helios"
    store = begin(MAINNET, bootstrap(f"{folder}/bootstrap.json"))
    slots = []
    for one in updates(f"{folder}/updates.json"):
        store = follow(MAINNET, store, one)
        slots.append(finalized_slot(store))
    assert slots == [7_069_376, 7_070_047, 7_078_240, 7_089_280, 7_094_272, 7_104_096]
    store = follow(MAINNET, store, update(f"{folder}/finality.json"))
    assert finalized_slot(store) == 7_109_344
    optimistic = update(f"{folder}/optimistic.json")
    validate_update(MAINNET, store, optimistic, optimistic.signature_slot)
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(MAINNET, store, optimistic, optimistic.signature_slot)
    assert refusal.value.reason == "update_not_final"


def test_verify_update_refuses_when_a_mainnet_period_is_skipped() -> None:
    folder = "mainnet-capella-helios"
    store = begin(MAINNET, bootstrap(f"{folder}/bootstrap.json"))
    first, second, third, *_ = updates(f"{folder}/updates.json")
    store = follow(MAINNET, store, first)
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(MAINNET, store, third, third.signature_slot)
    assert refusal.value.reason == "committee_unknown"
    follow(MAINNET, store, second, third)


def test_verify_update_refuses_when_mainnet_updates_are_replayed() -> None:
    folder = "mainnet-capella-helios"
    store = begin(MAINNET, bootstrap(f"{folder}/bootstrap.json"))
    first, second, *_ = updates(f"{folder}/updates.json")
    store = follow(MAINNET, store, first, second)
    for old, reason in ((first, "committee_unknown"), (second, "update_not_final")):
        with pytest.raises(ProofInvalid) as refusal:
            verify_update(MAINNET, store, old, old.signature_slot)
        assert refusal.value.reason == reason


def test_verify_update_brings_the_next_committee_when_the_mainnet_fulu_update_is_given() -> None:
    """509 of 512 signed; the update is older than the store, which lacks the next committee."""
    store = decode_store(load_beacon("mainnet-fulu-sp1helios/store.json"))
    brought = update("mainnet-fulu-sp1helios/update.json")
    assert brought.sync_aggregate.participants == 509
    assert MAINNET.activation_at(brought.attested_header.beacon.slot).fork == Fork.FULU
    verify_execution(MAINNET, store.finalized_header)
    after = follow(MAINNET, store, brought)
    assert after.next_sync_committee == brought.next_sync_committee
    assert after.finalized_header == store.finalized_header
    assert brought.finalized_header is not None
    payload = brought.finalized_header.execution
    assert isinstance(payload, ExecutionPayloadHeader)
    assert to_verified_header(MAINNET, brought.finalized_header) == VerifiedHeader(
        chain_id=MAINNET.chain_id,
        height=25_321_551,
        block_hash=payload.block_hash,
        state_root=payload.state_root,
        timestamp=MAINNET.genesis_time + 12 * 14_557_184,
    )


def test_verify_update_advances_when_the_store_is_older_than_the_mainnet_fulu_update() -> None:
    """The same data as a finality update with rotation into its period."""
    held = decode_store(load_beacon("mainnet-fulu-sp1helios/store.json"))
    brought = update("mainnet-fulu-sp1helios/update.json")
    header = held.finalized_header
    earlier = replace(header, beacon=replace(header.beacon, slot=14_557_184 - 64))
    older = LightClientStore(earlier, committee_before(), held.current_sync_committee)
    after = follow(MAINNET, older, brought)
    assert finalized_slot(after) == 14_557_184
    assert after.current_sync_committee == held.current_sync_committee
    assert after.next_sync_committee == brought.next_sync_committee


def committee_before() -> SyncCommittee:
    """Return any other committee: the one before is not recorded, and is not asked."""
    return committee("sepolia-electra-union/current_sync_committee_7167008.json")


def test_mainnet_fulu_forks_equal_ours_when_read_from_the_recording() -> None:
    raw = load_beacon("mainnet-fulu-sp1helios/store.json")
    assert MAINNET.genesis_validators_root == unhex(raw["genesis_validators_root"])
    assert {
        (name, int(entry["epoch"]), unhex(entry["fork_version"]))
        for name, entry in raw["forks"].items()
    } == {
        ("genesis" if one.fork == Fork.PHASE0 else one.fork.name.lower(), one.epoch, one.version)
        for one in MAINNET.activations
    }


@pytest.mark.parametrize(
    ("network", "start", "brought"),
    [
        (
            SEPOLIA,
            "sepolia-deneb-gear/sepolia-bootstrap-640.json",
            ["sepolia-deneb-gear/sepolia-update-640.json"],
        ),
        (
            HOLESKY,
            "holesky-deneb-gear/holesky-bootstrap-368.json",
            [
                "holesky-deneb-gear/holesky-update-368.json",
                "holesky-deneb-gear/holesky-finality-update-3_016_736.json",
                "holesky-deneb-gear/holesky-finality-update-3_016_768.json",
            ],
        ),
    ],
    ids=["sepolia", "holesky"],
)
def test_verify_update_passes_when_testnet_updates_of_deneb_are_given(
    network: Network, start: str, brought: list[str]
) -> None:
    store = begin(network, bootstrap(start))
    last = [update(name) for name in brought]
    store = follow(network, store, *last)
    assert store.next_sync_committee == last[0].next_sync_committee
    assert last[-1].finalized_header == store.finalized_header


@pytest.mark.parametrize("other", [MAINNET, SEPOLIA], ids=lambda network: network.name)
def test_verify_update_refuses_when_it_is_of_another_network(other: Network) -> None:
    """Holesky's updates, with Holesky's forks, under another network's genesis."""
    disguised = replace(HOLESKY, genesis_validators_root=other.genesis_validators_root)
    store = begin(disguised, bootstrap("holesky-deneb-gear/holesky-bootstrap-368.json"))
    one = update("holesky-deneb-gear/holesky-update-368.json")
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(disguised, store, one, one.signature_slot)
    assert refusal.value.reason == "bls_signature_wrong"


def test_verify_update_passes_when_sepolia_electra_is_followed_to_an_account() -> None:
    folder = "sepolia-electra-union"
    first, second = (update(f"{folder}/finality_update_{slot}.json") for slot in (7167008, 7167040))
    start = first.finalized_header
    assert start is not None
    recorded = load_beacon(f"{folder}/header_7167008.json")
    assert start.beacon.state_root == unhex(recorded["state_root"])
    assert start.beacon.slot == int(recorded["slot"])
    before = replace(start, beacon=replace(start.beacon, slot=start.beacon.slot - 32))
    store = LightClientStore(
        before,
        committee(f"{folder}/current_sync_committee_7167008.json"),
        committee(f"{folder}/next_sync_committee_7167008.json"),
    )
    store = follow(SEPOLIA, store, first, second)
    assert finalized_slot(store) == 7_167_040
    account_proof = "vectors/eth-getproof/sepolia-electra-union/account_proof_7167040.json"
    root_node = unhex(json.loads(recorded_path(account_proof).read_text())[0])
    found = to_verified_header(SEPOLIA, store.finalized_header)
    assert found.state_root == keccak256(root_node)


def test_verify_content_passes_when_the_mainnet_bellatrix_update_is_given() -> None:
    """Of before Capella: headers without execution part. The signing root is recorded too."""
    one = bellatrix_update()
    signers = committee("mainnet-bellatrix-datachainlab/mainnet_sync_committee_period_713.json")
    expected = load_beacon("mainnet-bellatrix-datachainlab/mainnet_signing_root_slot_5841037.json")
    context = load_beacon("mainnet-bellatrix-datachainlab/mainnet_context.json")
    assert MAINNET.genesis_validators_root == unhex(context["genesis_validators_root"])
    attested = one.attested_header.beacon
    assert signing_root(MAINNET, attested, one.signature_slot) == unhex(expected)
    assert one.has_finality
    assert one.has_next_sync_committee
    before = LightClientHeader(replace(attested, slot=5_840_960 - 32))
    store = LightClientStore(before, signers)
    after = follow(MAINNET, store, one)
    assert finalized_slot(after) == 5_840_960
    with pytest.raises(ProofInvalid) as refusal:
        to_verified_header(MAINNET, after.finalized_header)
    assert refusal.value.reason == "execution_missing"


def test_updates_of_mainnet_deneb_pass_when_read_from_the_portal_network() -> None:
    """The first update brings the committee that signed the others."""
    start = begin(
        MAINNET, beacon_ssz.decode_bootstrap(MAINNET, portal("bootstrap")[FORK_DIGEST_BYTES:])
    )
    first, second = portal_updates()
    verify_content(MAINNET, first)
    held, signers = first.finalized_header, first.next_sync_committee
    assert held is not None
    assert signers is not None
    store = LightClientStore(held, start.current_sync_committee, signers)
    store = follow(MAINNET, store, second)
    assert finalized_slot(store) == 10_248_192
    finality, optimistic = (
        beacon_ssz.decode_update(MAINNET, portal(name)[FORK_DIGEST_BYTES:])
        for name in ("finality_update", "optimistic_update")
    )
    store = follow(MAINNET, store, finality)
    assert store.finalized_header == finality.finalized_header
    validate_update(MAINNET, store, optimistic, optimistic.signature_slot)
    assert MAINNET.activation_at(optimistic.attested_header.beacon.slot).fork == Fork.DENEB


def test_updates_of_mainnet_capella_pass_when_read_from_nimbus() -> None:
    store = begin(MAINNET, beacon_ssz.decode_bootstrap(MAINNET, nimbus("bootstrap")))
    for name in ("finUpdate", "optUpdate"):
        one = beacon_ssz.decode_update(MAINNET, nimbus(name))
        assert MAINNET.activation_at(one.attested_header.beacon.slot).fork == Fork.CAPELLA
        verify_content(MAINNET, one)
    assert MAINNET.period_at(finalized_slot(store)) == 800


@pytest.mark.parametrize("name", EUREKA_CASES)
def test_storage_is_proven_by_the_committee_alone_when_a_devnet_is_followed(name: str) -> None:
    """From the committee to a header, to an account, to a slot."""
    case = eureka(name)
    state_roots = []
    for one, signers, is_next, trusted in zip(
        case.updates, case.signers, case.is_next, case.trusted_slots, strict=True
    ):
        placeholder = LightClientHeader(replace(one.attested_header.beacon, slot=trusted))
        store = LightClientStore(
            placeholder,
            signers,
            signers if is_next else None,
        )
        assert (case.network.period_at(one.signature_slot) > case.network.period_at(trusted)) == (
            is_next
        )
        after = follow(case.network, store, one)
        state_roots.append(to_verified_header(case.network, after.finalized_header).state_root)
    for message in case.membership:
        nodes = list(map(unhex, message["account_proof"]["proof"]))
        (root,) = [root for root in state_roots if keccak256(nodes[0]) == root]
        account = verify_account(root, Address(case.contract), nodes)
        assert account is not None
        assert account.storage_root == unhex(message["account_proof"]["storage_root"])
        storage = message["storage_proof"]
        word = verify_storage(
            account.storage_root,
            Hash32(unhex(storage["key"])),
            list(map(unhex, storage["proof"])),
        )
        assert word == int(storage["value"], 16)
    assert case.membership


DOCTORED = "mainnet-capella-trin-DOCTORED"


def test_verify_bootstrap_refuses_when_blob_fields_are_doctored_into_capella() -> None:
    start = bootstrap(f"{DOCTORED}/bootstrap.json")
    with pytest.raises(ProofInvalid) as refusal:
        begin(MAINNET, start)
    assert refusal.value.reason == "execution_fields_unexpected"
    verify_branch(
        start.current_sync_committee.root(),
        start.current_sync_committee_branch,
        54,
        start.header.beacon.state_root,
        reason="never",
    )


def test_verify_update_refuses_when_blob_fields_are_doctored_though_all_else_is_true() -> None:
    """The signature, the finality branch and, without the fake fields, the headers are genuine."""
    start = bootstrap(f"{DOCTORED}/bootstrap.json")
    one = update(f"{DOCTORED}/finality.json")
    earlier = replace(start.header, beacon=replace(start.header.beacon, slot=7_358_656 - 32))
    store = LightClientStore(earlier, start.current_sync_committee)
    verify_signature(MAINNET, store, one)
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(MAINNET, store, one, one.signature_slot)
    assert refusal.value.reason == "execution_fields_unexpected"
    restored = replace(
        one,
        attested_header=without_blob_fields(one.attested_header),
        finalized_header=one.finalized_header and without_blob_fields(one.finalized_header),
    )
    assert finalized_slot(follow(MAINNET, store, restored)) == 7_358_656


def without_blob_fields(header: LightClientHeader) -> LightClientHeader:
    assert isinstance(header.execution, ExecutionPayloadHeader)
    return replace(header, execution=replace(header.execution, blob_gas_used=0, excess_blob_gas=0))


def _move_bit(one: LightClientUpdate) -> LightClientUpdate:
    flags = list(one.sync_aggregate.participation)
    absent = flags.index(False)
    flags[absent], flags[absent - 1] = True, False
    return replace(one, sync_aggregate=replace(one.sync_aggregate, participation=tuple(flags)))


def _extra_bit(one: LightClientUpdate) -> LightClientUpdate:
    flags = [True] * len(one.sync_aggregate.participation)
    return replace(one, sync_aggregate=replace(one.sync_aggregate, participation=tuple(flags)))


def _other_state(one: LightClientUpdate) -> LightClientUpdate:
    header = one.attested_header
    beacon = replace(header.beacon, state_root=Hash32(b"\x01" * 32))
    return replace(one, attested_header=replace(header, beacon=beacon))


def _foreign_committee(one: LightClientUpdate) -> LightClientUpdate:
    foreign = committee("sepolia-electra-union/current_sync_committee_7167008.json")
    return replace(one, next_sync_committee=foreign)


def _unproven_committee(one: LightClientUpdate) -> LightClientUpdate:
    return replace(one, next_sync_committee_branch=())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_move_bit, "bls_signature_wrong"),
        (_extra_bit, "bls_signature_wrong"),
        (_other_state, "finality_branch_invalid"),
        (_foreign_committee, "next_sync_committee_branch_invalid"),
        (_unproven_committee, "update_not_relevant"),
    ],
)
def test_verify_update_refuses_when_the_mainnet_fulu_update_is_changed(
    change: Callable[[LightClientUpdate], LightClientUpdate], reason: str
) -> None:
    store = decode_store(load_beacon("mainnet-fulu-sp1helios/store.json"))
    changed = change(update("mainnet-fulu-sp1helios/update.json"))
    with pytest.raises(ProofInvalid) as refusal:
        verify_update(MAINNET, store, changed, changed.signature_slot)
    assert refusal.value.reason == reason


def test_every_recording_is_used_when_the_folder_is_listed() -> None:
    """A recording added later must be added here too."""
    folder = recorded_path("vectors/beacon-light-client")
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.is_file()}
    assert len(names - {"PROVENANCE.md"}) == 34


def test_verify_sync_aggregate_refuses_when_the_committee_is_another() -> None:
    store = decode_store(load_beacon("mainnet-fulu-sp1helios/store.json"))
    one = update("mainnet-fulu-sp1helios/update.json")
    assert one.next_sync_committee is not None
    signed = (one.sync_aggregate, one.attested_header.beacon, one.signature_slot)
    verify_sync_aggregate(MAINNET, store.current_sync_committee, *signed)
    with pytest.raises(ProofInvalid) as refusal:
        verify_sync_aggregate(MAINNET, one.next_sync_committee, *signed)
    assert refusal.value.reason == "bls_signature_wrong"
