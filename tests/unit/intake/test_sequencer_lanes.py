"""Fairness between senders: who sends much delays only itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clearinghouse.book.entries import BatchRecorded, FinalityViolated
from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.book.orders import Fill, PlacementLimit, Reason
from clearinghouse.commitment.orders import placement_limit_digest
from clearinghouse.errors import Rejected, Unavailable
from clearinghouse.intake import sequencer as sequencer_module
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    CLEARINGHOUSE_ID,
    DAVE,
    INSTRUMENTS,
    OTHER_VENUE,
    SPOKE,
    USD,
    VENUE,
    WAIT_SECONDS,
    Account,
    Clearing,
)
from tests.ledger import sign_mandate
from tests.unit.intake.commands import failure, hold, match

FILL = Fill(ZERO_HASH, ZERO_HASH, 1, 1)
LANE_LIMIT = 20


@pytest.fixture
def clearing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clearing]:
    """Groups of four commands, lanes of twenty."""
    monkeypatch.setattr(sequencer_module, "LANE_LIMIT", LANE_LIMIT)
    monkeypatch.setattr(sequencer_module, "GROUP_LIMIT", 4)
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.journal.open.set()
    clearing.close()


def test_other_venue_and_members_come_next_when_a_venue_floods(clearing: Clearing) -> None:
    hold(clearing)
    flood = [clearing.submit([FILL]) for _ in range(LANE_LIMIT)]
    with pytest.raises(Unavailable) as caught:
        clearing.submit([FILL])
    assert caught.value.reason == "queue_full"
    other = clearing.submit([FILL], venue=OTHER_VENUE)
    member = clearing.sequencer.register_venue(CAROL.address, "carol")
    before = len(clearing.journal.appends)
    clearing.journal.open.set()
    receipts = [clearing.get(future) for future in flood]
    assert clearing.get(other).sequence == receipts[0].sequence + 1
    assert clearing.get(member) == receipts[0].sequence + 2
    assert clearing.journal.appends[before + 1 :] == [4] * 5 + [2]
    assert [r.sequence for r in receipts] == sorted(r.sequence for r in receipts)
    venues = [e.venue for e in clearing.journal.entries() if isinstance(e, BatchRecorded)]
    assert venues == [VENUE.address, OTHER_VENUE.address] + [VENUE.address] * (LANE_LIMIT - 1)


def test_place_is_free_again_when_the_writer_took_a_group(clearing: Clearing) -> None:
    hold(clearing)
    flood = [clearing.submit([FILL]) for _ in range(LANE_LIMIT)]
    clearing.journal.open.set()
    for future in flood:
        clearing.get(future)
    assert clearing.get(clearing.submit([FILL])).reasons == (Reason.ORDER_UNKNOWN,)


def test_settlement_and_operator_go_on_when_members_fill_their_lane(clearing: Clearing) -> None:
    """Anybody can make a key; what chains did must be recorded all the same."""
    limit = sign_limits(CAROL, 1)
    accept = clearing.sequencer.accept_placement_limits
    clearing.get(accept(limit))
    hold(clearing)
    flood = [accept(limit) for _ in range(LANE_LIMIT)]
    with pytest.raises(Unavailable) as caught:
        accept(limit)
    assert caught.value.reason == "queue_full"
    proven = clearing.sequencer.record(lambda s: FinalityViolated(SPOKE, "two blocks"))
    venue = clearing.sequencer.register_venue(CAROL.address, "carol")
    instrument = clearing.sequencer.create_instrument(INSTRUMENTS[0])
    clearing.journal.open.set()
    assert clearing.get(proven) > 0
    assert clearing.get(venue) > 0
    assert clearing.get(instrument) > 0
    assert clearing.get(flood[0]) < clearing.get(proven)
    assert {failure(clearing, late).reason for late in flood[1:]} == {"finality_violated"}


def test_keys_that_are_no_venue_are_refused_before_they_wait_when_they_send(
    clearing: Clearing,
) -> None:
    fill, orders = match(clearing)
    clearing.get(clearing.submit([FILL]))
    hold(clearing)
    for _ in range(LANE_LIMIT + 1):
        with pytest.raises(Rejected) as caught:
            clearing.submit([FILL], venue=DAVE)
        assert caught.value.reason == "VENUE_UNKNOWN"
    good = clearing.submit([fill], orders)
    clearing.journal.open.set()
    assert clearing.get(good).reasons == (Reason.ADMITTED,)


def test_venue_may_send_when_it_was_registered_or_the_server_restarted(clearing: Clearing) -> None:
    clearing.get(clearing.sequencer.register_venue(CAROL.address, "carol"))
    for _ in range(2):
        own = clearing.submit([FILL], venue=CAROL)
        assert clearing.get(own).reasons == (Reason.ORDER_UNKNOWN,)
        clearing.restart()


def test_venue_may_send_when_its_registration_was_kept_by_a_journal_that_failed(
    clearing: Clearing,
) -> None:
    unwritable = Unavailable("journal_unwritable", "the disk is full")
    clearing.journal.failures.append((unwritable, True))
    lost = clearing.sequencer.register_venue(CAROL.address, "carol")
    assert failure(clearing, lost) is unwritable
    assert clearing.read(lambda state: CAROL.address in state.venues)
    own = clearing.submit([FILL], venue=CAROL)
    assert clearing.get(own).reasons == (Reason.ORDER_UNKNOWN,)


def test_venue_is_refused_by_the_writer_when_its_registration_could_not_be_written(
    clearing: Clearing,
) -> None:
    clearing.get(clearing.submit([FILL]))
    unwritable = Unavailable("journal_unwritable", "the disk is full")
    clearing.journal.failures.append((unwritable, False))
    clearing.journal.open.clear()
    clearing.journal.entered.clear()
    lost = clearing.sequencer.register_venue(CAROL.address, "carol")
    assert clearing.journal.entered.wait(WAIT_SECONDS)
    early = clearing.submit([FILL], venue=CAROL)
    clearing.journal.open.set()
    assert failure(clearing, lost) is unwritable
    assert failure(clearing, early).reason == "VENUE_UNKNOWN"
    with pytest.raises(Rejected):
        clearing.submit([FILL], venue=CAROL)


def sign_limits(member: Account, count: int) -> list[tuple[PlacementLimit, bytes]]:
    """Return as many limits of a member for one vault, each newer than the one before."""
    limits = [PlacementLimit(member.address, SPOKE, USD, 5, 10**6 + n) for n in range(count)]
    return [
        (limit, member.sign_digest(placement_limit_digest(CLEARINGHOUSE_ID, limit)))
        for limit in limits
    ]


@pytest.mark.parametrize("kind", ["limits", "mandates"])
def test_group_ends_with_the_call_that_fills_it_when_calls_hold_many(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(sequencer_module, "GROUP_FILLS", 10)
    clearing = Clearing().start(ALICE, BOB)
    hold(clearing)
    if kind == "limits":
        limits = sign_limits(ALICE, 18)
        calls = [clearing.sequencer.accept_placement_limits(limits[n : n + 6]) for n in (0, 6, 12)]
    else:
        mandates = [sign_mandate(ALICE, VENUE, nonce=n) for n in range(1, 19)]
        calls = [clearing.sequencer.register_mandates(mandates[n : n + 6]) for n in (0, 6, 12)]
    before = len(clearing.journal.appends)
    clearing.journal.open.set()
    for call in calls:
        clearing.get(call)
    assert clearing.journal.appends[before + 1 :] == [12, 6]
    clearing.close()


def test_group_ends_with_the_fill_that_fills_it_when_batches_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sequencer_module, "GROUP_FILLS", 10)
    clearing = Clearing().start(ALICE, BOB)
    hold(clearing)
    futures = [clearing.submit([FILL] * fills) for fills in (4, 5, 2, 30, 1)]
    before = len(clearing.journal.appends)
    clearing.journal.open.set()
    for future in futures:
        clearing.get(future)
    assert clearing.journal.appends[before + 1 :] == [3, 1, 1]
    clearing.close()
