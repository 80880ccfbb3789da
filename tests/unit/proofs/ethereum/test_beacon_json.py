"""JSON of the beacon interface: read back what was written, refuse every other form."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from clearinghouse.book.identifiers import to_hex
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.beacon_json import (
    decode_bootstrap,
    decode_store,
    decode_updates,
    encode_header,
    encode_store,
    encode_sync_committee,
    encode_update,
)
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.forks import STANDARD_RULES, Fork
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    bootstrap_at,
    signers_of,
    store_at,
    update_at,
)
from tests.unit.proofs.ethereum.recordings import load_beacon

SLOT = FIRST_SLOT[Fork.FULU] + 20
UPDATE = update_at(SLOT)


def written(update: LightClientUpdate = UPDATE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(encode_update(update)))
    return found


def path_of(refused: object, decode: Callable[[object], object] = decode_updates) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        decode(refused)
    assert refusal.value.reason == "json_malformed"
    return str(refusal.value.attributes["path"])


@pytest.mark.parametrize("fork", list(STANDARD_RULES))
@pytest.mark.parametrize("with_committee", [True, False])
def test_decode_updates_reads_what_encode_update_wrote(fork: Fork, with_committee: bool) -> None:
    update = update_at(FIRST_SLOT[fork] + 20, with_committee=with_committee, places=range(25))
    assert decode_updates(written(update)) == (update,)


@pytest.mark.parametrize("knows_next", [True, False])
@pytest.mark.parametrize("fork", list(STANDARD_RULES))
def test_decode_store_reads_what_encode_store_wrote(fork: Fork, knows_next: bool) -> None:
    store = store_at(FIRST_SLOT[fork], knows_next=knows_next)
    assert decode_store(json.loads(json.dumps(encode_store(store)))) == store


def test_decode_bootstrap_reads_the_interfaces_answer() -> None:
    bootstrap = bootstrap_at(SLOT)
    document = {
        "header": encode_header(bootstrap.header),
        "current_sync_committee": encode_sync_committee(bootstrap.current_sync_committee),
        "current_sync_committee_branch": list(map(to_hex, bootstrap.current_sync_committee_branch)),
    }
    assert decode_bootstrap(document) == bootstrap
    assert decode_bootstrap({"version": "fulu", "data": document}) == bootstrap
    assert path_of({**document, "extra": 1}, decode_bootstrap) == "bootstrap"
    del document["header"]
    assert path_of(document, decode_bootstrap) == "bootstrap.header"


def test_decode_updates_reads_lists_and_envelopes() -> None:
    raw = written()
    wrapped = {"version": "fulu", "data": raw}
    for document in (raw, wrapped, [raw], [wrapped]):
        assert decode_updates(document) == (UPDATE,)
    assert decode_updates([wrapped, raw]) == (UPDATE, UPDATE)
    assert decode_updates([]) == ()


def test_decode_updates_reads_the_recordings_as_they_were_written() -> None:
    """What we write of a recording is the recording, field by field."""
    raw = load_beacon("mainnet-fulu-sp1helios/update.json")["data"]
    (update,) = decode_updates(raw)
    assert encode_update(update) == raw


def empty_committee() -> dict[str, Any]:
    return {"pubkeys": ["0x" + "00" * 48] * 32, "aggregate_pubkey": "0x" + "00" * 48}


def empty_header() -> dict[str, Any]:
    zero = "0x" + "00" * 32
    payload = encode_header(UPDATE.attested_header)["execution"]
    assert isinstance(payload, dict)
    empty = {
        name: "0" if value.isdecimal() else "0x" + "00" * (len(value) // 2 - 1)
        for name, value in payload.items()
    }
    return {
        "beacon": {
            "slot": "0",
            "proposer_index": "0",
            "parent_root": zero,
            "state_root": zero,
            "body_root": zero,
        },
        "execution": {**empty, "extra_data": "0x"},
        "execution_branch": [zero] * 4,
    }


def test_decode_updates_reads_empty_parts_as_none() -> None:
    """Nodes fill what an update lacks with zeros; what is nothing must not look like something."""
    zero = "0x" + "00" * 32
    raw = {
        **written(),
        "finalized_header": empty_header(),
        "finality_branch": [zero] * 7,
        "next_sync_committee": empty_committee(),
        "next_sync_committee_branch": [zero] * 6,
    }
    (update,) = decode_updates(raw)
    assert update.finalized_header is None
    assert update.next_sync_committee is None
    assert not update.has_finality
    assert not update.has_next_sync_committee
    absent = {
        **written(),
        "finalized_header": None,
        "finality_branch": None,
        "next_sync_committee": None,
        "next_sync_committee_branch": None,
    }
    (update,) = decode_updates(absent)
    assert (update.finalized_header, update.finality_branch) == (None, ())
    almost = copy.deepcopy(raw)
    almost["finalized_header"]["beacon"]["slot"] = "1"
    assert decode_updates(almost)[0].finalized_header is not None


def put(path: str, value: object) -> dict[str, Any]:
    raw = written()
    *parents, last = path.split(".")
    at: Any = raw
    for name in parents:
        at = at[name]
    if value is MISSING:
        del at[last]
    else:
        at[last] = value
    return raw


MISSING = object()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("signature_slot", MISSING),
        ("signature_slot", None),
        ("signature_slot", "-1"),
        ("signature_slot", -1),
        ("signature_slot", "1e3"),
        ("signature_slot", 1.0),
        ("signature_slot", True),
        ("signature_slot", "007"),
        ("signature_slot", " 7"),
        ("signature_slot", "1_000"),
        ("signature_slot", "٧"),
        ("signature_slot", "0x7"),
        ("signature_slot", ""),
        ("signature_slot", str(2**64)),
        ("signature_slot", 2**64),
        ("signature_slot", "9" * 10_000),
        ("attested_header", MISSING),
        ("attested_header", []),
        ("attested_header.beacon.state_root", MISSING),
        ("attested_header.beacon.state_root", "0x"),
        ("attested_header.beacon.state_root", "00" * 32),
        ("attested_header.beacon.state_root", "0x" + "00" * 31),
        ("attested_header.beacon.state_root", "0x" + "00" * 33),
        ("attested_header.beacon.state_root", "0x" + "0g" * 32),
        ("attested_header.beacon.state_root", "0x " + "00" * 31 + "0"),
        ("attested_header.beacon.state_root", 5),
        ("attested_header.execution.block_hash", MISSING),
        ("attested_header.execution.extra_data", "0x" + "00" * 33),
        ("attested_header.execution.base_fee_per_gas", str(2**256)),
        ("attested_header.execution.gas_used", str(2**64)),
        ("attested_header.execution.fee_recipient", "0x" + "00" * 32),
        ("attested_header.execution_branch", {}),
        ("finality_branch", ["0x"]),
        ("finality_branch", "0x"),
        ("next_sync_committee.pubkeys", MISSING),
        ("next_sync_committee.pubkeys", "0x"),
        ("next_sync_committee.pubkeys", ["0x" + "00" * 48] * 513),
        ("next_sync_committee.aggregate_pubkey", "0x" + "00" * 47),
        ("sync_aggregate.sync_committee_bits", "0x" + "ff" * 65),
        ("sync_aggregate.sync_committee_bits", "0xf"),
        ("sync_aggregate.sync_committee_signature", "0x" + "00" * 95),
    ],
)
def test_decode_updates_refuses_when_a_value_has_another_form(path: str, value: object) -> None:
    assert path_of(put(path, value)).split(".")[-1] in path


@pytest.mark.parametrize(
    "path",
    [
        "unknown",
        "attested_header.unknown",
        "attested_header.beacon.unknown",
        "attested_header.execution.unknown",
        "sync_aggregate.unknown",
        "next_sync_committee.unknown",
    ],
)
def test_decode_updates_refuses_when_a_field_is_unknown(path: str) -> None:
    """A field that we do not know is a rule that we do not know."""
    path_of(put(path, "0x"))


def test_decode_updates_refuses_when_a_header_has_two_execution_parts() -> None:
    both = put("attested_header.execution_block_hash", "0x" + "00" * 32)
    assert path_of(both) == "attested_header"


@pytest.mark.parametrize("document", [None, 1, "update", {}, [[]], [None], {"data": []}])
def test_decode_updates_refuses_when_the_document_is_no_update(document: object) -> None:
    path_of(document)


def test_decode_updates_reads_bits_from_the_lowest() -> None:
    raw = put("sync_aggregate.sync_committee_bits", "0x01000080")
    (update,) = decode_updates(raw)
    flags = update.sync_aggregate.participation
    assert [place for place, flag in enumerate(flags) if flag] == [0, 31]
    assert update.sync_aggregate.participants == 2
    assert len(signers_of(0).committee.public_keys) == len(flags)
