"""Keys of a devnet: drawn from the operating system, kept in keystore files.

A keystore is Ethereum's JSON format (version 3), encrypted under the devnet's passphrase, which
lies beside it in a file that only its owner reads. So a devnet's keys reach no TOML file, no
process list and no environment, and its programs open keys as a real deployment's do.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from eth_keyfile.keyfile import create_keyfile_json

from adapters.evm.keystore import KeystoreSigner, open_keystore
from clearinghouse.commitment.signatures import GROUP_ORDER
from devnets.private_files import write_private

PBKDF2_ROUNDS = 10_000
"""About 5 ms a key. The passphrase has 256 random bits, so stretching it adds nothing; a keystore
for a passphrase that a person remembers needs a hundred times as many."""

PASSPHRASE_BYTES = 32


def draw_key() -> bytes:
    """Return a new random private key; it is kept nowhere."""
    while True:
        candidate = secrets.token_bytes(32)
        # About one draw in 2^128 is no scalar of secp256k1.
        if 0 < int.from_bytes(candidate) < GROUP_ORDER:
            return candidate


class Keystores:
    """The keystore files in one directory, all under one passphrase."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.passphrase_path = directory / "passphrase"

    def create_passphrase(self) -> None:
        """Draw a new passphrase, making the directory where needed."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.passphrase_path, secrets.token_hex(PASSPHRASE_BYTES).encode())

    def path(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def create(self, name: str) -> KeystoreSigner:
        """Draw a key and store it as ``name``; requires the passphrase."""
        private_key = draw_key()
        keystore = create_keyfile_json(
            private_key, self._passphrase(), kdf="pbkdf2", iterations=PBKDF2_ROUNDS
        )
        write_private(self.path(name), json.dumps(keystore, indent=1).encode())
        return KeystoreSigner(private_key)

    def open(self, name: str) -> KeystoreSigner:
        """Return the signer stored as ``name``; raise as ``open_keystore`` does."""
        return open_keystore(self.path(name), self.passphrase_path)

    def _passphrase(self) -> bytes:
        return self.passphrase_path.read_bytes().strip()
