"""One anvil with a clock of our choosing, and contracts on it, called without any layer between."""

from __future__ import annotations

import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.evm.artifacts import Artifact, ContractError, decode_revert, load_artifact
from adapters.evm.connection import Connection, NodeRefused, connect
from clearinghouse.book.identifiers import to_hex
from devnets.processes import ProcessGroup
from devnets.tools import find_tool

STARTUP_SECONDS_MAX = 20.0
GAS_LIMIT = 16_000_000
"""Just below what a transaction may use since Osaka (EIP-7825: 2^24)."""


class Evm:
    """A chain that mines every transaction at once, each block one second after the last."""

    def __init__(
        self, directory: Path, *, time: int, hardfork: str = "osaka", chain_id: int = 31337
    ) -> None:
        self._group = ProcessGroup()
        log_path = directory / "anvil.log"
        with log_path.open("wb") as log:
            self._process = self._group.start(
                [
                    *(str(find_tool("anvil")), "--port", "0", "--accounts", "1"),
                    *("--hardfork", hardfork, "--timestamp", str(time)),
                    *("--chain-id", str(chain_id)),
                ],
                log,
            )
        self.url = f"http://127.0.0.1:{_wait_for_port(self._process, log_path)}"
        self._connection: Connection = connect(self.url)
        self.request("anvil_setBlockTimestampInterval", 1)
        self._account = self.request("eth_accounts")[0]

    def close(self) -> None:
        """Stop the anvil."""
        self._group.close()
        self._process.wait()

    def request(self, method: str, *parameters: object) -> Any:
        """Return the result of a JSON-RPC call."""
        return self._connection.request(method, parameters)

    def set_next_time(self, seconds: int) -> None:
        """Choose the clock of the next block; it never goes back."""
        self.request("evm_setNextBlockTimestamp", seconds)

    def deploy(self, contract: str, *arguments: object) -> Contract:
        """Create a contract from its committed artifact.

        Raises
        ------
        Reverted
            When its constructor refuses.
        """
        artifact = load_artifact(contract)
        receipt = self.send(None, artifact.encode_creation(*arguments))
        return Contract(self, artifact, receipt["contractAddress"])

    def send(self, to: str | None, data: bytes) -> Any:
        """Return the receipt of a transaction.

        Raises
        ------
        Reverted
            When it failed.
        """
        transaction = {"from": self._account, "data": to_hex(data), "gas": hex(GAS_LIMIT)}
        if to is not None:
            transaction["to"] = to
        transaction_hash = self.request("eth_sendTransaction", transaction)
        pause = threading.Event()
        while (receipt := self.request("eth_getTransactionReceipt", transaction_hash)) is None:
            pause.wait(0.005)
        if receipt["status"] != "0x1":
            trace = self.request(
                "debug_traceTransaction", transaction_hash, {"tracer": "callTracer"}
            )
            raised = decode_revert(_unhex(trace.get("output", "0x")))
            raise Reverted(raised, int(receipt["gasUsed"], 16))
        return receipt

    def call(self, to: str, data: bytes) -> bytes:
        """Return what a call without a transaction gives.

        Raises
        ------
        Reverted
            When it failed.
        """
        parameters = {"from": self._account, "to": to, "data": to_hex(data), "gas": hex(GAS_LIMIT)}
        try:
            return _unhex(self.request("eth_call", parameters, "latest"))
        except NodeRefused as refused:
            data_of_revert = refused.data if isinstance(refused.data, str) else "0x"
            raise Reverted(decode_revert(_unhex(data_of_revert)), 0) from refused


class Reverted(Exception):
    """A transaction or call failed."""

    def __init__(self, error: ContractError, gas_used: int) -> None:
        super().__init__(f"{error.name}{error.arguments}")
        self.error = error
        self.gas_used = gas_used
        """By the transaction; 0 for a call."""


@dataclass(frozen=True)
class Contract:
    """A contract on the chain."""

    evm: Evm
    artifact: Artifact
    address: str

    def send(self, function: str, *arguments: object) -> Any:
        """Return the receipt of a transaction, as ``Evm.send``."""
        return self.evm.send(self.address, self.artifact.encode_call(function, *arguments))

    def call(self, function: str, *arguments: object) -> Any:
        """Return what a view function returns: the value, or a tuple of several."""
        returned = self.evm.call(self.address, self.artifact.encode_call(function, *arguments))
        values = self.artifact.decode_result(function, returned)
        return values[0] if len(values) == 1 else values


def execution_gas(receipt: Any, calldata: bytes) -> int:
    """Return what a transaction used beyond its base cost and that of its calldata."""
    zeros = calldata.count(0)
    return int(receipt["gasUsed"], 16) - 21_000 - 4 * zeros - 16 * (len(calldata) - zeros)


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _wait_for_port(process: subprocess.Popen[bytes], log_path: Path) -> int:
    pause = threading.Event()
    for _ in range(int(STARTUP_SECONDS_MAX / 0.02)):
        found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", log_path.read_text())
        if found is not None:
            return int(found[1])
        assert process.poll() is None, log_path.read_text()
        pause.wait(0.02)
    raise AssertionError(f"anvil did not start: {log_path.read_text()}")
