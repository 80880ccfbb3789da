"""Keccak-256 of many messages at once, eight permutations side by side.

The state of Keccak-f[1600] is 25 words of 64 bits. Here eight states lie interleaved in one array,
word ``n`` of lane ``l`` at ``8 * n + l``, and every step of a round is a loop over the lanes, which
LLVM turns into vector instructions: one of AVX-512 does a step for all eight lanes, AVX2 takes two.
The permutation follows the Keccak reference, version 3.0, section 1.2; Ethereum's Keccak-256 has
rate 136 bytes and the padding 0x01 .. 0x80 from before SHA-3 was standardised.

Words are little-endian in Keccak and in every array here, as on all machines that numba supports.
Without machine code the same functions hash one message after the other in C (``keccak256``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.compiled import inlined, kernel, over_cores, writable

LANES = 8
"""Messages hashed side by side."""

STATE_WORDS = 25 * LANES
RATE_BYTES = 136

GRAIN = 4096
"""Messages per slice when work is split over cores: some 0.2 ms."""

FIRST_PADDING = np.uint64(0x01)
"""The padding's first byte, to be shifted behind the message."""
LAST_PADDING = np.uint64(1 << 63)
"""The padding's last byte, 0x80 at byte 135, in the last word of a block."""

_ROUND_CONSTANTS = np.array(
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
        0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
        0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
        0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
        0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ],
    np.uint64,
)  # fmt: skip

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]


@inlined
def _rotated(word: np.uint64, bits: int) -> np.uint64:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@inlined
def _write_plane(
    s: Words, at: int, a: np.uint64, e: np.uint64, i: np.uint64, o: np.uint64, u: np.uint64
) -> None:
    """Write one plane of five words after chi, the only step that is not linear."""
    s[at] = a ^ (~e & i)
    s[at + 8] = e ^ (~i & o)
    s[at + 16] = i ^ (~o & u)
    s[at + 24] = o ^ (~u & a)
    s[at + 32] = u ^ (~a & e)


@inlined
def permute(s: Words) -> None:
    """Apply Keccak-f[1600] to eight interleaved states.

    Words are named as by Keccak's authors: the first letter is the plane (b, g, k, m, s), the
    second the column (a, e, i, o, u).
    """
    for constant in _ROUND_CONSTANTS:
        for n in range(LANES):
            ba, be, bi, bo, bu = s[n], s[8 + n], s[16 + n], s[24 + n], s[32 + n]
            ga, ge, gi, go, gu = s[40 + n], s[48 + n], s[56 + n], s[64 + n], s[72 + n]
            ka, ke, ki, ko, ku = s[80 + n], s[88 + n], s[96 + n], s[104 + n], s[112 + n]
            ma, me, mi, mo, mu = s[120 + n], s[128 + n], s[136 + n], s[144 + n], s[152 + n]
            sa, se, si, so, su = s[160 + n], s[168 + n], s[176 + n], s[184 + n], s[192 + n]
            ca = ba ^ ga ^ ka ^ ma ^ sa
            ce = be ^ ge ^ ke ^ me ^ se
            ci = bi ^ gi ^ ki ^ mi ^ si
            co = bo ^ go ^ ko ^ mo ^ so
            cu = bu ^ gu ^ ku ^ mu ^ su
            da = cu ^ _rotated(ce, 1)
            de = ca ^ _rotated(ci, 1)
            di = ce ^ _rotated(co, 1)
            do = ci ^ _rotated(cu, 1)
            du = co ^ _rotated(ca, 1)
            a, e, i = ba ^ da, _rotated(ge ^ de, 44), _rotated(ki ^ di, 43)
            o, u = _rotated(mo ^ do, 21), _rotated(su ^ du, 14)
            _write_plane(s, n, a, e, i, o, u)
            s[n] ^= constant
            a, e, i = _rotated(bo ^ do, 28), _rotated(gu ^ du, 20), _rotated(ka ^ da, 3)
            o, u = _rotated(me ^ de, 45), _rotated(si ^ di, 61)
            _write_plane(s, 40 + n, a, e, i, o, u)
            a, e, i = _rotated(be ^ de, 1), _rotated(gi ^ di, 6), _rotated(ko ^ do, 25)
            o, u = _rotated(mu ^ du, 8), _rotated(sa ^ da, 18)
            _write_plane(s, 80 + n, a, e, i, o, u)
            a, e, i = _rotated(bu ^ du, 27), _rotated(ga ^ da, 36), _rotated(ke ^ de, 10)
            o, u = _rotated(mi ^ di, 15), _rotated(so ^ do, 56)
            _write_plane(s, 120 + n, a, e, i, o, u)
            a, e, i = _rotated(bi ^ di, 62), _rotated(go ^ do, 55), _rotated(ku ^ du, 39)
            o, u = _rotated(ma ^ da, 41), _rotated(se ^ de, 2)
            _write_plane(s, 160 + n, a, e, i, o, u)


def _hash_messages_one_by_one(start: int, stop: int, messages: Bytes, digests: Words) -> None:
    for number in range(start, stop):
        digests[number] = np.frombuffer(keccak256(messages[number].tobytes()), np.uint64)


@kernel(
    sample=lambda: (0, 0, np.zeros((0, 0), np.uint8), np.zeros((0, 4), np.uint64)),
    reference=_hash_messages_one_by_one,
)
def _hash_messages(start: int, stop: int, messages: Bytes, digests: Words) -> None:
    length = messages.shape[1]
    s = np.empty(STATE_WORDS, np.uint64)
    for first in range(start, stop, LANES):
        lanes = min(LANES, stop - first)
        s[:] = 0
        for block in range(0, length + 1, RATE_BYTES):
            for lane in range(lanes):
                message = messages[first + lane]
                for at in range(block, min(block + RATE_BYTES, length)):
                    byte = at - block
                    word = np.uint64(message[at]) << np.uint64(8 * (byte % 8))
                    s[LANES * (byte // 8) + lane] ^= word
                if block + RATE_BYTES > length:
                    byte = length - block
                    word = FIRST_PADDING << np.uint64(8 * (byte % 8))
                    s[LANES * (byte // 8) + lane] ^= word
                    s[LANES * 16 + lane] ^= LAST_PADDING
            permute(s)
        for lane in range(lanes):
            for part in range(4):
                digests[first + lane, part] = s[LANES * part + lane]


def hash_messages(messages: Bytes) -> Bytes:
    """Return the Keccak-256 digests, uint8[n, 32], of ``n`` messages of one length, uint8[n, l]."""
    digests = np.empty((len(messages), 4), np.uint64)
    over_cores(_hash_messages, len(messages), GRAIN, writable(messages), digests)
    return digests.view(np.uint8)
