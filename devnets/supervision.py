"""Start a devnet in a process of its own, look at one, stop one: for whoever did not start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.evm.adapter import EvmChainAdapter
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.errors import Unavailable
from devnets.deployment import (
    FILE_NAME,
    DeployedChain,
    Deployment,
    adapters_of,
    find_published_height,
    load_deployment,
)
from devnets.directories import PROCESSES_NAME, claim_directory, find_owner

LOG_NAME = "devnet.log"
LOG_TAIL_LINES = 20
LOOK_SECONDS = 0.02
STARTUP_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 15.0
"""Until a devnet that was asked to stop is killed; its chains go with it."""


@dataclass(frozen=True)
class ChainStatus:
    """One chain of a running devnet, as seen now; None where its node does not answer."""

    name: str
    chain_id: ChainId
    is_home: bool
    url: str
    process_id: int | None
    halted: bool
    height: int | None
    finalised_height: int | None
    attested_height: int | None
    """None before the first attestation."""
    anchor: Address
    client_heights: dict[str, int | None]
    """Newest height of each light client on this chain, by the name of the chain it follows."""


def start_detached(command: Sequence[str], directory: Path) -> subprocess.Popen[bytes]:
    """Run ``command``, which has to start a devnet in ``directory``, and return its process.

    Returns when the devnet is up. It outlives this process and its terminal.

    Raises
    ------
    Conflict, Rejected
        As ``claim_directory``.
    Unavailable
        ``devnet_not_started`` with the end of its log.
    """
    claim_directory(directory).close()
    log_path = directory / LOG_NAME
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        came_up = _wait_until(
            lambda: (directory / FILE_NAME).exists() or process.poll() is not None,
            STARTUP_SECONDS_MAX,
        )
    except BaseException:
        process.terminate()
        raise
    if came_up and process.poll() is None:
        return process
    process.terminate()
    process.wait()
    tail = "\n".join(log_path.read_text(errors="replace").strip().splitlines()[-LOG_TAIL_LINES:])
    raise Unavailable("devnet_not_started", f"the devnet did not come up; see {log_path}:\n{tail}")


def own_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``module`` of this installation in a new interpreter."""
    return [sys.executable, "-m", module, *arguments]


def stop_devnet(directory: Path) -> int | None:
    """Stop the devnet that runs in ``directory``; return its process id, None if none ran.

    Raises
    ------
    Unavailable
        ``devnet_not_stopped`` when even SIGKILL does not end it.
    """
    owner = find_owner(directory)
    if owner is None:
        return None
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(owner, ending)
        except ProcessLookupError:
            return owner
        if _wait_until(lambda: find_owner(directory) != owner, STOP_SECONDS_MAX):
            return owner
    raise Unavailable(
        "devnet_not_stopped",
        f"process {owner} still owns {directory}; is it in a debugger?",
        process_id=owner,
    )


def get_status(directory: Path) -> tuple[Deployment, tuple[ChainStatus, ...]]:
    """Return what runs in ``directory``.

    Raises
    ------
    Unavailable
        ``devnet_not_running`` when no devnet does; as ``load_deployment``.
    """
    if find_owner(directory) is None:
        raise Unavailable(
            "devnet_not_running",
            f"no devnet runs in {directory}; start one with `clearinghouse devnet up`",
            directory=str(directory),
        )
    deployment = load_deployment(directory)
    processes = json.loads((directory / PROCESSES_NAME).read_bytes())
    adapters = adapters_of(deployment, deployment.open_relayer())
    return deployment, tuple(
        _status_of(deployment, chain, processes[chain.name], adapters[chain.chain_id])
        for chain in deployment.chains
    )


def _status_of(
    deployment: Deployment,
    chain: DeployedChain,
    process: dict[str, int | bool | None],
    adapter: EvmChainAdapter,
) -> ChainStatus:
    known = chain.configuration
    reader = Reader(connect(known.url))
    return ChainStatus(
        name=chain.name,
        chain_id=chain.chain_id,
        is_home=chain.chain_id == deployment.home,
        url=known.url,
        process_id=process["process_id"],
        halted=bool(process["halted"]),
        height=_answer(reader.height),
        finalised_height=_answer(lambda: reader.get_finalised_header()[0].height),
        attested_height=find_published_height(deployment, chain),
        anchor=known.anchor,
        client_heights={
            deployment.get_chain(followed).name: _answer(
                lambda followed=followed: adapter.hint_client_height(followed)  # type: ignore[misc]
            )
            for followed in known.client_of
        },
    )


def _answer(question: Callable[[], int]) -> int | None:
    try:
        return question()
    except Unavailable:
        return None


def _wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    pause = threading.Event()
    for _ in range(round(timeout_seconds / LOOK_SECONDS)):
        if condition():
            return True
        pause.wait(LOOK_SECONDS)
    return condition()
