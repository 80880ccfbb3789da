"""Updates of real chains and of other projects' devnets, verified inside the EVM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ethereum.update import build_committee_signature
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum import beacon_ssz
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientBootstrap,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.execution import to_verified_header
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.networks import HOLESKY, MAINNET, SEPOLIA
from clearinghouse.proofs.ethereum.ssz import byte_vector_root, hash_pair
from tests.unit.contracts.client import Client, deploy_client, reverts
from tests.unit.contracts.evm import Evm, Reverted
from tests.unit.proofs.ethereum import recordings

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

FULU = "mainnet-fulu-sp1helios"
FULU_PERIOD = 1_777
HELIOS = "mainnet-capella-helios"
DOCTORED = "mainnet-capella-trin-DOCTORED"
UNION = "sepolia-electra-union"


@contextmanager
def chain_at(directory: Path, network: Network, slot: int) -> Iterator[Evm]:
    """Run a chain whose clock says that ``slot`` of a network just ended."""
    time = network.genesis_time + (slot + 1) * network.seconds_per_slot
    evm = Evm(directory, time=time)
    try:
        yield evm
    finally:
        evm.close()


def follow(client: Client, *updates: LightClientUpdate) -> None:
    """Bring updates and require the contract to hold what Python makes of them."""
    for update in updates:
        client.update(update)
        next_period = client.network.period_at(update.attested_header.beacon.slot) + 1
        if update.has_next_sync_committee and is_committee_final(client, update):
            assert update.next_sync_committee is not None
            client.committees[next_period] = update.next_sync_committee
            root = update.next_sync_committee.root()
            assert client.committee_root(next_period) == root
        assert update.finalized_header is not None
        expected = to_verified_header(client.network, update.finalized_header)
        assert client.finalized_slot == update.finalized_header.beacon.slot
        assert client.contract.call("latestHeight") == expected.height
        assert client.contract.call("headerAt", expected.height) == (
            expected.state_root,
            expected.timestamp,
        )


def is_committee_final(client: Client, update: LightClientUpdate) -> bool:
    assert update.finalized_header is not None
    slots = (update.attested_header.beacon.slot, update.finalized_header.beacon.slot)
    return len({client.network.period_at(slot) for slot in slots}) == 1


def begin(evm: Evm, network: Network, start: LightClientBootstrap) -> Client:
    period = network.period_at(start.header.beacon.slot)
    return deploy_client(evm, period, network, committee=start.current_sync_committee)


def fulu_committee() -> SyncCommittee:
    store = recordings.load_beacon(f"{FULU}/store.json")
    return recordings.beacon_json.decode_sync_committee(store["current_sync_committee"])


# ----------------------------------------------------------------------------------- mainnet


def test_mainnet_fulu_update_is_verified_inside_the_evm(tmp_path: Path) -> None:
    """June 2026, 509 of 512 signers, with the next committee; as real as it gets."""
    update = recordings.update(f"{FULU}/update.json")
    assert update.sync_aggregate.participants == 509
    with chain_at(tmp_path, MAINNET, update.signature_slot) as evm:
        client = deploy_client(evm, FULU_PERIOD, MAINNET, committee=fulu_committee())
        follow(client, update)
        assert client.contract.call("latestHeight") == 25_321_551


def test_mainnet_fulu_update_is_refused_when_anything_is_changed(tmp_path: Path) -> None:
    """What was signed, what it proves, or the forged committee of SP1-Helios's advisory."""
    update = recordings.update(f"{FULU}/update.json")
    other = recordings.committee(f"{UNION}/current_sync_committee_7167008.json")
    attested, finalized = update.attested_header, update.finalized_header
    assert finalized is not None
    assert isinstance(finalized.execution, ExecutionPayloadHeader)
    later = replace(attested, beacon=replace(attested.beacon, proposer_index=1))
    payload = replace(finalized.execution, state_root=finalized.execution.receipts_root)
    flags = update.sync_aggregate.participation
    absent = flags.index(False)
    claimed = (*flags[:absent], True, *flags[absent + 1 :])
    aggregate = replace(update.sync_aggregate, participation=claimed)
    with chain_at(tmp_path, MAINNET, update.signature_slot) as evm:
        client = deploy_client(evm, FULU_PERIOD, MAINNET, committee=fulu_committee())
        for forged, error in (
            (replace(update, next_sync_committee=other), "BranchInvalid"),
            (replace(update, attested_header=later), "SignatureInvalid"),
            (
                replace(update, finalized_header=replace(finalized, execution=payload)),
                "BranchInvalid",
            ),
            (replace(update, sync_aggregate=aggregate), "SignatureInvalid"),
            (replace(update, signature_slot=update.signature_slot + 8_192), "UnknownCommittee"),
        ):
            if error == "UnknownCommittee":
                client.committees[FULU_PERIOD + 1] = fulu_committee()
                error = "SlotInFuture"
            with reverts(error):
                client.update(forged)
        follow(client, update)


