"""Many public keys recovered at once, over all cores, without the interpreter's lock.

Recovery is all of an order's cost (about 30 us), so it must use every core while other threads
parse messages. Calling coincurve for each signature from several threads does not: each call gives
the lock back and then waits for it, up to 5 ms at a time, behind any thread that computes in
Python. So a compiled loop calls libsecp256k1 itself, with the addresses of the very functions that
coincurve uses, and holds no lock from the first signature of a slice to the last.
"""

from __future__ import annotations

import ctypes
from importlib import import_module
from typing import Any

import numpy as np
from coincurve import PublicKey
from coincurve.context import GLOBAL_CONTEXT
from numpy.typing import NDArray

from clearinghouse.compiled import kernel, over_cores

_BINDING = import_module("coincurve._libsecp256k1")

KEY_BYTES = 65
"""0x04 || x || y: an uncompressed point (SEC 1, section 2.3.3)."""

_GRAIN = 128
"""Signatures that one core takes at a time: about 4 ms."""
_INTERNAL_BYTES = 65
"""Of libsecp256k1's parsed signature; its public key takes 64."""
_UNCOMPRESSED = _BINDING.lib.SECP256K1_EC_UNCOMPRESSED


def _function(name: str, *arguments: Any) -> Any:
    """Return a function of libsecp256k1 for compiled code; pointers are plain addresses."""
    ffi = _BINDING.ffi
    address = int(ffi.cast("uintptr_t", ffi.addressof(_BINDING.lib, name)))
    return ctypes.CFUNCTYPE(ctypes.c_int32, *arguments)(address)


_POINTER = ctypes.c_uint64
_PARSE = _function(
    "secp256k1_ecdsa_recoverable_signature_parse_compact",
    *(_POINTER, _POINTER, _POINTER, ctypes.c_int32),
)
_RECOVER = _function("secp256k1_ecdsa_recover", _POINTER, _POINTER, _POINTER, _POINTER)
_SERIALIZE = _function(
    "secp256k1_ec_pubkey_serialize",
    *(_POINTER, _POINTER, _POINTER, _POINTER, ctypes.c_uint32),
)
_CONTEXT = np.uint64(int(_BINDING.ffi.cast("uintptr_t", GLOBAL_CONTEXT.ctx)))


def _sample() -> tuple[Any, ...]:
    rows = np.zeros((0, 1), np.uint8)
    functions = (_PARSE, _RECOVER, _SERIALIZE)
    return (0, 0, *functions, _CONTEXT, rows, rows, rows)


def _recover_one_by_one(
    start: int,
    stop: int,
    parse: Any,
    recover: Any,
    serialize: Any,
    context: Any,
    digests: NDArray[np.uint8],
    signatures: NDArray[np.uint8],
    keys: NDArray[np.uint8],
) -> None:
    """Do the same through coincurve's own classes."""
    for i in range(start, stop):
        if signatures[i, 64] > 1:
            continue
        try:
            key = PublicKey.from_signature_and_message(
                signatures[i].tobytes(), digests[i].tobytes(), hasher=None
            )
        except ValueError:
            continue
        keys[i] = np.frombuffer(key.format(compressed=False), np.uint8)


@kernel(sample=_sample, reference=_recover_one_by_one)
def _recover_slice(
    start: int,
    stop: int,
    parse: Any,
    recover: Any,
    serialize: Any,
    context: Any,
    digests: NDArray[np.uint8],
    signatures: NDArray[np.uint8],
    keys: NDArray[np.uint8],
) -> None:
    parsed = np.empty(_INTERNAL_BYTES, np.uint8)
    point = np.empty(_INTERNAL_BYTES, np.uint8)
    length = np.empty(1, np.uint64)
    for i in range(start, stop):
        if signatures[i, 64] > 1:
            continue  # libsecp256k1 ends the process on an id that it does not know
        good = parse(context, parsed.ctypes.data, signatures[i].ctypes.data, signatures[i, 64])
        if good != 0:
            good = recover(context, point.ctypes.data, parsed.ctypes.data, digests[i].ctypes.data)
        if good != 0:
            length[0] = KEY_BYTES
            serialize(
                context, keys[i].ctypes.data, length.ctypes.data, point.ctypes.data, _UNCOMPRESSED
            )


def recover_keys(digests: NDArray[np.uint8], signatures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the public key of each signature over its digest.

    ``digests`` is (n, 32), ``signatures`` (n, 65): r || s || recovery id 0 or 1. The result is
    (n, 65), a row of zeros where no key can have made the signature or the id is another.
    """
    keys = np.zeros((len(digests), KEY_BYTES), np.uint8)
    over_cores(
        _recover_slice,
        *(len(digests), _GRAIN, _PARSE, _RECOVER, _SERIALIZE, _CONTEXT),
        *(np.array(digests), np.array(signatures), keys),
    )
    return keys
