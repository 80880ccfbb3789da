"""Read the lines of recordings, plain or gzipped, and name the line that is broken."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from clearinghouse.errors import Rejected

LINE_BYTES_MAX = 64 * 2**20
"""A longer line is not a recording; the bound keeps a wrong file from filling the memory."""


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end) of a file, decompressing ``.gz``.

    Raises
    ------
    Rejected
        ``tape_missing`` when there is no such file, ``tape_unreadable`` when it cannot be read or
        decompressed, ``tape_line_broken`` when a line exceeds ``LINE_BYTES_MAX``.
    """
    if not path.is_file():
        raise Rejected("tape_missing", f"there is no file {path}; give a recording", path=path)
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise broken_line(path, number, f"longer than {LINE_BYTES_MAX} bytes")
                yield number, line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise Rejected(
            "tape_unreadable",
            f"cannot read {path} after line {number}: {error}; fetch the file again",
            path=path,
            line=number,
        ) from error


def list_files(path: Path, pattern: str) -> list[Path]:
    """Return the file itself, or a folder's files of the pattern (plain or ``.gz``) by name.

    Raises
    ------
    Rejected
        ``tape_missing`` when there is neither.
    """
    if path.is_file():
        return [path]
    found = sorted({*path.glob(pattern), *path.glob(pattern + ".gz")}) if path.is_dir() else []
    if not found:
        raise Rejected(
            "tape_missing",
            f"{path} is neither a recording nor a folder with {pattern}[.gz]",
            path=path,
        )
    return found


def broken_line(path: Path, line: int, why: object) -> Rejected:
    """Build the error of a line that does not say what its format promises."""
    return Rejected(
        "tape_line_broken",
        f"{path}, line {line}: {why}; repair or remove the line",
        path=path,
        line=line,
    )
