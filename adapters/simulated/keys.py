"""Keys that follow from a seed. They protect nothing: simulated chains only."""

from __future__ import annotations

from dataclasses import dataclass, field

from clearinghouse.book.identifiers import Address
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import sign_digest, signer_address


@dataclass(frozen=True, order=True)
class SimulatedKey:
    """A signer whose key anyone can compute; sorts by address, as quorums must."""

    address: Address
    private_key: bytes = field(repr=False)

    def sign_digest(self, digest: bytes) -> bytes:
        """Return r || s || v."""
        return sign_digest(self.private_key, digest)


def simulated_key(seed: int, name: str) -> SimulatedKey:
    """Return the key of that name; the same for the same seed on any machine."""
    private_key = keccak256(b"simulated key" + seed.to_bytes(8) + name.encode())
    return SimulatedKey(signer_address(private_key), private_key)


def simulated_keys(seed: int, name: str, count: int) -> tuple[SimulatedKey, ...]:
    """Return ``count`` keys, sorted by address."""
    return tuple(sorted(simulated_key(seed, f"{name} {index}") for index in range(count)))
