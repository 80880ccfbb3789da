"""Execution block headers: from a node's answer to bytes, and from bytes whose hash is known.

A header is the RLP list of its fields in a fixed order; its Keccak-256 is the block hash. Forks
only ever append fields, and a field is present only when all before it are, so a header is read by
position and unknown trailing fields are accepted: the hash already authenticates them. Sources:
yellow paper 4.3; EIP-1559, 4895, 4844, 4788, 7685, 7928, 7843.

Reasons raised: ``header_too_short``, ``header_too_long``, ``header_field_malformed``,
``header_field_missing``, ``header_gap``, ``header_hash_mismatch``, and those of ``rlp``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clearinghouse.book.identifiers import ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.rlp import RlpItem, decode_list, decode_uint, encode_item, encode_uint


@dataclass(frozen=True, slots=True)
class Header:
    """What we read of a block header. Decoding proves nothing: compare ``block_hash`` first."""

    height: int
    block_hash: Hash32
    """Keccak-256 of the encoding that was decoded."""
    parent_hash: Hash32
    state_root: Hash32
    timestamp: int
    """Seconds since the epoch."""
    receipts_root: Hash32


@dataclass(frozen=True, slots=True)
class VerifiedHeader:
    """The one output of every kind of light client; only their ``verify_*`` functions build it."""

    chain_id: ChainId
    height: int
    block_hash: Hash32
    state_root: Hash32
    timestamp: int
    """Seconds since the epoch, by the proven chain's own clock."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One header field: its JSON-RPC name and how many bytes it takes."""

    name: str
    size: int
    """Bytes: exact for a byte string, the most for an integer, ``_ANY_SIZE`` where unbounded."""
    is_integer: bool = False


_ANY_SIZE = -1

_QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}")
_DATA = re.compile("0x(?:[0-9a-fA-F]{2})*")

_FIELDS = (
    _Field("parentHash", 32),
    _Field("sha3Uncles", 32),
    _Field("miner", 20),
    _Field("stateRoot", 32),
    _Field("transactionsRoot", 32),
    _Field("receiptsRoot", 32),
    _Field("logsBloom", 256),
    _Field("difficulty", 32, is_integer=True),
    _Field("number", 8, is_integer=True),
    _Field("gasLimit", 8, is_integer=True),
    _Field("gasUsed", 8, is_integer=True),
    _Field("timestamp", 8, is_integer=True),
    _Field("extraData", _ANY_SIZE),
    _Field("mixHash", 32),
    _Field("nonce", 8),
    _Field("baseFeePerGas", 32, is_integer=True),  # London
    _Field("withdrawalsRoot", 32),  # Shanghai
    _Field("blobGasUsed", 8, is_integer=True),  # Cancun, with the next two
    _Field("excessBlobGas", 8, is_integer=True),
    _Field("parentBeaconBlockRoot", 32),
    _Field("requestsHash", 32),  # Prague
    _Field("blockAccessListHash", 32),  # Amsterdam, with the next
    _Field("slotNumber", 8, is_integer=True),
)

_INDEX = {field.name: index for index, field in enumerate(_FIELDS)}

MIN_FIELDS = 15
"""Every header since Frontier has these; only later fields are optional."""

MAX_FIELDS = 32
"""Room for the forks to come, none for a padded list."""

MAX_HEADER_BYTES = 2048
"""Mainnet's take 650; proof-of-authority chains add signers. The light client's own bound."""


def decode_header(encoded: bytes) -> Header:
    """Decode a header of 15 to 32 fields.

    The 15 fields that every fork has are checked for form; the rest need only be byte strings.

    Raises
    ------
    ProofInvalid
        When the bytes are not one canonical RLP list of that many well-formed fields.
    """
    items = decode_list(encoded, max_bytes=MAX_HEADER_BYTES)
    if len(items) < MIN_FIELDS:
        raise ProofInvalid(
            "header_too_short",
            f"a header has at least {MIN_FIELDS} fields, was {len(items)}",
            fields=len(items),
        )
    if len(items) > MAX_FIELDS:
        raise ProofInvalid(
            "header_too_long",
            f"a header has at most {MAX_FIELDS} fields, was {len(items)}",
            fields=len(items),
        )
    for index, item in enumerate(items):
        if index < MIN_FIELDS:
            _verify_form(_FIELDS[index], item)
        elif isinstance(item, list):
            raise _malformed(f"number {index}")
    return Header(
        height=_integer(items, "number"),
        block_hash=keccak256(encoded),
        parent_hash=_hash(items, "parentHash"),
        state_root=_hash(items, "stateRoot"),
        timestamp=_integer(items, "timestamp"),
        receipts_root=_hash(items, "receiptsRoot"),
    )


