"""Steps of a settlement's life, as a coordinator and relayers would take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import pytest

from adapters.base import CounterProof, ProvenExit
from adapters.committee.attester import sign_attestation
from clearinghouse.book.identifiers import ZERO_HASH, Address, ChainId, Hash32, Position
from clearinghouse.book.settlements import ChainEntry, Leg, LegAsset, Settlement
from clearinghouse.commitment.settlements import leg_hash, settlement_id
from clearinghouse.commitment.trees import SumTree, claims_tree, releases_tree
from clearinghouse.errors import ChainFault
from clearinghouse.proofs.header import VerifiedHeader
from tests.conformance.world import (
    CHAIN_IDS,
    DOLLAR,
    FEE_TAKER,
    FINALITY_DEPTH,
    HOME,
    OTHER_SPOKE,
    SPOKE,
    UNITS_PER_QUANTUM,
    WINDOWS,
    World,
)

ALICE, BOB, CAROL = (
    Address(name.encode().rjust(20, b"\x11")) for name in ("alice", "bob", "carol")
)
POSITIONS = {ALICE: Position(0), BOB: Position(1), CAROL: Position(2)}
SPOKES = (SPOKE, OTHER_SPOKE)
PREPARE_SECONDS, DECIDE_SECONDS = 1_000, 2_000
"""Chains keep their own clocks, which differ by the blocks they have mined: far less than these."""

Claims = Mapping[Address, int]
Changed = TypeVar("Changed", Settlement, Leg, ChainEntry, LegAsset)


def _unchanged(value: Changed) -> Changed:
    return value


@dataclass(frozen=True)
class Proposal:
    """A signed settlement and its legs."""

    settlement: Settlement
    legs: Mapping[ChainId, Leg]
    id: Hash32
    signatures: tuple[bytes, ...]
    releases: Mapping[ChainId, SumTree]
    claims: Mapping[ChainId, SumTree]


@dataclass
class _ChainBook:
    """What a coordinator knows of one chain."""

    claims: dict[Address, int] = field(default_factory=dict)
    deposited: list[tuple[Address, int]] = field(default_factory=list)
    """Final and not yet consumed."""
    cursor: int = 0
    deposit_hash: Hash32 = ZERO_HASH
    exit_cursor: int = 0
    last_leg: Hash32 = ZERO_HASH


class Scenario:
    """A clearinghouse with a very simple book, on some world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.positions = {**POSITIONS, world.funder.address: Position(len(POSITIONS))}
        self._chains = {chain_id: _ChainBook() for chain_id in CHAIN_IDS}
        self._parent = ZERO_HASH
        self._cycle = 0

    def finalise(self, chain_id: ChainId) -> VerifiedHeader:
        """Make all that happened final, attested and seen."""
        self.world.mine(chain_id, FINALITY_DEPTH)
        self.attest(chain_id)
        header = self.world.adapters[chain_id].find_finalised_header()
        assert header is not None
        return header

    def attest(self, chain_id: ChainId) -> None:
        """Let a quorum of the committee sign what the chain holds final."""
        height, block_hash = self.world.finalised_hash(chain_id)
        committee = self.world.committee(chain_id)
        signers = self.world.committee_keys(chain_id)[: committee.threshold]
        self.world.publish(chain_id, sign_attestation(committee, signers, height, block_hash))

    def deposit(self, chain_id: ChainId, member: Address, quanta: int) -> None:
        """Deposit dollars and credit them once they are proven final."""
        self.world.adapters[chain_id].submit_deposit(DOLLAR, quanta, member)
        self.credit(chain_id)

    def credit(self, chain_id: ChainId) -> None:
        """Take note of every deposit that is final."""
        book = self._chains[chain_id]
        first = book.cursor + len(book.deposited)
        header = self.finalise(chain_id)
        adapter = self.world.adapters[chain_id]
        for deposit in adapter.prove_deposits(header, DOLLAR, first, book.deposit_hash):
            book.deposited.append((deposit.member, deposit.quanta))
            book.deposit_hash = deposit.hash

    def credit_exits(self, chain_id: ChainId) -> Sequence[ProvenExit]:
        """Take note of every exit that is final: the next leg there answers them."""
        book = self._chains[chain_id]
        header = self.finalise(chain_id)
        found = self.world.adapters[chain_id].prove_exits(header, DOLLAR, book.exit_cursor)
        book.exit_cursor += len(found)
        return found

    def propose(
        self,
        moves: Mapping[ChainId, Claims] | None = None,
        releases: Mapping[ChainId, Sequence[tuple[Address, int]]] | None = None,
        *,
        active: Sequence[ChainId] = CHAIN_IDS,
        change_leg: Mapping[ChainId, Callable[[Leg], Leg]] | None = None,
        change_entry: Mapping[ChainId, Callable[[ChainEntry], ChainEntry]] | None = None,
        change_settlement: Callable[[Settlement], Settlement] = _unchanged,
    ) -> Proposal:
        """Build and sign a settlement that consumes all deposits and applies ``moves``.

        ``moves`` add to claims, per chain. The ``change_*`` spoil what would be right.
        """
        trees = {c: releases_tree((releases or {}).get(c, ())) for c in CHAIN_IDS}
        legs, claims = {}, {}
        for chain_id in active:
            leg, claims[chain_id] = self._leg(
                chain_id, (moves or {}).get(chain_id, {}), trees[chain_id], releases
            )
            legs[chain_id] = (change_leg or {}).get(chain_id, _unchanged)(leg)
        entries = []
        for chain_id in CHAIN_IDS:
            entry = ChainEntry(
                chain_id,
                self.world.adapters[chain_id].anchor,
                leg_hash(legs[chain_id]) if chain_id in legs else self._chains[chain_id].last_leg,
                chain_id in legs,
            )
            entries.append((change_entry or {}).get(chain_id, _unchanged)(entry))
        cut_time = self.world.adapters[HOME].hint_time()
        settlement = change_settlement(
            Settlement(
                clearinghouse_id=self.world.clearinghouse_id,
                cycle=self._cycle + 1,
                parent=self._parent,
                operator_epoch=self.world.operator_set.epoch,
                cut_time=cut_time,
                journal_count=10 * (self._cycle + 1),
                journal_head=Hash32(b"\x22" * 32),
                statements_root=ZERO_HASH,
                flows_root=ZERO_HASH,
                fills_root=ZERO_HASH,
                prices_root=ZERO_HASH,
                prepare_deadline=cut_time + PREPARE_SECONDS,
                decide_by=cut_time + DECIDE_SECONDS,
                chains=tuple(entries),
            )
        )
        identity = settlement_id(settlement)
        signatures = tuple(k.sign_digest(identity) for k in self.world.operators[:2])
        return Proposal(settlement, legs, identity, signatures, trees, claims)

    def _leg(
        self,
        chain_id: ChainId,
        moves: Claims,
        releases: SumTree,
        all_releases: Mapping[ChainId, Sequence[tuple[Address, int]]] | None,
    ) -> tuple[Leg, SumTree]:
        book = self._chains[chain_id]
        claims = dict(book.claims)
        for member, quanta in [*book.deposited, *moves.items()]:
            claims[member] = claims.get(member, 0) + quanta
        for member, quanta in (all_releases or {}).get(chain_id, ()):
            claims[member] = claims.get(member, 0) - quanta
        tree = claims_tree({self.positions[m]: (m, quanta) for m, quanta in claims.items()})
        asset = LegAsset(
            asset_id=DOLLAR,
            claims_tree=tree.root.hash,
            claims=tree.root.sum,
            releases_tree=releases.root.hash,
            released=releases.root.sum,
            deposit_cursor=book.cursor + len(book.deposited),
            deposit_hash=book.deposit_hash,
            exit_cursor=book.exit_cursor,
        )
        empty = SumTree().root.hash
        idle = LegAsset(FEE_TAKER, empty, 0, empty, 0, 0, ZERO_HASH, 0)
        leg = Leg(
            chain_id=chain_id,
            anchor=self.world.adapters[chain_id].anchor,
            cycle=self._cycle + 1,
            parent_leg=book.last_leg,
            assets=(asset, idle) if chain_id == HOME else (asset,),
            data_hash=ZERO_HASH,
        )
        return leg, tree

    def prepare(self, proposal: Proposal, chain_id: ChainId) -> None:
        """Prepare one leg."""
        self.world.adapters[chain_id].submit_prepare(
            proposal.settlement,
            proposal.legs[chain_id],
            self.world.operator_set,
            proposal.signatures,
        )

    def relay(self, of_chain: ChainId, to_chain: ChainId) -> VerifiedHeader:
        """Bring the newest final header of one chain to its light client on another."""
        header = self.finalise(of_chain)
        (update,) = self.world.adapters[of_chain].build_client_updates(header, 0)
        self.world.adapters[to_chain].submit_client_update(of_chain, update)
        return header

    def prove(self, proposal: Proposal, of_chain: ChainId, to_chain: ChainId) -> CounterProof:
        """Bring to one chain what a proof of the phase on another rests on; return the proof."""
        header = self.relay(of_chain, to_chain)
        return self.world.adapters[of_chain].prove_phase(header, proposal.id).proof

    def commit_home(self, proposal: Proposal) -> None:
        """Commit on home by proofs of all other active chains, and follow it in the book."""
        proofs = [
            self.prove(proposal, chain_id, HOME) for chain_id in SPOKES if chain_id in proposal.legs
        ]
        self.world.adapters[HOME].submit_commit(proposal.settlement, proposal.legs[HOME], proofs)

    def commit_spoke(self, proposal: Proposal, chain_id: ChainId) -> None:
        """Commit on a spoke because home is proven to have."""
        proof = self.prove(proposal, HOME, chain_id)
        self.world.adapters[chain_id].submit_commit(
            proposal.settlement, proposal.legs[chain_id], [proof]
        )

    def commit_everywhere(self, proposal: Proposal) -> None:
        """Take a settlement from nothing to COMMITTED on all its chains."""
        for chain_id in proposal.legs:
            self.prepare(proposal, chain_id)
        self.commit_home(proposal)
        for chain_id in proposal.legs:
            if chain_id != HOME:
                self.commit_spoke(proposal, chain_id)
        self.record(proposal)

    def record(self, proposal: Proposal) -> None:
        """Let the book follow a committed settlement (claims per member stay with the test)."""
        self._parent, self._cycle = proposal.id, proposal.settlement.cycle
        for chain_id, leg in proposal.legs.items():
            book = self._chains[chain_id]
            book.last_leg = leg_hash(leg)
            book.cursor = leg.assets[0].deposit_cursor
            for member, quanta in book.deposited:
                book.claims[member] = book.claims.get(member, 0) + quanta
            book.deposited.clear()

    def claim(
        self, proposal: Proposal, chain_id: ChainId, index: int, member: Address, quanta: int
    ) -> None:
        """Claim a release with its branch."""
        self.world.adapters[chain_id].submit_claim_release(
            proposal.id, DOLLAR, index, member, quanta, proposal.releases[chain_id].branch(index)
        )

    def finalize_everywhere(self, proposal: Proposal) -> None:
        """Make a committed settlement final on all its chains; its parent is."""
        self.world.advance_time(HOME, WINDOWS.challenge_seconds + 1)
        self.world.adapters[HOME].submit_finalize(proposal.id)
        for chain_id in SPOKES:
            proof = self.prove(proposal, HOME, chain_id)
            self.world.adapters[chain_id].submit_finalize_by_proof(proposal.id, proof)

    def exit_frozen(
        self, proposal: Proposal, chain_id: ChainId, member: Address, claim: int
    ) -> None:
        """Pay a claim of a leg out of a frozen anchor."""
        position = self.positions[member]
        self.world.adapters[chain_id].submit_exit_frozen(
            proposal.legs[chain_id],
            DOLLAR,
            position,
            member,
            claim,
            proposal.claims[chain_id].branch(position),
        )

    def phases(self, proposal: Proposal) -> dict[ChainId, str]:
        """Return the name of the phase on every chain, as its node says."""
        return {c: self.world.adapters[c].hint_phase(proposal.id).name for c in CHAIN_IDS}

    def state(self) -> object:
        """Return what an attempt that is refused must leave unchanged."""
        return [
            (
                self.world.adapters[chain_id].solvency(DOLLAR),
                self.world.adapters[chain_id].hint_in_flight(),
                self.world.token_balance(chain_id, self.world.adapters[chain_id].anchor),
            )
            for chain_id in CHAIN_IDS
        ]


def refused_with(error: str, attempt: Callable[[], object]) -> ChainFault:
    """Check that a contract refuses an attempt with the custom error of that name."""
    with pytest.raises(ChainFault) as raised:
        attempt()
    assert raised.value.reason == "transaction_reverted", raised.value
    assert raised.value.attributes["error"] == error, raised.value
    return raised.value


def units(chain_id: ChainId, quanta: int) -> int:
    """Return token units of so many quanta of dollars."""
    return quanta * UNITS_PER_QUANTUM[chain_id]


def changing(**changes: object) -> Callable[[Changed], Changed]:
    """Return what copies a struct with some fields changed."""
    return lambda value: msgspec.structs.replace(value, **changes)
