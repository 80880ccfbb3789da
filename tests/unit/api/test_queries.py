"""Goal: what clients read of members and reference data is what the ledger holds.

Method: a real sequencer behind a real server; expectations are computed from what was done.
"""

from __future__ import annotations

import pytest

from clearinghouse.api.client import (
    sign_fill_batch,
    sign_order,
    sign_placement_limit,
    sign_release,
)
from clearinghouse.api.views import (
    Claim,
    MemberHolding,
)
from clearinghouse.book.identifiers import Hash32, InstrumentId
from clearinghouse.book.orders import Fill, FillBatch, PlacementLimit, Reason, Release, Side
from clearinghouse.book.reference import Instrument
from clearinghouse.errors import Conflict, Rejected
from clearinghouse.intake.sequencer import LANE_LIMIT
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    CHAINS,
    CLEARINGHOUSE_ID,
    DAVE,
    HOME,
    INSTRUMENTS,
    NEVER,
    REMOTE,
    SPOKE,
    USD,
    VENUE,
    Clearing,
    build_genesis,
    build_order,
    hash_of,
)
from tests.unit.api.serving import Served, serving

DEPOSIT = 1_000_000


def test_client_reads_the_deployment(served: Served) -> None:
    assert served.client.get_genesis() == build_genesis()
    assert served.client.list_chains() == list(build_genesis().chains)


def test_query_is_refused_when_the_journal_is_empty() -> None:
    clearing = Clearing()
    try:
        with serving(clearing.sequencer) as served:
            with pytest.raises(Conflict) as refused:
                served.client.get_genesis()
            assert refused.value.reason == "genesis_missing"
    finally:
        clearing.close()


def test_client_reads_all_instruments_when_they_fill_several_pages(
    clearing: Clearing, served: Served
) -> None:
    more = [
        Instrument(InstrumentId(number), f"I{number}", USD, 0, 1) for number in range(2_500, 99, -1)
    ]
    for start in range(0, len(more), LANE_LIMIT):
        lane = more[start : start + LANE_LIMIT]
        for future in [clearing.sequencer.create_instrument(instrument) for instrument in lane]:
            clearing.get(future)
    assert served.client.list_instruments() == [*INSTRUMENTS, *reversed(more)]


def test_member_is_unknown_when_it_never_deposited(served: Served) -> None:
    with pytest.raises(Rejected) as refused:
        served.client.get_member(DAVE.address)
    assert refused.value.reason == "MEMBER_UNKNOWN"


def test_member_shows_deposits_then_claims_when_a_leg_commits(
    clearing: Clearing, served: Served
) -> None:
    clearing.deposit(ALICE, 500, SPOKE)
    before = served.client.get_member(ALICE.address)
    assert before.claims == ()
    assert [account.pending_deposit_quanta for account in before.accounts] == [DEPOSIT + 500]
    clearing.settle()
    after = served.client.get_member(ALICE.address)
    assert after.claims == (Claim(HOME, USD, DEPOSIT), Claim(SPOKE, USD, 500))
    (account,) = after.accounts
    assert (account.asset_id, account.pending_deposit_quanta) == (USD, 0)
    assert account.collateral_quanta == DEPOSIT + 500
    assert after.sequence == clearing.read(lambda state: state.sequence)
    assert [limit.chain_id for limit in after.placement_limits] == list(CHAINS)


def test_member_shows_holdings_margin_and_variation_when_it_traded(
    clearing: Clearing, served: Served
) -> None:
    assert clearing.trade(ALICE, BOB, 10, 1_000) is Reason.ADMITTED
    assert clearing.trade(CAROL, BOB, 1, 1_200) is Reason.ADMITTED
    alice, bob = (served.client.get_member(who.address) for who in (ALICE, BOB))
    assert alice.holdings == (MemberHolding(BTC, 10, 10_000, 1_200),)
    assert bob.holdings == (MemberHolding(BTC, -11, -11_200, 1_200),)
    assert [account.variation_quanta for account in alice.accounts] == [2_000]
    assert [account.variation_quanta for account in bob.accounts] == [-2_000]
    # One tenth of the notional at the last price.
    assert [account.required_quanta for account in bob.accounts] == [11 * 1_200 // 10]


def test_member_shows_what_is_held_when_it_asked_for_a_release(
    clearing: Clearing, served: Served
) -> None:
    clearing.release(ALICE, 300)
    (account,) = served.client.get_member(ALICE.address).accounts
    assert (account.held_quanta, account.collateral_quanta) == (300, DEPOSIT - 300)


def test_client_submits_what_its_own_functions_signed(clearing: Clearing, served: Served) -> None:
    buy = sign_order(ALICE.key, CLEARINGHOUSE_ID, build_order(ALICE, Side.BUY, 5, 100))
    sell = sign_order(BOB.key, CLEARINGHOUSE_ID, build_order(BOB, Side.SELL, 5, 100))
    fills = (
        Fill(hash_of(buy), hash_of(sell), 5, 500),
        Fill(hash_of(buy), hash_of(sell), 1, 100),
    )
    batch = FillBatch(VENUE.address, Hash32(b"\x09" * 32), fills)
    signature = sign_fill_batch(VENUE.key, CLEARINGHOUSE_ID, batch)
    first = served.client.submit_batch(batch, [buy, sell], signature)
    assert first.reasons == (Reason.ADMITTED, Reason.ORDER_OVERFILLED)
    assert first.sequence == clearing.read(lambda state: state.sequence)
    assert served.client.submit_batch(batch, [], signature) == first
    assert list(served.client.stream_batches([(batch, [], signature)])) == [first]
    changed = FillBatch(VENUE.address, batch.batch_id, fills[:1])
    with pytest.raises(Conflict) as refused:
        served.client.submit_batch(
            changed, [], sign_fill_batch(VENUE.key, CLEARINGHOUSE_ID, changed)
        )
    assert refused.value.reason == "BATCH_CONFLICT"


def test_client_registers_limits_and_releases(clearing: Clearing, served: Served) -> None:
    limit = PlacementLimit(ALICE.address, REMOTE, USD, 2**100, 1_000)
    signature = sign_placement_limit(ALICE.key, CLEARINGHOUSE_ID, limit)
    sequence = served.client.register_placement_limits([(limit, signature)])
    assert sequence == clearing.read(lambda state: state.sequence)
    assert limit in served.client.get_member(ALICE.address).placement_limits
    release = Release(ALICE.address, HOME, USD, 77, 1, NEVER)
    release_id = served.client.request_release(
        release, sign_release(ALICE.key, CLEARINGHOUSE_ID, release)
    )
    assert clearing.read(lambda state: state.releases[release_id]) == release


def test_limits_are_refused_when_signed_by_another(served: Served) -> None:
    limit = PlacementLimit(ALICE.address, REMOTE, USD, 1, 1_000)
    with pytest.raises(Rejected) as refused:
        served.client.register_placement_limits(
            [(limit, sign_placement_limit(BOB.key, CLEARINGHOUSE_ID, limit))]
        )
    assert refused.value.reason == "SIGNATURE_INVALID"


@pytest.mark.parametrize("count", [0, 8_193])
def test_limits_are_refused_when_there_are_none_or_too_many(served: Served, count: int) -> None:
    limit = PlacementLimit(ALICE.address, HOME, USD, 1, 1)
    with pytest.raises(Rejected) as refused:
        served.client.register_placement_limits([(limit, b"")] * count)
    assert refused.value.reason == "LIMITS_COUNT"