def test_six_mainnet_periods_of_capella_are_followed(tmp_path: Path) -> None:
    updates = recordings.updates(f"{HELIOS}/updates.json")
    finality = recordings.update(f"{HELIOS}/finality.json")
    start = recordings.bootstrap(f"{HELIOS}/bootstrap.json")
    with chain_at(tmp_path, MAINNET, finality.signature_slot) as evm:
        client = begin(evm, MAINNET, start)
        with reverts("UnknownCommittee", 863):
            client.committees[863] = start.current_sync_committee
            client.update(updates[1])
        follow(client, *updates, finality)
        with reverts("SlotNotIncreasing"):
            client.update(updates[2])


def test_mainnet_update_of_deneb_from_the_portal_network_is_verified(tmp_path: Path) -> None:
    first, second = recordings.portal_updates()
    finality = beacon_ssz.decode_update(
        MAINNET, recordings.portal("finality_update")[recordings.FORK_DIGEST_BYTES :]
    )
    assert first.next_sync_committee is not None
    period = MAINNET.period_at(second.signature_slot)
    with chain_at(tmp_path, MAINNET, finality.signature_slot) as evm:
        client = deploy_client(evm, period, MAINNET, committee=first.next_sync_committee)
        follow(client, second, finality)


def test_doctored_mainnet_update_is_refused(tmp_path: Path) -> None:
    """Blob gas in a header of before Deneb: neither encoded nor, if it were, proven."""
    start = recordings.bootstrap(f"{DOCTORED}/bootstrap.json")
    update = recordings.update(f"{DOCTORED}/finality.json")
    with chain_at(tmp_path, MAINNET, update.signature_slot) as evm:
        client = begin(evm, MAINNET, start)
        with pytest.raises(ProofInvalid, match="execution_fields_unexpected"):
            client.encode(update)
        with reverts("BranchNotNormalised", 25, 5):
            replace(client, network=with_blob_fields(MAINNET)).update(update)


def with_blob_fields(network: Network) -> Network:
    """Return a network by whose rules the encoder takes blob fields for real in every fork."""
    return replace(
        network,
        activations=tuple(
            replace(entry, rules=entry.rules and replace(entry.rules, has_blob_fields=True))
            for entry in network.activations
        ),
    )


def test_mainnet_signature_of_bellatrix_is_verified(evm: Evm) -> None:
    """Before Capella light client data proves no execution block; its signature counts."""
    update = recordings.bellatrix_update()
    signers = recordings.committee(
        "mainnet-bellatrix-datachainlab/mainnet_sync_committee_period_713.json"
    )
    expected = recordings.load_beacon(
        "mainnet-bellatrix-datachainlab/mainnet_signing_root_slot_5841037.json"
    )
    harness = evm.deploy("BlsHarness")

    signed = build_committee_signature(update.sync_aggregate, signers, 512)
    root = recordings.unhex(expected)
    harness.call("requireSigned", signed, signers.root(), 512, root)
    with reverts("SignatureInvalid"):
        harness.call("requireSigned", signed, signers.root(), 512, root[:-1] + b"\x00")
    keys = byte_vector_root(signers.aggregate_public_key)
    with reverts("CommitteeMismatch"):
        harness.call("requireSigned", signed, hash_pair(keys, keys), 512, root)


