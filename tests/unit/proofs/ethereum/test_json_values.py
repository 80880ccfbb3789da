"""JSON values, where the documents that hold them do not already test them."""

from __future__ import annotations

import json

import pytest

from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.json_values import (
    MAX_NESTING,
    decode_bytes,
    decode_quantity,
    decode_uint,
    parse_json,
)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', '["]]]]",', '["\\"]",'])
def test_parse_json_refuses_when_the_document_is_nested_deep(opening: str) -> None:
    """Where libraries have raised the recursion limit, the parser would overflow the stack."""
    with pytest.raises(ValueError, match="levels"):
        parse_json(opening.encode() * 200_000)


def test_parse_json_counts_brackets_and_not_strings() -> None:
    document = ["[[[[" * 50, {"}{": ['"[{', "\\", "]"]}] * 100
    assert parse_json(json.dumps(document).encode()) == document
    deepest = b"[" * MAX_NESTING + b"]" * MAX_NESTING
    assert parse_json(deepest)
    with pytest.raises(ValueError, match="levels"):
        parse_json(b"[" + deepest + b"]")


@pytest.mark.parametrize("data", [b"", b"{", b'"', b"\xff", b"]]]]", b"{'a': 1}", b"9" * 10_000])
def test_parse_json_refuses_when_the_bytes_are_no_json(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(data)


@pytest.mark.parametrize(
    ("text", "value"), [("0x0", 0), ("0x00", 0), ("0xf", 15), ("0x" + "f" * 64, 2**256 - 1)]
)
def test_decode_quantity_reads_both_forms_that_clients_send(text: str, value: int) -> None:
    assert decode_quantity(text, "path") == value


@pytest.mark.parametrize("text", ["0x", "0", "0x" + "0" * 65, "0x-1", "0x_1", "0X1", 1, None])
def test_decode_quantity_refuses_when_the_form_is_another(text: object) -> None:
    with pytest.raises(ProofInvalid) as refusal:
        decode_quantity(text, "path")
    assert refusal.value.reason == "json_malformed"


def test_decode_uint_reads_up_to_its_bits() -> None:
    assert decode_uint(str(2**256 - 1), "path", 256) == 2**256 - 1
    assert decode_uint(2**64 - 1, "path") == 2**64 - 1


def test_decode_bytes_reads_any_case() -> None:
    assert decode_bytes("0xAbCd", "path", 2) == b"\xab\xcd"
