"""Take ``fsync`` and ``fdatasync`` away from a process: the kernel answers both with EIO.

A seccomp filter, for good, on all threads: the error reaches SQLite from the system call itself.
Linux only, on the two processors whose numbers are below.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

_FLUSHES = {"x86_64": (74, 75, 317), "aarch64": (82, 83, 277)}
"""Numbers of fsync, fdatasync and seccomp, from the kernel's ``unistd`` headers."""

_SET_NO_NEW_PRIVILEGES = 38
_SET_MODE_FILTER = 1
_ALL_THREADS = 1
_LOAD_WORD = 0x20
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def can_refuse_flushes() -> bool:
    """Return whether this machine is one on which ``refuse_flushes`` works."""
    return platform.system() == "Linux" and platform.machine() in _FLUSHES


def refuse_flushes() -> None:
    """Have every later flush of this process fail with EIO; it cannot be undone."""
    flush, flush_data, seccomp = _FLUSHES[platform.machine()]
    instructions = (
        (_LOAD_WORD, 0, 0, 0),  # the number of the system call
        (_JUMP_IF_EQUAL, 1, 0, flush),
        (_JUMP_IF_EQUAL, 0, 1, flush_data),
        (_RETURN, 0, 0, _FAIL | errno.EIO),
        (_RETURN, 0, 0, _ALLOW),
    )
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    library = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(instructions), code)
    if library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0 or library.syscall(
        seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)
    ):
        code_of_error = ctypes.get_errno()
        raise OSError(code_of_error, os.strerror(code_of_error))
