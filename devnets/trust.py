"""What users of a devnet believe about its chains' headers, as values and as JSON.

By whom headers are signed, and for rollups what their L1 says about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearinghouse.book.identifiers import ChainId, Hash32, address_from_hex, to_hex
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.network_json import decode_network
from clearinghouse.proofs.rollups.l1_contract import L1Contract
from clearinghouse.proofs.rollups.nitro import NitroOutbox
from clearinghouse.proofs.rollups.opstack import OutputOracle
from devnets.beacon.network import network_document

ATTESTATIONS_NAME = "attestations"
BEACONS_NAME = "beacons"


@dataclass(frozen=True)
class BeaconTrust:
    """What is believed of a chain that sync committees sign."""

    network: Network
    checkpoint_root: Hash32
    """Of the beacon block that is trusted at first."""
    trusting_seconds: int
    """Light clients that go so long without an update expire."""
    url: str
    """Of a beacon node; nothing that it says is believed without proof."""


Trust = Committee | BeaconTrust
"""By whom a chain's finalised headers are signed."""


@dataclass(frozen=True)
class RollupRoots:
    """Where a rollup's L1 keeps its roots: what its attesters are audited by."""

    l1: ChainId
    contract: OutputOracle | NitroOutbox


def network_path(directory: Path, chain_id: ChainId) -> Path:
    """Return the file within the devnet's directory that has a beacon chain's constants."""
    return directory / BEACONS_NAME / f"{chain_id}.json"


def trust_document(trust: Trust, roots: RollupRoots | None) -> dict[str, Any]:
    """Return the fields of a chain's JSON that say what to believe of it."""
    if isinstance(trust, BeaconTrust):
        root, network = to_hex(trust.checkpoint_root), network_document(trust.network)
        beacon = {"checkpoint_root": root, "trusting_seconds": trust.trusting_seconds}
        return {"beacon": {**beacon, "url": trust.url, "network": network}}
    committee = {
        "epoch": trust.epoch,
        "threshold": trust.threshold,
        "members": [to_hex(member) for member in trust.members],
    }
    return {"committee": committee, **({} if roots is None else _roots_document(roots))}


def read_trust(stored: Mapping[str, Any], chain_id: ChainId, clearinghouse_id: Hash32) -> Trust:
    """Return by whom a chain's headers are signed; KeyError, ValueError where it is not said."""
    if "beacon" in stored:
        beacon = stored["beacon"]
        return BeaconTrust(
            decode_network(beacon["network"]),
            read_hash(beacon["checkpoint_root"]),
            beacon["trusting_seconds"],
            beacon["url"],
        )
    committee = stored["committee"]
    return Committee(
        clearinghouse_id=clearinghouse_id,
        chain_id=chain_id,
        epoch=committee["epoch"],
        threshold=committee["threshold"],
        members=tuple(address_from_hex(member) for member in committee["members"]),
    )


def read_roots(stored: Mapping[str, Any], chain_id: ChainId) -> RollupRoots | None:
    """Return where a rollup's roots are; None of a chain that is none."""
    if "oracle" in stored:
        oracle = stored["oracle"]
        seconds = oracle["finalization_seconds"]
        return RollupRoots(
            ChainId(oracle["l1"]), OutputOracle(chain_id, _read_contract(oracle), seconds)
        )
    if "outbox" in stored:
        outbox = stored["outbox"]
        return RollupRoots(ChainId(outbox["l1"]), NitroOutbox(chain_id, _read_contract(outbox)))
    return None


def read_hash(text: str) -> Hash32:
    """Return 32 bytes of hex digits."""
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != 32:
        raise ValueError(f"a hash is 32 bytes, was {text!r}")
    return Hash32(value)


def _roots_document(roots: RollupRoots) -> dict[str, Any]:
    if isinstance(roots.contract, OutputOracle):
        oracle = roots.contract
        known = _contract_document(roots.l1, oracle.oracle)
        return {"oracle": {**known, "finalization_seconds": oracle.finalization_seconds}}
    return {"outbox": _contract_document(roots.l1, roots.contract.outbox)}


def _contract_document(l1: ChainId, contract: L1Contract) -> dict[str, Any]:
    return {
        "l1": l1,
        "address": to_hex(contract.address),
        "code_hash": to_hex(contract.code_hash),
    }


def _read_contract(stored: Mapping[str, Any]) -> L1Contract:
    return L1Contract(address_from_hex(stored["address"]), read_hash(stored["code_hash"]), None)
