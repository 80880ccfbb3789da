"""Goal: settlements, solvency and branches are what was signed, told as of one sequence.

Method: a real sequencer behind a real server; branches are verified against the signed legs.
"""

from __future__ import annotations

import pytest

from clearinghouse.api.views import (
    ChainPhase,
    PayableRelease,
)
from clearinghouse.book.entries import SettlementProposed, SettlementSigned
from clearinghouse.book.identifiers import AssetId, Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.commitment.settlements import leg_hash, settlement_id
from clearinghouse.commitment.trees import claim_leaf, release_leaf, verify_branch
from clearinghouse.errors import ProofInvalid, Rejected
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    EUR,
    HOME,
    REMOTE,
    SPOKE,
    USD,
    Clearing,
    build_genesis,
)
from tests.unit.api.serving import Served

DEPOSIT = 1_000_000


def test_settlement_record_has_what_a_relay_needs(clearing: Clearing, served: Served) -> None:
    clearing.trade(ALICE, BOB, 10, 1_000)
    release_id = clearing.release(CAROL, 40)
    proposal = clearing.propose((HOME, SPOKE))
    clearing.record(SettlementSigned(proposal.settlement_id, (b"\x01" * 65, b"\x02" * 65)))
    record = served.client.get_settlement(proposal.settlement_id)
    assert settlement_id(record.settlement) == proposal.settlement_id
    assert record.legs == proposal.legs
    assert [leg_hash(leg) for leg in record.legs] == [
        entry.leg_hash for entry in record.settlement.chains if entry.active
    ]
    assert record.operator_set == build_genesis().operator_set
    assert record.signatures == (b"\x01" * 65, b"\x02" * 65)
    assert record.chain_phases == tuple(
        ChainPhase(chain, Phase.NONE, lapsed=False) for chain in (HOME, SPOKE)
    )
    assert record.outcome is Phase.NONE
    assert record.releases == (PayableRelease(HOME, USD, 0, CAROL.address, 40, release_id),)
    clearing.prove(proposal, Phase.COMMITTED, (HOME,))
    decided = served.client.get_settlement(proposal.settlement_id)
    assert decided.outcome is Phase.COMMITTED
    assert [line.phase for line in decided.chain_phases] == [Phase.COMMITTED, Phase.NONE]


def test_settlement_is_unknown_when_none_was_proposed(served: Served) -> None:
    with pytest.raises(Rejected) as refused:
        served.client.get_settlement(Hash32(b"\x05" * 32))
    assert refused.value.reason == "SETTLEMENT_UNKNOWN"


def test_settlements_are_listed_in_order_with_their_ends(
    clearing: Clearing, served: Served
) -> None:
    assert served.client.list_settlements() == []
    aborted = clearing.propose()
    clearing.prove(aborted, Phase.ABORTED)
    final = clearing.settle()
    clearing.prove(final, Phase.FINAL)
    open_one = clearing.propose()
    listed = served.client.list_settlements()
    assert [line.settlement_id for line in listed] == [
        aborted.settlement_id, final.settlement_id, open_one.settlement_id,
    ]  # fmt: skip
    assert [line.outcome for line in listed] == [Phase.ABORTED, Phase.FINAL, Phase.NONE]
    assert [line.closed for line in listed] == [True, True, False]
    assert [line.cycle for line in listed] == [1, 2, 3]


def test_solvency_adds_up_when_deposits_claims_and_releases_exist(
    clearing: Clearing, served: Served
) -> None:
    clearing.release(ALICE, 250)
    clearing.settle()
    clearing.deposit(BOB, 70)
    solvency = served.client.get_solvency()
    vaults = {(vault.chain_id, vault.asset_id): vault for vault in solvency.vaults}
    assert list(vaults) == [(HOME, USD), (HOME, EUR), (SPOKE, USD), (SPOKE, EUR), (REMOTE, USD)]
    home = vaults[HOME, USD]
    assert home.claims_quanta == 3 * DEPOSIT - 250
    assert home.released_quanta == 250
    assert home.unconsumed_deposit_quanta == 70
    assert home.deposit_count == 4
    total = home.claims_quanta + home.released_quanta + home.unconsumed_deposit_quanta
    assert total == 3 * DEPOSIT + 70


def test_solvency_counts_no_release_when_its_settlement_is_not_committed(
    clearing: Clearing, served: Served
) -> None:
    clearing.release(ALICE, 250)
    proposal = clearing.propose()
    assert sum(vault.released_quanta for vault in served.client.get_solvency().vaults) == 0
    clearing.prove(proposal, Phase.ABORTED)
    assert sum(vault.released_quanta for vault in served.client.get_solvency().vaults) == 0


def leg_asset_of(proposal: SettlementProposed, chain: int, asset: int) -> object:
    leg = next(leg for leg in proposal.legs if leg.chain_id == chain)
    return next(line for line in leg.assets if line.asset_id == asset)


