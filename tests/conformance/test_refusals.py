"""Bad input meets the same named error on both kinds of chain, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec
import pytest

from adapters.base import CounterProof
from clearinghouse.book.identifiers import ZERO_ADDRESS, Address, ChainId, Hash32
from clearinghouse.book.settlements import ChainEntry, Leg, LegAsset
from tests.conformance.scenario import (
    ALICE,
    BOB,
    PREPARE_SECONDS,
    SPOKES,
    Proposal,
    Scenario,
    changing,
    refused_with,
    units,
)
from tests.conformance.world import DOLLAR, FEE_TAKER, HOME, OTHER_SPOKE, SPOKE, WINDOWS

STRANGER = Address(b"\x99" * 20)
NONSENSE = Hash32(b"\x99" * 32)


def changing_dollar(**changes: object) -> Callable[[Leg], Leg]:
    """Return what changes the dollar's line of a leg."""

    def change(leg: Leg) -> Leg:
        line: LegAsset = msgspec.structs.replace(leg.assets[0], **changes)
        return msgspec.structs.replace(leg, assets=(line, *leg.assets[1:]))

    return change


def leg_change(change: Callable[[Leg], Leg]) -> Callable[[Scenario], Proposal]:
    return lambda scenario: scenario.propose(change_leg={HOME: change})


def settlement_change(**changes: object) -> Callable[[Scenario], Proposal]:
    return lambda scenario: scenario.propose(change_settlement=changing(**changes))


def entry_change(chain_id: int, **changes: object) -> Callable[[Scenario], Proposal]:
    change: Callable[[ChainEntry], ChainEntry] = changing(**changes)
    return lambda scenario: scenario.propose(change_entry={chain_id: change})  # type: ignore[dict-item]


def deadlines(prepare_seconds: int, decide_seconds: int) -> Callable[[Scenario], Proposal]:
    def build(scenario: Scenario) -> Proposal:
        now = scenario.world.adapters[HOME].hint_time()
        change = changing(prepare_deadline=now + prepare_seconds, decide_by=now + decide_seconds)
        return scenario.propose(change_settlement=change)

    return build


def without_a_spoke(scenario: Scenario) -> Proposal:
    return scenario.propose(
        change_settlement=lambda s: msgspec.structs.replace(s, chains=s.chains[:2])
    )


def unknown_peer(scenario: Scenario) -> Proposal:
    def add(settlement):  # type: ignore[no-untyped-def]
        stranger = ChainEntry(99_999, STRANGER, NONSENSE, True)  # type: ignore[arg-type]
        return msgspec.structs.replace(settlement, chains=(*settlement.chains, stranger))

    return scenario.propose(change_settlement=add)


def zeros_for_a_peer(scenario: Scenario) -> Proposal:
    """Leave a spoke out and list an inactive chain of zeros, so that the count is right."""

    def displace(settlement):  # type: ignore[no-untyped-def]
        zeros = ChainEntry(99_999, bytes(20), bytes(32), False)  # type: ignore[arg-type]
        return msgspec.structs.replace(settlement, chains=(*settlement.chains[:-1], zeros))

    return scenario.propose(change_settlement=displace)


def without_home(scenario: Scenario) -> Proposal:
    return scenario.propose(
        change_settlement=lambda s: msgspec.structs.replace(s, chains=s.chains[1:])
    )