def encode_header(block: Mapping[str, object]) -> bytes:
    """Encode the header within an ``eth_getBlockBy*`` result.

    Values may be hex strings (as the node sends them), integers or bytes (as web3 gives them). A
    field that is absent or null ends the header.

    Raises
    ------
    ProofInvalid
        When one of the first 15 fields is missing, a value has the wrong form, or a later field is
        present while one before it is not.
    """
    items: list[RlpItem] = []
    first_absent: str | None = None
    for index, field in enumerate(_FIELDS):
        value = block.get(field.name)
        if value is None:
            if index < MIN_FIELDS:
                raise ProofInvalid(
                    "header_field_missing",
                    f"the block has no {field.name}; ask for the full block by number or hash",
                    field=field.name,
                )
            first_absent = first_absent or field.name
        elif first_absent is not None:
            raise ProofInvalid(
                "header_gap",
                f"{field.name} is present while {first_absent}, which comes before it, is not",
                field=field.name,
                absent=first_absent,
            )
        else:
            items.append(_field_bytes(field, value))
    return encode_item(items)


def verify_block(block: Mapping[str, object]) -> tuple[Header, bytes]:
    """Return the header within a node's block and its encoding, which hash to the reported hash.

    This shows that the answer is consistent, not that the block belongs to the chain: for that the
    hash must come from a light client.

    Raises
    ------
    ProofInvalid
        ``header_hash_mismatch`` when the fields do not hash to ``block["hash"]``, and what
        ``encode_header`` and ``decode_header`` raise.
    """
    encoded = encode_header(block)
    header = decode_header(encoded)
    reported = block.get("hash")
    if reported is None:
        raise ProofInvalid(
            "header_field_missing", "the block has no hash; a pending block has none", field="hash"
        )
    if _bytes_of("hash", reported) != header.block_hash:
        raise ProofInvalid(
            "header_hash_mismatch",
            f"the fields of block {header.height} hash to 0x{header.block_hash.hex()}, which is "
            "not what the node reports; the node lies or the fork has fields unknown to us",
            height=header.height,
            computed=header.block_hash,
            reported=reported,
        )
    return header, encoded


def _integer(items: list[RlpItem], name: str) -> int:
    index = _INDEX[name]
    return decode_uint(items[index], _FIELDS[index].size)


def _hash(items: list[RlpItem], name: str) -> Hash32:
    item = items[_INDEX[name]]
    if isinstance(item, list):
        raise _malformed(name)
    return Hash32(item)


def _verify_form(field: _Field, item: RlpItem) -> None:
    if field.is_integer:
        decode_uint(item, field.size)
    elif isinstance(item, list) or field.size not in (_ANY_SIZE, len(item)):
        raise _malformed(field.name)


def _field_bytes(field: _Field, value: object) -> bytes:
    """Convert one JSON-RPC value to the bytes that stand in the list."""
    if field.is_integer:
        number = _integer_of(field.name, value)
        if number < 0 or number.bit_length() > 8 * field.size:
            raise _malformed(field.name)
        return encode_uint(number)
    raw = _bytes_of(field.name, value)
    if field.size not in (_ANY_SIZE, len(raw)):
        raise _malformed(field.name)
    return raw


def _integer_of(name: str, value: object) -> int:
    if isinstance(value, bool):
        raise _malformed(name)
    if isinstance(value, int):
        return value
    if isinstance(value, bytes | bytearray):
        return int.from_bytes(value)
    # int() alone would take a sign, white space and underscores too.
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise _malformed(name)


def _bytes_of(name: str, value: object) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    # bytes.fromhex alone would take white space too.
    if isinstance(value, str) and _DATA.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise _malformed(name)


def _malformed(name: str) -> ProofInvalid:
    return ProofInvalid(
        "header_field_malformed", f"the header field {name} has the wrong form", field=name
    )
