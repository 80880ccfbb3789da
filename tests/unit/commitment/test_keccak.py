"""The hash is Keccak with the pre-standard padding, compared with another implementation."""

from __future__ import annotations

import pytest
from Crypto.Hash import keccak as pycryptodome_keccak

from clearinghouse.commitment.keccak import keccak256

RATE_BYTES = 136


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"\x80", "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
    ],
)
def test_keccak256_gives_published_digest_when_input_is_known(text: bytes, digest: str) -> None:
    assert keccak256(text).hex() == digest


@pytest.mark.parametrize("length", [1, 32, 97, RATE_BYTES - 1, RATE_BYTES, RATE_BYTES + 1, 1000])
def test_keccak256_equals_pycryptodome_when_length_is_near_the_block_size(length: int) -> None:
    data = bytes(index * 7 % 256 for index in range(length))
    other = pycryptodome_keccak.new(digest_bits=256, data=data)
    assert keccak256(data) == other.digest()
