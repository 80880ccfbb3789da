"""Light client data recorded from real chains and from the specification; absent data skips."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import cramjam
import yaml

from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.proofs.ethereum import beacon_json, beacon_ssz
from clearinghouse.proofs.ethereum.containers import (
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import MINIMAL_PRESET, Fork, Network, schedule
from clearinghouse.proofs.ethereum.network_json import decode_network
from clearinghouse.proofs.ethereum.networks import MAINNET
from tests.recorded import recorded_path

FORK_DIGEST_BYTES = 4
"""Portal content begins with the fork's digest, which the slot within makes redundant."""

SPEC_CASES = (
    "deneb/light_client_sync",
    "deneb/advance_finality_without_sync_committee",
    "electra/light_client_sync",
    "electra/supply_sync_committee_from_past_update",
)

EUREKA_CASES = (
    "Test_ICS20TransferERC20TokenfromEthereumToCosmosAndBack",
    "Test_MultiPeriodClientUpdateToCosmos",
)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def load_beacon(relative: str) -> Any:
    """Return a JSON recording of the beacon interface."""
    return json.loads(recorded_path(f"vectors/beacon-light-client/{relative}").read_text())


def updates(relative: str) -> tuple[LightClientUpdate, ...]:
    return beacon_json.decode_updates(load_beacon(relative))


def update(relative: str) -> LightClientUpdate:
    (only,) = updates(relative)
    return only


def bootstrap(relative: str) -> LightClientBootstrap:
    return beacon_json.decode_bootstrap(load_beacon(relative))


def committee(relative: str) -> SyncCommittee:
    return beacon_json.decode_sync_committee(load_beacon(relative))


def nimbus(name: str) -> bytes:
    return recorded_path(f"vectors/beacon-light-client/nimbus-ssz/{name}.ssz").read_bytes()


def portal(name: str) -> bytes:
    """Return the content of a recording of the portal network, whose key is left out."""
    path = recorded_path(f"vectors/beacon-light-client/mainnet-deneb-portal/{name}.yaml")
    content = yaml.safe_load(path.read_text())
    entry = content[0] if isinstance(content, list) else content
    return unhex(entry["content_value"])


def portal_updates() -> list[LightClientUpdate]:
    """Return the updates in a list of them: offsets, then digest and update each."""
    data = portal("updates")
    count = int.from_bytes(data[:4], "little") // 4
    begins = [int.from_bytes(data[4 * at : 4 * at + 4], "little") for at in range(count)]
    ends = [*begins[1:], len(data)]
    return [
        beacon_ssz.decode_update(MAINNET, data[begin + FORK_DIGEST_BYTES : end])
        for begin, end in zip(begins, ends, strict=True)
    ]


def bellatrix_update() -> LightClientUpdate:
    """Return the one recording in which branches stand in a list with what they prove."""
    raw = load_beacon(
        "mainnet-bellatrix-datachainlab/mainnet_light_client_update_slot_5841038.json"
    )
    for name, branch in (
        ("finalized_header", "finality_branch"),
        ("next_sync_committee", "next_sync_committee_branch"),
    ):
        raw[name], raw[branch] = raw[name]
    (only,) = beacon_json.decode_updates(raw)
    return only


@dataclass(frozen=True)
class EurekaCase:
    """Updates of one devnet run, each with the committee that must have signed it."""

    network: Network
    updates: tuple[LightClientUpdate, ...]
    signers: tuple[SyncCommittee, ...]
    is_next: tuple[bool, ...]
    """Whether the signers are the next committee as seen from the header trusted before."""
    trusted_slots: tuple[int, ...]
    membership: tuple[dict[str, Any], ...]
    contract: bytes
    """Address that the storage proofs are of."""