BAD_PREPARES: dict[str, tuple[Callable[[Scenario], Proposal], str]] = {
    "other clearinghouse": (settlement_change(clearinghouse_id=NONSENSE), "WrongClearinghouse"),
    "other operator epoch": (settlement_change(operator_epoch=2), "WrongOperatorEpoch"),
    "leg of another chain": (leg_change(changing(chain_id=SPOKE)), "WrongChain"),
    "leg of another anchor": (leg_change(changing(anchor=STRANGER)), "WrongAnchor"),
    "leg of another cycle": (leg_change(changing(cycle=9)), "WrongLegCycle"),
    "other parent leg": (leg_change(changing(parent_leg=NONSENSE)), "WrongParentLeg"),
    "other leg than listed": (entry_change(HOME, leg_hash=NONSENSE), "WrongLegHash"),
    "own anchor listed wrongly": (entry_change(HOME, anchor=STRANGER), "WrongAnchor"),
    "home inactive": (entry_change(HOME, active=False), "ChainNotActive"),
    "home not listed": (without_home, "ChainNotListed"),
    "peer's anchor unknown": (entry_change(SPOKE, anchor=STRANGER), "WrongAnchor"),
    "unknown peer": (unknown_peer, "UnknownPeer"),
    "zeros in a peer's place": (zeros_for_a_peer, "UnknownPeer"),
    "peer left out": (without_a_spoke, "WrongChainCount"),
    "inactive leg invented": (entry_change(SPOKE, active=False), "WrongInactiveLeg"),
    "other parent": (settlement_change(parent=NONSENSE), "WrongParent"),
    "cycle not increasing": (
        lambda s: s.propose(
            change_leg={c: changing(cycle=0) for c in (HOME, *SPOKES)},
            change_settlement=changing(cycle=0),
        ),
        "CycleNotIncreasing",
    ),
    "cut in the future": (settlement_change(cut_time=2**40), "WrongCutTime"),
    "cut at the parent's": (settlement_change(cut_time=0), "WrongCutTime"),
    "prepare deadline passed": (deadlines(-10, 100), "DeadlinesInvalid"),
    "deadlines swapped": (deadlines(100, 100), "DeadlinesInvalid"),
    "deadline too far": (
        deadlines(PREPARE_SECONDS, WINDOWS.max_decide_seconds + 100),
        "DeadlinesInvalid",
    ),
    "claims out of nothing": (leg_change(changing_dollar(claims=601)), "NotConserved"),
    "claims lost": (leg_change(changing_dollar(claims=599)), "NotConserved"),
    "released beside the claims": (leg_change(changing_dollar(released=1)), "NotConserved"),
    "sum that overflows uint128": (
        leg_change(changing_dollar(claims=2**128 - 1, released=601)),
        "NotConserved",
    ),
    "deposits not yet made": (
        leg_change(changing_dollar(deposit_cursor=2)),
        "DepositCursorOutOfRange",
    ),
    "other deposit hash": (leg_change(changing_dollar(deposit_hash=NONSENSE)), "WrongDepositHash"),
    "exits not yet asked": (leg_change(changing_dollar(exit_cursor=1)), "ExitCursorOutOfRange"),
    "asset left out": (
        leg_change(lambda leg: msgspec.structs.replace(leg, assets=leg.assets[:1])),
        "WrongAssets",
    ),
}


@pytest.fixture
def funded(scenario: Scenario) -> Scenario:
    """Alice has 600 at home; Bob has 400 on one spoke."""
    scenario.deposit(HOME, ALICE, 600)
    scenario.deposit(SPOKE, BOB, 400)
    return scenario


@pytest.mark.parametrize("name", BAD_PREPARES)
def test_prepare_is_refused_when_the_settlement_is_bad(funded: Scenario, name: str) -> None:
    build, error = BAD_PREPARES[name]
    before = funded.state()
    proposal = build(funded)
    refused_with(error, lambda: funded.prepare(proposal, HOME))
    assert funded.state() == before
    assert funded.phases(proposal)[HOME] == "NONE"


def test_prepare_is_refused_on_a_spoke_when_home_is_another(funded: Scenario) -> None:
    proposal = entry_change(HOME, anchor=STRANGER)(funded)
    refused_with("WrongAnchor", lambda: funded.prepare(proposal, SPOKE))
    proposal = without_home(funded)
    refused_with("ChainNotListed", lambda: funded.prepare(proposal, SPOKE))


def test_prepare_is_refused_when_signatures_are_no_quorum(funded: Scenario) -> None:
    proposal, before = funded.propose(), funded.state()
    first, second = proposal.signatures
    stranger = funded.world.committee_keys(HOME)[0].sign_digest(proposal.id)
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    malleable = (
        first[:32] + (order - int.from_bytes(first[32:64])).to_bytes(32) + bytes((55 - first[64],))
    )
    for signatures, error in (
        ((), "QuorumNotReached"),
        ((first,), "QuorumNotReached"),
        ((first, first), "SignerNotInOrder"),
        ((second, first), "SignerNotInOrder"),
        ((first, second, stranger), "SignerNotInOrder"),
        ((malleable, second), "ECDSAInvalidSignatureS"),
        ((first[:64], second), "ECDSAInvalidSignatureLength"),
        ((bytes(65), second), "ECDSAInvalidSignature"),
    ):
        spoiled = replace(proposal, signatures=signatures)
        refused_with(error, partial(funded.prepare, spoiled, HOME))
    assert funded.state() == before


