"""Eight permutations side by side give what one message at a time gives."""

from __future__ import annotations

import numpy as np
import pytest
from Crypto.Hash import keccak as pycryptodome_keccak

from clearinghouse.commitment.keccak_kernel import GRAIN, LANES, RATE_BYTES, hash_messages
from tests.machine_code import on_both_paths


def digests_of(messages: np.ndarray) -> list[bytes]:
    return on_both_paths(lambda: [digest.tobytes() for digest in hash_messages(messages)])


@pytest.mark.parametrize(
    "length", [0, 1, 7, 8, 97, RATE_BYTES - 1, RATE_BYTES, RATE_BYTES + 1, 2 * RATE_BYTES, 1_000]
)
def test_hash_messages_equals_pycryptodome_when_length_is_near_the_block_size(length: int) -> None:
    random = np.random.default_rng(length)
    messages = random.integers(0, 256, (LANES + 3, length), dtype=np.uint8)
    expected = [
        pycryptodome_keccak.new(digest_bits=256, data=message.tobytes()).digest()
        for message in messages
    ]
    assert digests_of(messages) == expected


@pytest.mark.parametrize("count", [0, 1, LANES - 1, LANES, LANES + 1, GRAIN + 1])
def test_hash_messages_hashes_each_when_lanes_are_not_filled(count: int) -> None:
    messages = np.zeros((count, 4), np.uint8)
    messages[:] = np.arange(count, dtype="<u4").view(np.uint8).reshape(count, 4)
    digests = digests_of(messages)
    assert len(set(digests)) == len(digests) == count


def test_hash_messages_copies_when_messages_are_not_contiguous() -> None:
    wide = np.arange(60, dtype=np.uint8).reshape(3, 20)
    narrow = wide[:, ::2]
    assert digests_of(narrow) == digests_of(np.ascontiguousarray(narrow))
