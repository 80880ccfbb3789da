"""Validators of a devnet: keys from one secret, and the sync committees drawn from them.

Whoever holds all keys can sign for a committee with the sum of its secrets, which costs one
multiplication instead of five hundred and gives the very same signature.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from clearinghouse.book.identifiers import Hash32
from clearinghouse.proofs.ethereum.bls import derive_public_key, sign
from clearinghouse.proofs.ethereum.containers import BeaconBlockHeader, SyncAggregate, SyncCommittee
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.signing import signing_root

CURVE_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Of BLS12-381's groups."""

ABSENT_MAX = 8
"""Most members that miss one block, as on a healthy network of 512."""

_CACHED_COMMITTEES = 4


class Validators:
    """Half as many again as a committee has places, so that committees differ."""

    def __init__(self, network: Network, seed: bytes) -> None:
        """``seed`` is 32 secret bytes; the same give the same keys."""
        self._network = network
        self._seed = seed
        size = network.preset.sync_committee_size
        self._secrets = [self._draw("validator", n) % CURVE_ORDER for n in range(size + size // 2)]
        self._public_keys = [derive_public_key(secret) for secret in self._secrets]
        self._places = lru_cache(_CACHED_COMMITTEES)(self._draw_places)
        self.committee = lru_cache(_CACHED_COMMITTEES)(self._build_committee)
        self.committee_root = lru_cache(_CACHED_COMMITTEES)(self._build_committee_root)

    def sign(self, header: BeaconBlockHeader, signature_slot: int) -> SyncAggregate:
        """Sign as the committee of that slot, less a few members who miss it."""
        places = self._places(self._network.period_at(signature_slot))
        absent = self._draw_absent(signature_slot)
        participation = tuple(at not in absent for at in range(len(places)))
        secret = sum(
            self._secrets[validator]
            for validator, signs in zip(places, participation, strict=True)
            if signs
        )
        message = signing_root(self._network, header, signature_slot)
        return SyncAggregate(participation, sign(secret % CURVE_ORDER, message))

    def _build_committee(self, period: int) -> SyncCommittee:
        places = self._places(period)
        total = sum(self._secrets[validator] for validator in places)
        return SyncCommittee(
            tuple(self._public_keys[validator] for validator in places),
            derive_public_key(total % CURVE_ORDER),
        )

    def _build_committee_root(self, period: int) -> Hash32:
        return self.committee(period).root()

    def _draw_places(self, period: int) -> list[int]:
        """Return the validators of a period's committee, by place."""
        order = sorted(
            range(len(self._secrets)), key=lambda validator: self._draw("place", period, validator)
        )
        return order[: self._network.preset.sync_committee_size]

    def _draw_absent(self, slot: int) -> set[int]:
        size = self._network.preset.sync_committee_size
        count = self._draw("absent", slot) % (min(ABSENT_MAX, size // 8) + 1)
        return {self._draw("absent", slot, number) % size for number in range(count)}

    def _draw(self, purpose: str, *numbers: int) -> int:
        label = f"{purpose} {' '.join(map(str, numbers))}".encode()
        return int.from_bytes(sha256(self._seed + label).digest())
