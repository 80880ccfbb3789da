"""Light client data in its binary form, SimpleSerialize, read strictly into values.

The form depends on the fork, and the bytes do not say which it is. So each form that the network
has had is tried, and one is right only if the attested slot within, read by it, is of its fork.
Strict: offsets leave neither gap nor overlap, and nothing follows the last field.
Source: ethereum/consensus-specs, ``ssz/simple-serialize.md``.

Reasons raised: ``ssz_malformed``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.beacon_json import BYTE_FIELD_SIZES
from clearinghouse.proofs.ethereum.bls import PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from clearinghouse.proofs.ethereum.containers import (
    MAX_EXTRA_DATA_BYTES,
    BeaconBlockHeader,
    ExecutionPayloadHeader,
    LightClientBootstrap,
    LightClientHeader,
    LightClientUpdate,
    SyncAggregate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.forks import ForkRules, Network

OFFSET_BYTES = 4

T = TypeVar("T")


class _Form(Protocol):
    """How one kind of value is written."""

    @property
    def size(self) -> int | None:
        """Bytes; ``None`` where it varies."""

    def decode(self, data: bytes) -> Any:
        """Read a value that fills ``data``; ``ValueError`` when none does."""


@dataclass(frozen=True, slots=True)
class _Bytes:
    size: int

    def decode(self, data: bytes) -> bytes:
        return data


@dataclass(frozen=True, slots=True)
class _Uint:
    size: int

    def decode(self, data: bytes) -> int:
        return int.from_bytes(data, "little")


@dataclass(frozen=True, slots=True)
class _ByteList:
    max_bytes: int
    size: None = None

    def decode(self, data: bytes) -> bytes:
        if len(data) > self.max_bytes:
            raise ValueError(f"{len(data)} bytes where {self.max_bytes} fit")
        return data


@dataclass(frozen=True, slots=True)
class _Vector:
    item_bytes: int
    count: int

    @property
    def size(self) -> int:
        return self.item_bytes * self.count

    def decode(self, data: bytes) -> tuple[bytes, ...]:
        step = self.item_bytes
        return tuple(data[at : at + step] for at in range(0, len(data), step))


@dataclass(frozen=True, slots=True)
class _Record:
    forms: Mapping[str, _Form]

    @property
    def size(self) -> int | None:
        sizes = [form.size for form in self.forms.values()]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Read the fixed part, then the values that its offsets point to, one after the other."""
        values: dict[str, Any] = {}
        offsets: list[tuple[str, int]] = []
        at = 0
        for name, form in self.forms.items():
            end = at + (OFFSET_BYTES if form.size is None else form.size)
            if end > len(data):
                raise ValueError(f"{name} is cut off")
            if form.size is None:
                offsets.append((name, int.from_bytes(data[at:end], "little")))
            else:
                values[name] = form.decode(data[at:end])
            at = end
        offsets.append(("", len(data)))
        if offsets[0][1] != at:
            raise ValueError("the variable part does not begin where the fixed part ends")
        for (name, begin), (_, end) in pairwise(offsets):
            values[name] = self.forms[name].decode(data[begin:end])
        return values


def decode_bootstrap(network: Network, data: bytes) -> LightClientBootstrap:
    """Read a bootstrap of any fork of ``network``.

    Raises
    ------
    ProofInvalid
        ``ssz_malformed``.
    """

    def forms_of(rules: ForkRules) -> tuple[_Record, ...]:
        return (
            _Record(
                {
                    "header": _header_form(rules),
                    "current_sync_committee": _committee_form(network),
                    "current_sync_committee_branch": _branch_form(rules.current_sync_committee),
                }
            ),
        )

    def build(values: Mapping[str, Any]) -> LightClientBootstrap:
        return LightClientBootstrap(
            header=_header(values["header"]),
            current_sync_committee=_committee(values["current_sync_committee"]),
            current_sync_committee_branch=values["current_sync_committee_branch"],
        )

    return _decode_by_fork(network, data, forms_of, build, lambda found: found.header)


