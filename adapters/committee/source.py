"""Where attestations come from. Whoever carries them is not trusted: signatures are checked later.

A directory is enough: an attestation of height 42 of chain 31001 is the file
``31001/000000000042.json``, how epoch 7 ended ``31001/handover-000000000007.json``. Files are
written under another name first and then linked, so that a reader sees all of it or nothing.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Protocol

from adapters.committee.documents import decode_handover, handover_document
from clearinghouse.book.identifiers import ChainId, Hash32, to_hex
from clearinghouse.errors import Conflict, ProofInvalid
from clearinghouse.proofs.committee import Attestation
from clearinghouse.proofs.handover import Handover

HEIGHT_DIGITS = 12
RETAINED_ATTESTATIONS = 4096
"""Newest files kept per chain; a light client that lags further takes a newer one."""

_FILE_NAME = re.compile(rf"\d{{{HEIGHT_DIGITS}}}\.json")


class AttestationSource(Protocol):
    """Attestations by chain and height; unverified."""

    def find_newest(self, chain_id: ChainId) -> Attestation | None:
        """Return the attestation of the greatest height, None before there is any."""
        ...

    def find_at(self, chain_id: ChainId, height: int) -> Attestation | None:
        """Return the attestation of that height, None where there is none (any more)."""
        ...

    def find_handover(self, chain_id: ChainId, epoch: int) -> Handover | None:
        """Return how that epoch ended, None where it did not (yet)."""
        ...


class DirectoryAttestations:
    """The attestations in a directory that attesters publish into."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find_newest(self, chain_id: ChainId) -> Attestation | None:
        """Return the attestation of the greatest height, None before there is any.

        Raises
        ------
        ProofInvalid
            ``attestation_malformed`` when the file is not what ``publish_attestation`` writes.
        """
        for name in reversed(self._file_names(chain_id)):
            found = self._read(chain_id, name)
            if found is not None:  # else it was pruned since we looked
                return found
        return None

    def find_at(self, chain_id: ChainId, height: int) -> Attestation | None:
        """Return the attestation of that height, None where there is none (any more)."""
        return self._read(chain_id, _file_name(height))

    def find_handover(self, chain_id: ChainId, epoch: int) -> Handover | None:
        """Return how that epoch ended, None where it did not (yet).

        Raises
        ------
        ProofInvalid
            ``handover_malformed`` when the file is not what ``publish_handover`` writes.
        """
        path = self._directory / str(chain_id) / _handover_name(epoch)
        try:
            handover = decode_handover(path.read_bytes())
        except FileNotFoundError:
            return None
        if (handover.successor.chain_id, handover.epoch) != (chain_id, epoch):
            raise ProofInvalid(
                "handover_malformed",
                f"{path} is the handover of epoch {handover.epoch} of chain "
                f"{handover.successor.chain_id}",
            )
        return handover

    def publish(self, chain_id: ChainId, attestation: Attestation) -> None:
        """Add an attestation; see ``publish_attestation``."""
        publish_attestation(self._directory, chain_id, attestation)

    def _file_names(self, chain_id: ChainId) -> list[str]:
        try:
            names = os.listdir(self._directory / str(chain_id))
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _FILE_NAME.fullmatch(name))

    def _read(self, chain_id: ChainId, name: str) -> Attestation | None:
        path = self._directory / str(chain_id) / name
        try:
            attestation = _decode(json.loads(path.read_bytes()), chain_id)
            if _file_name(attestation.height) != name:
                raise ValueError(f"it is of height {attestation.height}")
            return attestation
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProofInvalid(
                "attestation_malformed", f"{path} is no attestation of chain {chain_id}: {error}"
            ) from error


def publish_attestation(directory: Path, chain_id: ChainId, attestation: Attestation) -> None:
    """Write an attestation so that readers see it whole; writing it again changes nothing.

    Raises
    ------
    Conflict
        ``ATTESTATION_CONFLICT`` when another hash is published for this height.
    """
    folder = directory / str(chain_id)
    path = folder / _file_name(attestation.height)
    if not _write_new(path, json.dumps(_encode(attestation, chain_id))):
        published = DirectoryAttestations(directory).find_at(chain_id, attestation.height)
        if published is not None and published.block_hash != attestation.block_hash:
            raise Conflict(
                "ATTESTATION_CONFLICT",
                f"height {attestation.height} of chain {chain_id} is attested as "
                f"{to_hex(published.block_hash)}; its chain lost finality or the node lies",
                chain_id=chain_id,
                height=attestation.height,
                published=published.block_hash,
                refused=attestation.block_hash,
            )
    for name in DirectoryAttestations(directory)._file_names(chain_id)[:-RETAINED_ATTESTATIONS]:
        (folder / name).unlink(missing_ok=True)


def publish_handover(directory: Path, handover: Handover) -> None:
    """Write how an epoch ended so that readers see it whole; again, nothing changes.

    Raises
    ------
    Conflict
        ``HANDOVER_CONFLICT`` when another handover of the epoch is published.
    """
    chain_id = handover.successor.chain_id
    path = directory / str(chain_id) / _handover_name(handover.epoch)
    if not _write_new(path, json.dumps(handover_document(handover))):
        published = DirectoryAttestations(directory).find_handover(chain_id, handover.epoch)
        if published is not None and published.digest != handover.digest:
            raise Conflict(
                "HANDOVER_CONFLICT",
                f"epoch {handover.epoch} of chain {chain_id} was handed over already; hand over "
                "again in the epoch that followed",
                chain_id=chain_id,
                epoch=handover.epoch,
            )


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet, whole or not at all; False where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return False
    finally:
        unfinished.unlink()
    return True


def _handover_name(epoch: int) -> str:
    return f"handover-{epoch:0{HEIGHT_DIGITS}d}.json"


def _file_name(height: int) -> str:
    return f"{height:0{HEIGHT_DIGITS}d}.json"


def _encode(attestation: Attestation, chain_id: ChainId) -> dict[str, object]:
    return {
        "chain_id": chain_id,
        "epoch": attestation.epoch,
        "height": attestation.height,
        "block_hash": to_hex(attestation.block_hash),
        "signatures": [to_hex(signature) for signature in attestation.signatures],
    }


def _decode(stored: dict[str, object], chain_id: ChainId) -> Attestation:
    if stored["chain_id"] != chain_id:
        raise ValueError(f"it is of chain {stored['chain_id']}")
    epoch, height, signatures = stored["epoch"], stored["height"], stored["signatures"]
    if not isinstance(epoch, int) or not isinstance(height, int):
        raise ValueError("epoch and height are integers")
    if not isinstance(signatures, list):
        raise ValueError("signatures are a list")
    return Attestation(
        epoch=epoch,
        height=height,
        block_hash=Hash32(bytes.fromhex(str(stored["block_hash"]).removeprefix("0x"))),
        signatures=tuple(bytes.fromhex(item.removeprefix("0x")) for item in signatures),
    )
