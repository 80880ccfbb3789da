"""Where light client data comes from. Whoever serves it is not trusted: all is verified later.

A directory holds it as a beacon node's HTTP interface gives it, one file per resource:
``bootstrap.json``, ``finality_update.json`` and ``updates/<period>.json``. Files are written under
another name first and then moved, so that a reader sees all of one or nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

from clearinghouse.errors import ProofInvalid, Unavailable
from clearinghouse.proofs.ethereum.beacon_json import (
    decode_bootstrap,
    decode_updates,
    encode_header,
    encode_sync_committee,
    encode_update,
)
from clearinghouse.proofs.ethereum.containers import LightClientBootstrap, LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Network

BOOTSTRAP_NAME = "bootstrap.json"
NEWEST_NAME = "finality_update.json"
PERIODS_NAME = "updates"


class UpdateSource(Protocol):
    """Light client data of one beacon chain; unverified.

    Raises
    ------
    ProofInvalid
        ``json_malformed`` when it is no light client data at all.
    """

    def get_bootstrap(self) -> LightClientBootstrap:
        """Return the data of the block that is trusted at first."""
        ...

    def find_newest(self) -> LightClientUpdate | None:
        """Return the update of the newest finalised header, None before there is any."""
        ...

    def find_of_period(self, period: int) -> LightClientUpdate | None:
        """Return an update that finalises a header of that period and brings the next committee."""
        ...


class DirectoryUpdates:
    """The light client data in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get_bootstrap(self) -> LightClientBootstrap:
        """Return where to begin.

        Raises
        ------
        Unavailable
            ``bootstrap_missing`` before the directory was begun.
        """
        document = self._read(BOOTSTRAP_NAME)
        if document is None:
            raise Unavailable(
                "bootstrap_missing",
                f"{self._directory / BOOTSTRAP_NAME} does not exist; start its beacon chain",
            )
        return decode_bootstrap(document)

    def find_newest(self) -> LightClientUpdate | None:
        """Return the update of the newest finalised header, None before there is any."""
        return self._find(NEWEST_NAME)

    def find_of_period(self, period: int) -> LightClientUpdate | None:
        """Return the period's update with the next committee, None while there is none."""
        return self._find(f"{PERIODS_NAME}/{period}.json")

    def publish_bootstrap(self, network: Network, bootstrap: LightClientBootstrap) -> None:
        """Begin the directory."""
        (self._directory / PERIODS_NAME).mkdir(parents=True, exist_ok=True)
        content: dict[str, object] = {
            "header": encode_header(bootstrap.header),
            "current_sync_committee": encode_sync_committee(bootstrap.current_sync_committee),
            "current_sync_committee_branch": [
                f"0x{node.hex()}" for node in bootstrap.current_sync_committee_branch
            ],
        }
        self._write(BOOTSTRAP_NAME, network, bootstrap.header.beacon.slot, content)

    def publish(self, network: Network, update: LightClientUpdate) -> None:
        """Publish an update: with a next committee as its period's, else as the newest."""
        slot = update.attested_header.beacon.slot
        name = NEWEST_NAME
        if update.next_sync_committee is not None:
            name = f"{PERIODS_NAME}/{network.period_at(slot)}.json"
        self._write(name, network, slot, encode_update(update))

    def _find(self, name: str) -> LightClientUpdate | None:
        """Return the first update of a file; the interface gives a list for a range of periods."""
        document = self._read(name)
        return None if document is None else next(iter(decode_updates(document)), None)

    def _read(self, name: str) -> object | None:
        path = self._directory / name
        try:
            document: object = json.loads(path.read_bytes())
            return document
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ProofInvalid("json_malformed", f"{path} is not JSON: {error}") from error

    def _write(self, name: str, network: Network, slot: int, content: dict[str, object]) -> None:
        path = self._directory / name
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        version = network.activation_at(slot).fork.name.lower()
        unfinished.write_text(json.dumps({"version": version, "data": content}))
        unfinished.replace(path)
