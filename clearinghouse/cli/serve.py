"""``clearinghouse serve``: run a clearinghouse until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from clearinghouse.app import open_application
from clearinghouse.book.identifiers import to_hex
from clearinghouse.cli.errors import reported
from clearinghouse.cli.logging import configure_logging
from clearinghouse.compiled import warm_up_in_background
from clearinghouse.config import ServerSettings

log = structlog.get_logger()


def serve(
    deployment: Annotated[
        Path | None, typer.Option(help="A deployment.json or the directory that holds it.")
    ] = None,
    journal: Annotated[str | None, typer.Option(help="URL of the journal.")] = None,
    listen: Annotated[str | None, typer.Option(help="Address for venues and members.")] = None,
    operation_listen: Annotated[
        str | None, typer.Option(help="Loopback address of the operator's own calls.")
    ] = None,
    metrics_listen: Annotated[
        str | None, typer.Option(help="Address for monitoring's GET /metrics; nowhere without it.")
    ] = None,
    cycle_seconds: Annotated[
        int | None, typer.Option(min=0, help="Seconds between cuts; 0 cuts on request only.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Follow another server's journal; answer questions.")
    ] = False,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the bound addresses here as JSON once serving.")
    ] = None,
) -> None:
    """Serve the gRPC API and drive settlements until SIGINT or SIGTERM.

    Where another server leads the same PostgreSQL journal, this one stands by and takes over when
    that ends. Flags win over CLEARINGHOUSE_* variables. On a stop in good order one JSON object on
    stdout says where the journal and the state stand; data that contradicts itself stops the server
    with exit code 1.
    """
    configure_logging()
    flags: dict[str, Any] = {
        "deployment": deployment,
        "journal": journal,
        "listen": listen,
        "operation_listen": operation_listen,
        "metrics_listen": metrics_listen,
        "cycle_seconds": cycle_seconds,
        "read_only": read_only or None,
    }
    settings = ServerSettings(**{key: value for key, value in flags.items() if value is not None})
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    failures: list[Exception] = []

    def stop_on(failure: Exception) -> None:
        failures.append(failure)
        stop.set()

    with _kernels_warming(), reported():
        application = open_application(settings, stop_on, stop)
        if application is not None:
            with application:
                addresses = {
                    "listen": _bound(settings.listen, application.server.port),
                    "operation_listen": _bound(
                        settings.operation_listen, application.server.operation_port
                    ),
                    "process_id": os.getpid(),
                }
                log.info("server.started", **addresses)
                if ready_file is not None:
                    _write_whole(ready_file, json.dumps(addresses))
                stop.wait()
        if failures:
            log.critical("server.failed", error=repr(failures[0]))
            typer.echo(f"error: stopped because of {failures[0]}", err=True)
            raise typer.Exit(1)
        if application is None:
            return  # told to stop while another server led
        standing = application.standing()
    typer.echo(
        json.dumps(
            {
                "sequence": standing.sequence,
                "head": to_hex(standing.head),
                "state_hash": to_hex(standing.state_hash),
            }
        )
    )


@contextmanager
def _kernels_warming() -> Iterator[None]:
    """Make machine code beside everything else; a server answers before it is there."""
    warming = warm_up_in_background()
    try:
        yield
    finally:
        warming.join()


def _bound(address: str, port: int) -> str:
    return f"{address.rpartition(':')[0]}:{port}"


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader never sees half of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