# ---------------------------------------------------------------------------------- testnets


def test_sepolia_updates_of_deneb_are_verified(tmp_path: Path) -> None:
    start = recordings.bootstrap("sepolia-deneb-gear/sepolia-bootstrap-640.json")
    update = recordings.update("sepolia-deneb-gear/sepolia-update-640.json")
    with chain_at(tmp_path, SEPOLIA, update.signature_slot) as evm:
        follow(begin(evm, SEPOLIA, start), update)


def test_sepolia_updates_of_electra_with_446_signers_are_verified(tmp_path: Path) -> None:
    signers = recordings.committee(f"{UNION}/current_sync_committee_7167008.json")
    updates = [
        recordings.update(f"{UNION}/finality_update_{slot}.json") for slot in (7167008, 7167040)
    ]
    assert {one.sync_aggregate.participants for one in updates} == {446}
    with chain_at(tmp_path, SEPOLIA, updates[-1].signature_slot) as evm:
        period = SEPOLIA.period_at(updates[0].signature_slot)
        follow(deploy_client(evm, period, SEPOLIA, committee=signers), *updates)


def test_holesky_updates_of_deneb_are_verified(tmp_path: Path) -> None:
    folder = "holesky-deneb-gear"
    updates = [
        recordings.update(f"{folder}/{name}.json")
        for name in (
            "holesky-update-368",
            "holesky-finality-update-3_016_736",
            "holesky-finality-update-3_016_768",
        )
    ]
    start = recordings.bootstrap(f"{folder}/holesky-bootstrap-368.json")
    with chain_at(tmp_path, HOLESKY, updates[-1].signature_slot) as evm:
        follow(begin(evm, HOLESKY, start), *updates)


def test_update_of_another_network_is_refused(tmp_path: Path) -> None:
    """Holesky's forks and committee, mainnet's genesis."""
    update = recordings.update("holesky-deneb-gear/holesky-update-368.json")
    start = recordings.bootstrap("holesky-deneb-gear/holesky-bootstrap-368.json")
    disguised = replace(HOLESKY, genesis_validators_root=MAINNET.genesis_validators_root)
    with chain_at(tmp_path, HOLESKY, update.signature_slot) as evm:
        with reverts("SignatureInvalid"):
            begin(evm, disguised, start).update(update)


# ----------------------------------------------------------------------------------- devnets


@pytest.mark.parametrize("name", recordings.EUREKA_CASES)
def test_devnet_of_solidity_ibc_is_followed_over_periods(tmp_path: Path, name: str) -> None:
    case = recordings.eureka(name)
    with chain_at(tmp_path, case.network, case.updates[-1].signature_slot) as evm:
        first = case.updates[0]
        period = case.network.period_at(first.signature_slot)
        client = deploy_client(evm, period, case.network, committee=case.signers[0])
        follow(client, *case.updates)


@pytest.mark.parametrize("name", recordings.SPEC_CASES)
def test_specification_sequences_are_followed_as_far_as_they_are_final(
    tmp_path: Path, name: str
) -> None:
    """After a forced update the specification goes on from what was never final; we stand still."""
    case = recordings.spec_case(name)
    steps = [step["process_update"] for step in case.steps if "process_update" in step]
    forced = next((n for n, step in enumerate(case.steps) if "force_update" in step), len(steps))
    with chain_at(tmp_path, case.network, steps[-1]["current_slot"]) as evm:
        client = begin(evm, case.network, case.bootstrap)
        for number, step in enumerate(steps):
            update = case.updates[step["update"]]
            if not update.has_finality:
                with pytest.raises(ProofInvalid, match="update_not_final"):
                    client.encode(update)
            elif number < forced:
                follow(client, update)
                expected = step["checks"]["finalized_header"]["slot"]
                is_old = case.bootstrap.header.beacon.slot > client.finalized_slot
                assert client.finalized_slot == expected or is_old
            else:
                before = client.finalized_slot
                with suppress(Reverted):  # or it says again what is known
                    client.update(update)
                assert client.finalized_slot == before
