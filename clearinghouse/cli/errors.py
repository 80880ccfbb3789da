"""How a command ends when something expected went wrong: one line on stderr, exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from clearinghouse.errors import ClearingError


@contextmanager
def reported() -> Iterator[None]:
    """Turn a ``ClearingError`` of the block into a message for people."""
    try:
        yield
    except ClearingError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