def eureka(name: str) -> EurekaCase:
    raw = load_beacon(f"devnet-minimal-eureka/{name}.decoded.json")
    state = raw["client_state"]
    forks = state["fork_parameters"]
    names = ("altair", "bellatrix", "capella", "deneb", "electra", "fulu")
    network = Network(
        name=name,
        chain_id=ChainId(int(state["chain_id"])),
        preset=replace(MINIMAL_PRESET, sync_committee_size=state["sync_committee_size"]),
        genesis_time=state["genesis_time"],
        genesis_validators_root=Hash32(unhex(state["genesis_validators_root"])),
        seconds_per_slot=state["seconds_per_slot"],
        activations=schedule(
            (Fork.PHASE0, forks["genesis_fork_version"][2:], 0),
            *(
                (Fork[fork.upper()], forks[fork]["version"][2:], forks[fork]["epoch"])
                for fork in names
            ),
        ),
    )
    messages = [message for step in raw["steps"] for message in step["messages"]]
    steps = [message for message in messages if "consensus_update" in message]
    for header in (
        step["consensus_update"][which]["execution"]
        for step in steps
        for which in ("attested_header", "finalized_header")
    ):
        # The one field that these recordings have in another form than a beacon node gives.
        header["base_fee_per_gas"] = str(int(header["base_fee_per_gas"], 16))
    active = [next(iter(step["active_sync_committee"].items())) for step in steps]
    return EurekaCase(
        network=network,
        updates=tuple(beacon_json.decode_updates([step["consensus_update"] for step in steps])),
        signers=tuple(beacon_json.decode_sync_committee(value) for _, value in active),
        is_next=tuple(which == "Next" for which, _ in active),
        trusted_slots=tuple(step["trusted_slot"] for step in steps),
        membership=tuple(message for message in messages if "account_proof" in message),
        contract=unhex(state["ibc_contract_address"]),
    )


@dataclass(frozen=True)
class SpecCase:
    """One sequence of the specification's own vectors."""

    network: Network
    trusted_block_root: Hash32
    bootstrap: LightClientBootstrap
    steps: list[dict[str, Any]]
    updates: dict[str, LightClientUpdate]


def spec_case(name: str) -> SpecCase:
    folder = recorded_path(f"vectors/consensus-spec-light-client/{name}")
    meta = yaml.safe_load((folder / "meta.yaml").read_text())
    network = decode_network(
        {
            "spec": spec_of_config((folder / "config.yaml").read_text()),
            "genesis": {
                "genesis_time": "1578009600",
                "genesis_validators_root": meta["genesis_validators_root"],
            },
        }
    )
    steps = yaml.safe_load((folder / "steps.yaml").read_text())
    return SpecCase(
        network=network,
        trusted_block_root=Hash32(unhex(meta["trusted_block_root"])),
        bootstrap=beacon_ssz.decode_bootstrap(network, unsnappy(folder / "bootstrap.ssz_snappy")),
        steps=steps,
        updates={
            path.name.removesuffix(".ssz_snappy"): beacon_ssz.decode_update(network, unsnappy(path))
            for path in sorted(folder.glob("update_*.ssz_snappy"))
        },
    )


def spec_of_config(text: str) -> dict[str, str]:
    """Return a ``config.yaml`` as a node's interface has it, with the minimal preset's sizes."""
    lines = (line.split("#")[0] for line in text.splitlines())
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    config = {key.strip(): value.strip().strip("'\"") for key, value in pairs}
    assert config["PRESET_BASE"] == "minimal"
    sizes = {
        "SYNC_COMMITTEE_SIZE": "32",
        "SLOTS_PER_EPOCH": "8",
        "EPOCHS_PER_SYNC_COMMITTEE_PERIOD": "8",
    }
    return {"DEPOSIT_CHAIN_ID": "5", **config, **sizes}


def unsnappy(path: Any) -> bytes:
    return bytes(cramjam.snappy.decompress_raw(path.read_bytes()))


def is_execution_root(header: LightClientHeader, expected: str) -> bool:
    """Whether the execution payload of a Deneb or later header has the root ``expected``."""
    payload = header.execution
    assert payload is not None
    assert not isinstance(payload, bytes)
    return payload.root(has_blob_fields=True) == unhex(expected)