def test_prepare_is_refused_when_operators_are_not_the_registered_ones(funded: Scenario) -> None:
    proposal, world = funded.propose(), funded.world
    lax = msgspec.structs.replace(world.operator_set, threshold=1)
    refused_with(
        "WrongOperatorSet",
        lambda: world.adapters[HOME].submit_prepare(
            proposal.settlement, proposal.legs[HOME], lax, proposal.signatures
        ),
    )


def test_prepare_is_refused_when_another_settlement_is_in_flight(funded: Scenario) -> None:
    funded.prepare(funded.propose(), HOME)
    other = funded.propose(change_settlement=changing(journal_head=NONSENSE))
    refused_with("AlreadyInFlight", lambda: funded.prepare(other, HOME))


def test_prepare_is_refused_when_a_deposit_waited_beyond_the_grace(funded: Scenario) -> None:
    world = funded.world
    world.adapters[SPOKE].submit_deposit(DOLLAR, 50, ALICE)
    for chain_id in (HOME, SPOKE, OTHER_SPOKE):
        world.advance_time(chain_id, WINDOWS.grace_seconds + 1)
    refused_with("DepositOverdue", lambda: funded.prepare(funded.propose(), SPOKE))
    funded.credit(SPOKE)
    funded.prepare(funded.propose(), SPOKE)


def cut_storage(proof: CounterProof) -> CounterProof:
    return replace(proof, storage_proof=proof.storage_proof[:-1])


def cut_account(proof: CounterProof) -> CounterProof:
    return replace(proof, account_proof=proof.account_proof[:-1])


def extended_storage(proof: CounterProof) -> CounterProof:
    return replace(proof, storage_proof=(*proof.storage_proof, proof.storage_proof[-1]))


def extended_account(proof: CounterProof) -> CounterProof:
    return replace(proof, account_proof=(*proof.account_proof, proof.account_proof[-1]))


def altered(proof: CounterProof) -> CounterProof:
    *nodes, last = proof.storage_proof
    return replace(proof, storage_proof=(*nodes, last[:-1] + bytes((last[-1] ^ 1,))))


def empty(proof: CounterProof) -> CounterProof:
    return replace(proof, account_proof=(), storage_proof=())


def at_unknown_height(proof: CounterProof) -> CounterProof:
    return replace(proof, height=proof.height + 1)


BAD_PROOFS: dict[str, tuple[Callable[[CounterProof], CounterProof], str]] = {
    "storage truncated": (cut_storage, "ProofTruncated"),
    "account truncated": (cut_account, "ProofTruncated"),
    "storage extended": (extended_storage, "ProofHasUnusedNodes"),
    "account extended": (extended_account, "ProofHasUnusedNodes"),
    "node altered": (altered, "NodeHashMismatch"),
    "empty": (empty, "ProofTruncated"),
    "unknown height": (at_unknown_height, "UnknownHeader"),
}


@pytest.fixture
def prepared(funded: Scenario) -> Proposal:
    proposal = funded.propose()
    for chain_id in (HOME, *SPOKES):
        funded.prepare(proposal, chain_id)
    return proposal


def refuse_commit(
    scenario: Scenario, proposal: Proposal, proofs: list[CounterProof], error: str
) -> None:
    """Check that home does not commit on these proofs, by that error, and stays PREPARED."""
    home = scenario.world.adapters[HOME]
    refused_with(
        error, lambda: home.submit_commit(proposal.settlement, proposal.legs[HOME], proofs)
    )
    assert scenario.phases(proposal)[HOME] == "PREPARED"


@pytest.mark.parametrize("name", BAD_PROOFS)
def test_commit_is_refused_when_a_proof_is_spoiled(
    funded: Scenario, prepared: Proposal, name: str
) -> None:
    spoil, error = BAD_PROOFS[name]
    first, second = (funded.prove(prepared, chain_id, HOME) for chain_id in SPOKES)
    refuse_commit(funded, prepared, [spoil(first), second], error)
    refuse_commit(funded, prepared, [first, spoil(second)], error)


def test_commit_is_refused_when_a_proof_is_of_another_chain_or_missing(
    funded: Scenario, prepared: Proposal
) -> None:
    first, second = (funded.prove(prepared, chain_id, HOME) for chain_id in SPOKES)
    moved = funded.prove(prepared, OTHER_SPOKE, HOME)
    refuse_commit(funded, prepared, [first], "WrongProofCount")
    refuse_commit(funded, prepared, [first, second, moved], "WrongProofCount")
    foreign = replace(first, height=moved.height)
    refuse_commit(funded, prepared, [first, foreign], "NodeHashMismatch")


