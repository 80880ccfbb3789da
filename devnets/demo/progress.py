"""Progress on stderr while the demo works, and seconds per stage for its summary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Stages:
    """Names what is going on and measures how long it takes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, doing: str) -> Iterator[None]:
        """Show ``doing`` with a spinner until the block ends; add its seconds to ``name``."""
        started = time.monotonic()
        with self._console.status(doing):
            yield
        elapsed = time.monotonic() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + elapsed
        self._console.print(f"[green]✓[/green] {doing} [dim]{elapsed:.1f} s[/dim]")
