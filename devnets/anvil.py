"""One anvil: its process, its state on disk, and what only a devnet may ask of a node.

Anvil mines nothing by itself here: the harness produces its blocks (``devnets.blocks``). Facts of
anvil 1.7.1 this relies on: ``finalized`` is two epochs behind the newest block; states of past
blocks stay provable up to ``--prune-history`` blocks back; ``anvil_dumpState`` is gzip of the JSON
that ``--load-state`` reads, blocks included.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from adapters.evm.connection import Connection, connect
from clearinghouse.book.identifiers import Address, to_hex
from clearinghouse.errors import ChainFault, Unavailable
from devnets.configuration import ChainConfiguration
from devnets.private_files import write_private
from devnets.processes import ProcessGroup
from devnets.tools import find_tool

STARTUP_SECONDS_MAX = 20.0
LOOK_SECONDS = 0.01
REQUEST_SECONDS_MAX = 10.0

PROVABLE_SECONDS = 120.0
"""How long the state of a block stays provable. Anvil holds each such state whole in memory (about
1 MB with ten thousand storage slots) and a relayer proves against headers of the last seconds."""

PROVABLE_BLOCKS_MIN = 128

LOG_TAIL_LINES = 12


class Anvil:
    """A chain's node, startable again on the same port with the state of its last checkpoint."""

    def __init__(self, chain: ChainConfiguration, directory: Path, group: ProcessGroup) -> None:
        self._chain = chain
        self._directory = directory
        self._group = group
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._connection: Connection | None = None
        self._checkpointing = threading.Lock()
        directory.mkdir(parents=True)

    @property
    def name(self) -> str:
        return self._chain.name

    @property
    def log_path(self) -> Path:
        return self._directory / "anvil.log"

    @property
    def state_path(self) -> Path:
        """Of the last checkpoint."""
        return self._directory / "state.json"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def block_seconds(self) -> float:
        return self._chain.block_seconds

    @property
    def process_id(self) -> int | None:
        """Return the running process's id, None when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start the node and return when it answers; on the same port as before, if any.

        Raises
        ------
        Unavailable
            ``tool_missing`` without anvil, ``anvil_not_started`` when it ends or stays silent.
        """
        with self.log_path.open("ab") as log:
            logged = log.tell()
            self._process = self._group.start(self._command(), log)
        self._port = self._wait_for_port(logged)
        self._connection = connect(self.url, REQUEST_SECONDS_MAX)
        answered = int(self.request("eth_chainId"), 16)
        if answered != self._chain.chain_id:
            raise ChainFault(
                "chain_id_differs",
                f"{self.url} answers for chain {answered}, expected {self._chain.chain_id}; "
                "something else listens on that port",
                chain=self._chain.name,
            )
        self._catch_up()

    def kill(self) -> None:
        """Send SIGKILL and return when the process is gone; a second call does nothing."""
        if self._process is not None:
            with self._checkpointing:  # a checkpoint that was taken also reaches the disk
                self._process.kill()
                self._process.wait()

    def request(self, method: str, *parameters: object) -> Any:
        """Return the result of a JSON-RPC call; raises as ``Connection.request``."""
        if self._connection is None:
            raise Unavailable("chain_unreachable", f"{self._chain.name} was never started")
        return self._connection.request(method, parameters)

    def height(self, tag: str = "latest") -> int:
        """Return the height of the ``latest`` or the ``finalized`` block."""
        return int(self.request("eth_getBlockByNumber", tag, False)["number"], 16)

    def genesis_time(self) -> int:
        """Return the first block's time in seconds since the epoch."""
        return int(self.request("eth_getBlockByNumber", "0x0", False)["timestamp"], 16)

    def pending_transactions(self) -> int:
        """Return how many transactions wait for the next block."""
        return int(self.request("txpool_status")["pending"], 16)

    def mine(self, blocks: int = 1) -> None:
        self.request("anvil_mine", hex(blocks))

    def set_mining_at_once(self, enabled: bool) -> None:
        """Mine a block for every transaction as it comes, or none at all."""
        self.request("evm_setAutomine", enabled)

    def set_balance(self, account: Address, wei: int) -> None:
        self.request("anvil_setBalance", to_hex(account), hex(wei))

    def advance_time(self, seconds: int) -> None:
        """Move the clock of all further blocks forward."""
        self.request("evm_increaseTime", seconds)

    def reorganise(self, depth: int) -> None:
        """Replace the newest ``depth`` blocks by empty ones.

        Raises
        ------
        NodeRefused
            When there are not that many blocks.
        """
        self.request("anvil_reorg", depth, [])

    def checkpoint(self) -> None:
        """Store blocks and newest state, so that a killed chain comes back with them.

        Takes about 10 ms. States of older blocks are not in it: after a restart proofs start at
        the checkpoint's newest block.
        """
        with self._checkpointing:
            dumped = self.request("anvil_dumpState", False)
            write_private(self.state_path, gzip.decompress(bytes.fromhex(dumped[2:])))

    def _catch_up(self) -> None:
        """Advance a restarted node's clock to its newest block: anvil forgets how far it was moved.

        Without it the next block would be older than its parent.
        """
        newest = int(self.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        ahead_seconds = newest - int(time.time())
        if ahead_seconds > 0:
            self.advance_time(ahead_seconds)

    def _command(self) -> list[str]:
        chain = self._chain
        provable = max(PROVABLE_BLOCKS_MIN, round(PROVABLE_SECONDS / chain.block_seconds))
        options: dict[str, object] = {
            "--host": "127.0.0.1",
            "--port": self._port,
            "--chain-id": chain.chain_id,
            "--hardfork": "prague",
            "--accounts": 0,
            "--slots-in-an-epoch": chain.finality_blocks // 2,
            "--prune-history": provable,
            "--cache-path": self._directory,
        }
        if self.state_path.exists():
            options["--load-state"] = self.state_path
        pairs = [str(word) for option in options.items() for word in option]
        return [str(find_tool("anvil")), "--no-mining", *pairs]

    def _wait_for_port(self, logged: int) -> int:
        """Return the port that the log names after its first ``logged`` bytes."""
        pause = threading.Event()
        for _ in range(round(STARTUP_SECONDS_MAX / LOOK_SECONDS)):
            said = self.log_path.read_bytes()[logged:].decode(errors="replace")
            listening = re.search(r"Listening on 127\.0\.0\.1:(\d+)", said)
            if listening is not None:
                return int(listening[1])
            if self.process_id is None:
                break
            pause.wait(LOOK_SECONDS)
        self.kill()
        tail = "\n".join(said.strip().splitlines()[-LOG_TAIL_LINES:])
        raise Unavailable(
            "anvil_not_started",
            f"anvil of {self._chain.name} did not come up; see {self.log_path}:\n{tail}",
            chain=self._chain.name,
            port=self._port,
        )
