"""A devnet's directory: owned by one running devnet at a time.

Ownership is a lock on the file ``lock``, which the kernel releases when its process ends, whatever
ended it; the file's content, the owner's process id, counts only while the lock is held.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from clearinghouse.errors import Conflict, Rejected
from devnets.deployment import FILE_NAME, KEYS_NAME
from devnets.trust import ATTESTATIONS_NAME, BEACONS_NAME

LOCK_NAME = "lock"
CHAINS_NAME = "chains"
PROCESSES_NAME = "processes.json"

_OF_ONE_START = (
    ATTESTATIONS_NAME,
    BEACONS_NAME,
    CHAINS_NAME,
    KEYS_NAME,
    FILE_NAME,
    PROCESSES_NAME,
)


class DirectoryLock:
    """Held from construction to ``close``, in the name of this process."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises
        ------
        Conflict
            ``devnet_running`` while another devnet holds it.
        """
        self._descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            owner = (directory / LOCK_NAME).read_text()
            raise Conflict(
                "devnet_running",
                f"a devnet runs in {directory} as process {owner}; stop it with "
                "`clearinghouse devnet down`, or name another directory",
                directory=str(directory),
                process_id=owner,
            ) from None
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        os.close(self._descriptor)


def find_owner(directory: Path) -> int | None:
    """Return the process id of the devnet that runs in ``directory``, None where none does."""
    try:
        with (directory / LOCK_NAME).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except FileNotFoundError:
        pass
    return None


def claim_directory(directory: Path) -> DirectoryLock:
    """Make ``directory`` ready for a new devnet: locked, and free of what an earlier one left.

    Raises
    ------
    Rejected
        ``directory_not_a_devnet`` when it holds files and none of a devnet: nothing is removed.
    Conflict
        ``devnet_running``.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()) and not (directory / LOCK_NAME).exists():
        raise Rejected(
            "directory_not_a_devnet",
            f"{directory} holds other files; name an empty or a new directory",
            directory=str(directory),
        )
    lock = DirectoryLock(directory)
    for name in _OF_ONE_START:
        left = directory / name
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
    return lock