def decode_update(network: Network, data: bytes) -> LightClientUpdate:
    """Read an update, a finality update or an optimistic update of any fork of ``network``.

    Raises
    ------
    ProofInvalid
        ``ssz_malformed``.
    """

    def forms_of(rules: ForkRules) -> tuple[_Record, ...]:
        header = _header_form(rules)
        places = network.preset.sync_committee_size
        signed: dict[str, _Form] = {
            "sync_aggregate": _Record(
                {"participation": _Bytes(places // 8), "signature": _Bytes(SIGNATURE_BYTES)}
            ),
            "signature_slot": _Uint(8),
        }
        finality: dict[str, _Form] = {
            "finalized_header": header,
            "finality_branch": _branch_form(rules.finalized_root),
        }
        committee: dict[str, _Form] = {
            "next_sync_committee": _committee_form(network),
            "next_sync_committee_branch": _branch_form(rules.next_sync_committee),
        }
        attested: dict[str, _Form] = {"attested_header": header}
        return (
            _Record({**attested, **committee, **finality, **signed}),
            _Record({**attested, **finality, **signed}),
            _Record({**attested, **signed}),
        )

    return _decode_by_fork(network, data, forms_of, _update, lambda found: found.attested_header)


def _decode_by_fork(
    network: Network,
    data: bytes,
    forms_of: Callable[[ForkRules], tuple[_Record, ...]],
    build: Callable[[Mapping[str, Any]], T],
    header_of: Callable[[T], LightClientHeader],
) -> T:
    for activation in network.activations:
        if activation.rules is None:
            continue
        for form in forms_of(activation.rules):
            try:
                found = build(form.decode(data))
            except ValueError:
                continue
            if network.activation_at(header_of(found).beacon.slot).rules == activation.rules:
                return found
    raise ProofInvalid(
        "ssz_malformed",
        f"the {len(data)} bytes are no light client data of any fork of {network.name}",
        length=len(data),
    )


def _branch_form(generalized_index: int) -> _Vector:
    return _Vector(32, generalized_index.bit_length() - 1)


def _committee_form(network: Network) -> _Record:
    return _Record(
        {
            "public_keys": _Vector(PUBLIC_KEY_BYTES, network.preset.sync_committee_size),
            "aggregate_public_key": _Bytes(PUBLIC_KEY_BYTES),
        }
    )


def _header_form(rules: ForkRules) -> _Record:
    roots: dict[str, _Form] = {
        name: _Bytes(32) for name in ("parent_root", "state_root", "body_root")
    }
    beacon = _Record({"slot": _Uint(8), "proposer_index": _Uint(8), **roots})
    if rules.execution_payload is not None:
        return _Record(
            {
                "beacon": beacon,
                "execution": _payload_form(rules),
                "execution_branch": _branch_form(rules.execution_payload),
            }
        )
    if rules.execution_block_hash is not None:
        return _Record(
            {
                "beacon": beacon,
                "execution": _Bytes(32),
                "execution_branch": _branch_form(rules.execution_block_hash),
            }
        )
    return _Record({"beacon": beacon})


def _payload_form(rules: ForkRules) -> _Record:
    forms: dict[str, _Form] = {}
    for field in fields(ExecutionPayloadHeader):
        if field.name == "extra_data":
            forms[field.name] = _ByteList(MAX_EXTRA_DATA_BYTES)
        elif field.type == "int":
            forms[field.name] = _Uint(32 if field.name == "base_fee_per_gas" else 8)
        else:
            forms[field.name] = _Bytes(BYTE_FIELD_SIZES.get(field.name, 32))
    if not rules.has_blob_fields:
        del forms["blob_gas_used"], forms["excess_blob_gas"]
    return _Record(forms)


def _header(values: Mapping[str, Any]) -> LightClientHeader:
    execution, branch = values.get("execution"), values.get("execution_branch", ())
    if isinstance(execution, Mapping):
        payload = ExecutionPayloadHeader(**execution)
        execution = None if payload.is_empty else payload
    elif execution is not None and not any(execution) and not any(map(any, branch)):
        execution = None
    return LightClientHeader(BeaconBlockHeader(**values["beacon"]), execution, branch)


def _committee(values: Mapping[str, Any]) -> SyncCommittee:
    return SyncCommittee(**values)


def _update(values: Mapping[str, Any]) -> LightClientUpdate:
    aggregate = values["sync_aggregate"]
    bits = int.from_bytes(aggregate["participation"], "little")
    places = 8 * len(aggregate["participation"])
    finalized = _header(values["finalized_header"]) if "finalized_header" in values else None
    committee = (
        _committee(values["next_sync_committee"]) if "next_sync_committee" in values else None
    )
    return LightClientUpdate(
        attested_header=_header(values["attested_header"]),
        sync_aggregate=SyncAggregate(
            participation=tuple(bool(bits >> place & 1) for place in range(places)),
            signature=aggregate["signature"],
        ),
        signature_slot=values["signature_slot"],
        finalized_header=None if finalized is None or finalized.is_empty else finalized,
        finality_branch=values.get("finality_branch", ()),
        next_sync_committee=None if committee is None or committee.is_empty else committee,
        next_sync_committee_branch=values.get("next_sync_committee_branch", ()),
    )