def test_commit_is_refused_when_a_proof_is_of_before_prepare(funded: Scenario) -> None:
    proposal = funded.propose()
    stale = funded.prove(proposal, SPOKE, HOME)
    for chain_id in (HOME, *SPOKES):
        funded.prepare(proposal, chain_id)
    fresh = funded.prove(proposal, OTHER_SPOKE, HOME)
    refuse_commit(funded, proposal, [stale, fresh], "ProvenPhaseInsufficient")


def test_commit_is_refused_when_a_proof_is_of_another_settlement(
    funded: Scenario, prepared: Proposal
) -> None:
    other = funded.propose(change_settlement=changing(journal_head=NONSENSE))
    first, second = (funded.prove(prepared, chain_id, HOME) for chain_id in SPOKES)
    header = funded.world.adapters[SPOKE].find_finalised_header()
    assert header is not None
    foreign = funded.world.adapters[SPOKE].prove_phase(header, other.id).proof
    home = funded.world.adapters[HOME]
    with pytest.raises(Exception, match="transaction_reverted"):
        home.submit_commit(prepared.settlement, prepared.legs[HOME], [foreign, second])
    assert funded.phases(prepared)[HOME] == "PREPARED"
    home.submit_commit(prepared.settlement, prepared.legs[HOME], [first, second])


def test_spoke_does_not_commit_when_home_only_prepared(
    funded: Scenario, prepared: Proposal
) -> None:
    refused_with("ProvenPhaseInsufficient", lambda: funded.commit_spoke(prepared, SPOKE))
    proof = funded.prove(prepared, HOME, SPOKE)
    spoke = funded.world.adapters[SPOKE]
    refused_with(
        "ProvenPhaseInsufficient",
        lambda: spoke.submit_abort_by_proof(prepared.settlement, proof),
    )
    refused_with(
        "WrongProofCount",
        lambda: spoke.submit_commit(prepared.settlement, prepared.legs[SPOKE], [proof, proof]),
    )


def test_roles_are_refused_when_taken_by_the_other_kind_of_chain(
    funded: Scenario, prepared: Proposal
) -> None:
    world = funded.world
    home_proof = funded.prove(prepared, HOME, SPOKE)
    spoke_proof = funded.prove(prepared, SPOKE, HOME)
    spoke, home = world.adapters[SPOKE], world.adapters[HOME]
    for attempt in (
        lambda: spoke.submit_abort(prepared.settlement),
        lambda: spoke.submit_finalize(prepared.id),
        lambda: spoke.submit_abort_by_absence(prepared.settlement, HOME, home_proof),
        lambda: home.submit_abort_by_proof(prepared.settlement, spoke_proof),
        lambda: home.submit_finalize_by_proof(prepared.id, spoke_proof),
    ):
        refused_with("WrongRole", attempt)
    for chain_id, error in ((HOME, "ChainNotActive"), (99_999, "ChainNotListed")):
        refused_with(
            error,
            partial(
                home.submit_abort_by_absence, prepared.settlement, ChainId(chain_id), spoke_proof
            ),
        )


BAD_DEPOSITS = {
    "part of a quantum": (SPOKE, DOLLAR, 10**14 + 1, ALICE, "NotWholeQuanta"),
    "nothing": (SPOKE, DOLLAR, 0, ALICE, "DepositOutOfRange"),
    "below the minimum": (SPOKE, DOLLAR, units(SPOKE, 9), ALICE, "DepositOutOfRange"),
    "beyond uint64": (HOME, DOLLAR, 2**64, ALICE, "DepositOutOfRange"),
    "for nobody": (SPOKE, DOLLAR, units(SPOKE, 10), ZERO_ADDRESS, "ZeroMember"),
    "of a token that keeps a fee": (HOME, FEE_TAKER, 1_000, ALICE, "ReceivedLessThanAmount"),
    "more than the sender has": (HOME, DOLLAR, 2**63, ALICE, "ERC20InsufficientBalance"),
}


@pytest.mark.parametrize("name", BAD_DEPOSITS)
def test_deposit_is_refused_when_it_is_bad(scenario: Scenario, name: str) -> None:
    chain_id, asset_id, amount, member, error = BAD_DEPOSITS[name]
    before = scenario.state()
    refused_with(error, lambda: scenario.world.deposit_units(chain_id, asset_id, amount, member))
    assert scenario.state() == before
    header = scenario.finalise(chain_id)
    nothing = scenario.world.adapters[chain_id].prove_deposits(
        header, asset_id, 0, Hash32(bytes(32))
    )
    assert not nothing