def test_claim_branch_leads_to_the_signed_root(clearing: Clearing, served: Served) -> None:
    clearing.trade(ALICE, BOB, 10, 1_000)
    proposal = clearing.settle()
    line = leg_asset_of(proposal, HOME, USD)
    for who in (ALICE, BOB, CAROL):
        claim = served.client.get_claim_branch(who.address, HOME, USD)
        assert claim.quanta == clearing.claims(who)[HOME]
        assert claim.root.hash == line.claims_tree  # type: ignore[attr-defined]
        assert claim.root.sum == line.claims  # type: ignore[attr-defined]
        assert claim.leg_hash in {entry.leg_hash for entry in proposal.settlement.chains}
        verify_branch(
            claim.root, claim.position, claim_leaf(who.address, claim.quanta), claim.branch
        )
        with pytest.raises(ProofInvalid):
            verify_branch(
                claim.root, claim.position, claim_leaf(who.address, claim.quanta + 1), claim.branch
            )


def test_claim_branch_proves_that_there_is_none(clearing: Clearing, served: Served) -> None:
    clearing.settle()
    claim = served.client.get_claim_branch(ALICE.address, REMOTE, USD)
    assert (claim.quanta, claim.root.sum) == (0, 0)


def test_claim_branch_follows_when_the_next_leg_commits(clearing: Clearing, served: Served) -> None:
    clearing.settle()
    first = served.client.get_claim_branch(ALICE.address, HOME, USD)
    clearing.deposit(ALICE, 5)
    proposal = clearing.propose()
    assert served.client.get_claim_branch(ALICE.address, HOME, USD) == first
    clearing.prove(proposal, Phase.COMMITTED)
    second = served.client.get_claim_branch(ALICE.address, HOME, USD)
    assert (second.quanta, second.root.sum) == (first.quanta + 5, first.root.sum + 5)


@pytest.mark.parametrize(
    ("who", "chain", "asset", "reason"),
    [
        (DAVE, HOME, USD, "MEMBER_UNKNOWN"),
        (ALICE, 99, USD, "LEG_UNKNOWN"),
        (ALICE, HOME, AssetId(9), "VAULT_UNKNOWN"),
        (ALICE, 0, USD, "OUT_OF_RANGE"),
    ],
)
def test_claim_branch_is_refused_when_there_is_nothing_to_prove(
    clearing: Clearing, served: Served, who: object, chain: int, asset: int, reason: str
) -> None:
    clearing.settle()
    with pytest.raises(Rejected) as refused:
        served.client.get_claim_branch(who.address, chain, asset)  # type: ignore[attr-defined, arg-type]
    assert refused.value.reason == reason


def test_claim_branch_is_refused_when_no_leg_is_committed(served: Served) -> None:
    with pytest.raises(Rejected) as refused:
        served.client.get_claim_branch(ALICE.address, HOME, USD)
    assert refused.value.reason == "LEG_UNKNOWN"


def test_release_branch_leads_to_the_signed_root(clearing: Clearing, served: Served) -> None:
    for who, quanta in ((ALICE, 10), (BOB, 20), (CAROL, 30)):
        clearing.release(who, quanta)
    proposal = clearing.settle()
    line = leg_asset_of(proposal, HOME, USD)
    for index, (who, quanta) in enumerate(((ALICE, 10), (BOB, 20), (CAROL, 30))):
        release = served.client.get_release_branch(proposal.settlement_id, HOME, USD, index)
        assert (release.member, release.quanta) == (who.address, quanta)
        assert release.root.hash == line.releases_tree  # type: ignore[attr-defined]
        assert release.root.sum == 60
        leaf = release_leaf(index, who.address, quanta)
        verify_branch(release.root, index, leaf, release.branch)


@pytest.mark.parametrize(
    ("known", "chain", "asset", "index", "reason"),
    [
        (False, HOME, USD, 0, "SETTLEMENT_UNKNOWN"),
        (True, REMOTE, USD, 0, "LEG_UNKNOWN"),
        (True, HOME, AssetId(9), 0, "VAULT_UNKNOWN"),
        (True, HOME, USD, 1, "RELEASE_UNKNOWN"),
        (True, HOME, EUR, 0, "RELEASE_UNKNOWN"),
        (True, HOME, USD, 2**64 - 1, "RELEASE_UNKNOWN"),
    ],
)
def test_release_branch_is_refused_when_there_is_nothing_to_prove(
    clearing: Clearing,
    served: Served,
    known: bool,
    chain: int,
    asset: int,
    index: int,
    reason: str,
) -> None:
    clearing.release(ALICE, 10)
    proposal = clearing.settle((HOME, SPOKE))
    number = proposal.settlement_id if known else Hash32(bytes(32))
    with pytest.raises(Rejected) as refused:
        served.client.get_release_branch(number, chain, asset, index)  # type: ignore[arg-type]
    assert refused.value.reason == reason
