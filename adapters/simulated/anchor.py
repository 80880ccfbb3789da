"""Reference model of ``contracts/src/Anchor.sol``: all chains or none.

The checks stand in the contract's order and carry its error names, so that a caller cannot tell the
two apart by what they refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.base import ClientStatus, CounterProof
from adapters.simulated.peer import PeerAnchor
from adapters.simulated.quorum import require_quorum
from adapters.simulated.revert import revert, shown
from adapters.simulated.vault import SimulatedVault
from clearinghouse.book.identifiers import ZERO_HASH, Address, AssetId, ChainId, Hash32
from clearinghouse.book.settlements import (
    ChainEntry,
    Leg,
    OperatorSet,
    Phase,
    Settlement,
    Windows,
)
from clearinghouse.commitment.settlements import leg_hash, operator_set_hash, settlement_id
from clearinghouse.commitment.trees import Branch
from clearinghouse.proofs.anchor_layout import FROZEN_SLOT, OPERATOR_SET_HASH_SLOT, phase_slot


@dataclass(frozen=True)
class _Commit:
    sequence: int
    time: int


@dataclass(frozen=True)
class AnchorIdentity:
    """What an anchor is told at its creation."""

    clearinghouse_id: Hash32
    home: ChainId
    chain_id: ChainId
    address: Address
    windows: Windows
    operator_set_hash: Hash32


@dataclass
class _Progress:
    """What the next settlement must continue."""

    cycle: int = 0
    cut_time: int = 0
    journal_count: int = 0


@dataclass
class SimulatedAnchor:
    """The life of settlements on one chain. ``now`` is always the block's timestamp."""

    identity: AnchorIdentity
    vault: SimulatedVault
    peers: Mapping[ChainId, PeerAnchor] = field(default_factory=dict)
    last_committed: Hash32 = ZERO_HASH
    last_leg: Hash32 = ZERO_HASH
    final_sequence: int = 0
    warned_at: int = 0
    frozen_at: int = 0
    """Seconds since the epoch, 0 if never, as the time of the last warning."""
    _last_prepared: Hash32 = ZERO_HASH
    _phases: dict[Hash32, Phase] = field(default_factory=dict)
    _commits: dict[Hash32, _Commit] = field(default_factory=dict)
    _progress: _Progress = field(default_factory=_Progress)

    @property
    def is_home(self) -> bool:
        """Whether this anchor decides."""
        return self.identity.chain_id == self.identity.home

    def phase(self, identity: Hash32) -> Phase:
        """Return where a settlement stands; a leg is final as soon as a later one here is."""
        stored = self._phases.get(identity, Phase.NONE)
        if stored is Phase.COMMITTED and self._commits[identity].sequence <= self.final_sequence:
            return Phase.FINAL
        return stored

    def in_flight(self) -> Hash32:
        """Return the prepared and undecided settlement, or zero."""
        prepared = self._phases.get(self._last_prepared) is Phase.PREPARED
        return self._last_prepared if prepared else ZERO_HASH

    def storage(self) -> dict[Hash32, int]:
        """Return the words that other chains prove, by slot; zero words are not stored."""
        words = {phase_slot(identity): int(phase) for identity, phase in self._phases.items()}
        words[OPERATOR_SET_HASH_SLOT] = int.from_bytes(self.identity.operator_set_hash)
        if self.frozen_at:
            words[FROZEN_SLOT] = 1
        return words | self.vault.words()

    def require_open(self) -> None:
        """Refuse whatever is new once the anchor has frozen."""
        if self.frozen_at:
            revert("AnchorFrozen")

    def last_commit(self) -> tuple[int, int]:
        """Return the number of the last leg that committed here and its time; zeros if none."""
        record = self._commits.get(self.last_committed)
        return (record.sequence, record.time) if record else (0, 0)

    def deposit(
        self, sender: Address, asset_id: AssetId, units: int, member: Address, now: int
    ) -> None:
        """Move token units from ``sender`` into the vault, for ``member``."""
        self.require_open()
        self.vault.deposit(sender, asset_id, units, member, now)

    def resolve(self) -> None:
        """On a spoke that has frozen: give up what is prepared, take what committed as final."""
        if self.in_flight() != ZERO_HASH:
            self._phases[self._last_prepared] = Phase.ABORTED
        sequence, _ = self.last_commit()
        if sequence != self.final_sequence:
            self._phases[self.last_committed] = Phase.FINAL
            self.final_sequence = sequence

    def prepare(
        self,
        settlement: Settlement,
        leg: Leg,
        operator_set: OperatorSet,
        signatures: Sequence[bytes],
        now: int,
    ) -> None:
        """Promise to follow home's decision."""
        self.require_open()
        identity = self._identify(settlement, Phase.NONE)
        self._verify_signed(identity, settlement, operator_set, signatures)
        leg_digest = self._verify_leg(settlement, leg)
        if leg.parent_leg != self.last_leg:
            revert("WrongParentLeg", leg.parent_leg, self.last_leg)
        if self.in_flight() != ZERO_HASH:
            revert("AlreadyInFlight", self.in_flight())
        self._verify_deadlines(settlement, now)
        alone = self._verify_chains(settlement)
        if self.is_home:
            self._verify_parent(settlement, now)
        self._verify_assets(leg, now)
        self._phases[identity] = Phase.PREPARED
        self._last_prepared = identity
        if self.is_home and alone:
            self._apply_commit(identity, settlement, leg, leg_digest, now)

    def commit(
        self, settlement: Settlement, leg: Leg, proofs: Sequence[CounterProof], now: int
    ) -> None:
        """Let a prepared leg take effect, on proof of all others or of home."""
        identity = self._identify(settlement, Phase.PREPARED)
        leg_digest = self._verify_leg(settlement, leg)
        if self.is_home:
            if now > settlement.decide_by:
                revert("DecisionTooLate", settlement.decide_by, now)
            self._verify_all_prepared(identity, settlement, proofs)
        else:
            if len(proofs) != 1:
                revert("WrongProofCount", len(proofs), 1)
            home, _ = self.peers[self.identity.home].proven_phase(identity, proofs[0])
            if home not in (Phase.COMMITTED, Phase.FINAL):
                revert("ProvenPhaseInsufficient", self.identity.home, home)
        self._apply_commit(identity, settlement, leg, leg_digest, now)

    def abort(self, settlement: Settlement, now: int) -> None:
        """On home, after ``decide_by``."""
        self.require_role(home=True)
        identity = self._identify(settlement, Phase.PREPARED)
        if now <= settlement.decide_by:
            revert("DecisionTooEarly", settlement.decide_by, now)
        self._phases[identity] = Phase.ABORTED

    def abort_by_absence(
        self, settlement: Settlement, chain_id: ChainId, proof: CounterProof
    ) -> None:
        """On home: an active chain can never prepare any more."""
        self.require_role(home=True)
        identity = self._identify(settlement, Phase.PREPARED)
        entry = _get_entry(settlement, chain_id)
        if chain_id == self.identity.home or not entry.active:
            revert("ChainNotActive", chain_id)
        proven, timestamp = self.peers[chain_id].proven_phase(identity, proof)
        if proven is not Phase.NONE:
            revert("ProvenPhaseInsufficient", chain_id, proven)
        _require_after_preparation(chain_id, settlement, timestamp)
        self._phases[identity] = Phase.ABORTED

    def abort_by_proof(self, settlement: Settlement, proof: CounterProof) -> None:
        """On a spoke: home aborted or can never prepare any more."""
        self.require_role(home=False)
        identity = self._identify(settlement, Phase.PREPARED)
        home, timestamp = self.peers[self.identity.home].proven_phase(identity, proof)
        if home is Phase.NONE:
            _require_after_preparation(self.identity.home, settlement, timestamp)
        elif home is not Phase.ABORTED:
            revert("ProvenPhaseInsufficient", self.identity.home, home)
        self._phases[identity] = Phase.ABORTED

    def finalize(self, identity: Hash32, now: int) -> None:
        """On home, after the challenge window."""
        self.require_role(home=True)
        self._require_phase(identity, Phase.COMMITTED)
        record = self._commits[identity]
        if record.sequence != self.final_sequence + 1:
            revert("ParentNotFinal", record.sequence, self.final_sequence)
        until = record.time + self.identity.windows.challenge_seconds
        if now <= until:
            revert("ChallengeOpen", until, now)
        self._phases[identity] = Phase.FINAL
        self.final_sequence = record.sequence

    def finalize_by_proof(self, identity: Hash32, proof: CounterProof) -> None:
        """On a spoke: home is FINAL; all legs committed here before are too."""
        self.require_role(home=False)
        self._require_phase(identity, Phase.COMMITTED)
        home, _ = self.peers[self.identity.home].proven_phase(identity, proof)
        if home is not Phase.FINAL:
            revert("ProvenPhaseInsufficient", self.identity.home, home)
        self._phases[identity] = Phase.FINAL
        self.final_sequence = self._commits[identity].sequence

    def claim_release(
        self,
        identity: Hash32,
        asset_id: AssetId,
        index: int,
        member: Address,
        quanta: int,
        branch: Branch,
    ) -> None:
        """Pay a release of a final leg to its member."""
        self._require_phase(identity, Phase.FINAL)
        self.vault.pay_release(identity, asset_id, index, member, quanta, branch)

    def _apply_commit(
        self, identity: Hash32, settlement: Settlement, leg: Leg, leg_digest: Hash32, now: int
    ) -> None:
        self._phases[identity] = Phase.COMMITTED
        self.last_committed, self.last_leg = identity, leg_digest
        self._progress = _Progress(settlement.cycle, settlement.cut_time, settlement.journal_count)
        self._commits[identity] = _Commit(len(self._commits) + 1, now)
        for asset in leg.assets:
            self.vault.apply_asset(identity, asset)
        for entry in settlement.chains:
            if self.is_home and entry.active and entry.chain_id != self.identity.home:
                self.peers[entry.chain_id].leg_hash = entry.leg_hash

    def _identify(self, settlement: Settlement, expected: Phase) -> Hash32:
        ours = self.identity.clearinghouse_id
        if settlement.clearinghouse_id != ours:
            revert("WrongClearinghouse", settlement.clearinghouse_id, ours)
        identity = settlement_id(settlement)
        self._require_phase(identity, expected)
        return identity

    def _verify_signed(
        self,
        identity: Hash32,
        settlement: Settlement,
        operator_set: OperatorSet,
        signatures: Sequence[bytes],
    ) -> None:
        given, current = operator_set_hash(operator_set), self.identity.operator_set_hash
        if given != current:
            revert("WrongOperatorSet", given, current)
        if settlement.operator_epoch != operator_set.epoch:
            revert("WrongOperatorEpoch", settlement.operator_epoch, operator_set.epoch)
        require_quorum(identity, operator_set.signers, operator_set.threshold, signatures)

    def _verify_leg(self, settlement: Settlement, leg: Leg) -> Hash32:
        here, ours = self.identity.chain_id, self.identity.address
        if leg.chain_id != here:
            revert("WrongChain", leg.chain_id, here)
        if leg.anchor != ours:
            revert("WrongAnchor", leg.chain_id, shown(leg.anchor), shown(ours))
        if leg.cycle != settlement.cycle:
            revert("WrongLegCycle", leg.cycle, settlement.cycle)
        entry = _get_entry(settlement, here)
        if entry.anchor != ours:
            revert("WrongAnchor", here, shown(entry.anchor), shown(ours))
        if not entry.active:
            revert("ChainNotActive", here)
        digest = leg_hash(leg)
        if digest != entry.leg_hash:
            revert("WrongLegHash", digest, entry.leg_hash)
        return digest

    def _verify_deadlines(self, settlement: Settlement, now: int) -> None:
        furthest = self.identity.windows.max_decide_seconds
        prepare_deadline, decide_by = settlement.prepare_deadline, settlement.decide_by
        if not now <= prepare_deadline < decide_by <= now + furthest:
            revert("DeadlinesInvalid", prepare_deadline, decide_by, now, furthest)

    def _verify_chains(self, settlement: Settlement) -> bool:
        """Return whether home is the only active chain."""
        home, alone, home_listed, previous = self.identity.home, True, False, 0
        for entry in settlement.chains:
            if entry.chain_id <= previous:
                revert("ChainsNotIncreasing", entry.chain_id)
            previous = entry.chain_id
            if entry.chain_id == home:
                home_listed = True
                if not entry.active:
                    revert("ChainNotActive", home)
                if not self.is_home:
                    self._verify_peer(entry)
            elif self.is_home:
                self._verify_peer(entry)
                alone = alone and not entry.active
        if not home_listed:
            revert("ChainNotListed", home)
        if self.is_home and len(settlement.chains) != len(self.peers) + 1:
            revert("WrongChainCount", len(settlement.chains), len(self.peers) + 1)
        return alone

    def _verify_peer(self, entry: ChainEntry) -> None:
        peer = self.peers.get(entry.chain_id)
        if peer is None:
            revert("UnknownPeer", entry.chain_id)
        if entry.anchor != peer.anchor:
            revert("WrongAnchor", entry.chain_id, shown(entry.anchor), shown(peer.anchor))
        if not entry.active:
            if entry.leg_hash != peer.leg_hash:
                revert("WrongInactiveLeg", entry.chain_id, entry.leg_hash, peer.leg_hash)
        elif peer.client.status is not ClientStatus.ACTIVE:
            revert("ClientNotActive", entry.chain_id)

    def _verify_parent(self, settlement: Settlement, now: int) -> None:
        last = self._progress
        if settlement.parent != self.last_committed:
            revert("WrongParent", settlement.parent, self.last_committed)
        if settlement.cycle <= last.cycle:
            revert("CycleNotIncreasing", settlement.cycle, last.cycle)
        if settlement.journal_count < last.journal_count:
            revert("JournalShrinks", settlement.journal_count, last.journal_count)
        if not last.cut_time < settlement.cut_time <= now:
            revert("WrongCutTime", settlement.cut_time, last.cut_time, now)

    def _verify_assets(self, leg: Leg, now: int) -> None:
        if [asset.asset_id for asset in leg.assets] != sorted(self.vault.assets):
            revert("WrongAssets")
        for asset in leg.assets:
            self.vault.verify_asset(asset, now)

    def _verify_all_prepared(
        self, identity: Hash32, settlement: Settlement, proofs: Sequence[CounterProof]
    ) -> None:
        others = [e for e in settlement.chains if e.active and e.chain_id != self.identity.home]
        for index, entry in enumerate(others):
            if index == len(proofs):
                revert("WrongProofCount", len(proofs), index + 1)
            proven, _ = self.peers[entry.chain_id].proven_phase(identity, proofs[index])
            if proven is not Phase.PREPARED:
                revert("ProvenPhaseInsufficient", entry.chain_id, proven)
        if len(proofs) != len(others):
            revert("WrongProofCount", len(proofs), len(others))

    def _require_phase(self, identity: Hash32, expected: Phase) -> None:
        actual = self.phase(identity)
        if actual is not expected:
            revert("WrongPhase", identity, actual, expected)

    def require_role(self, *, home: bool) -> None:
        """Refuse a step that is for home alone, or for the others alone."""
        if self.is_home is not home:
            revert("WrongRole", self.is_home)


def _get_entry(settlement: Settlement, chain_id: ChainId) -> ChainEntry:
    entry = next((e for e in settlement.chains if e.chain_id == chain_id), None)
    if entry is None:
        revert("ChainNotListed", chain_id)
    return entry


def _require_after_preparation(chain_id: ChainId, settlement: Settlement, timestamp: int) -> None:
    if timestamp <= settlement.prepare_deadline:
        revert("AbsenceTooEarly", chain_id, timestamp, settlement.prepare_deadline)
