"""Keys in Ethereum's keystore format (version 3), opened with a passphrase from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from eth_keyfile.keyfile import decode_keyfile_json

from clearinghouse.book.identifiers import Address
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.errors import Unavailable


@dataclass(frozen=True)
class KeystoreSigner:
    """A private key in memory; meets ``adapters.base.Signer``."""

    _private_key: bytes = field(repr=False)

    @property
    def address(self) -> Address:
        """The account of the key."""
        return signer_address(self._private_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """Return r || s || v, 65 bytes."""
        return sign_digest(self._private_key, digest)


def open_keystore(path: Path, passphrase_path: Path) -> KeystoreSigner:
    """Return the signer of a keystore file.

    Raises
    ------
    Unavailable
        ``keystore_unreadable`` when either file is missing, broken or the passphrase is another's.
    """
    try:
        passphrase = passphrase_path.read_bytes().strip()
        return KeystoreSigner(decode_keyfile_json(json.loads(path.read_bytes()), passphrase))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(
            "keystore_unreadable",
            f"{path} does not open with {passphrase_path} ({error})",
            keystore=str(path),
        ) from error
