"""What a settlement needs next on each chain: the stages from cut to final, top to bottom.

Pure: the same package and views give the same actions, whoever asks and however often. Nothing is
remembered between calls, so a coordinator that was killed, or a relayer that has just arrived, goes
on where the chains are.

A chain's decision is acted on only when it is *proven* in a finalised header. What a node merely
says (a *hint*) decides only whether a transaction is worth sending; the contract checks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.base import CounterProof, ProvenPhase
from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.book.settlements import Leg, OperatorSet, Phase, Settlement
from clearinghouse.proofs.header import VerifiedHeader


@dataclass(frozen=True)
class SettlementPackage:
    """Everything that anyone needs to drive a signed settlement."""

    settlement_id: Hash32
    settlement: Settlement
    legs: tuple[Leg, ...]
    operator_set: OperatorSet
    signatures: tuple[bytes, ...]
    home_chain_id: ChainId
    challenge_seconds: int
    committed_at: int = 0
    """Seconds since the epoch, of a header that proved home COMMITTED; 0 when not known."""

    def leg(self, chain_id: ChainId) -> Leg:
        """Return the leg of an active chain."""
        return next(leg for leg in self.legs if leg.chain_id == chain_id)

    @property
    def active_chains(self) -> tuple[ChainId, ...]:
        """Chains with a leg, ascending."""
        return tuple(leg.chain_id for leg in self.legs)

    @property
    def spokes(self) -> tuple[ChainId, ...]:
        """Active chains without home."""
        return tuple(chain for chain in self.active_chains if chain != self.home_chain_id)


@dataclass(frozen=True)
class ChainView:
    """One chain as last seen."""

    proven: ProvenPhase
    """The settlement's phase at the newest finalised header."""
    hint_phase: Phase
    hint_in_flight: Hash32
    hint_time: int
    """Seconds since the epoch, the newest block's."""
    client_heights: Mapping[ChainId, int] = field(default_factory=dict)
    """Newest height that this chain's light clients hold, per chain they follow."""

    @property
    def header(self) -> VerifiedHeader:
        """The finalised header that ``proven`` stands against."""
        return self.proven.header


@dataclass(frozen=True)
class Action:
    """One transaction that moves a settlement on, and the light-client updates it rests on."""

    chain_id: ChainId
    name: str
    """prepare, commit, abort, abort_by_absence, abort_by_proof, finalize or finalize_by_proof."""
    proofs: tuple[CounterProof, ...] = ()
    updates: tuple[tuple[ChainId, VerifiedHeader], ...] = ()
    """(followed chain, header) to give to this chain's light client first."""
    of_chain: ChainId | None = None
    """The chain whose absence is proven."""


Views = Mapping[ChainId, ChainView]
"""Views of the chains that answer; a silent one is left out and simply not acted on."""


def next_actions(package: SettlementPackage, views: Views, home_committed_at: int) -> list[Action]:
    """Return at most one action per chain.

    ``home_committed_at`` is the time of the first header that proved home COMMITTED, 0 if none.
    """
    if not package.signatures:
        return []
    actions = []
    for chain_id in package.active_chains:
        view = views.get(chain_id)
        if view is None:
            continue
        if chain_id == package.home_chain_id:
            action = _next_on_home(package, views, view, home_committed_at)
        else:
            action = _next_on_spoke(package, views, chain_id, view)
        if action is not None:
            actions.append(action)
    return actions


def _next_on_home(
    package: SettlementPackage, views: Views, home: ChainView, home_committed_at: int
) -> Action | None:
    settlement = package.settlement
    if home.hint_phase is Phase.NONE:
        return _prepare(package, package.home_chain_id, home)
    if home.hint_phase is Phase.PREPARED:
        if home.hint_time > settlement.decide_by:
            return Action(package.home_chain_id, "abort")
        return _commit_home(package, views, home) or _abort_by_absence(package, views, home)
    window_ends = home_committed_at + package.challenge_seconds
    if home.hint_phase is Phase.COMMITTED and home_committed_at and home.hint_time > window_ends:
        return Action(package.home_chain_id, "finalize")
    return None


def _next_on_spoke(
    package: SettlementPackage, views: Views, chain_id: ChainId, spoke: ChainView
) -> Action | None:
    home = views.get(package.home_chain_id)
    decided = home.proven.phase if home is not None else Phase.NONE
    if spoke.hint_phase is Phase.NONE and decided in (Phase.NONE, Phase.PREPARED):
        return _prepare(package, chain_id, spoke)
    if home is None:
        return None
    if spoke.hint_phase is Phase.PREPARED:
        if decided in (Phase.COMMITTED, Phase.FINAL):
            return _with_proofs(package, chain_id, "commit", spoke, {package.home_chain_id: home})
        if decided is Phase.ABORTED or _holds_none_past_deadline(package, home):
            return _with_proofs(
                package, chain_id, "abort_by_proof", spoke, {package.home_chain_id: home}
            )
    if spoke.hint_phase is Phase.COMMITTED and decided is Phase.FINAL:
        return _with_proofs(
            package, chain_id, "finalize_by_proof", spoke, {package.home_chain_id: home}
        )
    return None


def _prepare(package: SettlementPackage, chain_id: ChainId, view: ChainView) -> Action | None:
    """Prepare while there is time and no other settlement is in flight there."""
    in_time = view.hint_time <= package.settlement.prepare_deadline
    if in_time and view.hint_in_flight == ZERO_HASH:
        return Action(chain_id, "prepare")
    return None


def _commit_home(package: SettlementPackage, views: Views, home: ChainView) -> Action | None:
    """Commit on home once every other active anchor is proven PREPARED."""
    spokes = {chain: views[chain] for chain in package.spokes if chain in views}
    everyone = len(spokes) == len(package.spokes)
    if everyone and all(view.proven.phase is Phase.PREPARED for view in spokes.values()):
        return _with_proofs(package, package.home_chain_id, "commit", home, spokes)
    return None


def _abort_by_absence(package: SettlementPackage, views: Views, home: ChainView) -> Action | None:
    """Abort before the deadline when a spoke provably missed its chance to prepare."""
    for chain_id in package.spokes:
        view = views.get(chain_id)
        if view is not None and _holds_none_past_deadline(package, view):
            return _with_proofs(
                package,
                package.home_chain_id,
                "abort_by_absence",
                home,
                {chain_id: view},
                of_chain=chain_id,
            )
    return None


def _holds_none_past_deadline(package: SettlementPackage, view: ChainView) -> bool:
    late = view.header.timestamp > package.settlement.prepare_deadline
    return view.proven.phase is Phase.NONE and late


def _with_proofs(
    package: SettlementPackage,
    chain_id: ChainId,
    name: str,
    view: ChainView,
    evidence: Views,
    of_chain: ChainId | None = None,
) -> Action | None:
    """Bundle proofs with the updates they need; wait where a client is ahead of our view.

    A client takes increasing heights only, so a proof against a header that it has passed is of no
    use; the next look at that chain brings a newer one.
    """
    updates = []
    for followed, seen in sorted(evidence.items()):
        held = view.client_heights.get(followed, 0)
        if held > seen.header.height:
            return None
        if held < seen.header.height:
            updates.append((followed, seen.header))
    proofs = tuple(seen.proven.proof for _, seen in sorted(evidence.items()))
    return Action(chain_id, name, proofs, tuple(updates), of_chain)
