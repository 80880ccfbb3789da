"""The single writer: groups, failures of the journal, limits, restarts and many callers at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from clearinghouse.book.entries import (
    BatchRecorded,
    DepositFinalised,
    FinalityViolated,
    GenesisRecorded,
    VenueRegistered,
)
from clearinghouse.book.identifiers import (
    ZERO_HASH,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
)
from clearinghouse.book.orders import Fill, PlacementLimit, Reason, Release, Side, SignedOrder
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.reference import Instrument
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import placement_limit_digest, release_digest
from clearinghouse.errors import ClearingError, Conflict, Corruption, Rejected, Unavailable
from clearinghouse.intake import sequencer as sequencer_module
from clearinghouse.intake.sequencer import GROUP_LIMIT, Sequencer
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    CLEARINGHOUSE_ID,
    EUR,
    HOME,
    INSTRUMENTS,
    NEVER,
    REMOTE,
    SPOKE,
    START_SECONDS,
    USD,
    VENUE,
    WAIT_SECONDS,
    Account,
    Clearing,
    ManualClock,
    MemoryJournal,
    account,
    build_genesis,
    build_order,
    hash_of,
    sign_batch,
    sign_order,
)

UNWRITABLE = Unavailable("journal_unwritable", "the disk is full")
BATCH_ID = Hash32(b"\x42" * 32)


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.journal.open.set()
    clearing.close()


def match(clearing: Clearing, quantity: int = 1) -> tuple[Fill, list[SignedOrder]]:
    """Return a fill of two new orders of Alice and Bob at 100."""
    nonce = clearing.number()
    orders = [
        sign_order(member, build_order(member, side, quantity, 100, nonce=nonce))
        for member, side in ((ALICE, Side.BUY), (BOB, Side.SELL))
    ]
    return Fill(hash_of(orders[0]), hash_of(orders[1]), quantity, 100 * quantity), orders


def failure(clearing: Clearing, command: object) -> ClearingError:
    with pytest.raises(ClearingError) as caught:
        clearing.get(command)  # type: ignore[arg-type]
    return caught.value


def hold(clearing: Clearing) -> None:
    """Make the writer wait inside its next append until ``journal.open`` is set."""
    clearing.journal.open.clear()
    clearing.journal.entered.clear()
    clearing.sequencer.register_venue(account(f"v{clearing.number()}").address, "holds the writer")
    assert clearing.journal.entered.wait(WAIT_SECONDS)


# -- batches ------------------------------------------------------------------------------------


def test_batch_gets_the_first_answer_again_when_it_is_repeated(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    bad = msgspec.structs.replace(fill, quantity=5)
    first = clearing.get(clearing.submit([fill, bad], orders, BATCH_ID))
    entries = len(clearing.journal.records)
    assert clearing.get(clearing.submit([fill, bad], orders, BATCH_ID)) == first
    clearing.restart()
    assert clearing.get(clearing.submit([fill, bad], [], BATCH_ID)) == first
    assert first.reasons == (Reason.ADMITTED, Reason.ORDER_OVERFILLED)
    assert len(clearing.journal.records) == entries == first.sequence
    assert clearing.holding(ALICE) == (1, 100)


def test_batch_gets_one_answer_when_it_is_repeated_within_a_group(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    hold(clearing)
    futures = [clearing.submit([fill], orders, BATCH_ID) for _ in range(5)]
    clearing.journal.open.set()
    receipts = {clearing.get(future) for future in futures}
    assert len(receipts) == 1
    assert clearing.holding(ALICE) == (1, 100)


def test_batch_conflicts_when_its_id_was_used_with_other_content(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    clearing.get(clearing.submit([fill], orders, BATCH_ID))
    other = msgspec.structs.replace(fill, cash=101)
    for _ in range(2):
        error = failure(clearing, clearing.submit([other], orders, BATCH_ID))
        assert isinstance(error, Conflict)
        assert error.reason == "BATCH_CONFLICT"
        clearing.restart()
    assert clearing.holding(ALICE) == (1, 100)


def test_batch_id_is_free_when_another_venue_used_it(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    other = account("other venue")
    first = clearing.get(clearing.submit([fill], orders, BATCH_ID, other))
    second = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    assert first.reasons == (Reason.VENUE_MISMATCH,)
    assert second.reasons == (Reason.ADMITTED,)


def test_batch_is_rejected_when_venue_is_not_registered(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    entries = len(clearing.journal.records)
    future = clearing.submit([fill], orders, BATCH_ID, venue=CAROL)
    error = failure(clearing, future)
    assert isinstance(error, Rejected)
    assert error.reason == "VENUE_UNKNOWN"
    assert len(clearing.journal.records) == entries


def test_batch_is_rejected_at_once_when_its_venue_did_not_sign(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    batch, _ = sign_batch([fill], BATCH_ID)
    _, signature = sign_batch([fill], BATCH_ID, CAROL)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.submit_batch(batch, orders, signature)
    assert caught.value.reason == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("fills", "reason"), [(0, "BATCH_EMPTY"), (8_193, "BATCH_TOO_LARGE")], ids=str
)
def test_batch_is_rejected_at_once_when_it_is_empty_or_too_large(
    clearing: Clearing, fills: int, reason: str
) -> None:
    with pytest.raises(Rejected) as caught:
        clearing.submit([Fill(ZERO_HASH, ZERO_HASH, 1, 1)] * fills)
    assert caught.value.reason == reason


def test_batch_of_the_largest_size_is_answered_fill_by_fill(clearing: Clearing) -> None:
    unknown = Fill(ZERO_HASH, ZERO_HASH, 1, 1)
    receipt = clearing.get(clearing.submit([unknown] * 8_192))
    assert receipt.reasons == (Reason.ORDER_UNKNOWN,) * 8_192


def test_submit_raises_conflict_when_there_is_no_genesis() -> None:
    clearing = Clearing()
    with pytest.raises(Conflict) as caught:
        clearing.submit([Fill(ZERO_HASH, ZERO_HASH, 1, 1)])
    assert caught.value.reason == "genesis_missing"
    clearing.close()


# -- groups -------------------------------------------------------------------------------------


def test_commands_share_a_unit_of_work_when_they_wait_together(clearing: Clearing) -> None:
    matches = [match(clearing) for _ in range(GROUP_LIMIT + 1)]
    hold(clearing)
    futures = [clearing.submit([fill], orders) for fill, orders in matches]
    before = len(clearing.journal.appends)
    clearing.journal.open.set()
    receipts = [clearing.get(future) for future in futures]
    assert clearing.journal.appends[before:] == [1, GROUP_LIMIT, 1]
    first = receipts[0].sequence
    assert [r.sequence for r in receipts] == list(range(first, first + len(matches)))
    assert clearing.holding(ALICE) == (GROUP_LIMIT + 1, 100 * (GROUP_LIMIT + 1))


def test_future_is_not_resolved_when_append_has_not_returned(clearing: Clearing) -> None:
    hold(clearing)
    fill, orders = match(clearing)
    future = clearing.submit([fill], orders)
    assert not future.done()
    clearing.journal.open.set()
    receipt = clearing.get(future)
    assert clearing.journal.records[-1].sequence == receipt.sequence


def test_group_goes_on_when_one_command_is_refused(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    hold(clearing)
    bad = clearing.submit([fill], orders, venue=CAROL)
    conflict = clearing.sequencer.create_instrument(
        msgspec.structs.replace(INSTRUMENTS[0], symbol="other")
    )
    good = clearing.submit([fill], orders)
    clearing.journal.open.set()
    assert failure(clearing, bad).reason == "VENUE_UNKNOWN"
    assert failure(clearing, conflict).reason == "INSTRUMENT_CONFLICT"
    assert clearing.get(good).reasons == (Reason.ADMITTED,)


def test_group_skips_command_when_its_caller_cancelled(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    hold(clearing)
    cancelled = clearing.submit([fill], orders, BATCH_ID)
    kept = clearing.submit([fill], orders)
    assert cancelled.cancel()
    clearing.journal.open.set()
    assert clearing.get(kept).reasons == (Reason.ADMITTED,)
    assert clearing.trade(ALICE, BOB, 1, 100) is Reason.ADMITTED, "the writer lives on"
    assert clearing.read(lambda state: (VENUE.address, BATCH_ID) not in state.batches)


def test_journal_is_not_touched_when_there_is_nothing_to_record(clearing: Clearing) -> None:
    appends = len(clearing.journal.appends)
    assert clearing.get(clearing.sequencer.record(lambda state: None)) == 0
    assert clearing.get(clearing.sequencer.create_instrument(INSTRUMENTS[0])) > 0
    assert len(clearing.journal.appends) == appends


# -- failures -----------------------------------------------------------------------------------


def test_nothing_is_applied_when_the_journal_cannot_be_written(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    before, entries = clearing.hash(), len(clearing.journal.records)
    clearing.journal.failures.append((UNWRITABLE, False))
    assert failure(clearing, clearing.submit([fill], orders, BATCH_ID)) is UNWRITABLE
    assert clearing.sequencer.failure is UNWRITABLE
    assert clearing.hash() == before, "the state is the journal's again"
    assert len(clearing.journal.records) == entries
    receipt = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    assert receipt.reasons == (Reason.ADMITTED,)
    assert clearing.sequencer.failure is None
    assert_equals_replay(clearing)


def test_listener_hears_each_change_once_when_the_journal_fails_and_recovers() -> None:
    journal, heard = MemoryJournal(), []
    sequencer = Sequencer(journal, ManualClock(), heard.append)
    journal.failures += [(UNWRITABLE, False), (UNWRITABLE, False)]
    for expected in ([False], [False], [False, True], [False, True]):
        future = sequencer.register_venue(account(f"v{len(journal.records)}").address, "v")
        assert future.exception(WAIT_SECONDS) is (None if expected[-1] else UNWRITABLE)
        assert heard == expected
    sequencer.close()


def test_whole_group_fails_when_its_unit_of_work_does(clearing: Clearing) -> None:
    matches = [match(clearing) for _ in range(3)]
    before = clearing.hash()
    hold(clearing)
    futures = [clearing.submit([fill], orders) for fill, orders in matches]
    clearing.journal.failures += [(UNWRITABLE, False), (UNWRITABLE, False)]
    clearing.journal.open.set()
    assert [failure(clearing, future) for future in futures] == [UNWRITABLE] * 3
    assert clearing.hash() == before


def test_batch_gets_its_answer_when_it_was_kept_although_the_journal_failed(
    clearing: Clearing,
) -> None:
    fill, orders = match(clearing)
    clearing.journal.failures.append((UNWRITABLE, True))
    assert failure(clearing, clearing.submit([fill], orders, BATCH_ID)) is UNWRITABLE
    kept = len(clearing.journal.records)
    receipt = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    assert (receipt.sequence, receipt.reasons) == (kept, (Reason.ADMITTED,))
    assert clearing.holding(ALICE) == (1, 100)
    assert_equals_replay(clearing)


def test_everything_is_refused_when_the_journal_was_altered(clearing: Clearing) -> None:
    clearing.journal.failures.append((UNWRITABLE, False))
    altered = msgspec.structs.replace(clearing.journal.records[3], payload=b"{}")
    clearing.journal.records[3] = altered
    fill, orders = match(clearing)
    batch, signature = sign_batch([fill], BATCH_ID)
    assert clearing.sequencer._get_verifier() is not None
    first = clearing.sequencer.submit_batch(batch, orders, signature)
    assert failure(clearing, first) is UNWRITABLE
    second = failure(clearing, clearing.sequencer.submit_batch(batch, orders, signature))
    assert isinstance(second, Corruption)
    assert second.reason == "journal_hash"
    with pytest.raises(Corruption), clearing.sequencer.reading():
        pytest.fail("a state that cannot be rebuilt was shown")


def test_group_fails_as_corruption_when_an_entry_contradicts_the_state(
    clearing: Clearing,
) -> None:
    before, entries = clearing.hash(), len(clearing.journal.records)
    twice = clearing.sequencer.record(lambda state: GenesisRecorded(build_genesis()))
    error = failure(clearing, twice)
    assert isinstance(error, Corruption)
    assert error.reason == "genesis_twice"
    assert (clearing.hash(), len(clearing.journal.records)) == (before, entries)


def test_group_fails_as_corruption_when_a_decision_raises_what_nobody_expected(
    clearing: Clearing,
) -> None:
    def decide(state: object) -> None:
        raise ZeroDivisionError("a bug")

    before = clearing.hash()
    error = failure(clearing, clearing.sequencer.record(decide))
    assert isinstance(error, Corruption)
    assert error.reason == "sequencer_failed"
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert clearing.trade(ALICE, BOB, 1, 100) is Reason.ADMITTED
    assert clearing.hash() != before


# -- limits and the end -------------------------------------------------------------------------


def test_command_is_refused_when_the_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer_module, "QUEUE_LIMIT", 3)
    clearing = Clearing().start(ALICE, BOB)
    fill, orders = match(clearing)
    hold(clearing)
    futures = [clearing.submit([fill], orders) for _ in range(3)]
    with pytest.raises(Unavailable) as caught:
        clearing.submit([fill], orders)
    assert caught.value.reason == "queue_full"
    assert caught.value.retryable
    clearing.journal.open.set()
    assert [clearing.get(future).reasons[0] for future in futures] == [
        Reason.ADMITTED,
        Reason.ORDER_OVERFILLED,
        Reason.ORDER_OVERFILLED,
    ]
    clearing.close()


def test_close_finishes_what_waits_and_refuses_what_comes(clearing: Clearing) -> None:
    matches = [match(clearing) for _ in range(5)]
    hold(clearing)
    futures = [clearing.submit([fill], orders) for fill, orders in matches]
    closing = threading.Thread(target=clearing.sequencer.close)
    closing.start()
    clearing.journal.open.set()
    closing.join(WAIT_SECONDS)
    assert [clearing.get(future).reasons for future in futures] == [(Reason.ADMITTED,)] * 5
    with pytest.raises(Unavailable) as caught:
        clearing.sequencer.record(lambda state: None)
    assert caught.value.reason == "shutting_down"
    clearing.sequencer.close()


def test_every_command_is_answered_when_callers_race_with_close(clearing: Clearing) -> None:
    answered, refused = [], []
    barrier = threading.Barrier(5)

    def call(number: int) -> None:
        barrier.wait(WAIT_SECONDS)
        try:
            while True:
                answered.append(clearing.sequencer.record(lambda state: None).result(WAIT_SECONDS))
        except Unavailable as error:
            refused.append(error.reason)

    with ThreadPoolExecutor(4) as callers:
        futures = [callers.submit(call, number) for number in range(4)]
        barrier.wait(WAIT_SECONDS)
        clearing.sequencer.close()
        for future in futures:
            future.result(WAIT_SECONDS)
    assert refused == ["shutting_down"] * 4


# -- restarts, halts, concurrency ---------------------------------------------------------------


def assert_equals_replay(clearing: Clearing) -> None:
    expected = clearing.hash()
    again = Clearing(clearing.journal)
    assert again.hash() == expected
    again.close()


def test_restart_gives_the_same_state_when_everything_happened(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 5_000, SPOKE)
    clearing.accept_limits(BOB, 7, [SPOKE])
    clearing.trade(ALICE, BOB, 10, 100)
    clearing.release(BOB, 100)
    clearing.settle()
    clearing.trade(BOB, ALICE, 4, 90)
    clearing.propose()
    assert_equals_replay(clearing)


def test_start_raises_when_the_journal_was_altered(clearing: Clearing) -> None:
    clearing.close()
    del clearing.journal.records[2]
    with pytest.raises(Corruption) as caught:
        Sequencer(clearing.journal, ManualClock())
    assert caught.value.reason == "journal_gap"


def test_intake_is_refused_when_clearing_is_halted(clearing: Clearing) -> None:
    fill, orders = match(clearing)
    kept = clearing.get(clearing.submit([fill], orders, BATCH_ID))
    before = clearing.holding(ALICE)
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    for _ in range(2):
        commands = [
            lambda: clearing.get(clearing.submit([fill], orders)),
            lambda: clearing.accept_limits(ALICE),
            lambda: clearing.release(ALICE, 5),
        ]
        for command in commands:
            with pytest.raises(Unavailable) as caught:
                command()
            assert caught.value.reason == "finality_violated"
        assert clearing.get(clearing.submit([fill], orders, BATCH_ID)) == kept, "answers stand"
        clearing.restart()
    assert clearing.holding(ALICE) == before
    assert clearing.deposit(ALICE, 5) > 0, "what chains did is still recorded"


def test_other_commands_of_the_group_go_on_when_one_meets_the_halt(clearing: Clearing) -> None:
    clearing.record(FinalityViolated(SPOKE, "two blocks of one height"))
    fill, orders = match(clearing)
    hold(clearing)
    refused = clearing.submit([fill], orders)
    recorded = clearing.sequencer.record(lambda s: VenueRegistered(CAROL.address, "carol"))
    clearing.journal.open.set()
    assert failure(clearing, refused).reason == "finality_violated"
    assert clearing.get(recorded) == len(clearing.journal.records)
    assert clearing.sequencer.failure is None


def test_every_fill_counts_once_when_many_threads_submit(clearing: Clearing) -> None:
    matches = [match(clearing, quantity=1 + n % 3) for n in range(120)]

    def submit(number: int) -> Reason:
        fill, orders = matches[number]
        batch, signature = sign_batch([fill], keccak256(bytes([number])))
        return clearing.get(clearing.sequencer.submit_batch(batch, orders, signature)).reasons[0]

    with ThreadPoolExecutor(8) as callers:
        # Every batch twice, so that repetitions race with the first time.
        reasons = list(callers.map(submit, [*range(120), *range(120)]))
    assert reasons == [Reason.ADMITTED] * 240
    assert clearing.holding(ALICE) == (240, 24_000)
    batches = [e for e in clearing.journal.entries() if isinstance(e, BatchRecorded)]
    assert len(batches) == 120
    assert_equals_replay(clearing)


def test_reading_sees_whole_groups_when_intake_runs(clearing: Clearing) -> None:
    stop = threading.Event()
    torn = []

    def look() -> None:
        while not stop.is_set():
            with clearing.sequencer.reading() as state:
                lots = [held.quantity for own in state.holdings.values() for held in own.values()]
                if sum(lots) != 0 or state.sequence != len(clearing.journal.records):
                    torn.append(state.sequence)

    with ThreadPoolExecutor(1) as reader:
        watching = reader.submit(look)
        for _ in range(60):
            clearing.trade(ALICE, BOB, 1, 100)
        stop.set()
        watching.result(WAIT_SECONDS)
    assert torn == []


def test_follow_yields_old_and_new_records_when_they_come(clearing: Clearing) -> None:
    stop, seen, reached = threading.Event(), [], threading.Event()

    def follow() -> None:
        for record in clearing.sequencer.follow(2, stop):
            seen.append(record.sequence)
            if record.sequence == goal:
                reached.set()

    goal = len(clearing.journal.records) + 3
    with ThreadPoolExecutor(1) as follower:
        following = follower.submit(follow)
        for _ in range(3):
            clearing.trade(ALICE, BOB, 1, 100)
        assert reached.wait(WAIT_SECONDS)
        stop.set()
        following.result(WAIT_SECONDS)
    assert seen == list(range(2, goal + 1))


# -- reference data, limits, releases -----------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"instrument_id": InstrumentId(2)}, "OUT_OF_RANGE"),
        ({"instrument_id": InstrumentId(2**32)}, "OUT_OF_RANGE"),
        ({"initial_margin_ppm": -1}, "OUT_OF_RANGE"),
        ({"initial_margin_ppm": 1_000_001}, "OUT_OF_RANGE"),
        ({"quote_asset": AssetId(9)}, "ASSET_UNKNOWN"),
    ],
)
def test_instrument_is_rejected_when_it_makes_no_sense(
    clearing: Clearing, fields: dict[str, int], reason: str
) -> None:
    fields = {"instrument_id": InstrumentId(50)} | fields
    instrument: Instrument = msgspec.structs.replace(INSTRUMENTS[0], **fields)
    assert failure(clearing, clearing.sequencer.create_instrument(instrument)).reason == reason


def test_venue_is_renamed_once_when_registered_again(clearing: Clearing) -> None:
    first = clearing.get(clearing.sequencer.register_venue(CAROL.address, "carol"))
    assert clearing.get(clearing.sequencer.register_venue(CAROL.address, "carol")) == first
    second = clearing.get(clearing.sequencer.register_venue(CAROL.address, "carola"))
    assert second == first + 1
    assert clearing.read(lambda state: state.venues[CAROL.address]) == "carola"
    with pytest.raises(Rejected, match="venue"):
        clearing.sequencer.register_venue(Address(bytes(19)), "short")


def sign_limit(
    member: Account, maximum: int, nonce: int, asset: AssetId = USD, chain: ChainId = SPOKE
) -> tuple[PlacementLimit, bytes]:
    limit = PlacementLimit(member.address, chain, asset, maximum, nonce)
    return limit, member.sign_digest(placement_limit_digest(CLEARINGHOUSE_ID, limit))


def limit_in_force(clearing: Clearing, member: Account) -> int:
    key = (member.address, SPOKE, USD)
    return clearing.read(lambda state: state.placement_limits[key].maximum_quanta)


def test_limit_with_the_greatest_nonce_is_in_force_when_several_come(clearing: Clearing) -> None:
    accept = clearing.sequencer.accept_placement_limits
    clearing.get(accept([sign_limit(CAROL, 5, 10), sign_limit(CAROL, 6, 11)]))
    assert limit_in_force(clearing, CAROL) == 6
    entries = len(clearing.journal.records)
    clearing.get(accept([sign_limit(CAROL, 6, 11)]))
    assert len(clearing.journal.records) == entries, "a repetition is harmless"
    for late in (
        [sign_limit(CAROL, 7, 11)],
        [sign_limit(CAROL, 7, 10)],
        [sign_limit(CAROL, 7, 13), sign_limit(CAROL, 8, 12)],
    ):
        error = failure(clearing, accept(late))
        assert (type(error), error.reason) == (Conflict, "LIMIT_SUPERSEDED")
    assert limit_in_force(clearing, CAROL) == 6
    assert len(clearing.journal.records) == entries, "all of a call or none"


def test_limit_of_the_largest_size_survives_the_journal(clearing: Clearing) -> None:
    largest = sign_limit(CAROL, 2**128 - 1, 1)
    clearing.get(clearing.sequencer.accept_placement_limits([largest]))
    assert_equals_replay(clearing)
    assert limit_in_force(clearing, CAROL) == 2**128 - 1


def test_limit_is_rejected_when_no_vault_holds_the_asset(clearing: Clearing) -> None:
    future = clearing.sequencer.accept_placement_limits([sign_limit(CAROL, 5, 1, EUR, REMOTE)])
    assert failure(clearing, future).reason == "VAULT_UNKNOWN"


def test_limit_is_rejected_at_once_when_another_signed_it(clearing: Clearing) -> None:
    limit, _ = sign_limit(CAROL, 5, 1)
    _, signature = sign_limit(ALICE, 5, 1)
    with pytest.raises(Rejected) as caught:
        clearing.sequencer.accept_placement_limits([(limit, signature)])
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_release_holds_its_quanta_once_when_it_is_repeated(clearing: Clearing) -> None:
    release = Release(ALICE.address, HOME, USD, 400_000, 1, NEVER)
    signature = ALICE.sign_digest(release_digest(CLEARINGHOUSE_ID, release))
    accept = clearing.sequencer.accept_release
    release_id = clearing.get(accept(release, signature))
    assert clearing.get(accept(release, signature)) == release_id
    clearing.restart()
    assert clearing.get(clearing.sequencer.accept_release(release, signature)) == release_id
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.held[position]) == {USD: 400_000}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"quanta": 1_000_001}, "RELEASE_EXCEEDS_FREE"),
        ({"quanta": 0}, "OUT_OF_RANGE"),
        ({"quanta": INT64_MAX + 1}, "OUT_OF_RANGE"),
        ({"expiry": START_SECONDS - 1}, "RELEASE_EXPIRED"),
        ({"chain": REMOTE, "asset": EUR}, "VAULT_UNKNOWN"),
    ],
)
def test_release_is_rejected_when_it_cannot_be_held(
    clearing: Clearing, fields: dict[str, int], reason: str
) -> None:
    entries = len(clearing.journal.records)
    with pytest.raises(Rejected) as caught:
        clearing.release(ALICE, **({"quanta": 1} | fields))  # type: ignore[arg-type]
    assert caught.value.reason == reason
    assert len(clearing.journal.records) == entries


def test_release_is_taken_when_it_is_all_that_is_free(clearing: Clearing) -> None:
    clearing.trade(ALICE, BOB, 100, 100)
    clearing.release(ALICE, 1_000_000 - 1_000)
    with pytest.raises(Rejected) as caught:
        clearing.release(ALICE, 1)
    assert caught.value.reason == "RELEASE_EXCEEDS_FREE"


def test_release_is_rejected_when_member_never_deposited(clearing: Clearing) -> None:
    with pytest.raises(Rejected) as caught:
        clearing.release(CAROL, 1)
    assert caught.value.reason == "MEMBER_UNKNOWN"


def test_deposit_counts_once_when_it_is_recorded_again(clearing: Clearing) -> None:
    clearing.deposit(ALICE, 5, SPOKE)
    again = clearing.journal.entries()[-1]
    assert isinstance(again, DepositFinalised)
    error = failure(clearing, clearing.sequencer.record(lambda state: again))
    assert (type(error), error.reason) == (Corruption, "deposit_out_of_order")
    position = clearing.position(ALICE)
    assert clearing.read(lambda state: state.collateral(position, USD)) == 1_000_005


def test_journal_in_memory_refuses_what_does_not_follow(clearing: Clearing) -> None:
    with pytest.raises(AssertionError):
        MemoryJournal().append(clearing.journal.records[1:2])
