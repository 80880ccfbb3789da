"""One finalised history: what the sync committees sign, each header a descendant of the one before.

The newest finalised header is one thing, who signs next another: a beacon node serves the first in
its finality update and the second in one update per period, its best so far. A client has to take
the latter of each period in turn, as it knows the next period's committee only from there.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from adapters.ancestry import HeaderByHash, find_broken_descent
from adapters.ethereum.source import UpdateSource
from adapters.ethereum.update import build_freeze_evidence, build_update
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientHeader,
    LightClientUpdate,
    SyncCommittee,
)
from clearinghouse.proofs.ethereum.execution import to_verified_header
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.misbehaviour import verify_contradiction
from clearinghouse.proofs.ethereum.store import LightClientStore, verify_bootstrap
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from clearinghouse.proofs.header import Header, VerifiedHeader

REMEMBERED_HEADERS = 1024


@dataclass(frozen=True)
class _Finalised:
    """A header that verified, and what it takes to convince a light client of it."""

    header: VerifiedHeader
    encoded: bytes
    """RLP of the execution header."""
    update: LightClientUpdate
    committee: SyncCommittee
    """Signed the update."""


class BeaconFinality:
    """Follows one beacon chain from a trusted block on: a ``HeaderSource``. Thread-safe.

    Once finality was seen violated every call says so: which of two histories is the chain's is
    for people to decide.
    """

    def __init__(
        self,
        network: Network,
        checkpoint_root: Hash32,
        updates: UpdateSource,
        get_header: HeaderByHash,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Trust the beacon block of ``checkpoint_root``, younger than its committee's stake.

        ``clock`` gives seconds since the epoch.
        """
        self._network = network
        self._checkpoint_root = checkpoint_root
        self._updates = updates
        self._get_header = get_header
        self._clock = clock
        self._lock = Lock()
        self._store: LightClientStore | None = None
        self._newest: _Finalised | None = None
        self._seen: OrderedDict[int, _Finalised] = OrderedDict()
        self._rotations: list[_Finalised] = []
        self._violation: ChainFault | None = None

    def find_newest(self) -> VerifiedHeader | None:
        """Return the newest finalised header that verifies, None before there is any.

        Raises
        ------
        ChainFault
            ``finality_violated``; where a committee contradicted itself, the attribute ``evidence``
            is what freezes light clients.
        ProofInvalid, Unavailable
            As the verification, the beacon node and the node say.
        """
        with self._lock:
            if self._violation is not None:
                raise self._violation
            self._follow()
            return None if self._newest is None else self._newest.header

    def build_client_updates(self, header: VerifiedHeader, held_height: int) -> Sequence[bytes]:
        """Return the rotations of committees since ``held_height``, then the header's own update.

        A rotation at that very height is among them: another beacon block with the same execution
        block may have brought the client there, and one that it knows already changes nothing.

        Raises
        ------
        Unavailable
            ``update_missing`` when its update is not kept any more: take a newer header.
        """
        with self._lock:
            own = next((f for f in reversed(self._seen.values()) if f.header == header), None)
            if own is None:
                raise Unavailable(
                    "update_missing",
                    f"no update of block {header.height} is kept; use the newest finalised header",
                    chain_id=header.chain_id,
                    height=header.height,
                )
            needed = [
                rotation
                for rotation in self._rotations
                if held_height <= rotation.header.height <= header.height
            ]
            if not needed or needed[-1].header != header:
                needed.append(own)
            return [
                build_update(
                    item.update, item.committee, self._network, execution_header=item.encoded
                )
                for item in needed
            ]

    def _follow(self) -> None:
        """Take every rotation there is, then the newest header."""
        store = self._store or self._begin()
        while True:
            period = self._network.period_at(store.finalized_header.beacon.slot)
            wanted = period if store.next_sync_committee is None else period + 1
            update = self._updates.find_of_period(wanted)
            if update is None or not self._is_rotation(update, wanted):
                break
            store, rotation = self._accept(store, update)
            self._rotations.append(rotation)
        newest = self._updates.find_newest()
        if newest is None or newest.finalized_header is None:
            return
        held = store.finalized_header.beacon
        if newest.finalized_header.beacon.slot > held.slot:
            self._accept(store, newest)
        elif newest.finalized_header.beacon.slot == held.slot:
            self._refuse_contradiction(store, newest)

    def _is_rotation(self, update: LightClientUpdate, period: int) -> bool:
        """Whether all of an update lies in its period, so that its next committee is final.

        The best update that a node has early in a period finalises a header of the one before.
        """
        finalized = update.finalized_header
        return (
            update.next_sync_committee is not None
            and finalized is not None
            and self._network.period_at(update.attested_header.beacon.slot) == period
            and self._network.period_at(finalized.beacon.slot) == period
        )

    def _begin(self) -> LightClientStore:
        bootstrap = self._updates.get_bootstrap()
        self._store = verify_bootstrap(self._network, self._checkpoint_root, bootstrap)
        return self._store

    def _accept(
        self, store: LightClientStore, update: LightClientUpdate
    ) -> tuple[LightClientStore, _Finalised]:
        verify_update(self._network, store, update, self._slot())
        committee = self._committee_of(store, update)
        applied = apply_update(self._network, store, update)
        proven = update.finalized_header
        assert proven is not None  # verified updates have one
        header, encoded = self._get_header(_execution_hash(proven))
        verified = to_verified_header(self._network, proven, encoded)
        finalised = _Finalised(verified, encoded, update, committee)
        self._refuse_other_history(header)
        self._store = applied
        if self._newest is None or verified.height >= self._newest.header.height:
            self._newest = self._seen[proven.beacon.slot] = finalised
        if len(self._seen) > REMEMBERED_HEADERS:
            self._seen.popitem(last=False)
        return applied, finalised

    def _refuse_other_history(self, header: Header) -> None:
        newest = self._newest
        if newest is None or header.height <= newest.header.height:
            return  # two beacon blocks may hold one execution block
        self._violation = find_broken_descent(self._get_header, header, newest.header)
        if self._violation is not None:
            raise self._violation

    def _refuse_contradiction(self, store: LightClientStore, update: LightClientUpdate) -> None:
        """Stop for good when a committee signed another finalised header of the newest slot."""
        newest, other = self._newest, update.finalized_header
        if newest is None or other is None or other.beacon == store.finalized_header.beacon:
            return
        verify_contradiction(self._network, store, update, self._slot())
        committee = self._committee_of(store, update)
        self._violation = ChainFault(
            "finality_violated",
            f"the sync committee of {self._network.name} signed two finalised blocks of slot "
            f"{other.beacon.slot}; freeze its light clients and stop settling",
            chain_id=self._network.chain_id,
            height=newest.header.height,
            hashes=(store.finalized_header.beacon.root(), other.beacon.root()),
            evidence=build_freeze_evidence(
                (newest.update, newest.committee), (update, committee), self._network
            ),
        )
        raise self._violation

    def _committee_of(self, store: LightClientStore, update: LightClientUpdate) -> SyncCommittee:
        """Return who signed a verified update: the committee of the store's period or the next."""
        period = self._network.period_at(store.finalized_header.beacon.slot)
        following = store.next_sync_committee
        if following is not None and self._network.period_at(update.signature_slot) > period:
            return following
        return store.current_sync_committee

    def _slot(self) -> int:
        return self._network.slot_at(int(self._clock()))


def _execution_hash(header: LightClientHeader) -> Hash32:
    execution = header.execution
    if isinstance(execution, ExecutionPayloadHeader):
        return execution.block_hash
    return execution or Hash32(bytes(32))
