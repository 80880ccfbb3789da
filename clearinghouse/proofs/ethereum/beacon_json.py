"""Light client data as a beacon node's HTTP interface gives it, read strictly into values.

Strict: every field has its one form, none is missing and none unknown, for a field that we do not
know is a fork that we do not know. Source: ethereum/beacon-APIs, ``types/altair/light_client.yaml``
and ``apis/{config/spec,beacon/genesis}.yaml``.

Reasons raised: those of ``json_values``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from clearinghouse.book.identifiers import to_hex
from clearinghouse.proofs.ethereum.bls import PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from clearinghouse.proofs.ethereum.containers import (
    MAX_EXTRA_DATA_BYTES,
    BeaconBlockHeader,
    Branch,
    ExecutionPayloadHeader,
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
    SyncAggregate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.json_values import (
    decode_bytes,
    decode_hash,
    decode_uint,
    get_field,
    get_record,
    list_of,
    malformed,
    mapping_of,
)
from clearinghouse.proofs.ethereum.store import LightClientStore

T = TypeVar("T")

BYTE_FIELD_SIZES = {"fee_recipient": 20, "logs_bloom": 256}
"""Bytes of those payload fields that are byte strings but no hashes."""

_BLOB_FIELDS = ("blob_gas_used", "excess_blob_gas")
_UINT_BITS = {"base_fee_per_gas": 256}
_MAX_PUBLIC_KEYS = 512


def decode_bootstrap(document: object) -> LightClientBootstrap:
    """Read the answer of ``/eth/v1/beacon/light_client/bootstrap/{block_root}``.

    Raises
    ------
    ProofInvalid
        ``json_malformed`` with the place in ``attributes["path"]``.
    """
    found = get_record(
        _unwrap(document),
        "bootstrap",
        ("header", "current_sync_committee", "current_sync_committee_branch"),
    )
    return LightClientBootstrap(
        header=_header(found["header"], "header"),
        current_sync_committee=decode_sync_committee(found["current_sync_committee"]),
        current_sync_committee_branch=_branch(
            found["current_sync_committee_branch"], "current_sync_committee_branch"
        ),
    )


def decode_updates(document: object) -> tuple[LightClientUpdate, ...]:
    """Read the answer of ``/eth/v1/beacon/light_client/updates``, or of a single update's resource.

    Raises
    ------
    ProofInvalid
        ``json_malformed``.
    """
    if isinstance(document, list):
        return tuple(_update(_unwrap(entry)) for entry in document)
    return (_update(_unwrap(document)),)


def decode_sync_committee(document: object) -> SyncCommittee:
    """Read a committee.

    Raises
    ------
    ProofInvalid
        ``json_malformed``.
    """
    path = "sync_committee"
    found = get_record(document, path, ("pubkeys", "aggregate_pubkey"))
    keys = list_of(found["pubkeys"], f"{path}.pubkeys")
    if len(keys) > _MAX_PUBLIC_KEYS:
        raise malformed(f"{path}.pubkeys", f"a list of at most {_MAX_PUBLIC_KEYS} keys")
    return SyncCommittee(
        public_keys=tuple(decode_bytes(key, f"{path}.pubkeys", PUBLIC_KEY_BYTES) for key in keys),
        aggregate_public_key=decode_bytes(
            found["aggregate_pubkey"], f"{path}.aggregate_pubkey", PUBLIC_KEY_BYTES
        ),
    )


def decode_store(document: object) -> LightClientStore:
    """Read what ``encode_store`` wrote; other fields may stand beside it.

    Raises
    ------
    ProofInvalid
        ``json_malformed``.
    """
    found = mapping_of(document, "store")
    following = found.get("next_sync_committee")
    return LightClientStore(
        finalized_header=_header(
            get_field(found, "trusted_finalized_header", "store"), "trusted_finalized_header"
        ),
        current_sync_committee=decode_sync_committee(
            get_field(found, "current_sync_committee", "store")
        ),
        next_sync_committee=None if following is None else decode_sync_committee(following),
    )


def encode_store(store: LightClientStore) -> dict[str, object]:
    """Return a store as JSON in the forms that the beacon interface uses."""
    following = store.next_sync_committee
    return {
        "trusted_finalized_header": encode_header(store.finalized_header),
        "current_sync_committee": encode_sync_committee(store.current_sync_committee),
        "next_sync_committee": None if following is None else encode_sync_committee(following),
    }


def encode_bootstrap(bootstrap: LightClientBootstrap) -> dict[str, object]:
    """Return a bootstrap as JSON."""
    return {
        "header": encode_header(bootstrap.header),
        "current_sync_committee": encode_sync_committee(bootstrap.current_sync_committee),
        "current_sync_committee_branch": [
            to_hex(node) for node in bootstrap.current_sync_committee_branch
        ],
    }


def encode_header(header: LightClientHeader) -> dict[str, object]:
    """Return a header as JSON."""
    encoded: dict[str, object] = {"beacon": _encode_fields(header.beacon)}
    if isinstance(header.execution, ExecutionPayloadHeader):
        encoded["execution"] = _encode_fields(header.execution)
    elif header.execution is not None:
        encoded["execution_block_hash"] = to_hex(header.execution)
    if header.execution is not None:
        encoded["execution_branch"] = [to_hex(node) for node in header.execution_branch]
    return encoded


def encode_sync_committee(committee: SyncCommittee) -> dict[str, object]:
    """Return a committee as JSON."""
    return {
        "pubkeys": [to_hex(key) for key in committee.public_keys],
        "aggregate_pubkey": to_hex(committee.aggregate_public_key),
    }


def encode_update(update: LightClientUpdate) -> dict[str, object]:
    """Return an update as JSON; parts that it lacks are left out."""
    flags = update.sync_aggregate.participation
    bits = sum(flag << place for place, flag in enumerate(flags))
    encoded: dict[str, object] = {
        "attested_header": encode_header(update.attested_header),
        "sync_aggregate": {
            "sync_committee_bits": to_hex(bits.to_bytes(len(flags) // 8, "little")),
            "sync_committee_signature": to_hex(update.sync_aggregate.signature),
        },
        "signature_slot": str(update.signature_slot),
    }
    if update.finalized_header is not None:
        encoded["finalized_header"] = encode_header(update.finalized_header)
        encoded["finality_branch"] = [to_hex(node) for node in update.finality_branch]
    if update.next_sync_committee is not None:
        encoded["next_sync_committee"] = encode_sync_committee(update.next_sync_committee)
        encoded["next_sync_committee_branch"] = [
            to_hex(node) for node in update.next_sync_committee_branch
        ]
    return encoded


def _update(value: object) -> LightClientUpdate:
    found = get_record(
        value,
        "update",
        ("attested_header", "sync_aggregate", "signature_slot"),
        (
            *("finalized_header", "finality_branch"),
            *("next_sync_committee", "next_sync_committee_branch"),
        ),
    )
    finalized = _optional(found, "finalized_header", lambda header: _header(header, "finalized"))
    committee = _optional(found, "next_sync_committee", decode_sync_committee)
    return LightClientUpdate(
        attested_header=_header(found["attested_header"], "attested_header"),
        sync_aggregate=_sync_aggregate(found["sync_aggregate"]),
        signature_slot=decode_uint(found["signature_slot"], "signature_slot"),
        finalized_header=None if finalized is None or finalized.is_empty else finalized,
        finality_branch=_branch(found.get("finality_branch"), "finality_branch"),
        next_sync_committee=None if committee is None or committee.is_empty else committee,
        next_sync_committee_branch=_branch(
            found.get("next_sync_committee_branch"), "next_sync_committee_branch"
        ),
    )


def _sync_aggregate(value: object) -> SyncAggregate:
    path = "sync_aggregate"
    found = get_record(value, path, ("sync_committee_bits", "sync_committee_signature"))
    raw = decode_bytes(found["sync_committee_bits"], f"{path}.sync_committee_bits")
    if len(raw) * 8 > _MAX_PUBLIC_KEYS:
        raise malformed(f"{path}.sync_committee_bits", f"at most {_MAX_PUBLIC_KEYS} bits")
    bits = int.from_bytes(raw, "little")
    return SyncAggregate(
        participation=tuple(bool(bits >> place & 1) for place in range(len(raw) * 8)),
        signature=decode_bytes(
            found["sync_committee_signature"],
            f"{path}.sync_committee_signature",
            SIGNATURE_BYTES,
        ),
    )


def _header(value: object, path: str) -> LightClientHeader:
    """Read a header of any fork: bare as it was before Capella, or with its execution part."""
    found = mapping_of(value, path)
    if "beacon" not in found:
        return LightClientHeader(_beacon(found, path))
    get_record(found, path, ("beacon",), ("execution", "execution_block_hash", "execution_branch"))
    beacon = _beacon(found["beacon"], f"{path}.beacon")
    branch = _branch(found.get("execution_branch"), f"{path}.execution_branch")
    if "execution_block_hash" in found:
        if "execution" in found:
            raise malformed(path, "one of execution and execution_block_hash")
        block_hash = decode_hash(found["execution_block_hash"], f"{path}.execution_block_hash")
        is_given = any(block_hash) or any(map(any, branch))
        return LightClientHeader(beacon, block_hash if is_given else None, branch)
    payload = _optional(found, "execution", lambda raw: _payload(raw, f"{path}.execution"))
    return LightClientHeader(beacon, None if payload and payload.is_empty else payload, branch)


def _beacon(value: object, path: str) -> BeaconBlockHeader:
    names = ("slot", "proposer_index", "parent_root", "state_root", "body_root")
    found = get_record(value, path, names)
    return BeaconBlockHeader(
        slot=decode_uint(found["slot"], f"{path}.slot"),
        proposer_index=decode_uint(found["proposer_index"], f"{path}.proposer_index"),
        parent_root=decode_hash(found["parent_root"], f"{path}.parent_root"),
        state_root=decode_hash(found["state_root"], f"{path}.state_root"),
        body_root=decode_hash(found["body_root"], f"{path}.body_root"),
    )


def _payload(value: object, path: str) -> ExecutionPayloadHeader:
    names = tuple(field.name for field in fields(ExecutionPayloadHeader))
    found = get_record(
        value, path, tuple(name for name in names if name not in _BLOB_FIELDS), _BLOB_FIELDS
    )
    values: dict[str, Any] = {}
    for field in fields(ExecutionPayloadHeader):
        raw, at = found.get(field.name, 0), f"{path}.{field.name}"
        if field.type == "int":
            values[field.name] = decode_uint(raw, at, _UINT_BITS.get(field.name, 64))
        elif field.name == "extra_data":
            values[field.name] = decode_bytes(raw, at)
        else:
            values[field.name] = decode_bytes(raw, at, BYTE_FIELD_SIZES.get(field.name, 32))
    if len(values["extra_data"]) > MAX_EXTRA_DATA_BYTES:
        raise malformed(f"{path}.extra_data", f"at most {MAX_EXTRA_DATA_BYTES} bytes")
    return ExecutionPayloadHeader(**values)


def _branch(value: object, path: str) -> Branch:
    """Read a branch; where it is left out or null, nothing is proven."""
    return tuple(decode_hash(node, path) for node in list_of([] if value is None else value, path))


def _unwrap(document: object) -> object:
    """Return what is within the interface's envelope, where there is one."""
    if isinstance(document, Mapping) and "data" in document:
        return document["data"]
    return document


def _optional(record: Mapping[str, Any], name: str, decode: Callable[[object], T]) -> T | None:
    value = record.get(name)
    return None if value is None else decode(value)


def _encode_fields(record: BeaconBlockHeader | ExecutionPayloadHeader) -> dict[str, str]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {
        name: str(value) if isinstance(value, int) else to_hex(value)
        for name, value in values.items()
    }
