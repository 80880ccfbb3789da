"""Hashing to G2: RFC 9380's vectors, and the library against a model of its first half.

The library maps and expands in one call. The model expands messages as the RFC's section 5.3.1
says and leaves only the map of a field element to the library; both must meet the vectors and each
other, with our tag too. The contracts compute this by the same two halves.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from py_arkworks_bls12381 import G2Point

from clearinghouse.proofs.ethereum.bls import SIGNATURE_TAG, hash_to_g2_coordinates
from tests.recorded import recorded_path
from tests.unit.proofs.ethereum.test_bls import FIELD

FIELD_ELEMENT_BYTES = 64
"""As many as make the remainder modulo the field uniform."""


def load(name: str) -> Any:
    return json.loads(recorded_path(f"vectors/hash-to-curve/{name}.json").read_text())


def expand_message(message: bytes, tag: bytes, length: int) -> bytes:
    """RFC 9380 5.3.1, with 5.3.3 for tags of more than 255 bytes."""
    if len(tag) > 255:
        tag = sha256(b"H2C-OVERSIZE-DST-" + tag).digest()
    suffix = tag + bytes([len(tag)])
    first = sha256(bytes(64) + message + length.to_bytes(2) + b"\x00" + suffix).digest()
    block = sha256(first + b"\x01" + suffix).digest()
    blocks = [block]
    for index in range(2, -(-length // 32) + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = sha256(mixed + bytes([index]) + suffix).digest()
        blocks.append(block)
    return b"".join(blocks)[:length]


def field_elements(message: bytes, tag: bytes) -> list[int]:
    """Return u0.c0, u0.c1, u1.c0, u1.c1."""
    uniform = expand_message(message, tag, 4 * FIELD_ELEMENT_BYTES)
    step = FIELD_ELEMENT_BYTES
    return [int.from_bytes(uniform[at : at + step]) % FIELD for at in range(0, 4 * step, step)]


def map_and_add(elements: list[int]) -> bytes:
    """Map two elements of Fp2 to the group and add: RFC 9380 3, with the cofactor cleared."""
    raw = [element.to_bytes(48) for element in elements]
    points = [G2Point.map_from_fp2_be(raw[at] + raw[at + 1]) for at in (0, 2)]
    return bytes((points[0] + points[1]).to_xy_bytes_be())


def fp2(text: str) -> list[int]:
    return [int(part, 16) for part in text.split(",")]


@pytest.mark.parametrize("name", ["expand_message_xmd_SHA256_38", "expand_message_xmd_SHA256_256"])
def test_expand_message_gives_the_vectors_output(name: str) -> None:
    vectors = load(name)
    for vector in vectors["tests"]:
        expanded = expand_message(
            vector["msg"].encode(), vectors["DST"].encode(), int(vector["len_in_bytes"], 16)
        )
        assert expanded.hex() == vector["uniform_bytes"]
    assert len(vectors["tests"]) >= 6


def test_hash_to_g2_gives_the_vectors_output() -> None:
    vectors = load("BLS12381G2_XMD_SHA-256_SSWU_RO_")
    tag = vectors["dst"].encode()
    for vector in vectors["vectors"]:
        message = vector["msg"].encode()
        x, y = fp2(vector["P"]["x"]), fp2(vector["P"]["y"])
        expected = b"".join(part.to_bytes(48) for part in (*x, *y))
        assert hash_to_g2_coordinates(message, tag) == expected
        elements = [part for text in vector["u"] for part in fp2(text)]
        assert field_elements(message, tag) == elements
        assert map_and_add(elements) == expected
    assert len(vectors["vectors"]) >= 3


@pytest.mark.parametrize("message", [b"", bytes(32), b"\xff" * 32, b"a longer message" * 20])
@pytest.mark.parametrize("tag", [SIGNATURE_TAG, b"t", b"an oversize tag" * 20])
def test_hash_to_g2_equals_the_model_when_the_tag_is(tag: bytes, message: bytes) -> None:
    assert hash_to_g2_coordinates(message, tag) == map_and_add(field_elements(message, tag))
